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


def keep_sealed(table: str, parts: str, key: str, why: str) -> None:
    """Make rows of a table final, with the rows of another one that name them by `key`, once `sealed` is true.

    Until then rows come and go; a row of `parts` is never changed in place.
    """
    if op.get_bind().dialect.name == "postgresql":
        _keep_sealed_postgresql(table, parts, key, why)
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
    op.execute(f"CREATE TRIGGER {table}_stays BEFORE DELETE ON {table} WHEN OLD.sealed {refuse}")
    op.execute(f"CREATE TRIGGER {table}_keeps_wording BEFORE UPDATE ON {table} WHEN OLD.sealed {refuse}")
    # INSERT OR REPLACE deletes without firing a delete trigger.
    op.execute(
        f"CREATE TRIGGER {table}_keeps_place BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE (id = NEW.id OR name = NEW.name) AND sealed) {refuse}"
    )
    op.execute(f"CREATE TRIGGER {parts}_keeps_wording BEFORE UPDATE ON {parts} {refuse}")
    for verb, row in (("DELETE", "OLD"), ("INSERT", "NEW")):
        op.execute(
            f"CREATE TRIGGER {parts}_{verb.lower()}_while_open BEFORE {verb} ON {parts} "
            f"WHEN (SELECT sealed FROM {table} WHERE id = {row}.{key}) {refuse}"
        )


def _keep_sealed_postgresql(table: str, parts: str, key: str, why: str) -> None:
    """Rows as in SQLite; nothing can be emptied as a whole."""
    refuse = f"RAISE EXCEPTION '{why}';"
    go_on = "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;"
    sealed = f"(SELECT sealed FROM {table} WHERE id = "
    bodies = {
        f"{table}_stays": f"IF OLD.sealed THEN {refuse} END IF; {go_on}",
        f"{parts}_stays": (
            f"IF TG_OP = 'UPDATE' THEN {refuse} END IF; "
            f"IF TG_OP = 'INSERT' THEN IF {sealed}NEW.{key}) THEN {refuse} END IF; "
            f"ELSIF {sealed}OLD.{key}) THEN {refuse} END IF; {go_on}"
        ),
        f"{table}_is_never_emptied": refuse,
    }
    for name, body in bodies.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    for of, events in ((table, "UPDATE OR DELETE"), (parts, "INSERT OR UPDATE OR DELETE")):
        op.execute(f"CREATE TRIGGER {of}_stays BEFORE {events} ON {of} FOR EACH ROW EXECUTE FUNCTION {of}_stays()")
        op.execute(
            f"CREATE TRIGGER {of}_is_never_emptied BEFORE TRUNCATE ON {of} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_never_emptied()"
        )
