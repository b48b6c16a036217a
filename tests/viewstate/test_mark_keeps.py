"""Which candidates a bookmark, a tag or a note keeps in the list."""

from __future__ import annotations

import pytest

from lrstudio.domain.marks import Mark, MarkKind, Place, Thing
from lrstudio.viewstate.audit_list import ALL, TAGGED, Keep, ListView, arrange
from lrstudio.viewstate.mark_keeps import BOOKMARKED, NOTED, marked_candidates
from tests.doubles.records import make_questions

HARD = Keep(TAGGED, "Tag: hard", mark="hard")


def mark(place: Place, kind: MarkKind = MarkKind.TAG, text: str = "hard") -> Mark:
    return Mark("m", kind, place, text, "ada", "2026-01-01T00:00:00Z")


def kept(*marks: Mark, keep: Keep = HARD) -> str:
    questions = make_questions()
    shown = arrange(questions, ListView(keep=keep), marked_candidates(marks, questions))
    return "".join(row.candidate_id for group in shown.groups for row in group.rows)


def test_a_mark_keeps_its_candidate_and_what_belongs_to_its_question_or_document() -> None:
    first = make_questions()[0]
    whole = "".join(it.candidate_id for it in first.candidates)
    same_document = "".join(
        it.candidate_id for each in make_questions() if each.document_id == first.document_id for it in each.candidates
    )
    assert kept(mark(Place(Thing.CANDIDATE, "b"))) == "b"
    assert kept(mark(Place(Thing.PART, "c", "k1")), mark(Place(Thing.CANDIDATE, "b"))) == "bc"
    assert kept(mark(Place(Thing.QUESTION, first.question_id))) == whole
    assert first.document_id is not None
    assert kept(mark(Place(Thing.DOCUMENT, first.document_id))) == same_document
    assert kept(mark(Place(Thing.PAIR, "a"))) == ""
    assert kept(mark(Place(Thing.CANDIDATE, "b"), text="easy")) == ""


@pytest.mark.parametrize(("kind", "keep"), [(MarkKind.BOOKMARK, BOOKMARKED), (MarkKind.NOTE, NOTED)])
def test_bookmarks_and_notes_each_make_one_filter(kind: MarkKind, keep: Keep) -> None:
    marks = (mark(Place(Thing.CANDIDATE, "a"), kind, "one"), mark(Place(Thing.CANDIDATE, "d"), kind, "two"))
    assert list(marked_candidates(marks, make_questions())) == [keep]
    assert kept(*marks, keep=keep) == "ad"
    assert kept(*marks) == ""


def test_the_filters_stand_in_order_behind_the_others_and_only_where_they_keep_something() -> None:
    marks = [mark(Place(Thing.CANDIDATE, "a"), text=it) for it in ("zebra", "Apple", "mild")]
    marks += [mark(Place(Thing.CANDIDATE, "a"), it, "x") for it in (MarkKind.NOTE, MarkKind.BOOKMARK)]
    marks.append(mark(Place(Thing.CANDIDATE, "nowhere"), text="lost"))
    questions = make_questions()
    shown = arrange(questions, ListView(), marked_candidates(marks, questions))
    words = [it.words for it in shown.keeps]
    assert words[0] == ALL.words
    assert words[-5:] == ["Bookmarked", "With a note", "Tag: Apple", "Tag: mild", "Tag: zebra"]
    assert "Tag: lost" not in words
    assert arrange(questions, ListView()).keeps == shown.keeps[:-5]


def test_a_filter_whose_last_mark_is_gone_stays_to_be_seen() -> None:
    shown = arrange(make_questions(), ListView(keep=HARD), {})
    assert shown.groups == ()
    assert shown.keeps[-1] == HARD
