"""Running revisions: what a migration declares is what it does, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import sqlalchemy as sa

from lrstudio.store.schema import MIGRATIONS, Schema

_NAMES = {
    "sqlite": "SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    "postgresql": """SELECT relname, 'table' FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    UNION ALL SELECT tgname, 'trigger' FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace""",
}


class NotAsDeclared(Exception):
    """A migration left something that it did not declare; the sentence says what."""


def migrate(connection: sa.Connection, schema: Schema, *, number: int) -> None:
    """Run the revisions after `number` inside the open transaction and check the result before anyone commits it.

    A revision module says in `ROWS` by how much the row count of a table changes (None: by any number); every other
    table keeps its rows. Triggers stay: recreating a table would drop its triggers without a word.

    Raises:
        NotAsDeclared: rows or triggers went away.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    rows, triggers = _row_counts(connection), _names(connection, "trigger")
    scripts = ScriptDirectory(MIGRATIONS, version_locations=schema.versions)
    start = f"{number:04d}" if number else "base"
    declared: dict[str, int | None] = {}
    with Operations.context(MigrationContext.configure(connection)):
        for revision in reversed(list(scripts.iterate_revisions(schema.revision, start))):
            revision.module.upgrade()
            for table, change in getattr(revision.module, "ROWS", {}).items():
                known = declared.get(table, 0)
                declared[table] = None if change is None or known is None else known + change
    _check_rows(before=rows, after=_row_counts(connection), declared=declared)
    if lost := triggers - _names(connection, "trigger"):
        raise NotAsDeclared(f"it loses the trigger {min(lost)}")


def _check_rows(*, before: dict[str, int], after: dict[str, int], declared: dict[str, int | None]) -> None:
    for table, count in before.items():
        change = declared.get(table, 0)
        if change is not None and after.get(table, 0) != count + change:
            raise NotAsDeclared(f"table {table} would hold {after.get(table, 0)} rows, not {count + change}")


def _row_counts(connection: sa.Connection) -> dict[str, int]:
    quote = connection.dialect.identifier_preparer.quote_identifier
    return {
        name: connection.exec_driver_sql(f"SELECT count(*) FROM {quote(name)}").scalar_one()
        for name in _names(connection, "table")
    }


def _names(connection: sa.Connection, kind: str) -> set[str]:
    return {name for name, its in connection.exec_driver_sql(_NAMES[connection.dialect.name]) if its == kind}
