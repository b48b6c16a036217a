"""Runs of a project: drafted from a frozen set, looked over, started, watched, stopped, gone on with, compared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.pairs import Pairs
from lrstudio.services.sets import Sets
from lrstudio.services.training_answered import TrainingAnswered
from lrstudio.services.training_drafts import LEFT_OUT, Drafts, is_draft, run_folders
from lrstudio.services.training_estimates import estimated
from lrstudio.services.training_places import here
from lrstudio.services.training_preflight import Cancelled, Progress, run_preflight
from lrstudio.services.training_words import said_unaccepted, settings_of
from lrstudio.store.store import Store
from lrstudio.training import local
from lrstudio.training import preflight as preflights
from lrstudio.training.hosts.mirror import is_mirror
from lrstudio.training.listing import row_of, write_notes
from lrstudio.training.preflight import Preflight
from lrstudio.training.runs import Difference, Estimate, RunDetail, RunRow, TrainWish
from lrstudio.training.status import Life, status_of
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Request

if TYPE_CHECKING:
    from lrstudio.services.judging import Judging
    from lrstudio.services.training_hosts import HostDoor

WORKER: Final = ("-m", "lrstudio.worker")


class Training(TrainingAnswered):
    """The runs of one project. Safe from any thread; what takes long says so."""

    def __init__(
        self,
        store: Store,
        *,
        pairs: Pairs,
        sets: Sets,
        judging: Judging,
        hosts: Callable[[], HostDoor] | None = None,
        worker: tuple[str, ...] = WORKER,
    ) -> None:
        super().__init__(store, sets=sets, judging=judging, hosts=hosts)
        self._pairs = pairs
        self._worker = worker

    @cached_property
    def _drafts(self) -> Drafts:
        return Drafts(self._store, sets=self._sets, home=self.home, worker=self._worker)

    def stale(self, set_name: str) -> tuple[str, ...]:
        """Return the pairs of a set that are stale in the project by now, or gone from it.

        A set stays as it was frozen; a person who trains on it should know. Takes as long as finding out which pairs
        are stale.

        Raises:
            Refused: there is no set of this name.
        """
        self._sets.get(set_name)
        if self._store.pairs.suspects(most=1):
            self._pairs.settle()
        ids = [pair.pair_id for pair in self._sets.pairs(set_name)]
        known = self._store.pairs.known(ids)
        return tuple(name for name in ids if name not in known or known[name].stale is not None)

    def draft(
        self,
        wish: TrainWish,
        *,
        progress: Progress = lambda _line: None,
        cancelled: Cancelled = lambda: False,
    ) -> str:
        """Make the run folder of a wish and return the run's id. It is no run yet: see `start` and `discard`.

        Writes the texts of the whole set; for a run on a host, the host is made able to train first. A draft whose
        process dies is thrown away later.

        Raises:
            Refused: the wish cannot be fulfilled; names the field.
            Environment: the folder cannot be written.
        """
        if wish.host:
            site = self.away.site(wish, progress=progress, cancelled=cancelled)
        else:
            site = here(wish, self.home, threads=_threads())
        return self._drafts.make(wish, site).path.name

    def preflight(
        self,
        run_id: str,
        *,
        progress: Progress = lambda _line: None,
        cancelled: Cancelled = lambda: False,
    ) -> Preflight:
        """Look a draft over in the Python that trains, and return what was found. Takes minutes with a large model.

        Args:
            run_id: the draft.
            progress: told what it does, a line at a time.
            cancelled: asked several times a second; where it says yes the process is ended.

        Raises:
            PreflightCancelled: `cancelled` said yes; the draft is still there.
            Refused: it cannot even be looked over: no torch there, no model folder, a row that is none.
            Environment: the process broke down.
        """
        folder = self._folder(run_id)
        spec = self._drafts.drafted(folder)
        if is_mirror(folder.path):
            return self.away.preflight(folder, spec, progress=progress, cancelled=cancelled)
        return run_preflight(folder, spec, progress=progress, cancelled=cancelled)

    def unaccepted(self, run_id: str) -> dict[str, int]:
        """Return what a person must still accept, by option: the rows cut, and those dropped or left out of the set.

        Raises:
            Refused: there is no preflight of this draft.
        """
        folder = self._folder(run_id)
        spec = folder.spec()
        found = preflights.read(folder.path)
        if found is None:
            raise Refused("this run has not been looked over; run preflight first", where=run_id)
        left_out = len(spec.provenance.get(LEFT_OUT, ()))
        needed = {"accept_cut": len(found.cut), "accept_dropped": len(found.dropped) + left_out}
        return {name: count for name, count in needed.items() if count > int(spec.options.get(name, 0))}

    def accept(self, run_id: str, numbers: Mapping[str, int], *, name: str | None = None) -> None:
        """Write down what a person accepts of a draft, as `unaccepted` gives it, and a `name`; "" is by its number.

        Raises:
            Refused: it is no draft.
        """
        self._drafts.accept(self._folder(run_id), numbers, name=name)

    def discard(self, run_id: str) -> None:
        """Throw a draft away.

        Raises:
            Refused: it is no draft.
        """
        folder = self._folder(run_id)
        self._drafts.drafted(folder)
        if is_mirror(folder.path):
            self.away.discard(folder)
        self._drafts.discard(folder)

    def start(self, run_id: str) -> None:
        """Start a draft that was looked over; it goes on without this process.

        Raises:
            Refused: preflight found something that is to be mended, or there are rows to accept.
            Environment: its supervisor does not come up.
        """
        folder = self._folder(run_id)
        needed = self.unaccepted(run_id)
        found = preflights.read(folder.path)
        if found is not None and not found.ok:
            raise Refused("; ".join(found.problems))
        if needed:
            raise Refused(said_unaccepted(needed), where=", ".join(needed))
        if is_mirror(folder.path):
            self.away.settle(folder, self._drafts.settled(folder))
        self._drafts.settle(folder)
        if is_mirror(folder.path):
            self.away.start(folder)
        else:
            local.start(folder)

    def launch(
        self,
        wish: TrainWish,
        *,
        accept: Mapping[str, int] | None = None,
        progress: Progress = lambda _line: None,
        cancelled: Cancelled = lambda: False,
    ) -> str:
        """Draft, look over and start in one go, and return the run's id. What does not start leaves nothing.

        Args:
            wish: what is to be done.
            accept: how many rows may be cut or dropped, by option (accept_cut, accept_dropped).
            progress: as in `preflight`.
            cancelled: as in `preflight`.

        Raises:
            PreflightCancelled, Refused, Environment: as `draft`, `preflight` and `start`.
        """
        run_id = self.draft(wish, progress=progress, cancelled=cancelled)
        try:
            self.accept(run_id, accept or {})
            self.preflight(run_id, progress=progress, cancelled=cancelled)
            self.start(run_id)
        except BaseException:
            if is_draft(self.home / run_id):
                self.discard(run_id)
            raise
        return run_id

    def runs(self) -> tuple[RunRow, ...]:
        """List the runs, the first one first; drafts are none. One that cannot be read is left out."""
        found = []
        for folder in run_folders(self.home):
            try:
                found.append(row_of(folder))
            except Refused:
                continue
        return tuple(found)

    def find(self, word: str) -> str:
        """Return the id of the run that a word names: its id or the beginning of it, its number or its name.

        Raises:
            Refused: there is none, or there are several.
        """
        rows = self.runs()
        for fits in (
            lambda row: word == row.run_id,
            lambda row: word == str(row.number),
            lambda row: word == row.name,
            lambda row: row.run_id.startswith(word),
        ):
            found = [row.run_id for row in rows if fits(row)]
            if len(found) > 1:
                raise Refused(f"{word!r} names several runs: {', '.join(found)}", where="run")
            if found:
                return found[0]
        raise Refused(f"there is no run {word!r} in this project; `runs list` names them", where="run")

    def run(self, run_id: str) -> RunDetail:
        """Return one run, or a draft.

        Raises:
            Refused: there is none of this id.
        """
        folder = self._folder(run_id)
        spec = folder.spec()
        left_out = tuple(spec.provenance.get(LEFT_OUT, ()))
        return RunDetail(row_of(folder), spec, preflights.read(folder.path), folder.path, left_out)

    def watch(self, run_id: str) -> RunWatch:
        """Follow a run from its first event on.

        Raises:
            Refused: there is none of this id.
        """
        return RunWatch(self._folder(run_id))

    def estimate(self, run_id: str) -> Estimate:
        """Return what a run that was looked over will take, corrected by what earlier runs of this device took."""
        return estimated(self._folder(run_id), self.home)

    def stop(self, run_id: str, *, save: bool = True) -> None:
        """Ask a run to stop: after saving, or at once. Returns before it has; one that waits in a queue just goes.

        Raises:
            Refused: it does not run.
        """
        folder = self._folder(run_id)
        status = status_of(folder)
        if status.life is Life.DEAD:
            raise Refused(f"this run does not go on: {status.why or 'it is over'}", where=run_id)
        if is_mirror(folder.path):
            self.away.stop(folder, save=save)
            return
        folder.ask(Request.STOP, save=save)

    def resume(self, run_id: str, *, take_over: bool = False) -> None:
        """Go on behind the last checkpoint.

        Args:
            run_id: the run.
            take_over: a person's word that the machine that had it is gone.

        Raises:
            Refused: it goes on, may go on elsewhere, or has finished.
            Environment: its supervisor does not come up.
        """
        folder = self._folder(run_id)
        if is_draft(folder.path):
            raise Refused("this run is a draft; start it", where=run_id)
        if is_mirror(folder.path):
            self.away.resume(folder, take_over=take_over)
            return
        local.start(folder, take_over=take_over)

    def note(self, run_id: str, text: str) -> None:
        """Replace the notes on a run."""
        write_notes(self._folder(run_id).path, text)

    def remove(self, run_id: str, *, forget: bool = False) -> None:
        """Remove a run with everything in its folder, and from its host.

        Args:
            run_id: the run.
            forget: leave what is on its host as it is, whatever goes on there.

        Raises:
            Refused: it goes on, or may go on elsewhere.
            Environment: the folder cannot be removed, or its host cannot be asked.
        """
        folder = self._folder(run_id)
        if is_mirror(folder.path):
            self.away.remove(folder, forget=forget)
        elif status_of(folder).life is not Life.DEAD:
            raise Refused("this run goes on, or may; stop it first", where=run_id)
        gone = folder.path.with_name(f".{run_id}-{os.urandom(3).hex()}")
        try:
            os.rename(folder.path, gone)
        except OSError as error:
            raise Environment(f"the run cannot be removed: {error.strerror or error}", where=run_id) from error
        shutil.rmtree(gone, ignore_errors=True)

    def compare(self, run_ids: Sequence[str]) -> tuple[Difference, ...]:
        """Return in what the settings of runs differ: set, model, recipe and options."""
        settings = [settings_of(self._folder(run_id).spec()) for run_id in run_ids]
        names = dict.fromkeys(name for one in settings for name in one)
        rows = (Difference(name, tuple(one.get(name, "") for one in settings)) for name in names)
        return tuple(row for row in rows if len(set(row.values)) > 1)


def _threads() -> int:
    """Return how many threads a run computes with: what OMP_NUM_THREADS says, as for torch, else one per processor."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said):
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
