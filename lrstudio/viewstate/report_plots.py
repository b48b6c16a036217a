"""What the window of reports draws of a section: bars with intervals, tables as cells, curves."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.domain.reports import Cell, Curve, Figure, Section, Table
from lrstudio.viewstate.reports import interval, number

PEOPLE = "a reviewer against the others"
JUDGE = "the judge"
JUDGE_THERE = "the judge there"

DOTS = "scatter"
"""The key of curves whose points are not joined."""

_ON_ONE_SCALE = frozenset((
    "accuracy", "kappa", "kappa_linear", "kappa_quadratic", "alpha_nominal", "alpha_ordinal", "alpha_interval",
    "ac1", "ac2", "balanced_accuracy", "rate_full", "rate_not_full", "matthews", "pearson", "spearman",
    "pair_accuracy", "pair_coverage", "pair_tie_rate", "pair_strict_accuracy", "within_question", "longer_chosen",
    "length_only", "acceptable", "prediction_powered", "rogan_gladen", "judged", "reviewed",
    "accepted_0.01", "accepted_0.05", "accepted_0.1",
))  # fmt: skip
"""Figures that lie between -1 and 1 and can stand on one axis."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its interval in one row of a plot; None where there is not enough data. `words` stand beside it."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    words: str
    series: int = 0


@dataclass(frozen=True, slots=True)
class Bars:
    """Rows from top to bottom; `series` names what each kind of mark stands for; `at` is a value to compare with."""

    key: str
    title: str
    x: str
    bars: tuple[Bar, ...]
    series: tuple[str, ...] = ()
    at: float | None = None
    at_words: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The rows, each once."""
        return tuple(dict.fromkeys(it.label for it in self.bars))

    @property
    def span(self) -> tuple[float, float]:
        """From where to where the axis goes: the whole scale of shares and coefficients, else what there is."""
        ends = [it for bar in self.bars for it in (bar.value, bar.low, bar.high) if it is not None]
        ends += [] if self.at is None else [self.at]
        low, high = min(ends, default=0.0), max(ends, default=1.0)
        if low >= -1.0 and high <= 1.0:
            return (0.0 if low >= 0.0 else -1.0, 1.0)
        room = 0.08 * (high - low) or 0.5
        return (low - room, high + room)


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts in rows and columns."""

    key: str
    title: str
    x: str
    y: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A curve; `diagonal` where x and y should be equal."""

    key: str
    title: str
    curve: Curve
    diagonal: bool


@dataclass(frozen=True, slots=True)
class Dots:
    """Every candidate as a dot, and the line that fits them best through their common mean; None where none does."""

    key: str
    title: str
    curve: Curve
    slope: float | None


Plot = Bars | Cells | Lines | Dots


def plots(section: Section) -> tuple[Plot, ...]:
    """Return what there is to draw of a section, the most telling first; nothing where there are only sentences."""
    made: list[Plot] = []
    tables = {it.key: it for it in section.tables}
    if "parts" in tables:
        made.append(_parts(tables["parts"], section))
    if "standings" in tables:
        made.append(_standings(tables["standings"], section))
    if "mitigations" in tables:
        made.append(_mitigations(tables["mitigations"]))
    made += [_curve(it) for it in section.curves]
    if "confusion" in tables:
        made.append(_cells(tables["confusion"]))
    if "standings" not in tables:
        made += _figures(section)
    return tuple(made)


def _curve(curve: Curve) -> Lines | Dots:
    if curve.key == DOTS:
        return Dots(curve.key, _capital(curve.title), curve, _slope(curve))
    return Lines(curve.key, _capital(curve.title), curve, curve.key == "calibration")


def _slope(curve: Curve) -> float | None:
    """Return the slope of the least squares line through the origin, in points a token; None of one length alone."""
    square = sum(it.x * it.x for it in curve.points)
    return sum(it.x * it.y for it in curve.points) / square if square > 0.0 else None


def _parts(table: Table, section: Section) -> Bars:
    """Draw one row a slice: the share that is right of claims, the mean error of scores; the whole as a line."""
    errors = "mean error" in table.columns
    name = "mean error" if errors else table.columns[3]
    low, high = table.columns.index("low"), table.columns.index("high")
    at = table.columns.index(name)
    bars = []
    for row in table.rows:
        value = _number(row[at])
        words = f"{number(value)}, {row[2]} of {row[1]} decided"
        bars.append(Bar(str(row[0]), value, _number(row[low]), _number(row[high]), words))
    figure = next((it for it in section.figures if it.key == ("mean_absolute_error" if errors else "accuracy")), None)
    whole = figure.value if figure is not None else None
    if whole is None and not errors:
        whole = section.share("right_of_decided").value
    title = f"{name} {table.title}"
    return Bars("parts", _capital(title), name, tuple(bars), at=whole, at_words="the whole")


def _standings(table: Table, section: Section) -> Bars:
    bars = tuple(
        Bar(str(model), _number(mean), _number(low), _number(high), f"{number(_number(mean))}, {questions} questions")
        for model, mean, low, high, questions, *_ in table.rows
    )
    return Bars("standings", f"Models by {section.dimension}", f"mean {section.dimension}", bars)


def _mitigations(table: Table) -> Bars:
    bars = tuple(
        Bar(str(name), _number(share), _number(low), _number(high), f"{number(_number(share))}, {pairs} pairs")
        for name, pairs, share, low, high, *_ in table.rows
    )
    title = "The longer candidate is chosen, before and after"
    return Bars("mitigations", title, "share of pairs", bars, at=0.5, at_words="length plays no part")


def _cells(table: Table) -> Cells:
    counts = tuple(tuple(int(_number(cell) or 0) for cell in row[1:]) for row in table.rows)
    rows = tuple(str(row[0]) for row in table.rows)
    return Cells("confusion", "People by judge", "the judge says", "people say", table.columns[1:], rows, counts)


def _figures(section: Section) -> list[Bars]:
    """Draw the figures on one axis; where people were compared among themselves, they stand in the same rows."""
    among = (section.figures, section.ceiling, section.against_same)
    bars = [
        _bar(it, series)
        for series, figures in enumerate(among)
        for it in figures
        if it.key in _ON_ONE_SCALE and (series == 0 or it.value is not None)
    ]
    if not any(it.value is not None for it in bars):
        return []
    series = (JUDGE, PEOPLE, JUDGE_THERE) if section.ceiling else ()
    return [Bars("figures", "Figures with their intervals", "value", tuple(bars), series)]


def _bar(it: Figure, series: int) -> Bar:
    words = "not enough data" if it.value is None else f"{number(it.value)} ({interval(it.low, it.high)}), n {it.n:,}"
    return Bar(it.title, it.value, it.low, it.high, words, series)


def _number(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
