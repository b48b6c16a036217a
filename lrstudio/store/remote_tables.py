"""The table of runs on other machines; the rules of tables.py hold here too."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Field

from lrstudio.store.tables import AnyText, Row, table_of


class RemoteRunRow(Row, table=True):
    """A run on a host: enough to find it again from any computer that has the project."""

    __tablename__ = "remote_run"
    run_id: str = Field(primary_key=True, sa_type=AnyText)
    time: str = Field(sa_type=sa.Text)
    away: str = Field(sa_type=AnyText)
    spec: str = Field(sa_type=AnyText)


remote_run = table_of(RemoteRunRow)
