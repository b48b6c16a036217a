"""What the window of reports says: what is asked for, its headings, its tables, and when it no longer holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrstudio.domain.changes import Changes
from lrstudio.domain.reports import By, Cell, Curve, Figure, JudgeName, Report, Section, Share, Table
from lrstudio.domain.verdicts import Dimension

AGREEMENT, LENGTH_BIAS, LEADERBOARD = "agreement", "length-bias", "leaderboard"
KINDS = ((AGREEMENT, "Agreement with people"), (LENGTH_BIAS, "Length bias"), (LEADERBOARD, "Leaderboard of models"))
SLICES: tuple[tuple[By | None, str], ...] = (
    (None, "the whole"),
    (By.LENGTH, "document length"),
    (By.EVIDENCE_POSITION, "place of the evidence, in tenths"),
    (By.LANGUAGE, "language"),
    (By.MODEL, "model"),
    (By.CLAIM_KIND, "kind of claim"),
)
CLUSTERS = (("document", "document"), ("question", "question"))
NO_JUDGE = "People, and sets of pairs"
STALE = "The project has changed since this was computed."
BLIND = "You decide blind"
BLIND_WHY = (
    "Reports show what the judges said and which model does best; after that, what you decide is no longer blind. "
    "Decide first, or look now and end blind mode."
)
CANCELLED = "Cancelled. Press Compute to begin again."
NO_INTERVAL = "–"

_NEXT_STEP = {
    AGREEMENT: "Judge some candidates, then decide on claims or scores in the Audit workspace, blind if you can; "
    "twenty items from eight documents give the first intervals.",
    LENGTH_BIAS: "Run a judge over questions with several candidates, or bring in pairs that people chose.",
    LEADERBOARD: "Run a judge over candidates of two or more models, or decide their scores.",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which report is wanted; None stands for all."""

    kind: str = AGREEMENT
    judge: JudgeName | None = None
    dimension: Dimension | None = None
    by: By | None = None
    cluster: str = "document"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as it stands on the screen: words row by row; `numbers` tells which columns are set to the right."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A section in the list; `slices` are its parts."""

    section: Section
    title: str
    slices: tuple[Entry, ...] = ()


def is_stale(changes: Changes) -> bool:
    """Tell whether what was computed before these changes may be wrong now."""
    kinds = (changes.documents, changes.questions, changes.candidates, changes.judgments, changes.decisions)
    return changes.everything or any((*kinds, changes.runs, changes.queues, changes.pairs, changes.sets))


def next_step(report: Report) -> str:
    """Return what to do where a report has nothing to say."""
    return _NEXT_STEP[report.kind]


def groups(report: Report) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """Return the sections for a list, judge by judge: each whole with its slices (or models) below it."""
    made: dict[str, list[tuple[Section, list[Entry]]]] = {}
    wholes: dict[tuple[str, ...], list[Entry]] = {}
    for section in report.sections:
        place = (section.judge.words, section.dimension, section.of, section.seen)
        if section.part and place in wholes:
            wholes[place].append(Entry(section, section.part))
        else:
            wholes[place] = []
            made.setdefault(section.judge.words or NO_JUDGE, []).append((section, wholes[place]))
    return tuple(
        (judge, tuple(Entry(section, _title(section), tuple(parts)) for section, parts in listed))
        for judge, listed in made.items()
    )


def heading(section: Section) -> str:
    """Name a section: "faithfulness · claim · blind · lexical"; its judge comes last, being the longest."""
    return " · ".join(word for word in (_title(section), section.judge.words) if word)


def judge_choices(judges: Sequence[JudgeName]) -> tuple[tuple[JudgeName | None, str], ...]:
    """Return the judges to choose from, all together first."""
    return ((None, "all judges"), *((it, it.words) for it in judges))


def counts(section: Section) -> str:
    """Return the plain counts of a section as one line."""
    return "   ".join(_share(it) for it in section.shares)


def reasons(section: Section) -> str:
    """Return why figures are missing, each sentence once with the figures it holds for; "" where none is missing."""
    lacking: dict[str, list[str]] = {}
    for it in section.figures:
        if it.value is None:
            lacking.setdefault(it.sentence, []).append(it.title)
    if len(lacking) == 1 and all(it.value is None for it in section.figures):
        return next(iter(lacking))
    return "\n".join(f"Not given: {', '.join(titles)}. {sentence}" for sentence, titles in lacking.items())


def grids(section: Section, *, cluster: str) -> tuple[Grid, ...]:
    """Return the tables of a section: its figures, then what else it has, and its counts last."""
    made = [_figures(section, cluster)] if section.figures else []
    made += [_grid(it) for it in section.tables]
    if section.shares:
        rows = tuple((it.title, f"{it.count:,}", f"{it.of:,}", percent(it.value)) for it in section.shares)
        made.append(Grid("counts", "Counts", ("count", "so many", "of", "share"), rows, (False, True, True, True)))
    return (*made, *(_points(curve) for curve in section.curves))


def tsv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows for a spreadsheet: tabs between cells, a header, no tab or line break within a cell."""
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in (columns, *rows))


def number(value: float | None) -> str:
    """Write a number of a report: three digits after the point, or none of a large one."""
    if value is None:
        return NO_INTERVAL
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}"


def interval(low: float | None, high: float | None) -> str:
    """Write an interval, "–" where there is none."""
    return NO_INTERVAL if low is None or high is None else f"{number(low)} to {number(high)}"


def percent(value: float | None) -> str:
    """Write a share in hundredths."""
    return NO_INTERVAL if value is None else f"{100 * value:.0f} %"


def _points(curve: Curve) -> Grid:
    """Return the points of a curve with what each rests on, or the dots with their candidates."""
    title = curve.title[:1].upper() + curve.title[1:]
    if any(it.name for it in curve.points):
        rows = tuple((it.name, number(it.x), number(it.y)) for it in curve.points)
        return Grid(curve.key, title, ("candidate", curve.x, curve.y), rows, (False, True, True))
    rows = tuple((number(it.x), number(it.y), f"{it.n:,}") for it in curve.points)
    return Grid(curve.key, title, (curve.x, curve.y, "n"), rows, (True, True, True))


def _title(section: Section) -> str:
    return " · ".join(word for word in (section.dimension, section.of, section.seen, section.part) if word)


def _share(share: Share) -> str:
    return f"{share.title}: {share.count:,} of {share.of:,}" + (f" ({percent(share.value)})" if share.of else "")


def _figures(section: Section, cluster: str) -> Grid:
    """Return the figures with their intervals; people against people, and the judge there, beside them."""
    columns = ["measure", "value", "95 % interval", "n", f"{cluster}s"]
    numbers = [False, True, True, True, True]
    people = {it.key: it for it in section.ceiling}
    same = {it.key: it for it in section.against_same}
    if people:
        columns += ["a reviewer against the others", "95 % interval", "the judge there", "95 % interval"]
        numbers += [True] * 4
    lacking = any(it.value is None for it in section.figures)
    if lacking:
        columns.append("why there is no number")
        numbers.append(False)
    rows = []
    for it in section.figures:
        row = [it.title, *_value(it), f"{it.n:,}", f"{it.documents:,}"]
        if people:
            row += [*_value(people.get(it.key)), *_value(same.get(it.key))]
        if lacking:
            row.append(it.sentence if it.value is None else "")
        rows.append(tuple(row))
    return Grid("figures", "Figures", tuple(columns), tuple(rows), tuple(numbers))


def _value(it: Figure | None) -> tuple[str, str]:
    return (number(it.value), interval(it.low, it.high)) if it is not None else (NO_INTERVAL, NO_INTERVAL)


def _grid(table: Table) -> Grid:
    rows = tuple(tuple(_cell(cell) for cell in row) for row in table.rows)
    right = tuple(
        at > 0 and not any(isinstance(row[at], str) for row in table.rows) for at in range(len(table.columns))
    )
    return Grid(table.key, table.title[:1].upper() + table.title[1:], table.columns, rows, right)


def _cell(cell: Cell) -> str:
    if isinstance(cell, float):
        return number(cell)
    return NO_INTERVAL if cell is None else f"{cell:,}" if isinstance(cell, int) else cell
