"""`lrstudio import`: bring documents, questions and candidates into a project."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, one_of, opened, usage, verb
from lrstudio.formats.records import FormatName
from lrstudio.services.import_report import Counts, ImportReport
from lrstudio.viewstate.audit_signs import counted


@verb
def import_(
    project: ProjectPath,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of them.")],
    file_format: Annotated[str, one_of(("auto", *FormatName), "--format", help="What the files are.")] = "auto",
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="ROLE=COLUMN", help="CSV, Parquet: which column is what.")
    ] = None,
    as_json: AsJson = False,
) -> Answer:
    """Import files; good rows are kept, bad ones named."""
    columns = _columns(mapping or [])
    with opened(project) as it:
        report = it.imports.import_paths(paths, file_format=file_format, columns=columns)
        path = it.path
    data = {
        "project": str(path),
        "new": asdict(report.new),
        "same": asdict(report.same),
        "notes": list(report.notes),
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


def _words(report: ImportReport) -> str:
    lines = [f"imported {listed(report.new) or 'nothing new'}"]
    if report.same:
        lines.append(f"there already: {listed(report.same)}")
    lines += report.notes
    if report.errors:
        lines.append(f"left out: {len(report.errors)} (named above)")
    return "\n".join(lines)


def listed(counts: Counts) -> str:
    """Name what there is some of, with how many."""
    named = {name.removesuffix("s").replace("_", " "): number for name, number in asdict(counts).items()}
    return ", ".join(counted(number, name) for name, number in named.items() if number)
