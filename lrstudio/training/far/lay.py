"""`python -m lrstudio.training.far.lay`: lay out a folder on this machine from blobs that were sent.

Reads `{"folder": ..., "blobs": ..., "files": {name: sha256}, "texts": {name: text}, "empty": [name]}` and answers
`{"folder": ..., "new": ...}`. The folder gets its name when it is whole; one that is there already stays as it is.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from lrstudio.training.folder import replace_file, sync_folder


def lay(wanted: dict[str, Any]) -> bool:
    """Lay a folder out; False where it is there already."""
    target, blobs = Path(wanted["folder"]), Path(wanted.get("blobs", ""))
    if target.exists():
        return False
    unfinished = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        unfinished.mkdir(parents=True)
        for name in wanted.get("empty", ()):
            (unfinished / name).mkdir(parents=True)
        for name, digest in wanted.get("files", {}).items():
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            _link(blobs / digest, unfinished / name)
        for name, text in wanted.get("texts", {}).items():
            replace_file(unfinished / name, text)
        try:
            unfinished.rename(target)
        except OSError:
            if target.exists():
                return False
            raise
        sync_folder(target.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def _link(blob: Path, path: Path) -> None:
    with suppress(OSError):
        os.link(blob, path)
        return
    shutil.copyfile(blob, path)  # a file system without hard links


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    new = lay(asked)
    sys.stdout.write(json.dumps({"folder": asked["folder"], "new": new}) + "\n")
