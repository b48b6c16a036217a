"""`lrstudio new`: create a project."""

from __future__ import annotations

from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, verb
from lrstudio.services.wiring import create_project


@verb
def new(
    project: ProjectPath,
    title: Annotated[str, typer.Option(help="What the project is called on screen.")] = "",
    as_json: AsJson = False,
) -> Answer:
    """Create an empty project: a file, or tables in an empty database."""
    made = create_project(project, title=title)
    try:
        return Answer({"project": str(made.path), "title": made.title}, f"created {made.path}")
    finally:
        made.close()
