"""What the server's log says that a killed and resumed judge run paid for, beside what its project holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

EXTRACTION = frozenset({"claims", "key_points"})


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the server's log: a request came in, or its reply has left whole. `paid`: it was a completion."""

    kind: str
    number: int
    body: str
    call: str
    time: float
    paid: bool = False


class Tail:
    """Reads a server's log as it grows."""

    def __init__(self, path: Path) -> None:
        self.events: list[Event] = []
        self._path = path
        self._at = 0
        self._calls: dict[int, str] = {}

    def read(self) -> list[Event]:
        """Return all events so far."""
        if not self._path.exists():
            return self.events
        with self._path.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]  # the last line may be half written
        self._at += len(new)
        for line in new.splitlines():
            given = json.loads(line)
            call = self._calls.setdefault(given["number"], given.get("call", ""))
            paid = given.get("complete", False)
            self.events.append(Event(given["event"], given["number"], given["sha256"], call, given["time"], paid))
        return self.events


def paid(events: Collection[Event]) -> Counter[str]:
    """Count by body the completions that the server gave."""
    return Counter(event.body for event in events if event.paid)


def sent(events: Collection[Event]) -> set[str]:
    """Return the bodies that came in."""
    return {event.body for event in events if event.kind == "request"}


def complaints(
    before: Sequence[Event], after: Sequence[Event], *, finished: Collection[str], concurrency: int
) -> list[str]:
    """Say what is wrong with a log that a kill cuts in two; nothing where all is well.

    Args:
        before: what the killed process caused.
        after: what the one that went on caused.
        finished: the bodies whose replies the project held at the kill.
        concurrency: how many calls may have been in flight at the kill.
    """
    done, first, second = set(finished), paid(before), paid(after)
    found = []
    if again := sent(after) & done:
        found.append(f"{len(again)} finished calls were sent again")
    if twice := [body for part in (first, second) for body, count in part.items() if count > 1]:
        found.append(f"{len(twice)} calls were paid twice by one process")
    if len(both := first.keys() & second.keys()) > concurrency:
        found.append(f"{len(both)} calls were paid again, {concurrency} were in flight at most")
    if len(lost := first.keys() - done) > concurrency:
        found.append(f"{len(lost)} paid replies were lost, {concurrency} were in flight at most")
    if strange := done - first.keys():
        found.append(f"{len(strange)} replies are in the project that the server never gave")
    return found


def in_flight(events: Sequence[Event], *, at: float) -> list[Event]:
    """Return the requests without a whole reply at a time, the latest last."""
    replied = {event.number for event in events if event.kind == "reply" and event.time <= at}
    return [event for event in events if event.kind == "request" and event.time <= at and event.number not in replied]


def phase(
    events: Sequence[Event], *, at: float, finished: Collection[str], open_calls: Sequence[str], all_judged: bool
) -> str:
    """Say what a judge run was at when it was killed.

    shutdown: every judgment was in the project, the process still there. write: a whole reply had left the server and
    was not in the project. extraction, check: the last call in flight listed claims or key points, or weighed
    something; where none was in flight, the last one that waited for its next try. between: none of these.

    Args:
        events: what the process caused.
        at: when it was killed.
        finished: the bodies whose replies the project held.
        open_calls: the purposes of the calls that the project had begun and not ended, the latest last.
        all_judged: whether the project held every judgment.
    """
    if all_judged:
        return "shutdown"
    if any(event.paid and event.time <= at and event.body not in finished for event in events):
        return "write"
    waiting = [event.call for event in in_flight(events, at=at)] or list(open_calls)
    if not waiting:
        return "between"
    return "extraction" if waiting[-1] in EXTRACTION else "check"
