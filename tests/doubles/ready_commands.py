"""Runs `lrstudio` commands, each in a process of its own, without each of them importing the studio again.

A process that has imported everything forks for every command: the child has the words, the environment, the folder and
the two output files it was given, and ends as the command would. A second is saved for each of hundreds of commands.
Run as a program this file is that process.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

ROOT = Path(__file__).parents[2]
AHEAD = ("domain", "text", "formats", "analysis", "judge", "store", "services", "viewstate", "cli")
SECONDS = 300.0


class ReadyCommands:
    """The process that forks, seen from a test; `end` ends it."""

    def __init__(self) -> None:
        """Start it; it imports while the first test prepares."""
        ours, theirs = socket.socketpair()
        with theirs:
            # One thread: what forks must have no others.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment
            )
        self._socket = ours
        self._answers = ours.makefile("r", encoding="utf-8")
        ours.settimeout(SECONDS)

    def run(self, words: Sequence[str], *, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Run a command and return its status and what it wrote; one that takes five minutes is ended."""
        asked = json.dumps({"words": [*words], "environment": dict(environment), "folder": os.getcwd()}).encode()
        with TemporaryFile("w+", encoding="utf-8") as out, TemporaryFile("w+", encoding="utf-8") as err:
            socket.send_fds(self._socket, [b"%8d" % len(asked)], [out.fileno(), err.fileno()])
            self._socket.sendall(asked)
            pid = int(self._answers.readline())
            try:
                status = int(self._answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise
            out.seek(0)
            err.seek(0)
            return status, out.read(), err.read()

    def end(self) -> None:
        """Let the process go."""
        self._answers.close()
        self._socket.close()
        self._process.wait(timeout=20)


def _serve(asked: socket.socket) -> None:
    """Fork for every command until nobody asks any more."""
    while True:
        head, files, _, _ = socket.recv_fds(asked, 8, 2)
        if not head:
            return
        said = json.loads(asked.recv(int(head), socket.MSG_WAITALL))
        pid = os.fork()
        if pid == 0:
            asked.close()
            _end(_command(said, files))
        for file in files:
            os.close(file)
        asked.sendall(f"{pid}\n".encode())
        asked.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())


def _command(said: dict[str, Any], files: Sequence[int]) -> int:
    from lrstudio.__main__ import main

    os.environ.clear()
    os.environ.update(said["environment"])
    os.chdir(said["folder"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, *files)):
        os.dup2(file, number)
        os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (they live as long as the process)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = ["lrstudio", *said["words"]]
    return main()


def _end(status: int) -> None:
    """End without taking down what every command shares with the others, which takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _import_ahead() -> None:
    for room in AHEAD:
        package = importlib.import_module(f"lrstudio.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)


if __name__ == "__main__":
    _import_ahead()
    gc.freeze()  # a child that collected what all share would copy it
    _serve(socket.socket(fileno=int(sys.argv[1])))
