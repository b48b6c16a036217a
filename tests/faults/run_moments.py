"""The moments of a run: when to kill it, and what it was at when it was killed, told from its folder.

A run of SPPO has rounds of as many steps as its options say, with a checkpoint at the end of each, and between them it
answers questions and waits for the judge: the phase `round`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.events import Event, spooled_lines
from lrstudio.training.folder import RunFolder
from lrstudio.training.wire import Kind

STEPS, SAVE, EVALUATE, SAMPLE = 21, 6, 4, 8
ROUNDS = 3
RECIPES = ("dpo", "longpo", "sppo")
PHASES = ("start", "step", "checkpoint", "evaluation", "round", "shutdown")
AIMS = ("start", "step", "checkpoint", "evaluation", "shutdown", "any")
"""What a round aims at; "any" is any moment of the run. The phase that it hit is told from what it left."""

_LATER = 3  # steps behind a checkpoint, so that there is something to lose
_JUST_AFTER = 0.004
_PROMPT = 0.4  # of a short moment: what is late comes to nothing, and a kill takes its time


@dataclass(frozen=True, slots=True)
class Pace:
    """How many seconds the parts of the undisturbed run took."""

    start: float
    step: float
    checkpoint: float
    evaluation: float
    round: float
    shutdown: float
    whole: float

    @classmethod
    def of(cls, events: list[Event]) -> Pace:
        """Measure it."""
        times = [datetime.fromisoformat(event.time).timestamp() for event in events]
        steps = [time for event, time in zip(events, times, strict=True) if event.kind == Kind.METRIC]

        def behind(kind: Kind) -> float:
            """Return the longest time from the line before one of this kind to it, 0.0 where there is none."""
            pairs = zip(events[1:], times, times[1:], strict=False)
            return max((now - before for event, before, now in pairs if event.kind == kind), default=0.0)

        return cls(
            start=steps[0] - times[0],
            step=sorted(now - before for before, now in pairwise(steps))[len(steps) // 2],
            checkpoint=behind(Kind.CHECKPOINT),
            evaluation=behind(Kind.EVALUATION) + behind(Kind.SAMPLE),
            round=max(steps[it] - steps[it - 1] for it in range(STEPS // ROUNDS, STEPS, STEPS // ROUNDS)),
            shutdown=times[-1] - steps[-1],
            whole=times[-1] - times[0],
        )


class Spooled:
    """What the first trainer of a run has said, read as it grows."""

    def __init__(self, run: RunFolder) -> None:
        self.lines: list[dict[str, Any]] = []
        self._path = run.spool(1)
        self._at = 0

    def read(self) -> list[dict[str, Any]]:
        """Return all of it so far."""
        for end, row in spooled_lines(self._path, start=self._at):
            self._at = end
            self.lines.append(row)
        return self.lines

    def heard(self, word: str) -> bool:
        """Tell whether it has said where it stands in a sentence that begins so."""
        return any(str(row.get("why", "")).startswith(word) for row in self.read() if row["kind"] == Kind.PHASE)

    def step(self) -> int:
        """Return the last step that it has told of, 0 for none."""
        return next((int(row["step"]) for row in reversed(self.read()) if row["kind"] == Kind.METRIC), 0)


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: `after` seconds behind what is `reached`."""

    reached: Callable[[], bool]
    after: float


def saves(recipe: str) -> list[int]:
    """Return the steps behind which a run of a recipe saves."""
    ends = range(STEPS // ROUNDS, STEPS, STEPS // ROUNDS) if recipe == "sppo" else ()
    return sorted({*range(SAVE, STEPS, SAVE), *ends, STEPS})


def moment(run: RunFolder, *, recipe: str, aim: str, pace: Pace, rng: random.Random) -> Moment:
    """Choose one. A killed step or evaluation has a checkpoint and at least three steps behind it."""
    spool = Spooled(run)
    saved = saves(recipe)

    def told(step: int) -> Callable[[], bool]:
        return lambda: spool.step() >= step

    later = [step for step in range(SAVE + _LATER, STEPS - 1) if step - max(it for it in saved if it <= step) >= _LATER]
    match aim:
        case "start":
            return Moment(lambda: bool(run.claims()), rng.uniform(0.0, pace.start))
        case "step":
            among = [step for step in later if step % EVALUATE]
            return Moment(told(rng.choice(among)), rng.uniform(0.0, pace.step))
        case "evaluation":
            among = [
                step for step in range(2 * SAVE, STEPS) if step % EVALUATE == 0 and (step - 1) % SAVE >= _LATER - 1
            ]
            return Moment(told(rng.choice(among)), rng.uniform(0.0, _PROMPT * pace.evaluation))
        case "round":
            wanted = f"round {rng.randint(1, ROUNDS)}"
            return Moment(lambda: spool.heard(wanted), rng.uniform(0.0, pace.round))
        case "checkpoint":
            return _at_a_checkpoint(run, pace=pace, rng=rng)
        case "shutdown":
            return Moment(told(STEPS), rng.uniform(0.0, pace.shutdown))
        case _:
            return Moment(lambda: bool(run.claims()), rng.uniform(0.0, pace.whole))


def _at_a_checkpoint(run: RunFolder, *, pace: Pace, rng: random.Random) -> Moment:
    """Choose a moment between writing and renaming, or just behind it; not at the first, so that there is one."""
    final = run.path / wire.CHECKPOINTS / f"step-{rng.choice(range(2 * SAVE, STEPS, SAVE)):08d}"
    if rng.random() < 0.2:
        return Moment(final.exists, rng.uniform(0.0, _JUST_AFTER))
    unfinished = final.with_name(f"{final.name}.tmp")
    return Moment(lambda: unfinished.exists() or final.exists(), rng.uniform(0.0, _PROMPT * pace.checkpoint))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the folder of a run held: what its trainer had said, and the names in its folder of checkpoints."""

    lines: tuple[dict[str, Any], ...]
    checkpoints: tuple[str, ...]
    recipe: str = "dpo"

    @classmethod
    def of(cls, run: RunFolder) -> Seen:
        """Look; the checkpoints first, because they change in no time."""
        names = tuple(sorted(os.listdir(run.path / wire.CHECKPOINTS)))
        return cls(tuple(Spooled(run).read()), names, run.spec().recipe)

    @property
    def step(self) -> int:
        """The last step that was told of, 0 for none."""
        return max((int(row["step"]) for row in self.lines if row["kind"] == Kind.METRIC), default=0)

    @property
    def saved(self) -> int:
        """The step of the last published checkpoint, 0 for none."""
        return max((_step_of(name) for name in self.checkpoints if not name.endswith(".tmp")), default=0)

    def phase(self) -> str:
        """Say what the run was at.

        start: no step was told of. shutdown: the last one was. checkpoint: one was being written or thrown away, or had
        its name already and was not told of. evaluation: an evaluation or answers were due and not told of. round: it
        was answering, waiting for the judge, or pairing, in whatever round. step: none of these.
        """
        metrics = [n for n, row in enumerate(self.lines) if row["kind"] == Kind.METRIC]
        behind = self.lines[metrics[-1] + 1 if metrics else 0 :]
        if any(row["kind"] == Kind.PHASE and str(row.get("why", "")).startswith("round ") for row in behind):
            return "round"
        if not self.step:
            return "start"
        if self.step == STEPS:
            return "shutdown"
        told = {(row["kind"], row.get("step")) for row in self.lines}
        due = {Kind.SAMPLE: SAMPLE} if self.recipe == "sppo" else {Kind.EVALUATION: EVALUATE, Kind.SAMPLE: SAMPLE}
        if any(self.step % every == 0 and (kind.value, self.step) not in told for kind, every in due.items()):
            return "evaluation"
        if self.saved == self.step and (Kind.CHECKPOINT.value, self.step) not in told:
            return "checkpoint"
        return "checkpoint" if any(name.endswith(".tmp") for name in self.checkpoints) else "step"


def _step_of(name: str) -> int:
    return int(Path(name).stem.removeprefix("step-"))
