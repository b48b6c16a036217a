"""Runs of the toy trainer for a scheduler: a run folder on a host that is a folder of this machine, and its job."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts.launcher import Job, Launcher, Standing, Turn
from lrstudio.training.hosts.transport import Unreachable
from lrstudio.training.wire import Spec
from tests.doubles.toy_runs import until

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy_trainer.py")
SECONDS = 120.0
"""How long a scheduler may take on a machine that is busy with other tests."""
HOSTILE = """it's "a" $(touch pwned) `touch pwned` ;touch pwned #&|*\\"""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run, its job, and who starts it."""

    run: RunFolder
    job: Job
    launcher: Launcher

    def start(self) -> str:
        """Start it, asking again while the scheduler itself is starting."""
        handle: str = until(self._started, seconds=SECONDS)
        return handle

    def _started(self) -> str:
        try:
            return self.launcher.start(self.job)
        except Unreachable as error:
            if "starting" in error.sentence:
                return ""
            raise

    def until(self, handle: str, turn: Turn) -> Standing:
        """Ask until the job has its turn, or is over."""
        found: Standing = until(lambda: (said := self.launcher.standing(handle)).turn is turn and said, seconds=SECONDS)
        return found

    def at_step(self, step: int) -> None:
        """Wait until a step is done."""
        until(lambda: self._step() >= step, seconds=SECONDS)

    def _step(self) -> int:
        path = self.run.path / wire.EVENTS
        return path.read_text().count('"metric"') if path.exists() else 0


def queued_run(folder: Path, launcher: Launcher, *, key: str = "001-toy-1", **options: Any) -> QueuedRun:
    """Make a run folder there, and the job of its first attempt."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    spec = Spec(
        run_id=folder.name,
        recipe="toy",
        model="none",
        command=(sys.executable, str(TOY)),
        options={"steps": 12, **options},
        environment={"PYTHONPATH": str(ROOT)},
        save_seconds=20.0,
        end_seconds=2.0,
    )
    run = RunFolder.create(folder, spec, pairs=['{"row": 1}'])
    words = (sys.executable, "-m", "lrstudio.training.supervisor", str(folder))
    environment = {"PYTHONPATH": str(ROOT), "HOSTILE": HOSTILE}
    return QueuedRun(run, Job(key, str(folder), words, environment, wire.SUPERVISOR_LOG), launcher)
