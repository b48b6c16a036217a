"""Beginning a run on a host: its folder laid out there, its job started once, and what is said until it is claimed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import blobs, mirror
from lrstudio.training.hosts.asking import ask_far
from lrstudio.training.hosts.launcher import Launcher, Turn
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.hosts.remote_run import RemoteRun
from lrstudio.training.hosts.transport import Progress, Transport
from lrstudio.training.status import status_of

CLAIM_SECONDS: Final = 60.0
"""How long a supervisor on a host may take to come up."""
_TICK = 0.25
_EMPTY = (wire.SPOOL, wire.CONTROL, wire.CLAIMS, wire.CHECKPOINTS)


def place_of_folder(away: Away, path: Path, *, under: str) -> str:
    """Return where a folder is on a host once it was sent: its place is its content.

    Raises:
        Refused: a file of it cannot be read.
    """
    return _place(away, _digests(path), under=under)


def send_folder(transport: Transport, away: Away, path: Path, *, under: str, progress: Progress | None = None) -> str:
    """Send a folder by the contents of its files, and return where it is on the host.

    Raises:
        Refused: a file of it cannot be read.
        Unreachable, Environment: as the transport; what has arrived is gone on from.
    """
    files = _digests(path)
    target = _place(away, files, under=under)
    if transport.entries(target) is None:
        for name in files:
            blobs.put(transport, path / name, folder=away.home, progress=progress)
        lay(transport, away, {"folder": target, "files": files})
    return target


def _digests(path: Path) -> dict[str, str]:
    names = sorted(it.relative_to(path).as_posix() for it in path.rglob("*") if it.is_file())
    return {name: blobs.local_sha256(path / name) for name in names}


def _place(away: Away, files: Mapping[str, str], *, under: str) -> str:
    digest = hashlib.sha256("\n".join(f"{name} {files[name]}" for name in sorted(files)).encode()).hexdigest()
    return f"{away.home}/{under}/{digest[:32]}"


def lay(transport: Transport, away: Away, wanted: Mapping[str, Any]) -> None:
    """Lay out a folder on a host from blobs that are there, whole or not at all.

    Raises:
        Unreachable, Environment: as `ask_far`.
    """
    ask_far(transport, away, "lay", given={"blobs": f"{away.home}/{blobs.FOLDER}", **wanted}, seconds=600.0)


def send_run(transport: Transport, run: Path, *, progress: Progress | None = None) -> None:
    """Lay a run's folder out on its host; one that is there gets the spec as it now is.

    Raises:
        Unreachable, Environment: as the transport.
    """
    away = mirror.away_of(run)
    pairs = blobs.put(transport, run / wire.PAIRS, folder=away.home, progress=progress).rpartition("/")[2]
    spec = wire.to_json(RunFolder(run).spec())
    wanted = {"files": {wire.PAIRS: pairs}, "texts": {wire.SPEC: spec}, "empty": _EMPTY}
    lay(transport, away, {"folder": away.folder, **wanted})
    transport.write(f"{away.folder}/{wire.SPEC}", spec.encode("ascii") + b"\n")


def until_claimed(
    remote: RemoteRun, transport: Transport, launcher: Launcher, *, before: int, seconds: float = CLAIM_SECONDS
) -> None:
    """Wait until a supervisor has the run, or it waits for its turn.

    Raises:
        Unreachable: the link is lost; the run goes on, or does not.
        Environment: its supervisor does not come up; the sentence has its last words.
    """
    folder, until = RunFolder(remote.run), time.monotonic() + seconds
    while True:
        remote.look(transport, launcher)
        if len(folder.claims()) > before:
            return
        handle = mirror.away_of(remote.run).handle
        said = launcher.standing(handle) if handle else None
        if said is not None and said.turn is Turn.WAITS:
            return
        if said is not None and said.turn in (Turn.OVER, Turn.NEVER):
            remote.look(transport, launcher)
            if len(folder.claims()) > before:
                return
            raise Environment(f"the run's supervisor did not start: {_last_words(remote.run)}", where=remote.run.name)
        if time.monotonic() > until:
            raise Environment(f"the run's supervisor said nothing for {seconds:.0f} s", where=remote.run.name)
        time.sleep(_TICK)


def refuse_unless_resumable(run: Path) -> None:
    """Refuse to start another attempt of a run on a host where one goes on, may go on, or has finished.

    Raises:
        Refused: says which.
    """
    status = status_of(RunFolder(run))
    if status.running:
        may = "" if status.life.value == "alive" else f", or may: {status.why}"
        raise Refused(f"this run is going on{may}", where=run.name)
    if not status.can_resume:
        raise Refused("this run has finished; begin a new one", where=run.name)


def _last_words(run: Path) -> str:
    try:
        text = (run / wire.SUPERVISOR_LOG).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "it said nothing"
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
