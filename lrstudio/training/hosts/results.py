"""Fetching what a run on a host has come to: every file checked, the adapter readable, the whole there or nothing."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training import results
from lrstudio.training.hosts.asking import ask_far
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.hosts.transport import Progress, Transport

RESULT: Final = results.CHECK.partition("/")[0]
MERGED: Final = "merged"
"""The part of a result that is as large as the model, and that adapter and model make anew anywhere."""

_HASH_SECONDS = 1800.0
_HEADER = struct.Struct("<Q")


def fetch_result(transport: Transport, away: Away, run: Path, *, progress: Progress = lambda _done, _of: None) -> Path:
    """Fetch the result of a run but for a merged model, and return its folder in the mirror.

    What has come before a link broke is gone on from the next time.

    Args:
        transport: the host.
        away: where the run is there.
        run: its mirror.
        progress: told how many bytes of how many have come.

    Raises:
        Refused: there is no result yet.
        Unreachable, Environment: as the transport; a file is not what it was there, or is no adapter.
    """
    said = ask_far(transport, away, "contents", f"{away.folder}/{RESULT}", MERGED, seconds=_HASH_SECONDS)
    files: dict[str, Any] | None = said["files"]
    if not files:
        raise Refused("this run has no result yet; it is made when the run finishes", where=run.name)
    unfinished, whole = run / f".{RESULT}", sum(int(it["bytes"]) for it in files.values())
    done = 0
    for name, it in files.items():
        target = _inside(unfinished, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        transport.download(
            f"{away.folder}/{RESULT}/{name}",
            target,
            sha256=str(it["sha256"]),
            progress=_from(done, whole, progress),
        )
        if name.endswith(".safetensors"):
            check_tensors(target)
        done += int(it["bytes"])
    return _settled(unfinished, run / RESULT)


def _from(before: int, whole: int, progress: Progress) -> Progress:
    return lambda now, _of: progress(before + now, whole)


def _settled(unfinished: Path, final: Path) -> Path:
    if final.exists():
        shutil.rmtree(final)
    os.rename(unfinished, final)
    return final


def _inside(folder: Path, name: str) -> Path:
    """Return the place of a file below a folder; a host names none outside."""
    if name.startswith("/") or ".." in name.split("/") or not name.isprintable():
        raise Environment("the host names a file outside the result", where=name)
    return folder / name


def check_tensors(path: Path) -> None:
    """See that a safetensors file is whole by its own header: every tensor lies inside, none is missing its bytes.

    Raises:
        Environment: it is not.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = _HEADER.unpack(file.read(_HEADER.size))
            header = json.loads(file.read(length)) if length < size else {}
        ends = [int(it["data_offsets"][1]) for name, it in header.items() if name != "__metadata__"]
    except (struct.error, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Environment(f"this is no file of tensors ({error})", where=str(path)) from error
    if not ends or _HEADER.size + length + max(ends) != size:
        raise Environment("this file of tensors is not whole", where=str(path))
