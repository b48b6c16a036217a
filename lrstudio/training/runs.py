"""What is known of runs as a list, a form and a plot show them: records only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrstudio.training.preflight import Preflight
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase, Spec


@dataclass(frozen=True, slots=True)
class TrainWish:
    """What a person asks for.

    `model` is a folder; for a run on a `host` one here, which is sent there, or else one there. `options` are those of
    the recipe that differ from the preset, as words or values. `name` "" is given one. `python` is the Python that
    trains, None for that of the settings or the host. A run that is to `queue` waits for the queued ones of its machine
    before it.
    """

    set_name: str
    recipe: str
    model: Path
    preset: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    python: Path | None = None
    queue: bool = False
    host: str = ""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list.

    `number` counts the runs of a project from 1. `life` tells whether somebody works on it, of which "unknown" is an
    answer of its own; `phase` is None before the first start, and `why` a sentence for what is not plain. `loss` is
    that of the last step. `seconds_left` is None unless it trains. `reward_first` and `reward_last` are the mean
    rewards, 0-10, of its answers to held-out questions at the first and the last step at which they were judged. `host`
    is where it runs, "" for this machine; `since` when it was last heard of, where its life is unknown.
    `judges_itself` tells whether the window judges its rounds unasked.
    """

    run_id: str
    number: int
    name: str
    recipe: str
    set_name: str
    model: str
    created: str
    life: Life
    phase: Phase | None
    why: str = ""
    attempt: int = 0
    step: int = 0
    steps: int | None = None
    loss: float | None = None
    seconds_left: float | None = None
    seconds_per_pair: float | None = None
    reward_first: float | None = None
    reward_last: float | None = None
    notes: str = ""
    queued: bool = False
    can_resume: bool = False
    judges_itself: bool = False
    since: str = ""
    host: str = ""

    @property
    def running(self) -> bool:
        """Tell whether it is known to be worked on."""
        return self.life is Life.ALIVE


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run: its row, what it is to do, what preflight found (None before), and its folder.

    `left_out` are the pairs of the set that have no row in it, because the recipe cannot use them.
    """

    row: RunRow
    spec: Spec
    preflight: Preflight | None
    folder: Path
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer to a held-out question at one step; `reward` is 0-10, None while it is not `judged` or if that failed.

    `repetition` is the share of its 4-grams that came before.
    """

    attempt: int
    step: int
    row_id: str
    question: str
    text: str
    tokens: int = 0
    repetition: float | None = None
    reward: float | None = None
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Something a run said that a person should read: a warning of a health rule (named in `rule`), or an error."""

    seq: int
    time: str
    kind: str
    why: str
    rule: str = ""
    step: int | None = None


@dataclass(frozen=True, slots=True)
class RunNews:
    """What a run has gained since it was last looked at.

    `points`, `evaluations` and `gpu` are (step, numbers by name), in order; of a GPU the numbers are those of
    `lrstudio.training.gpu`. `cut` is the step behind which everything known is replaced, because a new attempt goes on
    from there; None where nothing is. `samples` are those that are new or have a new reward; `log` are whole lines of
    what the trainer printed.
    """

    row: RunRow
    points: tuple[tuple[int, Mapping[str, float]], ...] = ()
    evaluations: tuple[tuple[int, Mapping[str, float]], ...] = ()
    gpu: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    samples: tuple[Sample, ...] = ()
    told: tuple[Told, ...] = ()
    log: tuple[str, ...] = ()
    cut: int | None = None
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which runs differ: its name, and its value in each of them as words."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take: GiB at the peak on the device, corrected by what earlier runs took, and seconds.

    `earlier` counts the runs that it has learnt from. None where nothing can be said.
    """

    memory_gib: float | None
    device_gib: float | None
    seconds: float | None
    earlier: int = 0

    @property
    def fits(self) -> bool | None:
        """Tell whether the memory is enough; None where that is not known."""
        if self.memory_gib is None or self.device_gib is None:
            return None
        return self.memory_gib <= self.device_gib
