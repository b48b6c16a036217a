"""What databases say, told apart by who can mend it. Anything not in a table is a bug and stays as it was raised."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from lrstudio.domain.errors import Environment, Refused, StudioError

_FAULTS: dict[int, tuple[type[StudioError], str]] = {
    sqlite3.SQLITE_BUSY: (Environment, "another program is writing to this project; try again in a moment"),
    sqlite3.SQLITE_LOCKED: (Environment, "another program is writing to this project; try again in a moment"),
    sqlite3.SQLITE_FULL: (Environment, "the disk is full; nothing was changed. Free some space and try again"),
    sqlite3.SQLITE_READONLY: (
        Environment,
        "this project cannot be written to; check the permissions of file and folder",
    ),
    sqlite3.SQLITE_PERM: (Environment, "this project cannot be written to; check the permissions of file and folder"),
    sqlite3.SQLITE_CANTOPEN: (
        Environment,
        "this project cannot be opened; check that its folder is there and writable",
    ),
    sqlite3.SQLITE_IOERR: (Environment, "the disk reported an error while this project was read or written"),
    sqlite3.SQLITE_PROTOCOL: (
        Environment,
        "this project cannot be locked; is it on a network drive? Copy it to a local disk",
    ),
    sqlite3.SQLITE_NOTADB: (Refused, "this is not a LongReward Studio project"),
    sqlite3.SQLITE_CORRUPT: (Refused, "this project file is damaged; open a backup of it"),
    sqlite3.SQLITE_TOOBIG: (Refused, "a text is larger than a project can hold (1 GB)"),
}

_OS_FAULTS = {
    errno.ENOSPC: "the disk is full. Free some space and try again",
    errno.EACCES: "no permission to write here; choose another folder",
    errno.EPERM: "no permission to write here; choose another folder",
    errno.EROFS: "this disk is read-only; choose another folder",
    errno.EEXIST: "a file of this name is in the way; choose another folder",
    errno.ENOENT: "this folder does not exist",
    errno.ENOTDIR: "this folder does not exist",
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite inside into a sentence about the project at `path`."""
    with told_by(lambda error: _known(error, path), sqlite3.Error):
        yield


@contextmanager
def told_by(known: Callable[[BaseException | None], StudioError | None], *bare: type[Exception]) -> Iterator[None]:
    """Turn the errors of a database inside into those that `known` makes of them; None leaves one as it is.

    Args:
        known: is given the driver's own error.
        bare: what the driver raises where SQLAlchemy is not between.
    """
    caught: tuple[type[Exception], ...] = (DBAPIError, *bare)
    try:
        yield
    except caught as error:
        found = known(error.orig if isinstance(error, DBAPIError) else error)
        if found is None:
            raise
        raise found from error


@contextmanager
def told_of_files(path: Path) -> Iterator[None]:
    """Turn the errors of the file system inside into a sentence about the file at `path`."""
    try:
        yield
    except OSError as error:
        sentence = _OS_FAULTS.get(error.errno or 0, f"the file system refused: {error.strerror or error}")
        raise Environment(sentence, where=str(path)) from error


def _known(error: BaseException | None, path: Path) -> StudioError | None:
    # The low byte is the kind of fault, the rest only tells variants of it apart.
    code = getattr(error, "sqlite_errorcode", None)
    kind, sentence = _FAULTS.get(code & 0xFF, (None, "")) if code is not None else (None, "")
    return kind(sentence, where=str(path)) if kind else None
