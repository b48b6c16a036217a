"""How long things take, as ratios measured in one run: `python -m tests.benchmarks [--check] [NAME...]`.

A module here holds a tuple `BENCHMARKS` of functions without arguments that return ratios. Milliseconds depend on the
machine; a ratio of two medians, taken in turns so that a noisy neighbour disturbs both, hardly does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measured ratio and the most it may be; `detail` says what was divided by what."""

    name: str
    value: float
    bound: float
    detail: str

    @property
    def within(self) -> bool:
        """Whether the ratio keeps its bound."""
        return self.value <= self.bound


Benchmark = Callable[[], Sequence[Ratio]]


@dataclass(frozen=True, slots=True)
class Case(Generic[T]):
    """Something to time: `action` on what `before` makes; `after` clears it away. Only the action counts."""

    before: Callable[[], T]
    action: Callable[[T], object]
    after: Callable[[T], object]


def in_turns(*cases: Case[Any], rounds: int, warm: int = 1) -> list[float]:
    """Run the cases in turns and return the median seconds of each; the first `warm` rounds do not count."""
    times: list[list[float]] = [[] for _ in cases]
    for number in range(warm + rounds):
        for case, taken in zip(cases, times, strict=True):
            thing = case.before()
            started = time.perf_counter()
            case.action(thing)
            spent = time.perf_counter() - started
            case.after(thing)
            if number >= warm:
                taken.append(spent)
    return [median(taken) for taken in times]


def milliseconds(seconds: float) -> str:
    """Write seconds for a detail."""
    return f"{seconds * 1000:.1f} ms"
