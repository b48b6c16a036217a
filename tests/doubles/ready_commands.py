"""Runs `lrstudio` commands, each in a process of its own, without each of them importing the studio again.

A process that has imported everything forks for every command: the child has the words, the environment, the folder and
the two output files it was given, and ends as the command would. A second is saved for each of hundreds of commands.
Run as a program this file is that process.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

ROOT = Path(__file__).parents[2]
AHEAD = ("domain", "text", "formats", "analysis", "judge", "store", "services", "viewstate", "cli")
SECONDS = 300.0


# Permissions do not bind root, a read-only mount does; nobody but the command sees it.
_FREEZE = 'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_READ_ONLY = ["unshare", "-m", "sh", "-c", f'{_FREEZE} && exec "$@"']


def can_freeze(folder: Path) -> bool:
    """Say whether commands may have a folder as one that cannot be written to, which takes root with leave to mount."""
    if os.geteuid() or shutil.which("unshare") is None:
        return False
    return not subprocess.run([*_READ_ONLY, str(folder), "true"], capture_output=True, check=False).returncode


class Command:
    """A command that runs: a process by its number."""

    def __init__(self, pid: int, out: IO[str], err: IO[str], answers: IO[str]) -> None:
        self.pid = pid
        self._out, self._err, self._answers = out, err, answers

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; return its status and what it wrote. One that takes five minutes is ended."""
        with self._out as out, self._err as err:
            try:
                status = int(self._answers.readline())
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise
            out.seek(0)
            err.seek(0)
            return status, out.read(), err.read()


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

    def begin(self, words: Sequence[str], *, environment: Mapping[str, str], read_only: Sequence[Path] = ()) -> Command:
        """Start a command, which sees some folders as read-only; it must end before another one starts."""
        said = {"words": [*words], "environment": dict(environment), "folder": os.getcwd()}
        asked = json.dumps({**said, "read_only": [*map(str, read_only)]}).encode()
        out, err = (TemporaryFile("w+", encoding="utf-8") for _ in range(2))  # noqa: SIM115 (`end` closes them)
        socket.send_fds(self._socket, [b"%8d" % len(asked)], [out.fileno(), err.fileno()])
        self._socket.sendall(asked)
        return Command(int(self._answers.readline()), out, err, self._answers)

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

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite that was started in the background hears none
    if said["read_only"] and ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no mounts of its own")
    for folder in said["read_only"]:
        subprocess.run(["sh", "-c", _FREEZE, folder], check=True)
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
    from lrstudio.cli.main import command
    from lrstudio.services.wiring import create_project

    command()
    with TemporaryDirectory() as folder:  # what is worked out for the first project of a process
        create_project(Path(folder) / "first.lrs").close()


if __name__ == "__main__":
    _import_ahead()
    gc.freeze()  # a child that collected what all share would copy it
    _serve(socket.socket(fileno=int(sys.argv[1])))
