"""The job that a run on a host is: started once for each attempt, however often the link breaks at it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from lrstudio.domain.errors import StudioError
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import mirror
from lrstudio.training.hosts.launcher import Job, Launcher
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.hosts.transport import Transport, Unreachable

JOB: Final = "job.json"
"""In the run folder on the host: the job that was started last, for whoever asks from elsewhere."""


def intend(run: Path, *, take_over: bool = False) -> Away:
    """Write down that the next attempt of a run is to be started, and return where; `start` starts it.

    Args:
        run: the mirror.
        take_over: a person's word that the supervisor before is gone.
    """
    away = mirror.away_of(run)
    if not is_intended(away):
        starts = max(away.starts, len(RunFolder(run).claims())) + 1
        away = replace(away, starts=starts, handle="", before=away.handle)
    away = replace(away, take_over=take_over)
    mirror.write_away(run, away)
    return away


def is_intended(away: Away) -> bool:
    """Tell whether a run is to be started, and it is not known whether it was."""
    return away.starts > 0 and not away.handle


def start(transport: Transport, launcher: Launcher, run: Path) -> Away:
    """Start the supervisor of the attempt that is intended, and return the job that it is.

    A link that breaks behind the start leaves it intended; a start under the same key starts nothing a second time.
    What the host or its scheduler refuses is not intended any more: it would start by itself when nobody wants it now.

    Raises:
        Unreachable: the link is lost; it may have been started.
        Environment: the host or its scheduler refuses.
    """
    away = mirror.away_of(run)
    words = (*away.python, "-m", "lrstudio.training.supervisor", away.folder)
    words += ("--take-over",) if away.take_over else ()
    environment = {"PYTHONPATH": away.path} if away.path else {}
    try:
        handle = launcher.start(Job(f"{run.name}-{away.starts}", away.folder, words, environment, wire.SUPERVISOR_LOG))
    except Unreachable:
        raise
    except StudioError:
        mirror.write_away(run, replace(away, starts=away.starts - 1, handle=away.before, before="", take_over=False))
        raise
    data = wire.to_json({"handle": handle, "starts": away.starts}).encode("ascii")
    transport.write(f"{away.folder}/{JOB}", data)
    away = replace(away, handle=handle, before="", take_over=False)
    mirror.write_away(run, away)
    return away
