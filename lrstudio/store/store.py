"""One open project file."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from lrstudio import __version__
from lrstudio.domain.errors import Refused
from lrstudio.store.calls import Calls
from lrstudio.store.connect import Connections, connect
from lrstudio.store.faults import told
from lrstudio.store.journal import Journal
from lrstudio.store.judging import Judging
from lrstudio.store.library import Library
from lrstudio.store.locks import Locks
from lrstudio.store.meta import CREATED, CREATED_BY, PROJECT_ID, TITLE, Meta
from lrstudio.store.migrate import create_file, schema_number, upgrade_file
from lrstudio.store.overview import Overview
from lrstudio.store.records import Upgrade
from lrstudio.store.schema import CURRENT, Schema
from lrstudio.store.vectors import Vectors


class Store:
    """A project file, open for reading and writing from any thread.

    Every method of `library`, `judging`, `overview`, `calls`, `journal`, `vectors`, `locks` and `meta` is a transaction
    of its own, unless it is called inside `writing()` or `reading()` of the same thread, which make one of many.
    """

    def __init__(self, path: Path, *, upgrade: Upgrade | None = None) -> None:
        """Open a file of the current schema; `Store.open` and `Store.create` are the ways in."""
        self.path = path
        self.upgrade = upgrade
        self._connections = Connections(path)
        self.library = Library(self._connections)
        self.judging = Judging(self._connections)
        self.overview = Overview(self._connections)
        self.calls = Calls(self._connections)
        self.journal = Journal(self._connections)
        self.vectors = Vectors(self._connections)
        self.locks = Locks(self._connections)
        self.meta = Meta(self._connections)
        self._watch_lock = threading.Lock()
        with told(path):
            self._watch = connect(path)
            self._watch.execute("PRAGMA journal_mode=WAL")

    @classmethod
    def create(cls, path: Path, *, title: str = "", schema: Schema = CURRENT) -> Store:
        """Make a new project and open it.

        Raises:
            Refused: a file of this name exists; it is left alone.
            Environment: the folder is missing, full or cannot be written to.
        """
        path = path.absolute()
        settings = {
            PROJECT_ID: str(uuid.uuid4()),
            TITLE: title,
            CREATED_BY: __version__,
            CREATED: datetime.now(UTC).isoformat(timespec="seconds"),
        }
        create_file(path, schema, settings=settings)
        return cls(path)

    @classmethod
    def open(cls, path: Path, *, upgrade: bool = True, schema: Schema = CURRENT) -> Store:
        """Open a project; one of an older schema is copied to `<name>.backup-v<N>.lrs` and upgraded first.

        A project that cannot be written to is opened all the same; writing then raises Environment.

        Raises:
            Refused: it is no project, or of a newer schema, or older and `upgrade` is False.
            Environment: the file cannot be read or written, or the upgrade failed and was undone.
        """
        path = path.absolute()
        number = schema_number(path)
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
        return cls(path, upgrade=upgrade_file(path, schema) if number < schema.number else None)

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

    def data_version(self) -> int:
        """Return a number that changes with every commit to the file, of this process or any other.

        It is asked on one connection that does nothing else, which sees the commits of all the others. Two calls tell
        whether something happened between them; the number itself means nothing. Costs microseconds.
        """
        with self._watch_lock, told(self.path):
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

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
