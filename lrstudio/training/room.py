"""When the disk of a run is full: how that is told from other trouble, and room kept for the last words. No torch."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from lrstudio.domain.errors import Environment

REASON: Final = "disk_full"
"""The reason in exit.json."""

NO_ROOM: Final = "no space is left on the disk of the run; free some, then go on from its last checkpoint"

_NUMBERS: Final = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_LITTLE: Final = 1 << 18
_KEPT: Final = 1 << 18


class DiskFull(Environment):
    """Something of a run cannot be written because no space is left."""


def is_full(error: BaseException, folder: Path) -> bool:
    """Tell whether an error came of a full disk: by its number, else by what is left where `folder` lies.

    Libraries that write by themselves wrap the number away; at that moment what they have written is still there.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _NUMBERS
    return isinstance(error, Exception) and is_little(folder)


def is_little(folder: Path) -> bool:
    """Tell whether nearly nothing is left on the disk where `folder` lies."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free < _LITTLE
    return False


class Reserve:
    """Some space that is taken while all is well, and given back for the last words."""

    def __init__(self, run: Path) -> None:
        """Take it; on a disk that has none left there is none."""
        self._path = run / ".reserve"
        with suppress(OSError), self._path.open("wb") as file:
            file.write(os.urandom(_KEPT))  # not to be made small by a file system that can
            file.flush()
            os.fsync(file.fileno())

    def give_back(self) -> None:
        """Give it back; nothing happens the second time."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
