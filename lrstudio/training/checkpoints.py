"""Checkpoints: written beside their place, published by rename together with a manifest, the oldest thrown away."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lrstudio.training import wire
from lrstudio.training.folder import replace_file, sync_folder
from lrstudio.training.room import DiskFull, is_full

MANIFEST = "manifest.json"
_UNFINISHED = ".tmp"
_BEFORE = f".before{_UNFINISHED}"
"""Ends the name of one that another of the same step takes the place of."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A published checkpoint: everything that a trainer needs to go on behind `step`."""

    step: int
    path: Path

    @property
    def name(self) -> str:
        """Its folder's name."""
        return self.path.name


@contextmanager
def publishing(run: Path, step: int) -> Iterator[Path]:
    """Give a folder to save a checkpoint into; it is published when the block ends, and thrown away on an error.

    A checkpoint of that step that is there already, of an attempt before, is replaced.

    Raises:
        DiskFull: no space is left for it; those that were published are as they were.
    """
    final = run / wire.CHECKPOINTS / f"step-{step:08d}"
    unfinished, before = (final.with_name(final.name + it) for it in (_UNFINISHED, _BEFORE))
    _put_back(before)
    _throw_away(unfinished, before)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        replace_file(unfinished / MANIFEST, json.dumps(_manifest(unfinished, step), indent=1))
        if final.exists():
            os.rename(final, before)  # at once: what a kill left half thrown away would stay for ever under its name
        os.rename(unfinished, final)
        sync_folder(final.parent)
    except BaseException as error:
        if is_full(error, run):
            raise DiskFull(_no_room(run, step)) from error
        raise
    finally:
        _put_back(before)
        _throw_away(unfinished, before)


def _no_room(run: Path, step: int) -> str:
    kept = latest(run)
    saved = f"what was saved at step {kept.step:,} is kept" if kept else "nothing was saved before it"
    then = "go on from there" if kept else "begin again"
    return f"no space is left on the disk for the checkpoint of step {step:,}; {saved}: free some space, then {then}"


def _manifest(folder: Path, step: int) -> dict[str, object]:
    files = {}
    for path in sorted(it for it in folder.rglob("*") if it.is_file()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}
    return {"v": wire.VERSION, "step": step, "files": files}


def published(run: Path) -> tuple[Checkpoint, ...]:
    """List the checkpoints that are published and whose files have the sizes of their manifest, the first one first."""
    found = []
    for folder in sorted((run / wire.CHECKPOINTS).glob("step-*")):
        number = folder.name.removeprefix("step-")
        if number.isdigit() and _whole(folder):
            found.append(Checkpoint(int(number), folder))
    return tuple(found)


def latest(run: Path) -> Checkpoint | None:
    """Return the last published checkpoint, None where there is none."""
    return next(iter(reversed(published(run))), None)


def verified(checkpoint: Checkpoint) -> bool:
    """Tell whether every file of a checkpoint has the hash of its manifest; reads all of it."""
    files = json.loads((checkpoint.path / MANIFEST).read_text(encoding="utf-8"))["files"]
    for name, said in files.items():
        digest = hashlib.sha256()
        with (checkpoint.path / name).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if digest.hexdigest() != said["sha256"]:
            return False
    return True


def prune(run: Path, *, keep: int) -> None:
    """Throw the oldest checkpoints away, and what was never published; the last `keep` stay."""
    for before in (run / wire.CHECKPOINTS).glob(f"*{_BEFORE}"):
        _put_back(before)
    for old in published(run)[:-keep]:
        os.rename(old.path, old.path.with_name(old.path.name + _UNFINISHED))
    # With what a trainer that was killed in the middle of this, or of saving, has left.
    _throw_away(*(run / wire.CHECKPOINTS).glob(f"*{_UNFINISHED}"))


def _put_back(before: Path) -> None:
    """Give a checkpoint its name again, where the one that was to take its place has not come."""
    final = before.with_name(before.name.removesuffix(_BEFORE))
    if before.exists() and not final.exists():
        os.rename(before, final)


def _throw_away(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _whole(folder: Path) -> bool:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return all((folder / name).stat().st_size == said["bytes"] for name, said in files.items())
    except (OSError, ValueError, KeyError):
        return False
