"""What fault rounds of runs on hosts share: an SSH server with faults, a run for it, and windows that watch it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import StudioError
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import begin, job, mirror
from lrstudio.training.hosts.launch_detached import DetachedLauncher
from lrstudio.training.hosts.links import Links
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.hosts.remote_run import RemoteRun
from lrstudio.training.status import Life, Status, status_of
from lrstudio.training.wire import Phase, Spec
from tests.doubles.ssh_faults import FaultyServer
from tests.doubles.toy_runs import losses, trainers
from tests.faults.rounds import ROOT, Failed

PATIENCE = 60.0
"""Seconds after which something counts as hanging."""
LOOK = 0.1

_TOY = ROOT / "tests" / "doubles" / "toy_trainer.py"
_PAIRS = 4000
_HEADER = b'{"w":{"dtype":"F32","shape":[65536],"data_offsets":[0,262144]}}'
TENSORS = len(_HEADER).to_bytes(8, "little") + _HEADER + bytes(range(256)) * 1024

# A machine whose clock is five hours slow: every Python there sees it.
_SLOW_CLOCK = """
import datetime
class Slow(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) - datetime.timedelta(hours=5)
datetime.datetime = Slow
"""


@dataclass(slots=True)
class Seen:
    """What the windows showed, as far as it was wrong, and how long a silent host went unnoticed."""

    complaints: list[str] = field(default_factory=list)

    def complain(self, sentence: str) -> None:
        if sentence not in self.complaints:
            self.complaints.append(sentence)


class Window:
    """One computer's mirror of a run, kept in touch with by a thread over a link of its own."""

    def __init__(self, run: RunFolder, server: FaultyServer, seen: Seen) -> None:
        self.run = run
        self.links = Links()
        self.transport = self.links.transport(mirror.away_of(run.path).host)
        self.launcher = DetachedLauncher(self.transport)
        self.remote = RemoteRun(run.path)
        self._server = server
        self._seen = seen
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="window", daemon=True)

    def begin(self) -> None:
        """Keep in touch from now on."""
        self._thread.start()

    def status(self) -> Status:
        """What is shown; it must be true as far as it goes."""
        status = status_of(self.run)
        if status.phase is Phase.FINISHED and not (self.run.path / wire.EXIT).is_file():
            self._seen.complain("it is told as finished and has no exit.json")
        return status

    def close(self) -> None:
        """Stop, and leave no thread and no connection."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self.links.close()

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                self.remote.look(self.transport, self.launcher)
            except StudioError as error:
                self.remote.lost(error)
            self.status()
            self._closed.wait(LOOK)


@dataclass(slots=True)
class Bench:
    """A host, a run that is drafted for it, and the computers that know it."""

    folder: Path
    server: FaultyServer
    there: RunFolder
    seen: Seen
    windows: list[Window] = field(default_factory=list)

    @classmethod
    def prepare(cls, folder: Path, *, steps: int, slow_clock: bool) -> Bench:
        """Start a server and draft a run; nothing is on the host."""
        folder.mkdir(parents=True)
        server, seen = FaultyServer(), Seen()
        server.home(Path.home())
        path = str(ROOT)
        if slow_clock:
            (folder / "clock").mkdir()
            (folder / "clock" / "sitecustomize.py").write_text(_SLOW_CLOCK)
            path = os.pathsep.join([str(folder / "clock"), path])
        options = {"steps": steps, "seconds": 0.03, "save_every": 20}
        spec = Spec(
            run_id="001-toy-1",
            recipe="toy",
            model="none",
            command=(sys.executable, str(_TOY)),
            options=options,
            environment={"PYTHONPATH": path},
        )
        rows = [json.dumps({"row": number, "text": "x" * 90}) for number in range(_PAIRS)]
        here = RunFolder.create(folder / "desk" / spec.run_id, spec, pairs=rows)
        home = str(server.far)
        there = f"{home}/runs/p1/{spec.run_id}"
        mirror.make(here.path, Away(server.host("box"), there, home, (sys.executable,), path))
        made = cls(folder, server, RunFolder(Path(there)), seen)
        made.windows.append(Window(here, server, seen))
        return made

    @property
    def desk(self) -> Window:
        """The computer that the run was started from."""
        return self.windows[0]

    def laptop(self) -> Window:
        """Attach from another computer, which knows what the project file knows."""
        away = mirror.away_of(self.desk.run.path)
        here = RunFolder.create(self.folder / f"laptop{len(self.windows)}" / self.there.path.name, self.there.spec())
        mirror.make(here.path, Away(away.host, away.folder, away.home, away.python, away.path))
        self.windows.append(Window(here, self.server, self.seen))
        self.windows[-1].begin()
        return self.windows[-1]

    def second_window(self) -> None:
        """Open another window on the same mirror."""
        self.windows.append(Window(self.desk.run, self.server, self.seen))
        self.windows[-1].begin()

    def until(self, reached: Callable[[], Any], what: str) -> Any:
        """Wait for something, and see meanwhile that no two trainers run.

        Raises:
            Failed: it does not come.
        """
        deadline = time.monotonic() + PATIENCE
        while not (found := reached()):
            if len(pids := trainers(self.there)) > 1:
                self.seen.complain(f"{len(pids)} trainers at a time")
            if time.monotonic() > deadline:
                shown = [status_of(it.run) for it in self.windows]
                raise Failed(f"{what} did not come within {PATIENCE:g} s: {shown}")
            time.sleep(0.03)
        return found

    def step(self) -> int:
        """Return the last step that the host tells of."""
        return max(losses(self.there), default=0) if self.there.path.is_dir() else 0

    def all_say(self, life: Life) -> bool:
        """Tell whether every window shows this."""
        return all(it.status().life is life for it in self.windows)

    def go_on(self, window: Window) -> None:
        """Start the next attempt from a window; the link may be in any state."""
        begin.refuse_unless_resumable(window.run.path)
        job.intend(window.run.path)

    def reboot(self) -> None:
        """Take the machine down: every process of the run goes, and it comes back as another boot."""
        self.server.stop()
        self.kill()
        for holder in self.there.path.glob(f"{wire.CLAIMS}/[0-9]*/{wire.HOLDER}"):
            holder.write_text(json.dumps(json.loads(holder.read_text()) | {"boot": "before"}))
        for who in self.there.path.glob("job/*"):
            who.write_text(" ".join([*who.read_text().split()[:2], "before"]) + "\n")
        self.server.start()

    def kill(self) -> None:
        """Kill the run's processes on the host."""
        claims = self.there.claims() if self.there.path.is_dir() else ()
        for pid in [*(it.holder.pid for it in claims if it.holder.alive()), *trainers(self.there)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def result(self) -> None:
        """Let the run have come to something."""
        adapter = self.there.path / "result" / "adapter"
        adapter.mkdir(parents=True)
        (adapter / "adapter_model.safetensors").write_bytes(TENSORS)

    def remove(self) -> None:
        """End everything and leave nothing."""
        self.server.thaw()
        for window in self.windows:
            window.close()
        self.kill()
        self.server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
