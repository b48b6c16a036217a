"""Bookmarks, tags and notes as filters of the list: which candidates each of them keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from lrstudio.domain.marks import Mark, MarkKind, Thing
from lrstudio.domain.summaries import QuestionSummary
from lrstudio.viewstate.audit_list import TAGGED, Keep, Marked

BOOKMARKED = Keep("bookmarked", "Bookmarked")
NOTED = Keep("noted", "With a note")


def marked_candidates(marks: Iterable[Mark], questions: Sequence[QuestionSummary]) -> Marked:
    """Return the filters that the marks make, in their order in the menu, and the candidates that each keeps.

    A mark on a candidate or on one of its claims keeps that candidate, one on a question or a document all of its
    candidates. A mark that keeps no candidate makes no filter.
    """
    by_question: defaultdict[str, set[str]] = defaultdict(set)
    by_document: defaultdict[str | None, set[str]] = defaultdict(set)
    known: set[str] = set()
    for question in questions:
        ids = {it.candidate_id for it in question.candidates}
        known |= ids
        by_question[question.question_id] |= ids
        by_document[question.document_id] |= ids
    kept: defaultdict[Keep, set[str]] = defaultdict(set)
    for mark in marks:
        thing, item_id = mark.place.thing, mark.place.item_id
        if thing is Thing.QUESTION:
            found = by_question.get(item_id, set())
        elif thing is Thing.DOCUMENT:
            found = by_document.get(item_id, set())
        else:
            found = {item_id} & known if thing in (Thing.CANDIDATE, Thing.PART) else set()
        if found:
            kept[_keep(mark)] |= found
    return {keep: frozenset(kept[keep]) for keep in sorted(kept, key=_place)}


def _keep(mark: Mark) -> Keep:
    if mark.what is MarkKind.TAG:
        return Keep(TAGGED, f"Tag: {mark.text}", mark=mark.text)
    return BOOKMARKED if mark.what is MarkKind.BOOKMARK else NOTED


def _place(keep: Keep) -> tuple[int, str, str]:
    return (BOOKMARKED, NOTED).index(keep) if keep.kind != TAGGED else 2, keep.mark.casefold(), keep.mark
