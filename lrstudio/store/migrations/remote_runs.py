"""Runs on other machines, as the first schema makes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def create_remote_runs() -> None:
    """Create what is known of runs on hosts."""
    op.create_table(
        "remote_run",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("away", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_remote_run"),
    )
