"""What a search of the whole project shows, and where its hits and marks lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lrstudio.domain.finding import Findings, Found, Hit
from lrstudio.domain.marks import Mark, MarkKind, Place, Thing
from lrstudio.domain.summaries import CandidateDetail, QuestionSummary
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.audit_signs import counted

_NAMES = {
    Found.DOCUMENT: "Documents",
    Found.QUESTION: "Questions",
    Found.CANDIDATE: "Candidates",
    Found.CLAIM: "Claims",
    Found.KEY_POINT: "Key points",
    Found.EXPLANATION: "Explanations",
    Found.REASON: "Reasons",
    Found.NOTE: "Notes",
}
_DIMENSION = {Found.CLAIM: Dimension.FAITHFULNESS, Found.KEY_POINT: Dimension.COMPLETENESS}
_TELLS = frozenset({Found.EXPLANATION})
"""What only a judge said, hidden from a blind person."""

_MARK_NAMES = {MarkKind.BOOKMARK: "Bookmarks", MarkKind.TAG: "Tags", MarkKind.NOTE: "Notes"}


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a hit or mark leads. `span` is a passage of the document, or else of the candidate."""

    candidate_id: str = ""
    question_id: str = ""
    document_id: str = ""
    part_id: str = ""
    dimension: Dimension | None = None
    span: Span | None = None
    in_document: bool = False


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One line below a heading: its text with what is marked in it, what it belongs to, and where it leads."""

    text: str
    matches: tuple[Span, ...]
    owner: str
    aim: Aim
    mark_id: str = ""


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A heading, how many there are in all, and the lines shown."""

    title: str
    count: int
    rows: tuple[FoundRow, ...] = field(repr=False)


def found_groups(findings: Findings, *, blind: bool) -> tuple[FoundGroup, ...]:
    """Return hits by kind, in the order of the kinds; a blind person is not told what only a judge said."""
    groups = []
    for kind in Found:
        count = findings.counts.get(kind, 0)
        if not count or (blind and kind in _TELLS):
            continue
        rows = tuple(_hit_row(hit) for hit in findings.hits if hit.found is kind)
        groups.append(FoundGroup(_NAMES[kind], count, rows))
    return tuple(groups)


def found_sentence(query: str, findings: Findings, groups: Sequence[FoundGroup]) -> str:
    """Say what a search came to."""
    if not query.strip():
        return ""
    total = sum(group.count for group in groups)
    said = f"{counted(total, 'passage')} found." if total else "Nothing found."
    shown = sum(len(group.rows) for group in groups)
    if shown < total:
        said += f" The best {shown:,} are shown: more words find fewer."
    return said if findings.complete else f"{said} Not all of the project is indexed yet."


def _hit_row(hit: Hit) -> FoundRow:
    aim = Aim(
        candidate_id=hit.candidate_id,
        question_id=hit.question_id,
        document_id=hit.document_id,
        part_id=hit.part_id,
        dimension=_DIMENSION.get(hit.found),
        span=hit.span if hit.found in (Found.DOCUMENT, Found.CANDIDATE) else None,
        in_document=hit.found is Found.DOCUMENT,
    )
    return FoundRow(hit.snippet, hit.matches, hit.title, aim)


def mark_groups(marks: Sequence[Mark], names: dict[tuple[Thing, str], str]) -> tuple[FoundGroup, ...]:
    """Return marks by kind, tags by name.

    Args:
        marks: those that stand.
        names: what things are called, by kind and id; see `thing_names`.
    """
    groups = []
    for kind, title in _MARK_NAMES.items():
        mine = sorted((it for it in marks if it.what is kind), key=lambda it: (it.text.casefold(), it.time))
        rows = tuple(_mark_row(it, names) for it in mine)
        if rows:
            groups.append(FoundGroup(title, len(rows), rows))
    return tuple(groups)


def _mark_row(mark: Mark, names: dict[tuple[Thing, str], str]) -> FoundRow:
    place = mark.place
    on = Thing.CANDIDATE if place.thing is Thing.PART else place.thing
    owner = names.get((on, place.item_id), place.item_id)
    if place.thing is Thing.PART:
        owner = f"claim in {owner}"
    text = " ".join(mark.text.split()) or owner
    return FoundRow(text, (), owner if text != owner else "", aim_of(place), mark.mark_id)


def aim_of(place: Place) -> Aim:
    """Return where a marked place is."""
    if place.thing is Thing.DOCUMENT:
        return Aim(document_id=place.item_id, span=place.span, in_document=True)
    if place.thing is Thing.QUESTION:
        return Aim(question_id=place.item_id)
    if place.thing is Thing.PAIR:
        return Aim()
    return Aim(candidate_id=place.item_id, part_id=place.part_id, span=place.span)


def thing_names(questions: Sequence[QuestionSummary]) -> dict[tuple[Thing, str], str]:
    """Return what documents, questions and candidates are called in a list of marks."""
    names: dict[tuple[Thing, str], str] = {}
    for question in questions:
        if question.document_id:
            names[Thing.DOCUMENT, question.document_id] = question.document_title or question.document_id
        names[Thing.QUESTION, question.question_id] = question.query
        for it in question.candidates:
            names[Thing.CANDIDATE, it.candidate_id] = f"{it.label} · {question.query}"
    return names


def candidate_for(aim: Aim, questions: Sequence[QuestionSummary], *, here: str) -> str:
    """Return the candidate that is to be on screen to show a place, "" where nothing can show it.

    The candidate `here` stays where it belongs to the place.
    """
    if aim.candidate_id:
        return aim.candidate_id
    fits = [
        candidate.candidate_id
        for question in questions
        if (aim.question_id and question.question_id == aim.question_id)
        or (not aim.question_id and aim.document_id and question.document_id == aim.document_id)
        for candidate in question.candidates
    ]
    return here if here in fits else next(iter(fits), "")


def dimension_of(detail: CandidateDetail, part_id: str) -> Dimension | None:
    """Return the dimension that has a part, None where none has it any more."""
    for dimension, standing in detail.standings.items():
        parts = {it.claim.claim_id for it in standing.claims} | {
            it.key_point.key_point_id for it in standing.key_points
        }
        if part_id in parts:
            return dimension
    return None
