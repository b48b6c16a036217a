"""`lrstudio find`: search everything in a project."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, ProjectPath, opened, usage, verb
from lrstudio.domain.finding import Found, Hit
from lrstudio.viewstate.audit_signs import counted


@verb
def find(
    project: ProjectPath,
    query: Annotated[str, typer.Argument(help='Words that all occur; "a phrase", begin*, -without.')],
    kinds: Annotated[
        list[str] | None, typer.Option("--in", help=f"Look only in these: {', '.join(it.value for it in Found)}.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Hits at most.")] = 50,
    as_json: AsJson = False,
) -> Answer:
    """Search documents, questions, candidates, claims, key points, explanations, reasons and notes."""
    for name in kinds or ():
        if name not in {it.value for it in Found}:
            usage(f"--in {name!r} is none of {', '.join(it.value for it in Found)}")
    with opened(project) as it:
        found = it.finding.find(query, kinds=[Found(name) for name in kinds or ()], most=most)
    counts = {kind.value: number for kind, number in found.counts.items()}
    problems = () if found.complete else ("lrstudio: not all of the project is indexed; more may be in it",)
    words = "\n".join(_line(hit) for hit in found.hits) or "nothing found"
    total = sum(counts.values())
    data = {"counts": counts, "complete": found.complete, "hits": [asdict(hit) for hit in found.hits]}
    return Answer(data, f"{words}\n\n{counted(total, 'passage')}", problems)


def _line(hit: Hit) -> str:
    where = hit.candidate_id or hit.question_id or hit.document_id
    at = f" {hit.span.start}" if hit.span else ""
    return f"{hit.found.value.replace('_', ' ')} {where}{at}: {hit.snippet}"
