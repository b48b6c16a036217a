"""`lrstudio report`: how far judges can be trusted, what length has to do with it, which model does best."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from lrstudio.cli.common import Answer, AsJson, ProjectPath, one_of, opened, verb
from lrstudio.domain.reports import By, Figure, Report, Section
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.report_agreement import CLUSTERS, How
from lrstudio.services.report_rows import COLUMNS, report_rows
from lrstudio.services.wiring import Project

WIDTH = 130
WIDEST = 8
"""Tables with more columns are for --csv and --json."""
KINDS = ("agreement", "length-bias", "leaderboard")


@verb
def report(
    project: ProjectPath,
    kind: Annotated[str, typer.Argument(metavar="|".join(KINDS), callback=lambda value: _kind(value))],
    judge: Annotated[str, typer.Option(help="Only judges with this in their name, model or prompt pack.")] = "",
    dimension: Annotated[Dimension | None, typer.Option(help="Only this dimension.")] = None,
    by: Annotated[By | None, typer.Option(help="Cut every comparison by this.")] = None,
    cluster: Annotated[
        str, one_of(CLUSTERS, "--cluster", help="What items belong together by, in intervals.")
    ] = "document",
    seed: Annotated[int, typer.Option(help="The seed of the bootstrap.")] = 0,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write everything as CSV.")] = None,
    as_json: AsJson = False,
) -> Answer:
    """Compare judges with people, look for length bias, or rank models; numbers come with their intervals."""
    how = How(cluster=cluster, seed=seed)
    with opened(project) as it:
        made = _made(it, kind, judge=judge, dimension=dimension, by=by, how=how)
        path = it.path
    if csv is not None:
        from lrstudio.formats.csv_out import write_csv

        write_csv(csv, COLUMNS, report_rows(made))
    return Answer({"project": str(path), "csv": str(csv) if csv else None, **asdict(made)}, words(made))


def _kind(value: str) -> str:
    if value not in KINDS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(KINDS)}")
    return value


def _made(project: Project, kind: str, *, judge: str, dimension: Dimension | None, by: By | None, how: How) -> Report:
    reports = project.reports
    make = {"agreement": reports.agreement, "length-bias": reports.length_bias, "leaderboard": reports.leaderboard}[
        kind
    ]
    return make(judge=judge, dimension=dimension, by=by, how=how)


def words(report: Report) -> str:
    """Return the report as a person reads it."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, no_color=True, highlight=False)
    for section in report.sections:
        if not section.part or not report.by:  # of slices the table says enough; all of each is for --csv and --json
            _print(console, section)
    for note in report.notes:
        console.print(Text(note))
    return out.getvalue()


def _print(console: Console, section: Section) -> None:
    heading = (section.judge.words, section.dimension, section.of, section.seen, section.part)
    console.print(Text(" · ".join(part for part in heading if part), style="bold"))
    for share in section.shares:
        percent = "" if share.value is None else f" ({100 * share.value:.0f} %)"
        console.print(Text(f"  {share.title}: {share.count} of {share.of}{percent}"))
    if any(it.value is not None for it in section.figures):
        console.print(_grid(section))
    lacking: dict[str, list[str]] = {}
    for it in section.figures:
        if it.value is None:
            lacking.setdefault(it.sentence, []).append(it.title)
    for sentence, titles in lacking.items():
        console.print(Text(f"  not given: {'; '.join(titles)}. {sentence}"))
    for table in section.tables:
        if len(table.columns) > WIDEST:
            continue
        grid = Grid(box=None, pad_edge=False, title=table.title, title_justify="left", title_style="")
        for at, column in enumerate(table.columns):
            grid.add_column(column, justify="left" if at == 0 else "right")
        for row in table.rows:
            grid.add_row(
                *("" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row)
            )
        console.print(grid)
    console.print()


def _grid(section: Section) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("  measure")
    grid.add_column("value", justify="right")
    grid.add_column("95 % interval", justify="right")
    grid.add_column("n", justify="right")
    people = {it.key: it for it in section.ceiling}
    same = {it.key: it for it in section.against_same}
    if people:
        grid.add_column("a reviewer against the others", justify="right")
        grid.add_column("the judge there", justify="right")
    for it in section.figures:
        if it.value is None:
            continue
        row = [f"  {it.title}", _value(it), _interval(it), str(it.n)]
        if people:
            row += [_value(people.get(it.key)), _value(same.get(it.key))]
        grid.add_row(*row)
    return grid


def _value(it: Figure | None) -> str:
    return "" if it is None else "–" if it.value is None else f"{it.value:.3f}"


def _interval(it: Figure) -> str:
    return "" if it.low is None or it.high is None else f"{it.low:.3f} to {it.high:.3f}"
