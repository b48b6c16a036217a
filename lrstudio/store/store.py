"""One open project."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lrstudio import __version__
from lrstudio.domain.errors import Refused
from lrstudio.domain.places import DatabaseUrl, Place
from lrstudio.store.calls import Calls
from lrstudio.store.connect import Backend, Connections, SqliteFile
from lrstudio.store.journal import Journal
from lrstudio.store.judging import Judging
from lrstudio.store.library import Library
from lrstudio.store.locks import Locks
from lrstudio.store.meta import CREATED, CREATED_BY, PROJECT_ID, TITLE, Meta
from lrstudio.store.migrate import create_file, schema_number, upgrade_file
from lrstudio.store.overview import Overview
from lrstudio.store.records import Upgrade
from lrstudio.store.schema import CURRENT, Schema

if TYPE_CHECKING:
    from lrstudio.store.absorb import Absorbed
    from lrstudio.store.judge_batches import JudgeBatches
    from lrstudio.store.labels import Labels
    from lrstudio.store.marks import Marks
    from lrstudio.store.pairs import Pairs
    from lrstudio.store.postgres import Password
    from lrstudio.store.queues import Queues
    from lrstudio.store.remote_runs import RemoteRuns
    from lrstudio.store.search import Search
    from lrstudio.store.sets import Sets
    from lrstudio.store.vectors import Vectors


class Store:
    """A project, open for reading and writing from any thread: a file, or tables in a shared database.

    Every method of its rooms (`library`, `judging`, `calls`, `journal` and so on) is a transaction of its own, unless
    it is called inside `writing()` or `reading()` of the same thread, which make one of many.

    The rooms that the first screen does not need are made when they are first asked for: making their tables' classes
    takes longer than opening the project.
    """

    def __init__(self, path: Place, backend: Backend, *, upgrade: Upgrade | None = None) -> None:
        """Open a project of the current schema; `Store.open` and `Store.create` are the ways in."""
        self.path = path
        self.upgrade = upgrade
        self._backend = backend
        self._connections = Connections(backend)
        self.library = Library(self._connections)
        self.judging = Judging(self._connections)
        self.overview = Overview(self._connections)
        self.calls = Calls(self._connections)
        self.journal = Journal(self._connections)
        self.locks = Locks(self._connections)
        self.meta = Meta(self._connections)
        self._watch_lock = threading.Lock()
        with backend.told():
            self._watch = backend.watch()

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs."""
        from lrstudio.store.pairs import Pairs

        return Pairs(self._connections)

    @cached_property
    def sets(self) -> Sets:
        """The frozen sets."""
        from lrstudio.store.sets import Sets

        return Sets(self._connections)

    @cached_property
    def labels(self) -> Labels:
        """What people said of rows that came labelled."""
        from lrstudio.store.labels import Labels

        return Labels(self._connections)

    @cached_property
    def judge_batches(self) -> JudgeBatches:
        """The judge's calls that were sent to hosts as files."""
        from lrstudio.store.judge_batches import JudgeBatches

        return JudgeBatches(self._connections)

    @cached_property
    def vectors(self) -> Vectors:
        """The vectors of texts."""
        from lrstudio.store.vectors import Vectors

        return Vectors(self._connections)

    @cached_property
    def marks(self) -> Marks:
        """Tags, bookmarks and notes."""
        from lrstudio.store.marks import Marks

        return Marks(self._connections)

    @cached_property
    def search(self) -> Search:
        """The search over all texts."""
        from lrstudio.store.search import Search

        return Search(self._connections)

    @cached_property
    def queues(self) -> Queues:
        """The review queues."""
        from lrstudio.store.queues import Queues

        return Queues(self._connections)

    @cached_property
    def remote_runs(self) -> RemoteRuns:
        """The runs on other machines."""
        from lrstudio.store.remote_runs import RemoteRuns

        return RemoteRuns(self._connections)

    @classmethod
    def create(
        cls, path: Place, *, title: str = "", schema: Schema = CURRENT, password: Password | None = None
    ) -> Store:
        """Make a new project and open it: a new file, or tables in a database that is empty.

        Args:
            path: where.
            title: what it is called.
            schema: the schema to create.
            password: finds the password of a shared database.

        Raises:
            Refused: a file of this name exists, or the database is not empty; it is left alone.
            Environment: the folder is missing, full or cannot be written to; the server cannot be reached.
        """
        settings = {
            PROJECT_ID: str(uuid.uuid4()),
            TITLE: title,
            CREATED_BY: __version__,
            CREATED: datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if isinstance(path, DatabaseUrl):
            from lrstudio.store.postgres import Database, create_tables, no_password

            create_tables(path, schema, settings=settings, password=password or no_password)
            return cls(path, Database(path, password=password or no_password))
        path = path.absolute()
        create_file(path, schema, settings=settings)
        return cls(path, SqliteFile(path))

    @classmethod
    def open(
        cls, path: Place, *, upgrade: bool = True, schema: Schema = CURRENT, password: Password | None = None
    ) -> Store:
        """Open a project; a file of an older schema is copied to `<name>.backup-v<N>.lrs` and upgraded first.

        A project that cannot be written to is opened all the same; writing then raises Environment.

        Raises:
            Refused: it is no project, or of a newer schema, or older and `upgrade` is False.
            Environment: the file or the server cannot be read or written, or the upgrade failed and was undone.
        """
        if isinstance(path, DatabaseUrl):
            from lrstudio.store import postgres

            find = password or postgres.no_password
            number = postgres.schema_number(path, password=find)
            older = _is_older(path, number, schema=schema, upgrade=upgrade)
            done = postgres.upgrade_tables(path, schema, password=find) if older else None
            return cls(path, postgres.Database(path, password=find), upgrade=done)
        path = path.absolute()
        older = _is_older(path, schema_number(path), schema=schema, upgrade=upgrade)
        return cls(path, SqliteFile(path), upgrade=upgrade_file(path, schema) if older else None)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make one transaction of everything inside; an error undoes all of it.

        Inside another `writing()` of the same thread an error undoes the inner block alone, so that one bad row of an
        import leaves the good ones. Other threads of this process wait; other processes wait for five seconds.
        """
        with self._connections.write(savepoint=True):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make everything read inside, by this thread, one state of the project, whoever writes meanwhile.

        It may be nested. What this thread writes meanwhile it reads inside `writing()` only.
        """
        with self._connections.snapshot():
            yield

    def absorb(self, other: Store) -> Absorbed:
        """Take over the calls and vectors of another project, once each; told by what they are, not by where."""
        from lrstudio.store.absorb import absorb

        with self._connections.write() as target, other._connections.read() as source:
            return absorb(target, source)

    def data_version(self) -> int:
        """Return a number that changes with every commit to the project, of this process or any other.

        It is asked on one connection that does nothing else, which sees the commits of all the others. Two calls tell
        whether something happened between them; the number itself means nothing. Costs microseconds, or one journey
        to the server.
        """
        with self._watch_lock, self._backend.told():
            return self._watch.version()

    def close(self) -> None:
        """Close every connection; the store cannot be used afterwards."""
        self._connections.close()
        with self._watch_lock:
            self._watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_older(path: Place, number: int, *, schema: Schema, upgrade: bool) -> bool:
    """Tell whether a project must be upgraded first.

    Raises:
        Refused: it is newer, or older and must stay so.
    """
    if number > schema.number:
        raise Refused(
            f"this project was written by a newer LongReward Studio (its schema is {number}, this program reads up "
            f"to {schema.number}); update the program to open it",
            where=str(path),
        )
    if number < schema.number and not upgrade:
        raise Refused(
            f"this project has schema {number} and this program needs {schema.number}; open it with an upgrade",
            where=str(path),
        )
    return number < schema.number
