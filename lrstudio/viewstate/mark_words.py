"""Tags, bookmarks and notes on what is in focus: what they can be put on, and the line that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.marks import Mark, MarkKind, Place, Thing
from lrstudio.domain.summaries import CandidateDetail
from lrstudio.domain.text import Span
from lrstudio.viewstate.audit import Focus

_NOTE_SHOWN = 60


class Where(StrEnum):
    """Where the keyboard is, which says what a mark is meant for."""

    DOCUMENT = "document"
    CANDIDATE = "candidate"
    PARTS = "parts"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Markable:
    """One thing that can be marked now, and what it is called."""

    place: Place
    name: str


def markables(detail: CandidateDetail, focus: Focus, *, where: Where, span: Span | None) -> tuple[Markable, ...]:
    """Return what can be marked, first what the keyboard is in; `span` is what is selected there."""
    candidate_id = detail.candidate.candidate_id
    found: dict[Where | str, Markable] = {}
    if focus.part_id:
        name = "This key point" if focus.dimension.value == "completeness" else "This claim"
        found[Where.PARTS] = Markable(Place(Thing.PART, candidate_id, focus.part_id), name)
    in_candidate = span if where is Where.CANDIDATE else None
    name = "The selected words of the candidate" if in_candidate else "The candidate"
    found[Where.CANDIDATE] = Markable(Place(Thing.CANDIDATE, candidate_id, span=in_candidate), name)
    found["question"] = Markable(Place(Thing.QUESTION, detail.question.question_id), "The question")
    if detail.document is not None:
        in_document = span if where is Where.DOCUMENT else None
        name = "The selected words of the document" if in_document else "The document"
        found[Where.DOCUMENT] = Markable(Place(Thing.DOCUMENT, detail.document.document_id, span=in_document), name)
    first = Where.CANDIDATE if where is Where.LIST else where
    return tuple(sorted(found.values(), key=lambda it: it is not found.get(first)))


def marked_ids(detail: CandidateDetail) -> tuple[str, ...]:
    """Return the ids of everything on screen that can bear a mark."""
    document = (detail.document.document_id,) if detail.document is not None else ()
    return (detail.candidate.candidate_id, detail.question.question_id, *document)


def marks_line(marks: Sequence[Mark], focus: Focus) -> str:
    """Return one line on the marks of what is in focus; "" where there are none. Marks of other claims are left out."""
    said = []
    for thing in (Thing.PART, Thing.CANDIDATE, Thing.QUESTION, Thing.DOCUMENT):
        mine = [it for it in marks if it.place.thing is thing and it.place.part_id in ("", focus.part_id)]
        if mine:
            said.append(f"{_name(thing)}: {', '.join(_short(it) for it in _ordered(mine))}")
    return "   ".join(said)


def notes_text(marks: Sequence[Mark], focus: Focus) -> str:
    """Return the notes on what is in focus in full, each with who wrote it."""
    mine = [it for it in marks if it.what is MarkKind.NOTE and it.place.part_id in ("", focus.part_id)]
    return "\n\n".join(f"{it.reviewer} on the {_name(it.place.thing)}: {it.text}" for it in mine)


def standing_mark(marks: Sequence[Mark], place: Place) -> Mark | None:
    """Return the bookmark that stands on a place."""
    return next((it for it in marks if it.what is MarkKind.BOOKMARK and it.place == place), None)


def _name(thing: Thing) -> str:
    return "claim" if thing is Thing.PART else thing.value


def _ordered(marks: Sequence[Mark]) -> list[Mark]:
    order = (MarkKind.BOOKMARK, MarkKind.TAG, MarkKind.NOTE)
    return sorted(marks, key=lambda it: (order.index(it.what), it.text.casefold()))


def _short(mark: Mark) -> str:
    text = " ".join(mark.text.split())
    if mark.what is MarkKind.TAG:
        return f"#{text}"
    if mark.what is MarkKind.BOOKMARK:
        return f"★ {text}" if text else "★"
    return f"“{text}”" if len(text) <= _NOTE_SHOWN else f"“{text[:_NOTE_SHOWN].rstrip()} …”"
