"""Triggers that a migration gives a table, in the words of the database below."""

from __future__ import annotations

from alembic import op


def keep_entries(table: str, why: str) -> None:
    """Make a table append-only: the database itself refuses to change, delete or replace a row, and says why."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_keeps_entries() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{why}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_keeps_entries BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_keeps_entries()"
        )
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
    op.execute(f"CREATE TRIGGER {table}_keeps_entries BEFORE DELETE ON {table} {refuse}")
    op.execute(f"CREATE TRIGGER {table}_keeps_wording BEFORE UPDATE ON {table} {refuse}")
    # INSERT OR REPLACE deletes without firing a delete trigger.
    op.execute(
        f"CREATE TRIGGER {table}_keeps_place BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) {refuse}"
    )
