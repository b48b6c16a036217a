"""Connections to one project: many readers, one writer, from any thread."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from lrstudio.store.faults import told

BUSY_MS = 5000
"""How long a write waits for another process before it gives up."""

READERS = 8
"""How many connections wait for the next reader."""


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open a bare connection in autocommit mode, usable from any thread, with the wait for other writers set.

    A file or folder that cannot be written to is opened for reading. A URI with a mode, because a file that went away
    must not come back empty.
    """
    posix = path.as_posix()
    mode = "rwc" if create else _mode(path)
    uri = f"file://{quote(os.fsencode(posix if posix.startswith('/') else '/' + posix))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


class Watch(Protocol):
    """Sees the commits of everybody."""

    def version(self) -> int:
        """Return a number that every commit changes."""

    def close(self) -> None:
        """Let go of the connection."""


class Backend(Protocol):
    """The database below: what a file and a server do differently."""

    def engine(self) -> sa.Engine:
        """Make the engine with its pool; nothing is opened yet."""

    def begin(self, connection: sa.Connection, *, writes: bool) -> None:
        """Begin a transaction: one state to read, or the right to write for this connection alone."""

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Tell whether the database still holds the transaction open after an error."""

    def told(self) -> AbstractContextManager[None]:
        """Turn the database's errors inside into sentences about this project."""

    def watch(self) -> Watch:
        """Open the connection that counts commits."""


class Connections:
    """The connections of one open project.

    Reading takes a connection of a small pool and sees one state of the project until it ends. Writing is for one
    thread of the process at a time and takes the project's write lock at once, so that it cannot fail halfway for want
    of it. A thread that is writing reads what it has written.
    """

    def __init__(self, backend: Backend) -> None:
        """Prepare; nothing is opened yet."""
        self._backend = backend
        self._lock = threading.RLock()
        self._local = threading.local()
        self._engine = backend.engine()
        sa.event.listen(self._engine, "begin", self._begin)
        self._writing = self._engine.execution_options(lrstudio_writes=True)
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the project.

        Inside `write` of the same thread it is that of the writer, inside `snapshot` the one of the snapshot.
        """
        current: sa.Connection | None = getattr(self._local, "writer", None) or getattr(self._local, "snapshot", None)
        if current is not None:
            yield current
            return
        with self._backend.told(), self._returned(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Make every `read` inside, by the same thread, see the state of the project that the first one sees."""
        with self.read() as connection:
            outer = getattr(self._local, "snapshot", None)
            self._local.snapshot = connection
            try:
                yield
            finally:
                self._local.snapshot = outer

    @contextmanager
    def write(self, *, savepoint: bool = False) -> Iterator[sa.Connection]:
        """Give the writing connection inside a transaction, committed at the end of the outermost `write`.

        Args:
            savepoint: inside another `write`, an error undoes what was written here and leaves the rest.
        """
        with self._lock:
            current: sa.Connection | None = getattr(self._local, "writer", None)
            if current is None:
                with self._backend.told(), self._returned(), self._writing.begin() as connection:
                    self._local.writer = connection
                    try:
                        yield connection
                    finally:
                        self._local.writer = None
            elif savepoint:
                with self._savepoint(current):
                    yield current
            else:
                yield current

    def close(self) -> None:
        """Close every connection. The last one of all processes folds SQLite's write-ahead log into the file."""
        with self._lock:
            self._closed = True
            self._engine.dispose()

    @contextmanager
    def _returned(self) -> Iterator[None]:
        """Leave no connection open that comes back to its pool, or is made, after the project was closed."""
        pool = self._engine.pool
        try:
            yield
        finally:
            if self._closed:
                pool.dispose()

    @contextmanager
    def _savepoint(self, connection: sa.Connection) -> Iterator[None]:
        nested = connection.begin_nested()
        finished = False
        try:
            yield
            finished = True
        finally:
            # A full disk makes SQLite undo the whole transaction, and the savepoint with it: asking for it again would
            # hide the reason behind "no such savepoint".
            if not finished and self._backend.in_transaction(connection):
                nested.rollback()
        nested.commit()

    def _begin(self, connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("lrstudio_writes", False)
        self._backend.begin(connection, writes=writes)


class SqliteFile:
    """A project file as a backend."""

    def __init__(self, path: Path) -> None:
        """Prepare; nothing is opened yet."""
        self._path = path

    def engine(self) -> sa.Engine:
        """Make the engine."""
        return sa.create_engine(
            "sqlite://",
            creator=lambda: connect(self._path),
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=-1,
            pool_use_lifo=True,
        )

    def begin(self, connection: sa.Connection, *, writes: bool) -> None:
        """Begin; a writer takes SQLite's write lock now."""
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Ask SQLite."""
        return driver_connection(connection).in_transaction

    def told(self) -> AbstractContextManager[None]:
        """Name the file."""
        return told(self._path)

    def watch(self) -> Watch:
        """Open a connection that does nothing else: SQLite's data version leaves out what the asker wrote itself."""
        return _FileWatch(self._path)


class _FileWatch:
    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._connection.execute("PRAGMA journal_mode=WAL")

    def version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._connection.close()


def driver_connection(connection: sa.Connection) -> sqlite3.Connection:
    """Return the SQLite connection below, for what only it can tell or do."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(f"not an SQLite connection: {driver!r}")
    return driver


def _mode(path: Path) -> str:
    """Return the mode in which a file can be opened, as SQLite's URIs have it.

    Reading a file in WAL mode needs its log and the log's index beside it, or leave to make them. In a folder that
    takes no files and holds no log, only a file that is said not to change can be read.
    """
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return "rw"
    logged = path.with_name(path.name + "-wal").exists()
    return "ro" if logged or os.access(path.parent, os.W_OK) else "ro&immutable=1"
