"""A batch of calls on a host: sent, started once, asked about, fetched, and taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from lrstudio.domain.errors import Environment
from lrstudio.training.far import batch as far
from lrstudio.training.far.batch import BatchExit, BatchJob
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launcher import Job, Launcher, Turn
from lrstudio.training.hosts.transport import Command, Progress, Transport

_MODULE: Final = "lrstudio.training.far.batch"
# As vLLM prints it: "Running batch:  45% Completed | 9/20 [00:12<00:15,  1.4req/s]".
_COUNTED = re.compile(rb"\|\s*(\d+)/(\d+)\s*\[")
_AT_ONCE: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Reached:
    """A host that can be asked.

    `python` are the words of a Python there that finds this package with `environment`; `folder` is the studio's
    folder, absolute.
    """

    host: Host
    transport: Transport
    launcher: Launcher
    python: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str

    def batch_folder(self, batch_id: str) -> str:
        """Return where a batch lies there."""
        return str(PurePosixPath(self.folder, "batch", batch_id))

    @property
    def queue(self) -> str:
        """The folder in which the jobs of the machine queue up, "" where a scheduler gives turns."""
        return str(PurePosixPath(self.folder, "queue")) if self.host.scheduler is Scheduler.NONE else ""


@dataclass(frozen=True, slots=True)
class Look:
    """Where a batch stands: how many of its calls are answered, and how it ended, None while it has not.

    `turn` is what the one who started it says, None where that was not asked; `why` is what it waits for.
    """

    answered: int
    exit: BatchExit | None
    waits: bool = False
    why: str = ""
    turn: Turn | None = None


@dataclass(slots=True)
class FarBatch:
    """One batch on one host.

    Raises, from every method:
        Unreachable: the host cannot be asked.
        Environment: it says that it cannot.
    """

    reached: Reached
    batch_id: str
    calls: tuple[int, ...]
    _read: dict[int, tuple[int, int]] = field(default_factory=dict, init=False)

    @property
    def folder(self) -> str:
        """Where it lies on the host."""
        return self.reached.batch_folder(self.batch_id)

    def send(self, files: Sequence[Path], *, model: str, progress: Progress | None = None) -> None:
        """Send the calls, part by part; what is there already is not sent again."""
        job = BatchJob(self.batch_id, self.reached.host.batch, model, self.calls, self.reached.queue)
        self.reached.transport.write(f"{self.folder}/{far.JOB}", job.text().encode("utf-8"))
        sizes = [file.stat().st_size for file in files]
        for number, file in enumerate(files, start=1):
            before = sum(sizes[: number - 1])

            def told(sent: int, _of: int, before: int = before) -> None:
                if progress is not None:
                    progress(before + sent, sum(sizes))

            self.reached.transport.upload(file, f"{self.folder}/{far.in_name(number)}", progress=told)

    def start(self, *, key: str) -> str:
        """Start it, once for each `key`, and return the handle by which it is asked about."""
        words = (*self.reached.python, "-m", _MODULE, self.folder)
        return self.reached.launcher.start(Job(key, self.folder, words, self.reached.environment, far.LOG))

    def look(self, handle: str = "") -> Look:
        """Say where it stands; the one who started it is asked only where a `handle` is given."""
        turn = None
        if handle:  # asked before the end is looked for: what ends in between has then ended well
            turn = self.reached.launcher.standing(handle)
        ended = self._json(far.EXIT)
        state = self._json(far.STATE) or {}
        part = int(state.get("part") or 0)
        waits = state.get("phase") != far.WORKING or (turn is not None and turn.turn is Turn.WAITS)
        why = str(state.get("why") or "") or (turn.why or turn.word if turn is not None and waits else "")
        return Look(
            answered=sum(self.calls[: max(0, part - 1)]) + self._answered(part),
            exit=None if ended is None else BatchExit.read(json.dumps(ended)),
            waits=waits,
            why=why,
            turn=None if turn is None else turn.turn,
        )

    def fetch(self, number: int, target: Path, *, sha256: str = "") -> None:
        """Fetch the replies to a part."""
        self.reached.transport.download(f"{self.folder}/{far.out_name(number)}", target, sha256=sha256)

    def answered_parts(self) -> tuple[int, ...]:
        """Name the parts that have their replies."""
        there = {it.name for it in self.reached.transport.entries(self.folder) or ()}
        return tuple(number for number in range(1, len(self.calls) + 1) if far.out_name(number) in there)

    def end(self, handle: str) -> None:
        """Ask it to end; parts that are answered stay."""
        self.reached.launcher.end(handle)

    def sweep(self) -> None:
        """End what a batch that was killed has left running."""
        words = (*self.reached.python, "-m", _MODULE, self.folder, "--sweep")
        self.reached.transport.run(Command(words, self.reached.environment))

    def remove(self) -> None:
        """Take it away: the calls hold whole documents."""
        done = self.reached.transport.run(Command(("rm", "-rf", "--", self.folder)))
        if done.status:
            raise Environment(f"the batch cannot be taken away: {done.said}", where=self.folder)

    def _json(self, name: str) -> dict[str, Any] | None:
        piece = self.reached.transport.read(f"{self.folder}/{name}")
        if piece is None:
            return None
        with suppress(ValueError):
            row = json.loads(piece.data)
            if isinstance(row, dict):
                return row
        return None

    def _answered(self, part: int) -> int:
        """Return how many calls of a part are answered, as the program counts; 0 where it does not."""
        if not part:
            return 0
        at, counted = self._read.get(part, (0, 0))
        name = f"{self.folder}/{far.log_name(part)}"
        while (piece := self.reached.transport.read(name, start=at, most=_AT_ONCE)) is not None and piece.data:
            whole = piece.data.rfind(b"\n") + 1 or (len(piece.data) if len(piece.data) >= _AT_ONCE else 0)
            if found := _COUNTED.findall(piece.data[:whole]):
                counted = int(found[-1][0])
            at += whole
            if not whole:
                break
        self._read[part] = (at, counted)
        return min(counted, self.calls[part - 1])
