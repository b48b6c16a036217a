"""Reports as flat rows, one per figure, share, table cell or point of a curve."""

from __future__ import annotations

from collections.abc import Iterator

from lrstudio.domain.reports import Cell, Figure, Report, Section

COLUMNS = (
    "report",
    "by",
    "judge",
    "model",
    "prompt_pack",
    "dimension",
    "of",
    "seen",
    "part",
    "kind",
    "key",
    "title",
    "value",
    "low",
    "high",
    "n",
    "documents",
    "sentence",
)
"""`kind` is figure, ceiling (reviewers among themselves), against_same (the judge where they were compared), share,
table or curve. A share has its count as `value` and what it is out of as `n`. A table cell has "row / column" as
`title`, a point of a curve has x there, and the candidate that a dot stands for as `sentence`.
"""


def report_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of a report, with the columns of `COLUMNS`."""
    for section in report.sections:
        judge = section.judge
        place = (judge.judge, judge.model, judge.prompt_pack, section.dimension, section.of, section.seen, section.part)
        for cells in _cells(section):
            yield (report.kind, report.by, *place, *cells)


def _cells(section: Section) -> Iterator[tuple[Cell, ...]]:
    kinds = {"figure": section.figures, "ceiling": section.ceiling, "against_same": section.against_same}
    for kind, among in kinds.items():
        yield from (_figure(kind, it) for it in among)
    for share in section.shares:
        yield ("share", share.key, share.title, share.count, None, None, share.of, None, "")
    for table in section.tables:
        for name, *row in table.rows:
            for column, cell in zip(table.columns[1:], row, strict=True):
                number = cell if isinstance(cell, int | float) else None
                words = cell if isinstance(cell, str) else ""
                yield ("table", table.key, f"{name} / {column}", number, None, None, None, None, words)
    for curve in section.curves:
        for point in curve.points:
            yield ("curve", curve.key, f"{point.x:g}", point.y, point.low, point.high, point.n, None, point.name)


def _figure(kind: str, it: Figure) -> tuple[Cell, ...]:
    return (kind, it.key, it.title, it.value, it.low, it.high, it.n, it.documents, it.sentence)
