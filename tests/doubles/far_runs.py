"""Runs of the toy trainer on a host that is a folder of this machine."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Environment
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import begin, job, mirror
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.launch_detached import DetachedLauncher
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.hosts.remote_run import RemoteRun
from lrstudio.training.status import Status, status_of
from lrstudio.training.wire import Spec
from tests.doubles.folder_host import FolderHost
from tests.doubles.toy_runs import until

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy_trainer.py")


@dataclass(slots=True)
class FarRun:
    """A run: its mirror here, its folder there, and one computer's way to it."""

    host: FolderHost
    here: RunFolder
    there: RunFolder
    remote: RemoteRun
    launcher: DetachedLauncher

    def begin(self) -> None:
        """Lay it out and start it."""
        begin.send_run(self.host, self.here.path)
        self.start()

    def start(self) -> None:
        before = len(self.here.claims())
        job.intend(self.here.path)
        begin.until_claimed(self.remote, self.host, self.launcher, before=before)

    def look(self) -> Status:
        """Ask once, whether it can be asked or not, and say what is shown."""
        with suppress(Environment):
            self.remote.look(self.host, self.launcher)
        return status_of(self.here)

    def over(self, *, attempt: int = 1) -> Status:
        """Keep in touch until it has ended."""

        def ended() -> Status | None:
            status = self.look()
            time.sleep(0.03)
            return status if status.ended is not None and status.ended.attempt >= attempt else None

        found: Status = until(ended)
        return found


def far_run(folder: Path, host: FolderHost, name: str = "001-toy-1", *, steps: int = 12, **more: Any) -> FarRun:
    """Draft a run of the toy trainer for a host; `queue`, `save_seconds` and `end_seconds` are the spec's."""
    fields = {key: more.pop(key) for key in ("queue", "save_seconds", "end_seconds") if key in more}
    environment = {"PYTHONPATH": str(ROOT)}
    words = {"command": (sys.executable, str(TOY)), "environment": environment, **fields}
    spec = Spec(run_id=name, recipe="toy", model="none", options={"steps": steps, **more}, **words)
    here = RunFolder.create(folder / name, spec, pairs=['{"row": 1}'])
    home = str(host.home / "lrstudio")
    there = f"{home}/runs/p1/{name}"
    mirror.make(here.path, Away(Host("box", "box"), there, home, (sys.executable,), str(ROOT)))
    return another_computer(here, host)


def another_computer(here: RunFolder, host: FolderHost) -> FarRun:
    """Keep in touch with a mirror through a link of its own; the answers are believed faster than they should be."""
    remote = RemoteRun(here.path, twice=0.2, quiet=0.5)
    there = RunFolder(Path(mirror.away_of(here.path).folder))
    return FarRun(host, here, there, remote, DetachedLauncher(host))
