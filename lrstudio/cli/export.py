"""`lrstudio export`: write a project, its judgments or its decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, one_of, opened, verb
from lrstudio.services.exports import WHAT


@verb
def export(
    project: ProjectPath,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; .gz compresses it.")],
    what: Annotated[str, one_of(WHAT, help="What to write.")] = "project",
    all_runs: Annotated[bool, typer.Option("--all-runs", help="Judgments of every judge run.")] = False,
    as_json: AsJson = False,
) -> Answer:
    """Write JSON lines: the whole project (which `import` reads), judgments or decisions."""
    with opened(project) as it:
        count = it.exports.export(out, what=what, all_runs=all_runs)
        path = it.path
    data = {"project": str(path), "out": str(out), "what": what, "rows": count}
    return Answer(data, f"wrote {count} rows to {out}")
