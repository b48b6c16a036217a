"""Starts the real worker in a process of its own each time, without each of them importing torch and its company again.

A process that has imported them, and computed nothing, forks for every worker: the child has the run, the log and the
standard input that it was given, computes with one thread, and ends as the worker would. Some five seconds of a
processor are saved for each. Run as a program this file is that process.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder

ROOT = Path(__file__).parents[2]
AHEAD = (
    "peft",
    "transformers.models.llama.modeling_llama",
    "transformers.models.auto.tokenization_auto",
    "torch._dynamo",
)
SECONDS = 300.0


class Worker:
    """A worker that runs: a process by its number, what it hears, and how it ended."""

    def __init__(self, pid: int, stdin: int, ready: ReadyWorkers) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "wb")
        self.returncode: int | None = None
        self._ready = ready

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        if self.returncode is None:
            self.returncode = self._ready.ended(self.pid)
        return self.returncode

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end; the end of what it hears tells it that nobody watches."""
        end = time.monotonic() + seconds
        while (status := self.poll()) is None:
            assert time.monotonic() < end, "the worker does not end"
            time.sleep(0.01)
        return status

    def kill(self) -> None:
        """End it at once, where it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class ReadyWorkers:
    """The process that forks, seen from a test."""

    def __init__(self) -> None:
        """Start it; it imports while the first test prepares."""
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            environment["PYTHONPATH"] = str(ROOT)
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment
            )
        self._socket = ours
        self._lines = ours.makefile("r", encoding="ascii")
        self._ended: dict[int, int] = {}
        ours.settimeout(SECONDS)

    def start(self, words: Sequence[str], *, log: int) -> Worker:
        """Start a worker with the words behind `python -m lrstudio.worker`."""
        asked = json.dumps([*words]).encode("ascii")
        hears, stdin = os.pipe()
        socket.send_fds(self._socket, [b"%8d" % len(asked)], [hears, log])
        self._socket.sendall(asked)
        os.close(hears)
        while True:
            word, *numbers = self._lines.readline().split()
            if word == "started":
                return Worker(int(numbers[0]), stdin, self)
            self._ended[int(numbers[0])] = int(numbers[1])

    def ended(self, pid: int) -> int | None:
        """Return the status with which a worker ended, None while it runs."""
        while pid not in self._ended and select.select([self._socket], [], [], 0)[0]:
            _, number, status = self._lines.readline().split()
            self._ended[int(number)] = int(status)
        return self._ended.get(pid)

    def end(self) -> None:
        """Let the process go."""
        self._lines.close()
        self._socket.close()
        self._process.wait(timeout=20)


@cache
def ready() -> ReadyWorkers:
    """Return the process of this test process."""
    made = ReadyWorkers()
    atexit.register(made.end)
    return made


@contextmanager
def worker(run: RunFolder, attempt: int) -> Iterator[Worker]:
    """Run an attempt of a run; whatever still runs at the end is killed."""
    with (run.path / wire.LOG).open("ab") as log:
        started = ready().start([str(run.path), "--attempt", str(attempt)], log=log.fileno())
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        started.stdin.close()


def _serve(asked: socket.socket) -> None:
    """Fork for every worker until nobody asks any more, and say how each ended."""
    while True:
        if select.select([asked], [], [], 0.02)[0]:
            head, files, _, _ = socket.recv_fds(asked, 8, 2)
            if not head:
                return
            words = json.loads(asked.recv(int(head), socket.MSG_WAITALL))
            pid = os.fork()
            if pid == 0:
                asked.close()
                os._exit(_work(words, files))
            for file in files:
                os.close(file)
            asked.sendall(f"started {pid}\n".encode("ascii"))
        with suppress(ChildProcessError):
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                asked.sendall(f"ended {pid} {os.waitstatus_to_exitcode(status)}\n".encode("ascii"))


def _work(words: Sequence[str], files: Sequence[int]) -> int:
    from lrstudio.worker.__main__ import main

    os.setsid()
    hears, log = files
    for number, file in ((0, hears), (1, log), (2, log)):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (they live as long as the process)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    try:
        return main([*words])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    package = importlib.import_module("lrstudio.worker")
    for module in pkgutil.iter_modules(package.__path__, "lrstudio.worker."):
        importlib.import_module(module.name)
    for name in AHEAD:
        importlib.import_module(name)
    _serve(socket.socket(fileno=int(sys.argv[1])))
