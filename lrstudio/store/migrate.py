"""New project files and old ones: the gate, creation, and upgrades that end as they should or not at all.

`PRAGMA user_version` is the one record of a file's schema. Alembic is imported only where a schema changes: opening a
file of the current schema costs two pragmas.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from lrstudio.domain.errors import Environment, Refused
from lrstudio.store import tables as t
from lrstudio.store.connect import connect, driver_connection
from lrstudio.store.faults import told, told_of_files
from lrstudio.store.records import Upgrade
from lrstudio.store.revisions import NotAsDeclared, migrate
from lrstudio.store.schema import APPLICATION_ID, Schema


def schema_number(path: Path) -> int:
    """Return the schema number of the project at `path`.

    Raises:
        Refused: there is no file, or it is not a project.
    """
    if path.is_dir():
        raise Refused("this is a folder, not a project file (*.lrs)", where=str(path))
    if not path.exists():
        raise Refused("there is no project here; make a new one, or check the name", where=str(path))
    with told(path), closing(connect(path)) as connection:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID or number < 1:
        raise Refused("this is not a LongReward Studio project", where=str(path))
    return number


def create_file(path: Path, schema: Schema, *, settings: Mapping[str, str]) -> None:
    """Make a new project file: every migration runs, and what they leave goes into a file that then takes its name.

    Args:
        path: where; nothing may be there.
        schema: the schema to create.
        settings: what the project says of itself from the start.

    Raises:
        Refused: something of that name exists.
        Environment: the folder is missing or cannot be written to.
    """
    _refuse_existing(path)
    if not path.parent.is_dir():
        raise Environment("this folder does not exist", where=str(path.parent))
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with told(path), _for_migrations(lambda: connect(unfinished, create=True)) as connection:
            with closing(_memory()) as empty:
                empty.deserialize(_empty(schema))
                empty.backup(driver_connection(connection))
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.execute(t.meta.insert(), [{"key": key, "value": value} for key, value in settings.items()])
            connection.exec_driver_sql("COMMIT")
        with told_of_files(path):
            _take_name(unfinished, path)
    finally:
        with told_of_files(path):
            unfinished.unlink(missing_ok=True)


def upgrade_file(path: Path, schema: Schema) -> Upgrade | None:
    """Bring an older project to `schema`, after a copy was put beside it; None where another process was faster.

    Foreign keys are off meanwhile: recreating a parent table would otherwise empty its children without a word. What
    they guard is checked before anything is committed, together with the number of rows of every table. However a
    migration fails, the file is as it was before.

    Raises:
        Environment: the migration did not leave what it declares.
    """
    with told(path), _for_migrations(lambda: connect(path)) as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        before = _number(connection)
        if before >= schema.number:
            return None
        backup = _back_up(path, before)
        finished = False
        try:
            _migrate(connection, schema)
            connection.exec_driver_sql("COMMIT")
            _check_integrity(connection)
            finished = True
        except NotAsDeclared as error:
            raise Environment(
                f"the upgrade from schema {before} to {schema.number} was undone: {error}. The project is as it was, "
                f"and a copy of it is in {backup.name}",
                where=str(path),
            ) from error
        finally:
            if not finished:
                _restore(backup, connection)
    return Upgrade(before, schema.number, backup)


@cache
def _empty(schema: Schema) -> bytes:
    """Return a project without a row of anybody's; the next project that a process makes needs no migration."""
    with _for_migrations(_memory) as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        _migrate(connection, schema)
        connection.exec_driver_sql("COMMIT")
        return driver_connection(connection).serialize()


def _memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise Refused("a file of this name exists already; open it, or choose another name", where=str(path))


def _take_name(unfinished: Path, path: Path) -> None:
    """Rename without ever replacing: a link fails where the name is taken, a rename on POSIX does not."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        _refuse_existing(path)
    except OSError:  # a file system without links
        _refuse_existing(path)
        unfinished.rename(path)


@contextmanager
def _for_migrations(creator: Callable[[], sqlite3.Connection]) -> Iterator[sa.Connection]:
    """Give a connection of its own, foreign keys off, on which transactions are begun and ended by hand."""
    engine = sa.create_engine("sqlite://", creator=creator, poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        yield connection


def _back_up(path: Path, number: int) -> Path:
    """Copy the committed state of a project to a free name beside it."""
    stem = f"{path.stem}.backup-v{number}"
    names = (path.with_name(f"{stem}{f'-{n}' if n > 1 else ''}{path.suffix}") for n in range(1, 1000))
    backup = next(name for name in names if not name.exists())
    try:
        with closing(connect(path)) as source, closing(connect(backup, create=True)) as copy:
            source.backup(copy)
    except sqlite3.Error:
        backup.unlink(missing_ok=True)
        raise
    return backup


def _restore(backup: Path, connection: sa.Connection) -> None:
    """Undo what is not committed, and what a migration committed on its own."""
    target = driver_connection(connection)
    target.rollback()
    with closing(connect(backup)) as source:
        source.backup(target)


def _migrate(connection: sa.Connection, schema: Schema) -> None:
    migrate(connection, schema, number=_number(connection))
    connection.exec_driver_sql(f"PRAGMA user_version={schema.number}")
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise NotAsDeclared(f"row {broken[1]} of table {broken[0]} would point at nothing in table {broken[2]}")


def _check_integrity(connection: sa.Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    if found != "ok":
        raise NotAsDeclared(f"the integrity check says: {found}")


def _number(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
