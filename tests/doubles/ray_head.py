"""A real Ray head of the tests' own, with its Jobs API and one GPU that is none, all in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

PYTHON = Path(__file__).parents[2] / ".venv-ray" / "bin" / "python"
_LEAN = Path(__file__).with_name("ray_lean_head.py")
_SECONDS = 120


def missing() -> str:
    """Say why there can be no such head here, "" where there can."""
    return "" if PYTHON.parent.parent.joinpath("ready").is_file() else "Ray is not installed: there is no .venv-ray"


class RayHead:
    """A cluster of one machine. `address` stays the same when it is started again; it has forgotten everything then."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lrray-"))  # short: sockets lie in it
        with socket.socket() as line:
            line.bind(("127.0.0.1", 0))
            self.port = line.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._head: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
        environment = {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        words = ["start", "--head", "--block", "--port=0", f"--dashboard-port={self.port}", "--num-cpus=2"]
        words += ["--num-gpus=1", "--node-ip-address=127.0.0.1", "--dashboard-agent-listen-port=0", "--no-monitor"]
        words += ["--include-dashboard=true", "--include-log-monitor=false", "--disable-usage-stats"]
        words += [f"--temp-dir={self.folder}", "--object-store-memory=80000000"]
        with (self.folder / "head.out").open("ab") as log:
            self._head = subprocess.Popen(
                [PYTHON, _LEAN, *words], cwd=self.folder, env=environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + _SECONDS
        while not self._answers():
            if self._head.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Ray does not start:\n{(self.folder / 'head.out').read_text()[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Kill the head and all that it has started, as a machine that goes down."""
        if self._head is None:
            return
        for pid in _of_session(self._head.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._head.wait(_SECONDS)
        self._head = None

    def remove(self) -> None:
        """Stop and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.address}/api/jobs/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def _of_session(leader: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(entry.read_text(errors="replace").rpartition(")")[2].split()[3]) == leader:
                found.append(int(entry.parent.name))
    return found
