"""The trainer as the supervisor holds it: one process group, spoken to through its standard input, one at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.wire import Spec

if sys.platform != "win32":
    import fcntl


class TrainerProcess:
    """A trainer that runs. Its output goes straight to train.log; the end of its input tells it that nobody watches.

    A lock on trainer.lock is held by the trainer itself and goes with the last process of it, whatever kills it, so
    that a new supervisor knows whether the trainer of an attempt before still runs.
    """

    def __init__(self, folder: RunFolder, spec: Spec, *, attempt: int, lock: IO[bytes]) -> None:
        """Start it.

        Raises:
            OSError: the program cannot be started.
        """
        environment = {**os.environ, **spec.environment, "PYTHONUNBUFFERED": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        if spec.threads:
            environment["OMP_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = str(spec.threads)
        with (folder.path / wire.LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [*spec.command, str(folder.path), "--attempt", str(attempt)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                pass_fds=() if sys.platform == "win32" else (lock.fileno(),),
            )

    @property
    def pid(self) -> int:
        """The trainer's process id, which is its group's, too."""
        return self._process.pid

    def tell(self, word: str) -> None:
        """Say one word to the trainer; nothing happens where it does not listen any more."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(word.encode("ascii") + b"\n")
                self._process.stdin.flush()

    def ended(self) -> int | None:
        """Return the exit status once it has ended, as `subprocess` gives it: a signal is negative."""
        return self._process.poll()

    def end(self) -> None:
        """Ask the whole group to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group."""
        self._send(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        if sys.platform == "win32":
            self._process.terminate()
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Let go of its input."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()


def trainer_lock(path: Path) -> IO[bytes] | None:
    """Take the lock that a trainer holds while it lives; None where one of an attempt before still does."""
    file = path.open("ab")
    if sys.platform == "win32":
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def how_it_ended(reason: str, *, code: int | None, number: int | None) -> str:
    """Say why an attempt is over: by its reason, else by the trainer's status or signal."""
    if reason == "finished":
        return ""
    if reason == "stopped":
        return "stopped by a person"
    if reason == wire.REQUEUED:
        return "the scheduler's time limit was near: it has saved, and goes on from there at its next turn"
    if reason == wire.TIME_LIMIT:
        return "the scheduler's time limit came before the first checkpoint; save more often, or ask for more time"
    if number is not None:
        named = {it.value: f" ({it.name})" for it in signal.Signals}  # which leaves out most real-time ones
        return f"the trainer was ended by signal {number}{named.get(number, '')}; train.log has its last words"
    return f"the trainer ended with status {code}; train.log has its last words"
