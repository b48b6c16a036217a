"""Unpack this package's wheel beside itself: `python -m lrstudio.training.far.unpack WHEEL`, run out of the wheel.

The folder `package` appears whole or not at all, and a wheel that is not what its folder is named after is refused.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "package"


def unpack(wheel: Path) -> Path:
    """Unpack a wheel that lies in a folder named after its SHA-256; what is there already stays.

    Raises:
        ValueError: the wheel is another one.
        OSError: it cannot be written.
    """
    target = wheel.with_name(PACKAGE)
    if target.is_dir():
        return target
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != wheel.parent.name:
        raise ValueError("the wheel is not the one that was sent")
    unfinished = wheel.with_name(f".{PACKAGE}-{secrets.token_hex(4)}")
    try:
        with zipfile.ZipFile(wheel) as file:
            file.extractall(unfinished)
        os.rename(unfinished, target)
    except OSError:
        if not target.is_dir():  # somebody else has just done the same
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


if __name__ == "__main__":
    try:
        unpack(Path(sys.argv[1]))
    except (OSError, ValueError) as error:
        sys.exit(f"the studio cannot be unpacked: {error}")
