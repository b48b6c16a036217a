"""`python -m lrstudio.training.far.contents FOLDER`: name the files below a folder with their sizes and SHA-256.

Answers `{"files": {name: {"bytes": ..., "sha256": ...}}}`, null for files where there is no such folder. Names that are
given behind the folder are passed over, with everything below them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any


def contents(folder: Path, *, without: Collection[str] = ()) -> dict[str, Any] | None:
    """Name the files below a folder; None where there is none."""
    if not folder.is_dir():
        return None
    found = {}
    for path in sorted(it for it in folder.rglob("*") if it.is_file()):
        name = path.relative_to(folder)
        if name.parts[0] in without:
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found[name.as_posix()] = {"bytes": path.stat().st_size, "sha256": digest}
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"files": contents(Path(sys.argv[1]), without=sys.argv[2:])}) + "\n")
