"""`lrstudio import`: bring documents, questions and candidates into a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, usage, verb
from lrstudio.services.imports import Counts, ImportReport


@verb
def import_(
    project: ProjectPath,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of them.")],
    file_format: Annotated[str, typer.Option("--format", metavar="auto|NAME", help="What the files are.")] = "auto",
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="ROLE=COLUMN", help="CSV, Parquet: which column is what.")
    ] = None,
    as_json: AsJson = False,
) -> Answer:
    """Import files; good rows are kept, bad ones named."""
    columns = _columns(mapping or [])
    with opened(project) as it:
        report = it.imports.import_paths(paths, file_format=file_format, columns=columns)
    data = {
        "project": str(project),
        "new": _row(report.new),
        "same": _row(report.same),
        "errors": [{"where": error.where, "sentence": error.sentence} for error in report.errors],
    }
    problems = tuple(str(error) for error in report.errors)
    return Answer(data, _words(report), problems=problems, complete=not report.errors)


def _columns(pairs: list[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        role, sign, column = pair.partition("=")
        if not sign or not role or not column:
            usage(f"--map takes ROLE=COLUMN, not {pair!r}")
        columns[role] = column
    return columns


def _row(counts: Counts) -> dict[str, int]:
    return {"documents": counts.documents, "questions": counts.questions, "candidates": counts.candidates}


def _words(report: ImportReport) -> str:
    new, same = report.new, report.same
    lines = [f"imported {new.documents} documents, {new.questions} questions, {new.candidates} candidates"]
    if same:
        lines.append(
            f"there already: {same.documents} documents, {same.questions} questions, {same.candidates} candidates"
        )
    if report.errors:
        lines.append(f"left out: {len(report.errors)} (named above)")
    return "\n".join(lines)
