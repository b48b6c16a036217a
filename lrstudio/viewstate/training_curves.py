"""What the plots of runs show: columns by step that grow as a run does, smoothing, values at a step, rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FIRST = 1024
_PART = "loss/"
_GPU = "gpu/"
_MIB = 1024.0
_TOKENS: Final = ("partial", "not_found", "full", "contradicted")


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of one run as they stood: `steps` rising, and for each metric one value a step, NaN for none.

    The arrays are never written again.
    """

    steps: Floats
    values: Mapping[str, Floats]

    def series(self, metric: str) -> tuple[Floats, Floats]:
        """Return the steps at which a metric has a value, and the values; both are empty where it has none."""
        found = self.values.get(metric)
        if found is None:
            return self.steps[:0], self.steps[:0]
        if not np.isnan(found).any():
            return self.steps, found
        known = ~np.isnan(found)
        return self.steps[known], found[known]

    def at(self, metric: str, step: float) -> float | None:
        """Return the value at the last step at or before this one, None where there is none."""
        steps, values = self.series(metric)
        place = int(np.searchsorted(steps, step, side="right")) - 1
        return float(values[place]) if place >= 0 else None

    @property
    def last(self) -> int:
        """The last step, 0 before the first."""
        return int(self.steps[-1]) if len(self.steps) else 0


EMPTY: Final = Curves(np.empty(0), MappingProxyType({}))


class Columns:
    """Gathers what a run says into arrays; what it costs goes by what is new, not by how long the run is.

    One thread at a time; what `snapshot` returned stays as it was.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._count = 0
        self._steps = np.full(_FIRST, np.nan)
        self._values: dict[str, Floats] = {}

    def cut(self, step: int) -> None:
        """Let go of what lies behind a step, since an attempt goes on from there."""
        kept = int(np.searchsorted(self._steps[: self._count], step, side="right"))
        if kept < self._count:
            # Snapshots that are still looked at share the arrays: what comes now must not be written over theirs.
            self._count = kept
            self._steps = self._steps.copy()
            self._values = {name: it.copy() for name, it in self._values.items()}

    def add(self, points: Sequence[tuple[int, Mapping[str, object]]]) -> None:
        """Take in points, steps rising; of one that is there already and what lies behind it these take the place."""
        if not points:
            return
        points = list(dict(points).items())
        if self._count and points[0][0] <= self._steps[self._count - 1]:
            self.cut(points[0][0] - 1)
        start, end = self._count, self._count + len(points)
        if end > len(self._steps):
            room = max(end, 2 * len(self._steps))
            self._steps = _grown(self._steps, room)
            self._values = {name: _grown(it, room) for name, it in self._values.items()}
        self._steps[start:end] = [step for step, _ in points]
        numbers = [it for _, it in points]
        for name in _names(numbers):
            if name not in self._values:
                self._values[name] = np.full(len(self._steps), np.nan)
        for name, column in self._values.items():
            column[start:end] = _column(numbers, name)
        self._count = end

    def snapshot(self) -> Curves:
        """Return the curves as they stand."""
        values = {name: it[: self._count] for name, it in sorted(self._values.items())}
        return Curves(self._steps[: self._count], MappingProxyType(values))


def _grown(column: Floats, room: int) -> Floats:
    grown = np.full(room, np.nan)
    grown[: len(column)] = column
    return grown


def _names(points: Sequence[Mapping[str, object]]) -> dict[str, None]:
    """Return the names of all points; most runs of points have the same ones."""
    names: dict[str, None] = {}
    before: Mapping[str, object] = {}
    for point in points:
        if point.keys() != before.keys():
            names.update(dict.fromkeys(point))
            before = point
    return names


def _column(points: Sequence[Mapping[str, object]], name: str) -> Floats | list[float]:
    """Return the values of a metric, NaN for what is none; the short way where every point has a number."""
    try:
        return np.array(list(map(itemgetter(name), points)), dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return [_number(point.get(name)) for point in points]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def smoothed(values: Floats, window: int) -> Floats:
    """Return for each place the mean of the `window` values around it, towards the ends of fewer, as many on each side.

    So it lags behind nothing: a few steps that fall are a line that falls, and not their mean. 1 changes nothing.
    """
    if window <= 1 or len(values) < 2:
        return values
    sums = np.concatenate(([0.0], np.cumsum(values)))
    places = np.arange(len(values))
    half = np.minimum(window // 2, np.minimum(places, places[::-1]))
    means: Floats = (sums[places + half + 1] - sums[places - half]) / (2 * half + 1)
    return means


def device_points(
    said: Sequence[tuple[int, Mapping[str, object]]],
) -> list[tuple[int, dict[str, object]]]:
    """Return what the driver said of devices as points: memory over all of them, the use of the busiest."""
    by_step: dict[int, dict[object, Mapping[str, object]]] = {}
    for step, numbers in said:
        by_step.setdefault(step, {})[numbers.get("index")] = numbers
    points: list[tuple[int, dict[str, object]]] = []
    for step, devices in sorted(by_step.items()):
        used = [_number(it.get("used_mib")) for it in devices.values()]
        use = [_number(it.get("use")) for it in devices.values()]
        points.append((step, {"gpu/used_gib": sum(used) / _MIB, "gpu/use": max(use)}))
    return points


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot: the metric it draws, what it is called there, and the token of its colour."""

    metric: str
    label: str
    token: str = "accent"


@dataclass(frozen=True, slots=True)
class PlotSpec:
    """One plot. `span` are its fixed ends, else it takes what its lines need; `held_out` says that it has dots, too,
    and `parts` that its lines are the parts of the loss, whichever there are.

    `meaning` says in a sentence what is to be seen in it; what is not `noisy` is never smoothed.
    """

    key: str
    title: str
    page: str
    series: tuple[Series, ...]
    meaning: str
    span: tuple[float, float] | None = None
    held_out: bool = False
    parts: bool = False
    noisy: bool = True


LEARNING, HEALTH, MACHINE = "Learning", "Health", "Machine"
PAGES: Final = (LEARNING, HEALTH, MACHINE)
"""The pages of plots, in order."""

PLOTS: Final = (
    PlotSpec(
        "loss", "Loss", LEARNING, (Series("loss", "loss"),), "What training brings down.", held_out=True,
    ),
    PlotSpec(
        "rewards", "Rewards", LEARNING,
        (Series("rewards/chosen", "chosen", "full"), Series("rewards/rejected", "rejected", "contradicted")),
        "Beta times how much likelier the policy makes an answer than the reference does. Chosen should lie above.",
    ),
    PlotSpec(
        "accuracy", "Accuracy", LEARNING, (Series("rewards/accuracies", "accuracy"),),
        "The share of pairs whose chosen answer has the higher reward.", span=(0.0, 1.0), held_out=True,
    ),
    PlotSpec(
        "margin", "Margin", LEARNING, (Series("rewards/margins", "margin"),),
        "The chosen reward less the rejected one.", held_out=True,
    ),
    PlotSpec(
        "parts", "Parts of the loss", HEALTH, (), "What the loss is made of, each part before its weight.", parts=True,
    ),
    PlotSpec(
        "logps", "Log-prob per token", HEALTH,
        (
            Series("logps_per_token/chosen", "chosen", "full"),
            Series("logps_per_token/rejected", "rejected", "contradicted"),
        ),
        "Where chosen falls, too, likelihood goes to answers in neither.",
    ),
    PlotSpec(
        "kl", "KL to the reference", HEALTH, (Series("kl", "KL"),),
        "Log-ratio of policy to reference, a token of both answers: a proxy, which may be below 0.",
    ),
    PlotSpec(
        "entropy", "Entropy", HEALTH, (Series("entropy", "entropy"),),
        "How open the model's choice of the next token is; near 0 it repeats itself.",
    ),
    PlotSpec(
        "grad_norm", "Gradient norm", HEALTH, (Series("grad_norm", "norm"),), "Before it is cut; peaks are odd rows.",
    ),
    PlotSpec(
        "learning_rate", "Learning rate", HEALTH, (Series("learning_rate", "rate"),),
        "As the schedule has it.", noisy=False,
    ),
    PlotSpec(
        "speed", "Tokens a second", MACHINE, (Series("tokens_per_second", "tokens/s"),), "Of the trainer, by step.",
    ),
    PlotSpec("seconds", "Seconds a step", MACHINE, (Series("seconds", "seconds"),), "Long rows take long steps."),
    PlotSpec(
        "memory", "GPU memory, GiB", MACHINE,
        (Series("memory_gib", "peak of the trainer"), Series("gpu/used_gib", "in use", "not_found")),
        "On the device.",
    ),
    PlotSpec(
        "use", "GPU use, %", MACHINE, (Series("gpu/use", "use"),), "As the driver tells it.", span=(0.0, 100.0),
    ),
)  # fmt: skip
"""Every plot, page by page."""


def lines_of(spec: PlotSpec, metrics: Iterator[str] | Sequence[str]) -> tuple[Series, ...]:
    """Return the lines of a plot for a run with these metrics: those of the plot, or the parts of the loss."""
    if not spec.parts:
        return spec.series
    names = [name for name in metrics if name.startswith(_PART)]
    parts = tuple(
        Series(name, name.removeprefix(_PART), _TOKENS[at % len(_TOKENS)]) for at, name in enumerate(sorted(names))
    )
    return (*spec.series, *parts)


def figure(value: float | None) -> str:
    """Write a value as it stands beside a plot: three digits that tell, – for none."""
    if value is None or not np.isfinite(value):
        return "–"
    if value and (abs(value) < 1e-3 or abs(value) >= 1e6):
        return f"{value:.2e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


@dataclass(frozen=True, slots=True)
class RunLines:
    """One run in the plots: how it is called there, its curves, those of the held-out pairs and of the devices."""

    run_id: str
    label: str
    curves: Curves = EMPTY
    held_out: Curves = EMPTY
    gpu: Curves = EMPTY

    def of(self, metric: str) -> Curves:
        """Return the curves that a metric is among."""
        return self.gpu if metric.startswith(_GPU) else self.curves

    @property
    def last(self) -> int:
        """The last step known."""
        return self.curves.last


@dataclass(frozen=True, slots=True)
class Reading:
    """Values beside a plot: of which step, and for each line of each run its name and value."""

    step: int | None
    values: tuple[tuple[str, float | None], ...] = field(default=())

    @property
    def words(self) -> str:
        """Return it in a line; the names are left out where there is one value only."""
        if len(self.values) == 1:
            told = figure(self.values[0][1])
        else:
            told = " · ".join(f"{name} {figure(value)}" for name, value in self.values)
        return told if self.step is None else f"step {self.step:,} · {told}"


def reading(spec: PlotSpec, runs: Sequence[RunLines], *, step: int | None) -> Reading:
    """Return what a plot says at a step, of all runs shown; at their last steps where there is none.

    A run that has not come as far as the step has no value there.
    """
    values = []
    for run in runs:
        at = run.last if step is None else step
        for series in lines_of(spec, tuple(run.curves.values)):
            name = series.label if len(runs) == 1 else f"{run.label} {series.label}"
            values.append((name, run.of(series.metric).at(series.metric, at) if at <= run.last else None))
    return Reading(step, tuple(values))


def csv_rows(runs: Sequence[RunLines]) -> tuple[tuple[str, ...], Iterator[tuple[str | int | float | None, ...]]]:
    """Return the columns and the rows of a file with everything that is plotted, as it was measured."""
    names = sorted({name for run in runs for it in (run.curves, run.held_out, run.gpu) for name in it.values})

    def rows() -> Iterator[tuple[str | int | float | None, ...]]:
        for run in runs:
            for of, curves in (("training", run.curves), ("held out", run.held_out), ("device", run.gpu)):
                columns = [curves.values.get(name) for name in names]
                for at, step in enumerate(curves.steps):
                    cells = [None if it is None or np.isnan(it[at]) else float(it[at]) for it in columns]
                    yield (run.label, of, int(step), *cells)

    return ("run", "of", "step", *names), rows()
