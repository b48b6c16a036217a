"""The sample project: a long report, three questions, twelve candidates with planted errors, judged twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lrstudio.domain.text import Span
from lrstudio.text.resources import resource

if TYPE_CHECKING:
    from lrstudio.services.wiring import Project

NAME = "harbour-report"
PARAPHRASE = "paraphrase_full"


@dataclass(frozen=True, slots=True)
class Planted:
    """One sentence of the sample and what is known of it: `kind` is what a careful reader would say."""

    candidate_id: str
    span: Span
    text: str
    kind: str
    note: str


def fill_with_sample(project: Project) -> None:
    """Import the sample into an empty project and let the lexical judge and the scripted sample judge judge it."""
    import anyio

    from lrstudio.services.judges import JudgeRequest

    folder = resource("samples")
    project.imports.import_paths([folder / f"{NAME}.md", folder / f"{NAME}.questions.jsonl"])
    script = JudgeRequest(judge="scripted", script=folder / f"{NAME}.script.json")
    # the sample judge last: what a newcomer sees first has scores in all four dimensions
    for request in (JudgeRequest(judge="lexical"), script):
        anyio.run(partial(project.judging.run, request, emit=lambda _event: None))


def planted() -> tuple[Planted, ...]:
    """Return what is known of every sentence of the sample's candidates."""
    found = []
    for line in (Path(resource("samples")) / f"{NAME}.questions.jsonl").read_text(encoding="utf-8").splitlines():
        for candidate in json.loads(line)["candidates"]:
            for entry in candidate["planted"]:
                span = Span(entry["start"], entry["end"])
                text = span.of(candidate["text"])
                found.append(Planted(candidate["id"], span, text, entry["kind"], entry["note"]))
    return tuple(found)
