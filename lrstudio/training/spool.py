"""The trainer's side of a run: says what it does, hears what it is told. Standard library only."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.wire import Kind, Phase

STOP, CHECKPOINT = "stop", "checkpoint"


class Spool:
    """Where a trainer of one attempt says what it does: one JSON object a line, one write for each."""

    def __init__(self, run: Path, *, attempt: int) -> None:
        """Open the spool of an attempt."""
        path = RunFolder(run).spool(attempt)
        path.parent.mkdir(exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def say(self, kind: Kind, **body: Any) -> None:
        """Say something; it has been handed to the system when this returns.

        Raises:
            OSError: the disk is full; nothing of it was said.
        """
        data = (wire.to_json({"kind": kind.value, "time": wire.now(), **body}) + "\n").encode("ascii")
        written = os.write(self._file, data)
        if written != len(data):  # half a line would spoil the next
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def phase(self, phase: Phase, *, why: str = "", steps: int | None = None) -> None:
        """Say where the work stands."""
        self.say(Kind.PHASE, phase=phase.value, why=why, steps=steps)

    def metrics(self, step: int, **metrics: float) -> None:
        """Say what one step came to."""
        self.say(Kind.METRIC, step=step, metrics=metrics)

    def sync(self) -> None:
        """Write what was said to the disk: a checkpoint that outlives a power cut must not stand before its steps."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close it."""
        os.close(self._file)


class SilentSpool(Spool):
    """Of several processes, what those have that do not speak to the run folder: nothing is written."""

    def __init__(self) -> None:
        """Open nothing."""

    def say(self, kind: Kind, **body: Any) -> None:
        """Pass over it."""

    def sync(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Orders:
    """What the supervisor tells the trainer, through its standard input: `stop` (with save) or `checkpoint`, a line.

    The end of the input says that the supervisor is gone: the trainer then saves and stops, so that none runs that
    nobody watches.
    """

    def __init__(self, source: int | None = 0) -> None:
        """Listen to a file descriptor in a thread that ends with the process; None listens to nobody."""
        self.stop = threading.Event()
        self._checkpoint = threading.Event()
        if source is not None:
            threading.Thread(target=self._listen, args=(source,), name="orders", daemon=True).start()

    def take_checkpoint(self) -> bool:
        """Tell whether a checkpoint was asked for since the last time."""
        asked = self._checkpoint.is_set()
        self._checkpoint.clear()
        return asked

    def _listen(self, source: int) -> None:
        # Not through sys.stdin: its lock, held by a daemon thread, aborts the interpreter when it ends.
        rest = b""
        while data := os.read(source, 4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.strip() == STOP.encode():
                    self.stop.set()
                elif line.strip() == CHECKPOINT.encode():
                    self._checkpoint.set()
        self.stop.set()
