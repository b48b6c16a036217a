"""A project in a PostgreSQL database, for several people at once, through the driver pg8000.

One row of the table `project_state` says which schema the tables are, counts the commits, and is the write lock: a
writer changes it first, so that writers of all machines come one after the other, as in a file.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.domain.places import Answered, DatabaseUrl
from lrstudio.store import tables as t
from lrstudio.store.connect import BUSY_MS, READERS, Watch
from lrstudio.store.meta import TITLE
from lrstudio.store.postgres_faults import NO_TABLE, is_loss, lost, told, told_of_network
from lrstudio.store.records import Upgrade
from lrstudio.store.revisions import NotAsDeclared, migrate
from lrstudio.store.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrstudio.store.postgres_line import Line

CONNECT_SECONDS = 10

Password = Callable[[DatabaseUrl], str | None]
"""Finds the password, None where there is none; asked when a connection is opened."""

_SESSION = (
    f"SET lock_timeout = {BUSY_MS}; SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; "
    # A laptop that was closed while it wrote holds the others up until the server misses it.
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    "SET client_min_messages = warning"
)
_STATE = """CREATE TABLE project_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), number integer NOT NULL, commits bigint NOT NULL)"""
_WRITE = "UPDATE project_state SET commits = commits + 1"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CREATING = 0x4C525350
"""The advisory lock of those who create a project here."""

_TABLES = """SELECT relname FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"""
_OTHERS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
_UNLIKE_FILES = """SELECT relname, attname, CASE atttypid WHEN 'text'::regtype THEN 'text COLLATE "C"' ELSE 'bigint' END
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped
    AND (atttypid = 'integer'::regtype OR atttypid = 'text'::regtype AND attcollation <> '"C"'::regcollation)"""
_NUMERIC = 1700


class _Whole(sa.BigInteger):
    render_bind_cast = True


def no_password(_url: DatabaseUrl) -> str | None:
    """Know of no password: the server may ask for none."""
    return None


def connect(url: DatabaseUrl, *, password: Password = no_password) -> Line:
    """Open a bare connection in autocommit mode.

    Raises:
        Refused: the driver is not installed, the server knows no such database or user, or refuses the password.
        Environment: the server cannot be reached, or does not prove who it is.
    """
    try:
        from lrstudio.store.postgres_line import Line
    except ImportError as error:
        raise Refused("a shared project needs the driver pg8000: pip install 'lrstudio[postgres]'") from error
    with told_of_network(url), told(url), ExitStack() as undone:
        line = undone.enter_context(_dial(url))
        connection = Line(
            url.user,
            host=url.host,
            database=url.database,
            password=password(url) or "",
            ssl_context=_ssl_context(url),
            application_name="lrstudio",
            sock=line,
        )
        undone.pop_all()
        undone.callback(connection.close)
        connection.autocommit = True  # transactions are begun by hand
        connection.register_in_adapter(_NUMERIC, _number)
        _run(connection, _SESSION)
        undone.pop_all()
    return connection


def _dial(url: DatabaseUrl) -> socket.socket:
    """Reach the server, within a time; what it is asked afterwards may take as long as it takes."""
    if url.host.startswith("/"):
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(CONNECT_SECONDS)
        try:
            line.connect(f"{url.host}/.s.PGSQL.{url.port}")
        except OSError:
            line.close()
            raise
    else:
        line = socket.create_connection((url.host, url.port), CONNECT_SECONDS)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    line.settimeout(None)
    return line


class Database:
    """A shared database as a backend."""

    def __init__(self, url: DatabaseUrl, *, password: Password = no_password) -> None:
        """Prepare; nothing is opened yet."""
        self._url = url
        self._password = password

    def engine(self) -> sa.Engine:
        """Make the engine. The URL it knows is bare, so that it can show nothing."""
        engine = sa.create_engine(
            "postgresql+pg8000://",
            creator=lambda: connect(self._url, password=self._password),
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=-1,
            pool_use_lifo=True,
        )
        engine.dialect.colspecs = {**engine.dialect.colspecs, sa.Integer: _Whole}
        sa.event.listen(engine, "handle_error", self._note_loss)
        return engine

    def _note_loss(self, context: sa.engine.ExceptionContext) -> BaseException | None:
        """Empty the pool when the server is gone, so that the next try finds it again."""
        if is_loss(context.original_exception):
            context.is_disconnect = True
        return lost(self._url) if isinstance(context.original_exception, OSError) else None

    def begin(self, connection: sa.Connection, *, writes: bool) -> None:
        """Begin; a writer takes the one row of `project_state`, a reader the state of now."""
        connection.exec_driver_sql(f"BEGIN; {_WRITE}" if writes else _READ)

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Tell whether there is a connection to undo something on."""
        return not connection.invalidated

    def told(self) -> AbstractContextManager[None]:
        """Name the database."""
        return told(self._url)

    def watch(self) -> Watch:
        """Open a connection that reads the count of commits."""
        return _StateWatch(self._url, self._password)


class _StateWatch:
    """Asks on a connection of its own, and opens it anew after it was lost."""

    def __init__(self, url: DatabaseUrl, password: Password) -> None:
        self._url = url
        self._password = password
        self._connection: Line | None = None
        self._closed = False
        self.version()

    def version(self) -> int:
        if self._connection is None:
            self._connection = connect(self._url, password=self._password)
        try:
            with told(self._url):
                return int(_run(self._connection, "SELECT commits FROM project_state")[0][0])
        except StudioError:
            self._hang_up()
            raise
        except OSError as error:
            self._hang_up()
            raise lost(self._url) from error
        finally:
            if self._closed:
                self._hang_up()

    def close(self) -> None:
        self._closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def schema_number(url: DatabaseUrl, *, password: Password) -> int:
    """Return the schema number of the project in a database.

    Raises:
        Refused: there is no project in it.
    """
    connection = connect(url, password=password)
    try:
        with told(
            url, also={NO_TABLE: (Refused, f"there is no project in this database; `lrstudio new {url}` makes one")}
        ):
            return int(_run(connection, "SELECT number FROM project_state")[0][0])
    finally:
        connection.close()


def ask(url: DatabaseUrl, *, password: Password) -> Answered:
    """Open a connection, look what is in the database, and close it; nothing is changed.

    Raises:
        Refused: the server knows no such database or user, or refuses the password.
        Environment: the server cannot be reached, or does not prove who it is.
    """
    connection = connect(url, password=password)
    try:
        with told(url):
            encrypted = bool(_run(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")[0][0])
            names = {row[0] for row in _run(connection, _TABLES)}
            if "project_state" not in names:
                return Answered(None, len(names), encrypted=encrypted)
            titles = _run(connection, f"SELECT value FROM meta WHERE key = '{TITLE}'")
            return Answered(titles[0][0] if titles else "", len(names), encrypted=encrypted)
    finally:
        connection.close()


def create_tables(url: DatabaseUrl, schema: Schema, *, settings: Mapping[str, str], password: Password) -> None:
    """Make a project in an empty database, whole or not at all.

    Raises:
        Refused: the database holds tables, or does not take every text.
    """
    with _for_migrations(url, password) as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CREATING})")
        if connection.exec_driver_sql("SHOW server_encoding").scalar_one() != "UTF8":
            raise Refused("the database must have the encoding UTF8: createdb -E UTF8 -T template0", where=str(url))
        held = set(connection.dialect.get_table_names(connection))
        if "project_state" in held:
            raise Refused("there is a project in this database already; open it, or choose another", where=str(url))
        if held:
            raise Refused(f"this database holds other tables ({min(held)}); make an empty one", where=str(url))
        migrate(connection, schema, number=0)
        connection.exec_driver_sql(_STATE)
        connection.exec_driver_sql(f"INSERT INTO project_state (number, commits) VALUES ({schema.number}, 1)")
        _hold_what_files_hold(connection)
        connection.execute(t.meta.insert(), [{"key": key, "value": value} for key, value in settings.items()])
        connection.exec_driver_sql("COMMIT")


def upgrade_tables(url: DatabaseUrl, schema: Schema, *, password: Password) -> Upgrade | None:
    """Bring an older project to `schema` in one transaction; None where another process was faster.

    Raises:
        Environment: somebody else has the project open, or the migration did not leave what it declares; the project
            is as it was.
    """
    with _for_migrations(url, password) as connection:
        connection.exec_driver_sql(f"BEGIN; {_WRITE}")
        before = int(connection.exec_driver_sql("SELECT number FROM project_state").scalar_one())
        if before >= schema.number:
            return None
        if others := connection.exec_driver_sql(_OTHERS).scalar_one():
            raise Environment(
                f"the project must be upgraded from schema {before} to {schema.number} while nobody else has it open; "
                f"the server counts {others} other connections",
                where=str(url),
            )
        try:
            migrate(connection, schema, number=before)
        except NotAsDeclared as error:
            raise Environment(
                f"the upgrade from schema {before} to {schema.number} was undone: {error}. The project is as it was",
                where=str(url),
            ) from error
        connection.exec_driver_sql(f"UPDATE project_state SET number = {schema.number}")
        _hold_what_files_hold(connection)
        connection.exec_driver_sql("COMMIT")
    return Upgrade(before, schema.number, None)


@contextmanager
def _for_migrations(url: DatabaseUrl, password: Password) -> Iterator[sa.Connection]:
    """Give a connection of its own, on which transactions are begun and ended by hand; what is open is undone."""
    engine = Database(url, password=password).engine()
    try:
        with told(url), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _hold_what_files_hold(connection: sa.Connection) -> None:
    """Let texts sort by their code points, not by the language of the server, and whole numbers have 64 bits."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table, column, kind in connection.exec_driver_sql(_UNLIKE_FILES).all():
        connection.exec_driver_sql(f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} TYPE {kind}")


def _number(text: str) -> int | float:
    """Read what sums and means of whole numbers are, as a file gives them."""
    return float(text) if "." in text else int(text)


def _ssl_context(url: DatabaseUrl) -> ssl.SSLContext | bool:
    if url.encryption == "disable":
        return False
    try:
        context = ssl.create_default_context(cafile=url.sslrootcert or None)
    except (OSError, ssl.SSLError) as error:
        raise Refused("this is no file with a certificate", where=url.sslrootcert) from error
    if url.encryption == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _run(connection: Line, statement: str) -> list[Any]:
    cursor = connection.cursor()
    cursor.execute(statement)
    rows: list[Any] = list(cursor.fetchall()) if cursor.description else []
    cursor.close()
    return rows
