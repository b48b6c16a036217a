"""What a project says of itself."""

from __future__ import annotations

import sqlalchemy as sa

from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.dialects import insert

PROJECT_ID = "project_id"
TITLE = "title"
CREATED_BY = "created_by"
CREATED = "created"


class Meta:
    """Settings that travel with the project, by key."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def get(self, key: str) -> str | None:
        """Return a setting, None where it was never set."""
        with self._at.read() as connection:
            return connection.execute(sa.select(t.meta.c.value).where(t.meta.c.key == key)).scalar_one_or_none()

    def set(self, key: str, value: str) -> None:
        """Set a setting."""
        statement = insert(t.meta).on_conflict_do_update(index_elements=["key"], set_={"value": value})
        with self._at.write() as connection:
            connection.execute(statement, {"key": key, "value": value})

    @property
    def title(self) -> str:
        """The title given to it, "" where none was."""
        return self.get(TITLE) or ""
