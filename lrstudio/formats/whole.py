"""Files and folders that appear whole or not at all: made beside their place under another name, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lrstudio.domain.errors import Environment, Refused


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` that takes its place when the block ends, and is gone when it ends in an error.

    Of a link, the file that it leads to is replaced. A file that is replaced hands on its permissions.

    Raises:
        Refused: `path` is a folder, a device or anything else that is no file.
        Environment: the folder cannot be written to; `path` is then as it was before.
    """
    target = Path(os.path.realpath(path))
    if os.path.lexists(target) and not target.is_file():
        raise Refused("this is a folder or a device; name a file", where=str(path))
    temporary = _beside(target)
    try:
        try:
            with temporary.open("xb") as raw:
                if target.exists():
                    temporary.chmod(target.stat().st_mode)
                yield raw
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside `path` that takes its place when the block ends, and is gone when it ends in an error.

    Raises:
        Refused: there is a file of that name, or a folder that is not empty.
        Environment: it cannot be written.
    """
    target = Path(os.path.realpath(path))
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise Refused("there is something of that name already; name a new or an empty folder", where=str(path))
    temporary = _beside(target)
    try:
        try:
            temporary.mkdir()
            yield temporary
            if target.is_dir():
                target.rmdir()
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}-{secrets.token_hex(4)}")


def _unwritable(path: Path, error: OSError) -> Environment:
    return Environment(f"cannot be written: {error.strerror or error}", where=str(path))
