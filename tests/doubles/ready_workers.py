"""Starts the real worker in a process of its own each time, without each of them importing torch and its company again.

A process that has imported them, and computed nothing, forks for every worker: the child has the run, the log and the
standard input that it was given, computes with one thread, and ends as the worker would. Some five seconds of a
processor are saved for each. Run as a program this file is that process.

Where the program starts its worker itself, `python_that_forks` makes it a Python to start: a small process that has the
worker forked, gives it all its files, ends as it does, and takes it along whatever ends it.
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
from ast import literal_eval
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

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
_MODULES = {"lrstudio.worker": "lrstudio.worker.__main__", "lrstudio.worker.tiny": "lrstudio.worker.tiny"}
_STAND_IN = """#!{python} -IS
import os, signal, socket, sys

words = sys.argv[1:]
if words[0] != "-m" or words[1] not in {modules} or " ".join(words[3:]) == {but!r}:
    os.execv({python!r}, [{python!r}, *words])
files = []
for number in range(64):
    try:
        os.fstat(number)
    except OSError:
        continue
    files.append(number)  # the lock of the run among them
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
said = repr((words[1:], dict(os.environ), os.getcwd())).encode()
socket.send_fds(asked, [b"%8d" % len(said)], files)
asked.sendall(said)
status = int(asked.makefile("r").readline() or 1)
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


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
        self.folder = Path(mkdtemp(prefix="workers-"))  # its own: the address of a socket must be short
        with theirs, socket.socket(socket.AF_UNIX) as beside:
            beside.bind(str(self.folder / "s"))
            beside.listen()
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            environment["PYTHONPATH"] = str(ROOT)
            files = [theirs.fileno(), beside.fileno()]
            words = [sys.executable, __file__, *map(str, files)]
            self._process = subprocess.Popen(words, pass_fds=files, env=environment)
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
        rmtree(self.folder)


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


def python_that_forks(path: Path, *, but: str = "") -> Path:
    """Write a program that is a Python, except that the workers which it is to start are forked; return its path.

    Those with the words `but` behind the run folder it starts from nothing.
    """
    address = str(ready().folder / "s")
    stands_in = _STAND_IN.format(python=sys.executable, address=address, modules=[*_MODULES], but=but or None)
    path.write_text(stands_in, encoding="utf-8")
    path.chmod(0o755)
    return path


def _serve(asked: socket.socket, beside: socket.socket) -> None:
    """Fork for every worker until nobody asks any more, and say how each ended."""
    standing_in: dict[int, socket.socket] = {}
    while True:
        found = select.select([asked, beside, *standing_in.values()], [], [], 0.02)[0]
        if asked in found:
            head, files, _, _ = socket.recv_fds(asked, 8, 2)
            if not head:
                return
            words = json.loads(asked.recv(int(head), socket.MSG_WAITALL))
            words = ["lrstudio.worker", *words]
            pid = _forked(words, (*files, files[1]), close=[asked, beside, *standing_in.values()])
            for file in files:
                os.close(file)
            asked.sendall(f"started {pid}\n".encode("ascii"))
        if beside in found:
            one, _ = beside.accept()
            standing_in[_stood_in_for(one, close=[asked, beside, *standing_in.values()])] = one
        for pid in [pid for pid, one in standing_in.items() if one in found]:
            os.kill(pid, signal.SIGKILL)  # who stood in for it has ended
        with suppress(ChildProcessError):
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid and pid in standing_in:
                with standing_in.pop(pid) as one, suppress(OSError):
                    one.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode("ascii"))
            elif pid:
                asked.sendall(f"ended {pid} {os.waitstatus_to_exitcode(status)}\n".encode("ascii"))


def _stood_in_for(one: socket.socket, *, close: Sequence[socket.socket]) -> int:
    """Fork the worker that a process asks for which stands in for it, and return its number."""
    head, files, _, _ = socket.recv_fds(one, 8, 64)
    words, environment, folder = literal_eval(one.recv(int(head), socket.MSG_WAITALL).decode())
    pid = _forked(words, files, close=[one, *close], environment=environment, folder=folder)
    for file in files:
        os.close(file)
    return pid


def _forked(
    words: Sequence[str],
    files: Sequence[int],
    *,
    close: Sequence[socket.socket],
    environment: dict[str, str] | None = None,
    folder: str = "",
) -> int:
    """Fork a worker with three files as its first; further ones stay open in it."""
    pid = os.fork()
    if pid == 0:
        for other in close:
            other.close()
        if environment is not None:
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(folder)
        os._exit(_work(words, files))
    return pid


def _work(words: Sequence[str], files: Sequence[int]) -> int:
    main = importlib.import_module(_MODULES[words[0]]).main
    os.setsid()
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in {*files[:3]}:
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (they live as long as the process)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    try:
        status: int = main([*words[1:]])
        return status
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    package = importlib.import_module("lrstudio.worker")
    for module in pkgutil.iter_modules(package.__path__, "lrstudio.worker."):
        importlib.import_module(module.name)
    for name in AHEAD:
        importlib.import_module(name)
    _serve(*(socket.socket(fileno=int(number)) for number in sys.argv[1:]))
