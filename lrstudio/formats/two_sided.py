"""Fields of an annotation tool's task: which hold document, question, one answer, or two to choose between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.given import Asked, Place, optional_text, split_prompt, text
from lrstudio.formats.records import ImportedCandidate, ImportItem
from lrstudio.formats.rows import USUAL, BadRow

SIDES = (
    ("answer1", "answer2"),
    ("answer_1", "answer_2"),
    ("answer_a", "answer_b"),
    ("response1", "response2"),
    ("response_1", "response_2"),
    ("response-1", "response-2"),
    ("response_a", "response_b"),
    ("candidate_1", "candidate_2"),
    ("candidate_a", "candidate_b"),
    ("text1", "text2"),
    ("left", "right"),
)
"""Names under which tasks that compare have their two answers, the left one first."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task read: the question, and its candidates by the name of their field, the left one first."""

    asked: Asked
    candidates: Mapping[str, ImportedCandidate]

    def items(self, place: Place) -> Iterator[ImportItem]:
        """Yield document, question and candidates."""
        yield from self.asked.items(place)
        yield from self.candidates.values()

    def rated(self, dimension: Dimension) -> str:
        """Return the id of the one candidate that a rating is of.

        Raises:
            BadRow: there are two.
        """
        if len(self.candidates) != 1:
            raise BadRow(f"{dimension.value} is rated, and there are two answers that it could be of")
        return next(iter(self.candidates.values())).candidate_id


def read_task(fields: Mapping[str, Any], place: Place, *, known: str = "") -> Task:
    """Read the fields of a task by their usual names; `known` is the id of the one answer, where the tool has one.

    Raises:
        BadRow: there is no question, or neither an answer nor two sides.
    """
    question = _named("query", fields)
    if question is None:
        raise BadRow(f"the question is missing: no field is named any of {', '.join(USUAL['query'])}")
    source = _named("document", fields)
    document = optional_text(fields, source) if source else ""
    asked_of, query = (document, text(fields, question)) if document.strip() else split_prompt(text(fields, question))
    asked = Asked(
        query=query,
        document=asked_of,
        document_id=_id(fields, "document_id"),
        question_id=_id(fields, "question_id"),
        title=optional_text(fields, "title"),
    )
    names = next((pair for pair in SIDES if all(name in fields for name in pair)), None)
    if names:
        return Task(asked, {name: asked.candidate(text(fields, name), place) for name in names})
    name = _named("candidate", fields)
    if name is None:
        raise BadRow(f"the answer is missing: no field is named any of {', '.join(USUAL['candidate'])}")
    candidate_id = _id(fields, "candidate_id") or known
    model = _named("model", fields)
    answer = asked.candidate(
        text(fields, name), place, model=optional_text(fields, model) if model else "", candidate_id=candidate_id
    )
    return Task(asked, {name: answer})


def _named(field: str, names: Mapping[str, Any]) -> str | None:
    return next((name for name in USUAL[field] if name in names), None)


def _id(fields: Mapping[str, Any], field: str) -> str | None:
    name = _named(field, fields)
    return (optional_text(fields, name) or None) if name else None
