"""What is said of a trial of a prompt pack, in the window and on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrstudio.analysis.estimates import Estimate, NotEnough, Result
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.audit_signs import counted

if TYPE_CHECKING:  # numpy and scipy take long to import
    from lrstudio.analysis.paired import PairedLabels, PairedScores

_PARTS = {Dimension.FAITHFULNESS: "claim", Dimension.COMPLETENESS: "key point"}
_NONE = "too little to tell"


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One line of the table: a measure before and after, and the change.

    `heading` marks the line that begins a dimension. `why` says why a number is missing, "" where none is.
    """

    measure: str
    before: str = ""
    after: str = ""
    change: str = ""
    heading: bool = False
    why: str = ""


def trial_rows(
    compared: Iterable[tuple[Dimension, PairedLabels | None, PairedScores | None]],
) -> tuple[TrialRow, ...]:
    """Return the table of a trial; intervals are at 95 %, over documents."""
    rows: list[TrialRow] = []
    for dimension, parts, scores in compared:
        if parts is not None:
            rows += _part_rows(dimension, parts)
        if scores is not None:
            rows += _score_rows(dimension, scores)
    return tuple(rows)


def number(result: Result) -> str:
    """Write a value with its interval, or that there is none."""
    if isinstance(result, Estimate):
        return f"{result.value:.2f} [{result.low:.2f}, {result.high:.2f}]"
    return _NONE


def signed(result: Result) -> str:
    """Write a difference with its interval, or that there is none."""
    if isinstance(result, Estimate):
        return f"{result.value:+.2f} [{result.low:+.2f}, {result.high:+.2f}]"
    return _NONE


def p_words(p: float) -> str:
    """Write a p-value."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def notes(rows: Iterable[TrialRow]) -> tuple[str, ...]:
    """Return why numbers are missing: each reason once, with the measures that it concerns."""
    measures: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.why:
            measures.setdefault(row.why, {})[row.measure] = None
    return tuple(f"{', '.join(names)}: {why}" for why, names in measures.items())


def _part_rows(dimension: Dimension, paired: PairedLabels) -> list[TrialRow]:
    before, after = paired.before, paired.after
    n, documents = before.n, before.documents
    title = f"{dimension.value.capitalize()}: {counted(n, _PARTS.get(dimension, 'part'))}, {_documents(documents)}"
    test = f" (McNemar {p_words(paired.test.p)})" if not isinstance(paired.test, NotEnough) else ""
    rows = [
        TrialRow(title, heading=True),
        _row("Balanced accuracy", before.balanced_accuracy, after.balanced_accuracy, paired.balanced_accuracy),
        _row("Accuracy", before.accuracy, after.accuracy, paired.accuracy),
        _row("Kappa", before.kappa, after.kappa, paired.kappa),
        TrialRow(
            "Right",
            f"{_right(before.confusion)} of {n}",
            f"{_right(after.confusion)} of {n}",
            f"{paired.mended} mended, {paired.spoilt} spoilt{test}",
        ),
    ]
    for place, label in enumerate(before.labels):
        rows.append(
            TrialRow(
                f"People say {label}",
                _confused(before.confusion[place], before.labels),
                _confused(after.confusion[place], after.labels),
            )
        )
    return [*rows, *_lost(paired.lost_before, paired.lost_after)]


def _score_rows(dimension: Dimension, paired: PairedScores) -> list[TrialRow]:
    before, after = paired.before, paired.after
    title = f"{dimension.value.capitalize()}: {counted(before.n, 'score')}, {_documents(before.documents)}"
    return [
        TrialRow(title, heading=True),
        _row(
            "Mean absolute error",
            before.mean_absolute_error,
            after.mean_absolute_error,
            paired.mean_absolute_error,
        ),
        _row("Bias, judge minus people", before.bias, after.bias),
        _row("Spearman", before.spearman, after.spearman),
        TrialRow("Distance", change=f"{paired.nearer} nearer, {paired.farther} farther"),
        *_lost(paired.lost_before, paired.lost_after),
    ]


def _row(measure: str, before: Result, after: Result, change: Result | None = None) -> TrialRow:
    results = [it for it in (before, after, change) if it is not None]
    why = next((it.sentence for it in results if not isinstance(it, Estimate)), "")
    return TrialRow(measure, number(before), number(after), "" if change is None else signed(change), why=why)


def _lost(before: int, after: int) -> list[TrialRow]:
    return [TrialRow("Without a verdict", str(before), str(after))] if before or after else []


def _right(confusion: tuple[tuple[int, ...], ...]) -> int:
    return sum(row[place] for place, row in enumerate(confusion))


def _confused(row: tuple[int, ...], labels: tuple[object, ...]) -> str:
    return ", ".join(f"{count} {label}" for count, label in zip(row, labels, strict=True) if count) or "–"


def _documents(count: int) -> str:
    return counted(count, "document")
