"""`lrstudio export`: write a project, its judgments or decisions, its pairs, or a set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, one_of, opened, usage, verb, with_options
from lrstudio.formats.datasets_folder import DataFiles
from lrstudio.formats.preference import LONGREWARD_LAYOUT
from lrstudio.formats.trl import Form, Trainer
from lrstudio.services.exports import WHAT
from lrstudio.services.set_exports import SetChoice, SetExport, SetFormat
from lrstudio.services.wiring import Project
from lrstudio.viewstate.audit_signs import counted

PAIRS, SET = "pairs", "set"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is written, and how."""

    what: Annotated[str, one_of((*WHAT, PAIRS, SET), help="What to write.")] = "project"
    all_runs: Annotated[bool, typer.Option("--all-runs", help="Judgments of every judge run.")] = False
    set_name: Annotated[str, typer.Option("--set", metavar="NAME", help="Which set.")] = ""
    proposed: Annotated[bool, typer.Option("--proposed", help="Pairs that are only proposed, too.")] = False
    file_format: Annotated[str | None, one_of(tuple(SetFormat), "--format", help="Pairs, set: the format.")] = None
    rows_for: Annotated[str, one_of(tuple(Trainer), "--for", help="datasets: the trainer it is for.")] = "trl"
    form: Annotated[str, one_of(tuple(Form), help="Pairs, set: how prompt and answer are written.")] = "chat"
    layout: Annotated[str, typer.Option(help="How a prompt is made of document and question.")] = LONGREWARD_LAYOUT
    files: Annotated[str, one_of(tuple(DataFiles), help="datasets: what its data files are.")] = "parquet"
    part: Annotated[str, typer.Option(metavar="train|validation|test", help="Only this part of a set.")] = ""


@verb
@with_options(ExportOptions)
def export(
    project: ProjectPath,
    options: ExportOptions,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file or folder to write; .gz compresses it.")],
    as_json: AsJson = False,
) -> Answer:
    """Write the whole project (which `import` reads), judgments, decisions, pairs or a set."""
    what = SET if options.set_name else options.what
    if options.file_format and what not in (PAIRS, SET):
        usage("--format goes with --what pairs or --what set")
    if what == SET and not options.set_name:
        usage("--what set needs --set NAME")
    with opened(project) as it:
        if what in (PAIRS, SET):
            done = _pairs(it, out, what, options)
        else:
            done = SetExport(it.exports.export(out, what=what, all_runs=options.all_runs))
        path = it.path
    data: dict[str, Any] = {"project": str(path), "out": str(out), "what": what, "rows": done.rows}
    if what in (PAIRS, SET):
        data |= {"format": options.file_format or SetFormat.TRL, "splits": done.splits, "left_out": done.left_out}
    words = f"wrote {counted(done.rows, 'row')} to {out}"
    return Answer(data, words, problems=tuple(f"left out: {reason}" for reason in done.left_out))


def _pairs(project: Project, out: Path, what: str, options: ExportOptions) -> SetExport:
    choice = SetChoice(
        format=SetFormat(options.file_format or SetFormat.TRL),
        rows_for=Trainer(options.rows_for),
        form=Form(options.form),
        layout=options.layout.replace("\\n", "\n"),
        files=DataFiles(options.files),
        part=options.part,
    )
    if what == SET:
        return project.set_exports.export_set(out, options.set_name, choice=choice)
    return project.set_exports.export_pairs(out, proposed=options.proposed, choice=choice)
