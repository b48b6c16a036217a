"""What a run of the toy trainer should come to, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.events import Curve, Event, Tail
from lrstudio.training.folder import RunFolder
from tests.doubles.toy_trainer import next_value


def expected(steps: int) -> dict[int, str]:
    value, found = 2.0, {}
    for step in range(1, steps + 1):
        value = next_value(value, step)
        found[step] = value.hex()
    return found


def events(run: RunFolder) -> list[Event]:
    return Tail().read(run.path / wire.EVENTS)  # which refuses a gap


def losses(run: RunFolder) -> dict[int, str]:
    curve = Curve()
    curve.add(events(run))
    return {step: point["loss"].hex() for step, point in sorted(curve.points.items())}


def finish(run: RunFolder) -> wire.Exit:
    """Wait until the latest attempt has ended."""

    def ended() -> wire.Exit | None:
        claims, said = run.claims(), run.exit()
        return said if said is not None and said.attempt == len(claims) else None

    found: wire.Exit = until(ended)
    return found


def trainers(run: RunFolder) -> list[int]:
    """The live trainers of a run, by command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(run.path).encode() in words and any(word.endswith(b"toy_trainer.py") for word in words):
            found.append(int(entry.name))
    return found


def until(done: Callable[[], Any], *, seconds: float = 60.0, pause: float = 0.01) -> Any:
    """Wait for something; it is a failure when it does not come."""
    end = time.monotonic() + seconds
    while not (found := done()):
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(pause)
    return found
