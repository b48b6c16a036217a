"""Starts the real worker in a process of its own each time, without each of them importing torch and its company again.

A process that has imported them, and computed nothing, forks for every worker: the child has the words, the variables,
the folder, the log and the standard input that it was given, computes with one thread, and ends as the worker would.
Some five seconds of a processor are saved for each. All the processes of one test run share the one that forks.

`worker` starts one from a test. What starts workers by itself, a supervisor or the studio, is given `python()` as the
Python that trains, or `python_that_forks()`, which is a whole Python for everything else. Run as a program this file is
the process that forks.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder

if sys.platform != "win32":
    import fcntl

ROOT = Path(__file__).parents[2]
AHEAD = (
    "accelerate.commands.launch",
    "encodings.unicode_escape",
    "peft.utils.transformers_weight_conversion",
    "torch._dynamo",
    "torch.distributed.run",
    "torch.profiler._cupti_monitor",
    "torch.utils.serialization.config",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.llama.modeling_llama",
)
SECONDS = 300.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Worker:
    """A worker that runs: a process by its number, what it hears, and how it ended."""

    def __init__(self, words: Sequence[str], *, log: int) -> None:
        """Start what a Python does with some words."""
        asked = {"words": [*words], "environment": {**os.environ, **ONE_THREAD}, "folder": os.getcwd()}
        sent = json.dumps(asked).encode()
        hears, stdin = os.pipe()
        self.stdin = os.fdopen(stdin, "wb")
        self.returncode: int | None = None
        self._forks = socket.socket(socket.AF_UNIX)
        self._forks.settimeout(SECONDS)
        self._forks.connect(ready().address)
        socket.send_fds(self._forks, [b"%8d" % len(sent)], [hears, log, log])
        self._forks.sendall(sent)
        os.close(hears)
        self._said = self._forks.makefile("r", encoding="ascii")
        self.pid = int(self._said.readline())

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        if self.returncode is None and select.select([self._forks], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end; the end of what it hears tells it that nobody watches."""
        if self.returncode is None:
            self._forks.settimeout(seconds)
            self.returncode = int(self._said.readline())
        return self.returncode

    def kill(self) -> None:
        """End it at once, where it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of it; one that still runs is killed."""
        self.stdin.close()
        self._said.close()
        self._forks.close()


@contextmanager
def worker(run: RunFolder, attempt: int) -> Iterator[Worker]:
    """Run an attempt of a run; whatever still runs at the end is killed."""
    with (run.path / wire.LOG).open("ab") as log:
        started = Worker(["-m", "lrstudio.worker", str(run.path), "--attempt", str(attempt)], log=log.fileno())
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        started.close()


def python() -> Path:
    """Return a program that does what this Python does with `-m MODULE` or `-c CODE`, by way of the process that forks.

    It stands for the process that is forked: it passes on what it is told to end by, ends as the other ends, and who
    kills it kills the other. Where no process can be forked it is this Python itself.
    """
    return ready().python if sys.platform != "win32" else Path(sys.executable)


def python_that_forks(path: Path, *, but: str = "") -> Path:
    """Write a program that is this Python, but has workers forked as `python()` does; return its path.

    Those whose last words are `but` it starts from nothing. The shell itself forks nothing, not even for a `$(…)`: that
    would be a second process with the words of a trainer, for a moment.
    """
    forks, starts = (f'exec {shlex.quote(os.fspath(it))} "$@"' for it in (python(), sys.executable))
    others = f'case "$*" in *{shlex.quote(f" {but}")}) {starts} ;; esac\n' if but else ""
    workers = f'case "$1 $2" in "-m lrstudio.worker" | "-m lrstudio.worker.tiny") {forks} ;; esac\n'
    path.write_text(f"#!/bin/sh\n{others}{workers}{starts}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


class Ready:
    """The process that forks, seen from a process of the tests: the first of them starts it, the last one ends it."""

    def __init__(self) -> None:
        """Join it or start it; it imports while the first test prepares."""
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
        self.address = f"{tempfile.gettempdir()}/ready-{os.getuid()}-{run[:12] or os.getpid()}"
        self.python = Path(f"{self.address}.python")
        self._process: subprocess.Popen[bytes] | None = None
        self._stays = socket.socket(socket.AF_UNIX)
        with _alone(self.address):
            try:
                self._stays.connect(self.address)
            except OSError:
                self._start()
            self._stays.sendall(b"%8d" % 0)  # nothing is asked for: it is there as long as this connection
        atexit.register(self.end)

    def _start(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.address)
        client = Path(__file__).with_name("ready_python.py")
        self.python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{client}" "{self.address}" "$@"\n')
        self.python.chmod(0o700)
        with socket.socket(socket.AF_UNIX) as asked:
            asked.bind(self.address)
            asked.listen(64)
            words = [sys.executable, __file__, str(asked.fileno()), self.address]
            environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(words, pass_fds=[asked.fileno()], env=environment)
        self._stays.connect(self.address)

    def end(self) -> None:
        """Let the process go."""
        self._stays.close()
        if self._process is not None and "PYTEST_XDIST_TESTRUNUID" not in os.environ:
            self._process.wait(timeout=20)


@cache
def ready() -> Ready:
    """Return the process that forks."""
    return Ready()


@contextmanager
def _alone(address: str) -> Iterator[None]:
    while True:
        with open(f"{address}.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock.fileno()), os.stat(lock.name)):  # else it was removed meanwhile
                    yield
                    return


class _Forks:
    """The process that forks, as it sees itself."""

    def __init__(self, asked: socket.socket, address: str) -> None:
        self._asked, self._address = asked, address
        self._of: dict[socket.socket, int] = {}  # each connection with the process that was forked for it, 0 for none

    def serve(self) -> None:
        """Fork for everyone who asks, until nobody is connected any more."""
        while True:
            wait = 0.02 if any(self._of.values()) else None
            for found in select.select([self._asked, *self._of], [], [], wait)[0]:
                if found is self._asked:
                    self._answer()
                else:
                    self._let_go(found)
            self._say_who_ended()
            if not self._of and self._over():
                return

    def _let_go(self, asks: socket.socket) -> None:
        """Whoever asked is gone: what was forked for it goes, too."""
        pid = self._of.pop(asks)
        asks.close()
        if pid:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:  # it leads no group yet
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _answer(self) -> None:
        asks = self._asked.accept()[0]
        self._of[asks] = 0
        files: list[int] = []
        try:
            head, files, _, _ = socket.recv_fds(asks, 8, 64)
            if not int(head):
                return  # it only wants that somebody is there
            said = json.loads(asks.recv(int(head), socket.MSG_WAITALL))
        except (OSError, ValueError):  # it was killed meanwhile
            for file in files:
                os.close(file)
            self._let_go(asks)
            return
        pid = os.fork()
        if pid == 0:
            os.setsid()
            for it in (self._asked, *self._of):
                it.close()
            _become(said, files)
        for file in files:
            os.close(file)
        self._of[asks] = pid
        with suppress(OSError):
            asks.sendall(b"%d\n" % pid)

    def _say_who_ended(self) -> None:
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                for asks in [it for it, pid in self._of.items() if pid == found[0]]:
                    self._of[asks] = 0
                    with suppress(OSError):
                        asks.sendall(b"%d\n" % os.waitstatus_to_exitcode(found[1]))

    def _over(self) -> bool:
        with _alone(self._address):
            if select.select([self._asked], [], [], 0)[0]:
                return False
            for name in (self._address, f"{self._address}.python", f"{self._address}.lock"):
                with suppress(FileNotFoundError):
                    os.unlink(name)
        return True


def _become(said: Mapping[str, Any], files: Sequence[int]) -> NoReturn:
    """Do what a Python does with some words, and end as it would."""
    status = 1
    try:
        os.environ.clear()
        os.environ.update(said["environment"])
        os.chdir(said["folder"])
        for number, file in enumerate(files[:3]):
            os.dup2(file, number)
            os.close(file)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (they live as long as the process)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        status = _run([it for it in said["words"] if it != "-u"])
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    finally:
        with suppress(OSError):  # where it writes to may be full
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _run(words: Sequence[str]) -> int:
    how, what, *rest = words
    sys.argv = [how, *rest]
    try:
        if how == "-m":
            sys.modules.pop(what, None)
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            assert how == "-c", "neither a module nor code"
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except Exception:  # noqa: BLE001 - whatever it is, a Python writes it down and ends
        traceback.print_exc()
        return 1
    return 0


def _import_ahead() -> None:
    sys.path.pop(0)  # the folder of this file
    package = importlib.import_module("lrstudio.worker")
    for module in pkgutil.iter_modules(package.__path__, "lrstudio.worker."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in AHEAD:
        importlib.import_module(name)
    # What every loaded model asks for, and transformers makes once in a process.
    importlib.import_module("transformers.conversion_mapping").get_checkpoint_conversion_mapping("llama")


if __name__ == "__main__":
    _import_ahead()
    gc.collect()
    gc.freeze()  # a child that collected what all share would copy it
    _Forks(socket.socket(fileno=int(sys.argv[1])), sys.argv[2]).serve()
