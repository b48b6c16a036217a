"""The processes of a run, found by their command lines alone: what a folder says may be what is wrong."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.identity import start_of

_TRAINER = b"lrstudio.worker"


def belonging(run: RunFolder, *, to: bytes = b"") -> list[int]:
    """Return the live processes that were started on a run folder, all or those of one module."""
    found = []
    folder = str(run.path).encode()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
                if folder in words and (not to or to in words) and start_of(int(name)):
                    found.append(int(name))
    return found


def kill_all(run: RunFolder) -> None:
    """Kill -9 all processes of a run, those, too, that one of them was just starting."""
    while pids := belonging(run):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


class OneTrainer:
    """Looks again and again whether a run has more than one trainer, or one without the lock."""

    def __init__(self, run: RunFolder) -> None:
        self.complaints: list[str] = []
        self._run = run
        self._lock = str(run.path / wire.TRAINER_LOCK)

    def look(self) -> None:
        """Look once."""
        pids = belonging(self._run, to=_TRAINER)
        if len(pids) > 1 and not self.complaints:
            self.complaints.append(f"{len(pids)} trainers at a time")
        for pid in pids:
            if not self._holds(pid) and pid in belonging(self._run, to=_TRAINER) and not self.complaints:
                self.complaints.append("a trainer runs without the lock")

    def _holds(self, pid: int) -> bool:
        links = Path(f"/proc/{pid}/fd")
        try:
            return any(os.readlink(link) == self._lock for link in links.iterdir())
        except OSError:
            return True  # it has just ended
