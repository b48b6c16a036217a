"""Runs of a project on hosts: laid out there, started, kept in touch with, fetched, and found again from elsewhere."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.services.training_attached import attached, learn
from lrstudio.services.training_patience import Lines, Patience
from lrstudio.services.training_places import Site
from lrstudio.services.training_preflight import LOG, Cancelled, PreflightCancelled, Progress
from lrstudio.store.meta import PROJECT_ID
from lrstudio.store.remote_runs import RemoteRun as Named
from lrstudio.store.store import Store
from lrstudio.training import preflight as preflights
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import begin, job, mirror
from lrstudio.training.hosts.asking import ask_far
from lrstudio.training.hosts.bootstrap import PrepareCancelled, Prepared, Step
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launcher import Job, Launcher, Turn
from lrstudio.training.hosts.launchers import launcher_for
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.hosts.remote_run import RemoteRun
from lrstudio.training.hosts.results import fetch_result
from lrstudio.training.hosts.transport import Command, Transport, Unreachable
from lrstudio.training.preflight import Preflight
from lrstudio.training.runs import TrainWish
from lrstudio.training.status import Life, status_of
from lrstudio.training.wire import Request, Spec

_TICK = 0.25
_QUEUE_TICK = 2.0  # the programs of a scheduler are everybody's
_MODELS = "models"


class HostDoor(Protocol):
    """The hosts of a person, as runs need them."""

    def get(self, name: str) -> Host:
        """Return a host; Refused where there is none of this name."""

    def transport(self, name: str) -> Transport:
        """Return the way to a host; what it raises is its own."""

    def prepare(self, name: str, *, progress: Callable[[Step], None], cancelled: Cancelled) -> Prepared:
        """Make a host able to train, at once where it is."""

    def prepared(self, name: str) -> Prepared | None:
        """Return what is ready on a host, None where it must be prepared first."""


class TrainingHosts:
    """The runs of one project on hosts. Safe from any thread; what asks a host takes as long as the link.

    A link that is lost ends nothing. What was asked for and did not come through, a start or a stop, comes through when
    the host answers again, as long as somebody keeps in touch (`sync`, `lrstudio.services.training_touch`).
    """

    def __init__(self, store: Store, *, home: Path, hosts: HostDoor) -> None:
        self._store = store
        self._home = home
        self._hosts = hosts
        self._project = store.meta.get(PROJECT_ID) or "project"
        self._runs: dict[str, RemoteRun] = {}
        self._guard = threading.Lock()

    def reach(self, name: str) -> tuple[Transport, Launcher]:
        """Return the way to a host, and what starts jobs there.

        Raises:
            Refused: there is no such host here.
            Unreachable, Environment: as the transport.
        """
        host = self._hosts.get(name)
        transport = self._hosts.transport(name)
        return transport, launcher_for(host, transport)

    def _reach_run(self, run: Path) -> tuple[Transport, Launcher]:
        """Reach the host of a run; of one that came with the project, find out what to start there.

        Raises:
            Refused: there is no such host here, it is not prepared, or the run does not lie in the studio's folder.
            Unreachable, Environment: as the transport.
        """
        away = mirror.away_of(run)
        way = self.reach(away.host.name)
        if not away.python:
            learn(run, self._hosts.prepared(away.host.name))
        return way

    def site(self, wish: TrainWish, *, progress: Progress, cancelled: Cancelled) -> Site:
        """Make a host able to train, and return what a spec says of it; its folder is that of the project's runs.

        Raises:
            Refused: there is no such host, or what is asked for cannot be there.
            Unreachable, Environment: as the transport.
        """
        host = self._hosts.get(wish.host)
        if wish.python is not None:
            raise Refused("a host has a Python of its own; set it in the form of the host", where="python")
        try:
            made = self._hosts.prepare(host.name, progress=lambda step: progress(step.said), cancelled=cancelled)
        except PrepareCancelled as error:
            raise PreflightCancelled from error
        here = wish.model.expanduser().absolute()
        away = Away(
            host=host,
            folder=f"{made.folder}/runs/{self._project}",
            home=made.folder,
            python=made.python,
            path=made.package,
            model=str(here) if here.is_dir() else "",
        )
        environment = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
        queue = f"{made.folder}/queue" if wish.queue and host.scheduler is Scheduler.NONE else ""
        model = begin.place_of_folder(away, here, under=_MODELS) if away.model else _there(wish.model)
        return Site(made.python, environment | made.variables, queue, model, 0, away)

    def preflight(self, folder: RunFolder, spec: Spec, *, progress: Progress, cancelled: Cancelled) -> Preflight:
        """Lay a draft out on its host and look it over there, as a job that a lost link does not end.

        Raises:
            PreflightCancelled: `cancelled` said yes.
            Refused: something is wrong that a person can mend, in the worker's words.
            Environment: it broke down, or the host cannot be asked for a long time.
        """
        away = mirror.away_of(folder.path)
        transport, launcher = self.reach(away.host.name)
        patient = Patience(progress, cancelled)
        patient.until(lambda: self._send(transport, folder, away, patient))
        look = Job(
            key=f"{folder.path.name}-preflight-{os.urandom(3).hex()}",
            folder=away.folder,
            words=(*spec.command, away.folder, "--preflight"),
            environment=dict(spec.environment),
            log=f"{os.urandom(3).hex()}-{LOG}",
        )
        earlier = Command(("rm", "-f", "--", f"{away.folder}/{preflights.PREFLIGHT}"))
        patient.until(lambda: transport.run(earlier))
        handle = patient.until(lambda: launcher.start(look))
        try:
            found = self._looked_over(transport, launcher, handle, f"{away.folder}/{look.log}", away, patient)
        except PreflightCancelled:
            with suppress(Environment):
                launcher.end(handle, at_once=True)
            raise
        preflights.write(folder.path, found)
        return found

    def _send(self, transport: Transport, folder: RunFolder, away: Away, patient: Patience) -> None:
        if away.model:
            patient.said(f"sends the model to {away.host.name}")
            begin.send_folder(transport, away, Path(away.model), under=_MODELS, progress=patient.sent)
        patient.said(f"sends the rows to {away.host.name}")
        begin.send_run(transport, folder.path, progress=patient.sent)

    def _looked_over(
        self, transport: Transport, launcher: Launcher, handle: str, log: str, away: Away, patient: Patience
    ) -> Preflight:
        lines, told = Lines(), ""
        path = f"{away.folder}/{preflights.PREFLIGHT}"
        while True:
            standing = patient.until(lambda: launcher.standing(handle))
            piece = patient.until(lambda: transport.read(log, start=lines.at))
            for line in lines.feed(piece.data if piece else b""):
                if line.startswith(preflights.TOLD):
                    patient.said(line.removeprefix(preflights.TOLD))
            if standing.turn is Turn.WAITS and standing.word != told:
                told = standing.word
                patient.said(f"waits for its turn on {away.host.name} {standing.why or standing.word}".strip())
            if standing.turn in (Turn.OVER, Turn.NEVER):
                break
            patient.rest(_TICK if away.host.scheduler is Scheduler.NONE else _QUEUE_TICK)
        said = patient.until(lambda: transport.read(path, most=1 << 24))
        if said is None:
            raise lines.trouble(f"{away.host.name}:{log}")
        return preflights.preflight_of(said.data.decode("utf-8"), where=path)

    def settle(self, folder: RunFolder, spec: Spec) -> None:
        """Tell the host what a draft is to do for good.

        Raises:
            Unreachable, Environment: as the transport; it is a draft still.
        """
        away = mirror.away_of(folder.path)
        transport, _ = self.reach(away.host.name)
        transport.write(f"{away.folder}/{wire.SPEC}", wire.to_json(spec).encode("ascii") + b"\n")

    def start(self, folder: RunFolder) -> None:
        """Start a run that was settled. A link that is lost now delays it: it is started when the host answers again.

        Raises:
            Environment: the host refuses, or its supervisor does not come up.
        """
        self._start(folder, *self.reach(mirror.away_of(folder.path).host.name))

    def resume(self, folder: RunFolder, *, take_over: bool = False) -> None:
        """Go on behind the last checkpoint, on the host.

        Raises:
            Refused: it goes on, may go on, or has finished.
            Unreachable, Environment: the host cannot be asked, or its supervisor does not come up.
        """
        transport, launcher = self._reach_run(folder.path)
        self._run(folder.path).look(transport, launcher)
        if not take_over:
            begin.refuse_unless_resumable(folder.path)
        self._start(folder, transport, launcher, take_over=take_over)

    def _start(self, folder: RunFolder, transport: Transport, launcher: Launcher, *, take_over: bool = False) -> None:
        before = len(folder.claims())
        self._name(folder, job.intend(folder.path, take_over=take_over))
        with suppress(Unreachable):  # it is started when the host answers again
            begin.until_claimed(self._run(folder.path), transport, launcher, before=before)
        self._name(folder, mirror.away_of(folder.path))

    def _name(self, folder: RunFolder, away: Away) -> None:
        """Write into the project where the run is, so that it is found from any computer."""
        row = wire.to_json(replace(away, mirror="", model="").row())
        self._store.remote_runs.put(Named(folder.path.name, wire.now(), row, wire.to_json(folder.spec())))

    def stop(self, folder: RunFolder, *, save: bool) -> None:
        """Ask a run to stop, unless it has ended. Where the host cannot be asked now, it is when it answers again."""
        self.sync([folder.path.name])  # another computer may have gone on with it
        if status_of(folder).ended is not None:
            return
        asked = mirror.asked_of(folder.path)
        waits = asked is not None and asked.turn == mirror.WAITS
        # What waits for its turn is the attempt behind the last one, should it begin before it is taken out.
        folder.ask(Request.STOP, save=save, attempt=len(folder.claims()) + (1 if waits else 0))
        with suppress(StudioError):  # it is asked when the host answers again
            transport, launcher = self._reach_run(folder.path)
            self._run(folder.path).look(transport, launcher)
            self._withdraw(folder, transport, launcher)

    def _withdraw(self, folder: RunFolder, transport: Transport, launcher: Launcher) -> None:
        """Take a job that still waits for its turn out of the scheduler's queue."""
        asked, away = mirror.asked_of(folder.path), mirror.away_of(folder.path)
        if asked is None or asked.turn != mirror.WAITS or not away.handle:
            return
        launcher.end(away.handle)
        if launcher.standing(away.handle).turn not in (Turn.OVER, Turn.NEVER):
            return
        run = self._run(folder.path)
        run.doubt()
        run.look(transport, launcher)  # its turn may have come, and gone, meanwhile
        if len(folder.claims()) > asked.attempts:
            return
        why = "taken out of the queue before its turn came"
        run.answer(transport, why=why)
        if not folder.claims():
            mirror.write_asked(folder.path, replace(asked, life="dead", turn=mirror.WITHDRAWN, why=why))

    def sync(self, run_ids: Iterable[str]) -> tuple[str, ...]:
        """Bring mirrors up to date, and return the runs of which something is known that was not.

        A host that cannot be asked is so written down, see `Status.why`; nothing is raised for it.
        """
        changed, down = [], dict[str, StudioError]()
        for run_id in run_ids:
            path = self._home / run_id
            try:
                if self._asked_about(path, down):
                    changed.append(run_id)
            except (FileNotFoundError, Refused):
                if mirror.is_mirror(path):  # else it was removed meanwhile
                    raise
        return tuple(changed)

    def _asked_about(self, path: Path, down: dict[str, StudioError]) -> bool:
        run, name = self._run(path), mirror.away_of(path).host.name
        before, changed = mirror.asked_of(path), False
        try:
            changed = self._looked(run, name, down)
        except StudioError as error:
            run.lost(error)
        return changed or _life(mirror.asked_of(path)) != _life(before)

    def _looked(self, run: RemoteRun, name: str, down: dict[str, StudioError]) -> bool:
        """Look at a run unless its host is known to be away by now."""
        if name in down:
            raise down[name]
        try:
            self._hosts.get(name)
        except Refused as error:
            raise Unreachable(f"there is no host {name!r} on this computer; add it") from error
        try:
            return run.look(*self._reach_run(run.run))
        except (Unreachable, Refused) as error:
            down[name] = error
            raise

    def fetch(self, folder: RunFolder, *, progress: Callable[[int, int], None], cancelled: Cancelled) -> Path:
        """Fetch what a run has come to, but for a merged model, and return its folder here.

        Raises:
            PreflightCancelled: `cancelled` said yes; what has come is gone on from.
            Refused: it has come to nothing yet.
            Unreachable, Environment: as the transport; what came is not what was sent.
        """

        def sent(done: int, of: int) -> None:
            if cancelled():
                raise PreflightCancelled
            progress(done, of)

        transport, _ = self._reach_run(folder.path)
        return fetch_result(transport, mirror.away_of(folder.path), folder.path, progress=sent)

    def discard(self, folder: RunFolder) -> None:
        """Take a draft away from its host, where it can be asked; else it stays there."""
        away = mirror.away_of(folder.path)
        with suppress(StudioError):
            ask_far(self._hosts.transport(away.host.name), away, "discard", away.folder)

    def remove(self, folder: RunFolder, *, forget: bool = False) -> None:
        """Remove a run from its host, and from the project; the mirror is the caller's.

        Args:
            folder: the mirror.
            forget: leave what is on the host as it is: a person's word that nobody needs to ask it.

        Raises:
            Refused: it goes on, or may.
            Unreachable, Environment: the host cannot be asked.
        """
        if not forget:
            transport, launcher = self._reach_run(folder.path)
            away = mirror.away_of(folder.path)
            self._run(folder.path).look(transport, launcher)
            if status_of(folder).life is not Life.DEAD:
                raise Refused("this run goes on, or may; stop it first", where=folder.path.name)
            said = ask_far(transport, away, "discard", away.folder)
            if not said["gone"]:
                raise Refused(f"this run cannot be removed: {said['why']}", where=folder.path.name)
        self._store.remote_runs.remove(folder.path.name)
        with self._guard:
            self._runs.pop(folder.path.name, None)

    def attach(self) -> tuple[str, ...]:
        """Make mirrors of the runs on hosts that the project names and this computer has not, and return them.

        Raises:
            Refused: the project calls a run by a path.
            Environment: the folder of the runs cannot be written.
        """
        return attached(self._store, home=self._home)

    def _run(self, path: Path) -> RemoteRun:
        with self._guard:
            return self._runs.setdefault(path.name, RemoteRun(path))


def _there(model: Path) -> str:
    text = model.as_posix()
    if not text.startswith("/"):
        raise Refused(
            "there is no model folder here; name one as transformers saves it, or the whole path of one on the host",
            where=text,
        )
    return text


def _life(asked: mirror.Asked | None) -> tuple[Any, ...]:
    return () if asked is None else (asked.life, asked.turn, asked.why, bool(asked.down))
