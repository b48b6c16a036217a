"""The events of a run: numbered by the supervisor alone, without a gap over all attempts, read by everybody."""

from __future__ import annotations

import errno
import gc
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.wire import Kind

_BLOCK = 1 << 20
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Event:
    """One line of events.jsonl. `body` is what the kind has besides."""

    seq: int
    time: str
    kind: str
    attempt: int
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def step(self) -> int | None:
        """The step it belongs to, if any."""
        step = self.body.get("step")
        return step if isinstance(step, int) else None


def event_of(line: bytes | str) -> Event:
    """Read a line.

    Raises:
        ValueError: it is no event.
    """
    text = line if isinstance(line, str) else line.decode("utf-8")
    row, end = _DECODER.raw_decode(text)
    if text[end:].strip():
        raise ValueError("something follows the object")
    try:
        row.pop("v", None)
        return Event(row.pop("seq"), row.pop("time"), row.pop("kind"), row.pop("attempt"), row)
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"not an event: {error}") from error


class EventLog:
    """The supervisor's side: appends, one write for each line. Only one supervisor at a time has it open."""

    def __init__(self, path: Path) -> None:
        """Open the log behind its last whole line; what a power cut left of a line is cut off."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self.last_seq = 0
        self.spooled: dict[int, int] = {}
        """How many bytes of each attempt's spool have come in."""
        end = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                event = event_of(line)
                self.last_seq = event.seq
                if "spool" in event.body:
                    self.spooled[event.attempt] = event.body["spool"]
                end += len(line)
        os.ftruncate(self._file, end)
        os.lseek(self._file, 0, os.SEEK_END)

    def append(self, kind: str, *, attempt: int, time: str = "", **body: Any) -> Event:
        """Add an event and return it. It has been handed to the system when this returns."""
        event = Event(self.last_seq + 1, time or wire.now(), kind, attempt, body)
        row = {"v": wire.VERSION, "seq": event.seq, "time": event.time, "kind": kind, "attempt": attempt, **body}
        data = (wire.to_json(row) + "\n").encode("ascii")
        written = os.write(self._file, data)
        if written != len(data):  # the disk is full: what is half there goes again
            os.ftruncate(self._file, os.lseek(self._file, -written, os.SEEK_CUR))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.last_seq = event.seq
        return event

    def take_in(self, attempt: int, spool: Path) -> list[Event]:
        """Number the whole lines that a trainer has spooled since the last time, and return them as events.

        Each says how far the spool has come in with it, so that a supervisor that is killed between two lines is
        followed by one that takes in neither a line twice nor one too few.
        """
        done = self.spooled.get(attempt, 0)
        taken: list[Event] = []
        for end, row in spooled_lines(spool, start=done):
            kind = str(row.pop("kind", Kind.WARNING.value))
            time = str(row.pop("time", ""))
            body = {name: value for name, value in row.items() if name not in ("v", "seq", "attempt", "spool")}
            taken.append(self.append(kind, attempt=attempt, time=time, **body, spool=end))
            self.spooled[attempt] = end
        return taken

    def take_in_before(self, attempt: int, spool: Callable[[int], Path]) -> None:
        """Take in what is left of all attempts before one, each from where `spool` says."""
        for earlier in range(1, attempt):
            self.take_in(earlier, spool(earlier))

    def sync(self) -> None:
        """Write what was added to the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the log."""
        os.fsync(self._file)
        os.close(self._file)


def spooled_lines(spool: Path, *, start: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the whole lines of a spool behind byte `start`, each with the offset at its end.

    A line that is no JSON object becomes a warning: nothing that was said is lost.
    """
    try:
        file = spool.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(start)
        at = start
        for line in file:
            if not line.endswith(b"\n"):
                return
            at += len(line)
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                said = line.decode("utf-8", "replace").strip()
                row = {"kind": Kind.WARNING.value, "why": f"the trainer said something unreadable: {said[:200]}"}
            yield at, row


Point = tuple[int, Mapping[str, Any]]
"""A step and what was measured at it, by name."""


@dataclass(slots=True)
class Curve:
    """What a run's plots show: the metrics by step, of the latest attempt that reached each step.

    An attempt that resumes from step k takes the place of what came after k, and leaves the rest.
    """

    kind: str = Kind.METRIC.value
    points: dict[int, Mapping[str, float]] = field(default_factory=dict)
    last_seq: int = 0

    def add(self, events: Iterable[Event]) -> tuple[Point, ...]:
        """Take in events, in order, and return the points that are new; events seen already are passed over."""
        new: list[Point] = []
        for event in events:
            if event.seq <= self.last_seq:
                continue
            self.last_seq = event.seq
            if event.kind == self.kind:
                if (step := event.step) is not None:
                    self.points[step] = metrics = event.body.get("metrics", {})
                    new.append((step, metrics))
            elif event.kind == Kind.ATTEMPT:
                start = int(event.body.get("from_step", 0))
                new = [it for it in new if it[0] <= start]
                if start < max(self.points, default=0):
                    self.points = {step: point for step, point in self.points.items() if step <= start}
        return tuple(new)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from looking through all the new events again and again: half of the time is its."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Tail:
    """Follows events.jsonl from byte to byte; the same for a file here and one read over a link."""

    def __init__(self) -> None:
        """Begin at the first byte."""
        self.offset = 0
        self.last_seq = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Event]:
        """Take in the bytes from `offset` on and return the events that became whole.

        Raises:
            ValueError: a number is missing or comes twice, or a line is no event: this is not the file it was.
        """
        self.offset += len(data)
        whole, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._rest += rest
            return []
        lines = (self._rest + whole).decode("utf-8").split("\n")
        self._rest = rest
        found = [event_of(line) for line in lines]
        for event in found:
            if event.seq != self.last_seq + 1:
                raise ValueError(f"event {event.seq} follows event {self.last_seq}")
            self.last_seq = event.seq
        return found

    def read(self, path: Path) -> list[Event]:
        """Take in what a file here has gained; nothing where it is not there yet.

        Raises:
            ValueError: as `feed`, or it has become shorter.
        """
        found: list[Event] = []
        try:
            with path.open("rb") as file, _no_collection():
                if file.seek(0, os.SEEK_END) < self.offset:
                    raise ValueError(f"it is shorter than the {self.offset} bytes that were read")
                file.seek(self.offset)
                while block := file.read(_BLOCK):
                    found += self.feed(block)
        except FileNotFoundError:
            return []
        return found
