"""Runs before they begin: made from a wish, looked over by preflight, started or thrown away.

A draft is a run folder whose spec names the process that drafts it. What a window that died has left is thrown away by
whoever comes by.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lrstudio import __version__
from lrstudio.domain.errors import Refused
from lrstudio.domain.sets import FrozenSet
from lrstudio.services.sets import Sets
from lrstudio.services.training_places import Site
from lrstudio.services.training_rows import TrainingRows
from lrstudio.store.store import Store
from lrstudio.training import processes, wire
from lrstudio.training.folder import RunFolder, replace_file
from lrstudio.training.hosts import mirror
from lrstudio.training.identity import Identity
from lrstudio.training.listing import number_of
from lrstudio.training.recipes import recipe as recipe_of
from lrstudio.training.rows import TRAIN
from lrstudio.training.runs import TrainWish
from lrstudio.training.wire import Spec

DRAFT: Final = "draft"
"""In the provenance of a spec: who drafts it."""
LEFT_OUT: Final = "left_out"
"""In the provenance of a spec: pairs of the set that have no row."""

_LAST = ".last-number"
_ABANDONED_SECONDS = 3600.0


class Drafts:
    """Makes run folders and takes them away, as long as nobody trains in them."""

    def __init__(self, store: Store, *, sets: Sets, home: Path, worker: tuple[str, ...]) -> None:
        self._store = store
        self._sets = sets
        self._home = home
        self._worker = worker
        self._rows = TrainingRows(store, sets)

    def make(self, wish: TrainWish, site: Site) -> RunFolder:
        """Make the run folder of a wish: what is to be done, and the rows to train on.

        One for a host is a mirror from its first moment on; nothing is on the host yet.

        Raises:
            Refused: the wish cannot be fulfilled; names the field.
            Environment: the folder cannot be written.
        """
        recipe = recipe_of(wish.recipe)
        options = recipe.settle(wish.options, preset=wish.preset)
        processes.check(recipe.name, options)
        frozen = self._sets.get(wish.set_name)
        self.sweep()
        number = self._number()
        run_id = f"{number:03d}-{recipe.name}-{os.urandom(3).hex()}"
        spec = Spec(
            run_id=run_id,
            recipe=recipe.name,
            model=site.model,
            command=processes.command(site.python, self._worker, options),
            options=options,
            set_name=frozen.name,
            set_hash=frozen.content_hash,
            name=_name(wish.name, recipe.name, number),
            created=wire.now(),
            threads=site.threads,
            environment=site.environment,
            queue=site.queue,
            provenance=self._provenance(frozen, preset=wish.preset) | {DRAFT: Identity.own().row()},
        )
        rows = self._rows.of_set(wish.set_name, recipe.name, options)
        folder = RunFolder.create(self._home / run_id, spec, pairs=rows.lines)
        if site.away is not None:
            mirror.make(folder.path, replace(site.away, folder=f"{site.away.folder}/{run_id}"))
        if not rows.counts.get(TRAIN):
            self._throw_away(folder.path)
            raise _no_rows(rows.left_out, wish.set_name)
        counted = {"rows": rows.counts} | ({LEFT_OUT: rows.left_out} if rows.left_out else {})
        folder.write(wire.SPEC, replace(spec, provenance=dict(spec.provenance) | counted))
        return folder

    def accept(self, folder: RunFolder, numbers: Mapping[str, int], *, name: str | None = None) -> None:
        """Write into a draft how many rows a person takes to be cut or dropped, and what it is called from now on.

        Raises:
            Refused: it has begun.
        """
        spec = self.drafted(folder)
        allowed = {name: int(count) for name, count in numbers.items() if name in ("accept_cut", "accept_dropped")}
        called = spec.name if name is None else _name(name, spec.recipe, number_of(spec.run_id))
        folder.write(wire.SPEC, replace(spec, options=dict(spec.options) | allowed, name=called))

    def drafted(self, folder: RunFolder) -> Spec:
        """Return the spec of a draft.

        Raises:
            Refused: it is none, it has begun.
        """
        spec = folder.spec()
        if DRAFT not in spec.provenance or folder.claims():
            raise Refused("this run has begun; what it is to do is fixed", where=str(folder.path))
        return spec

    def settled(self, folder: RunFolder) -> Spec:
        """Return the spec of the run that a draft becomes.

        Raises:
            Refused: it is none, it has begun.
        """
        spec = self.drafted(folder)
        return replace(spec, provenance={name: it for name, it in spec.provenance.items() if name != DRAFT})

    def settle(self, folder: RunFolder) -> None:
        """Make a draft a run that can be started: from here on its spec stays as it is."""
        spec = self.settled(folder)
        folder.write(wire.SPEC, spec)
        replace_file(self._home / _LAST, str(max(self._last(), number_of(spec.run_id))))

    def discard(self, folder: RunFolder) -> None:
        """Throw a draft away.

        Raises:
            Refused: it has begun.
        """
        self.drafted(folder)
        self._throw_away(folder.path)

    def sweep(self) -> None:
        """Throw away what dead processes have left: drafts, and folders that never became whole."""
        for path in _entries(self._home):
            if path.name.startswith("."):
                old = path.name[1:4].isdigit() and time.time() - _changed(path) > _ABANDONED_SECONDS
                if old and path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
            elif is_draft(path, of_the_living=False):
                self._throw_away(path)

    def _throw_away(self, path: Path) -> None:
        gone = path.with_name(f".{path.name}-{os.urandom(3).hex()}")
        with suppress(FileNotFoundError):
            os.rename(path, gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _number(self) -> int:
        """Return the number of the next run: those of runs that were removed are not given again."""
        elsewhere = (number_of(run.run_id) for run in self._store.remote_runs.all())
        return max([self._last(), *elsewhere, *(number_of(path.name) for path in _entries(self._home))]) + 1

    def _last(self) -> int:
        """Return the largest number that a run was started under."""
        try:
            return int((self._home / _LAST).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _provenance(self, frozen: FrozenSet, *, preset: str) -> dict[str, Any]:
        card = frozen.card
        said = {
            "studio": __version__,
            "project": self._store.meta.title or self._store.path.stem,
            "set": {
                "name": frozen.name,
                "hash": frozen.content_hash,
                "reviewer": frozen.reviewer,
                "time": frozen.time,
                "pairs": card.pairs,
                "questions": card.questions,
                "documents": card.documents,
                "gold": card.gold,
                "blind": card.blind,
                "parts": dict(card.parts),
                "rules": dict(card.rules),
            },
            "judges": dict(card.judges),
            "prompt_packs": sorted({pack for pack in self._packs() if any(pack in name for name in card.judges)}),
            "agreement": dict(card.agreement),
            "licences": dict(card.licences),
            "models": dict(card.models),
            "preset": preset,
        }
        return {name: value for name, value in said.items() if value}

    def _packs(self) -> Iterator[str]:
        return (run.identity.prompt_pack for run in self._store.judging.runs() if run.identity.prompt_pack)


def _name(wanted: str, recipe: str, number: int) -> str:
    return wanted.strip() or f"{recipe} {number}"


def is_draft(path: Path, *, of_the_living: bool | None = None) -> bool:
    """Tell whether a folder holds a draft; of one whose process is known to live, or known to be dead, where asked."""
    try:
        folder = RunFolder.open(path)
        holder = folder.spec().provenance.get(DRAFT)
    except (Refused, OSError):
        return False
    if holder is None or folder.claims():
        return False
    return of_the_living is None or Identity.read(holder).alive() is of_the_living


def run_folders(home: Path) -> tuple[RunFolder, ...]:
    """List the runs of a project by number, drafts apart."""
    found = [RunFolder(path) for path in _entries(home) if not path.name.startswith(".") and _is_run(path)]
    return tuple(sorted(found, key=lambda it: (number_of(it.path.name), it.path.name)))


def _is_run(path: Path) -> bool:
    return (path / wire.SPEC).is_file() and not is_draft(path)


def _entries(home: Path) -> list[Path]:
    try:
        return sorted(home.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _no_rows(left_out: list[str], set_name: str) -> Refused:
    sentence = "the set has no pair to train on; freeze one with a share for train"
    if left_out:
        sentence = (
            "no pair of the set has evidence, and LongPO needs the passages that the answers rest on; judge the "
            "candidates, or choose another recipe"
        )
    return Refused(sentence, where=f"set {set_name}")
