"""Runs `lrstudio` commands, each in a process of its own, without each of them importing the studio again.

A process that has imported everything forks for every command: the child has the words, the environment, the folder and
the three files it was given, and ends as the command would. A second is saved for each of hundreds of commands.
Run as a program this file is that process.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

ROOT = Path(__file__).parents[2]
AHEAD = ("domain", "text", "formats", "analysis", "judge", "store", "services", "viewstate", "cli")
LIBRARIES = ("openai.resources.chat", "bm25s", "keyring", "anyio._backends._asyncio")
"""What the studio's own modules import no sooner than a command needs it."""
STUDIO = "lrstudio.__main__"
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
    """A command that runs: what a test asks of a `subprocess.Popen` without pipes."""

    def __init__(self, words: Sequence[str], told: socket.socket) -> None:
        self.words = words
        self.returncode: int | None = None
        told.settimeout(SECONDS)
        self._told = told.makefile("r", encoding="ascii")
        self._socket = told
        self.pid = int(self._told.readline())

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        if self.returncode is None and select.select([self._socket], [], [], 0)[0]:
            return self.wait()
        return self.returncode

    def wait(self, timeout: float = SECONDS) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it has not ended by then.
        """
        if self.returncode is None:
            if not select.select([self._socket], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self.words), timeout)
            self.returncode = int(self._told.readline())
            self._told.close()
            self._socket.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, where it has not ended."""
        self.send_signal(signal.SIGKILL)


class Heard(Command):
    """A command of which all is kept that it writes."""

    def __init__(self, words: Sequence[str], told: socket.socket, out: IO[str], err: IO[str]) -> None:
        super().__init__(words, told)
        self._out, self._err = out, err

    def end(self, timeout: float = SECONDS) -> tuple[int, str, str]:
        """Wait for its end; return its status and what it wrote. One that takes longer is ended."""
        with self._out as out, self._err as err:
            try:
                status = self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                self.wait()
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
        self._one_asks = threading.Lock()
        ours.settimeout(SECONDS)

    def start(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        stdin: int = -1,
        stdout: int = -1,
        stderr: int = -1,
        folder: str = "",
        module: str = STUDIO,
    ) -> Command:
        """Start a command, in a folder that is this process's unless it is given.

        Args:
            words: behind the program's name.
            environment: all of it.
            stdin: a file by its number, -1 for none; so are the other two.
            stdout: what it writes.
            stderr: what it complains of.
            folder: where it runs.
            module: whose `main` is called.
        """
        said = {"words": [*words], "environment": dict(environment), "module": module, "folder": folder}
        return Command(words, self._ask(said, (stdin, stdout, stderr)))

    def begin(
        self, words: Sequence[str], *, environment: Mapping[str, str], folder: str = "", read_only: Sequence[Path] = ()
    ) -> Heard:
        """Start a command that sees some folders as read-only, and keep what it writes: `end` hands it out."""
        said = {"words": [*words], "environment": dict(environment), "module": STUDIO, "folder": folder}
        out, err = (TemporaryFile("w+", encoding="utf-8") for _ in range(2))  # noqa: SIM115 (`end` closes them)
        told = self._ask({**said, "read_only": [*map(str, read_only)]}, (-1, out.fileno(), err.fileno()))
        return Heard(words, told, out, err)

    def run(
        self, words: Sequence[str], *, environment: Mapping[str, str], folder: str = "", timeout: float = SECONDS
    ) -> tuple[int, str, str]:
        """Run a command and return its status and what it wrote; one that takes longer is ended."""
        return self.begin(words, environment=environment, folder=folder).end(timeout)

    def _ask(self, said: Mapping[str, Any], files: Sequence[int]) -> socket.socket:
        asked = json.dumps({"read_only": (), **said, "folder": said["folder"] or os.getcwd()}).encode()
        ours, theirs = socket.socketpair()
        with open(os.devnull, "r+b") as nothing, theirs:
            given = [nothing.fileno() if file < 0 else file for file in files]
            with self._one_asks:
                socket.send_fds(self._socket, [b"%8d" % len(asked)], [*given, theirs.fileno()])
                self._socket.sendall(asked)
        return ours

    def end(self) -> None:
        """Let the process go."""
        self._socket.close()
        self._process.wait(timeout=20)


@cache
def ready() -> ReadyCommands:
    """Return the one of this process, for who has no fixture to keep it."""
    made = ReadyCommands()
    atexit.register(made.end)
    return made


def run(words: Sequence[str]) -> tuple[int, str, str]:
    """Run a command in this environment, from nothing where there is no fork; see `ReadyCommands.run`."""
    if hasattr(os, "fork"):
        return ready().run(words, environment=os.environ)
    command = [sys.executable, "-m", "lrstudio", *words]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=SECONDS, check=False)
    return done.returncode, done.stdout, done.stderr


def _serve(asked: socket.socket) -> None:
    """Fork for every command until nobody asks any more, and say to each that asked how its command ended."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    waiting: dict[int, socket.socket] = {}
    while True:
        found, _, _ = select.select([asked, woken], [], [])
        if woken in found:
            os.read(woken, 4096)
            _tell(waiting)
        if asked in found:
            head, files, _, _ = socket.recv_fds(asked, 8, 4)
            if not head:
                return
            said = json.loads(asked.recv(int(head), socket.MSG_WAITALL))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number in (woken, wakes, files.pop()):
                    os.close(number)
                for other in (asked, *waiting.values()):
                    other.close()
                _end(_command(said, files))
            waiting[pid] = socket.socket(fileno=files.pop())
            waiting[pid].sendall(f"{pid}\n".encode())
            for file in files:
                os.close(file)


def _tell(waiting: dict[int, socket.socket]) -> None:
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with waiting.pop(pid) as told, suppress(OSError):  # where nobody listens any more
            told.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _command(said: dict[str, Any], files: Sequence[int]) -> int:
    main = importlib.import_module(said["module"]).main
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite that was started in the background hears none
    if said["read_only"] and ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no mounts of its own")
    for folder in said["read_only"]:
        subprocess.run(["sh", "-c", _FREEZE, folder], check=True)
    os.environ.clear()
    os.environ.update(said["environment"])
    os.chdir(said["folder"])
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (they live as long as the process)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = ["lrstudio", *said["words"]]
    status: int = main() if said["module"] == STUDIO else main(said["words"])
    return status


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
    for name in LIBRARIES:
        importlib.import_module(name)
    from lrstudio.cli.main import command
    from lrstudio.services.wiring import create_project

    command()
    with TemporaryDirectory() as folder:  # what is worked out for the first project of a process
        create_project(Path(folder) / "first.lrs").close()


if __name__ == "__main__":
    _import_ahead()
    gc.freeze()  # a child that collected what all share would copy it
    _serve(socket.socket(fileno=int(sys.argv[1])))
