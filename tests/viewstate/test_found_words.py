"""What a search shows, and where hits and marks lead."""

from __future__ import annotations

from lrstudio.domain.finding import Findings, Found, Hit
from lrstudio.domain.marks import Mark, MarkKind, Place, Thing
from lrstudio.domain.summaries import CandidateSummary, QuestionSummary
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.finding import (
    Aim,
    aim_of,
    candidate_for,
    found_groups,
    found_sentence,
    mark_groups,
    thing_names,
)

HITS = (
    Hit(Found.CLAIM, "a claim", (Span(2, 7),), None, "d", "q", "c2", "p", "Report"),
    Hit(Found.DOCUMENT, "a text", (), Span(40, 44), "d", title="Report"),
    Hit(Found.EXPLANATION, "why", (), None, "d", "q", "c2", "p"),
)
FINDINGS = Findings(HITS, {Found.CLAIM: 3, Found.DOCUMENT: 1, Found.EXPLANATION: 1})


def questions() -> tuple[QuestionSummary, ...]:
    def candidate(name: str, label: str, question: str) -> CandidateSummary:
        return CandidateSummary(name, question, label, "m", 9, {}, None, None)

    return (
        QuestionSummary("q", "d", "Report", "Which ship?", (candidate("c1", "A", "q"), candidate("c2", "B", "q"))),
        QuestionSummary("r", None, "", "Why?", (candidate("c3", "A", "r"),)),
    )


def test_hits_are_grouped_by_kind_and_lead_to_their_place() -> None:
    groups = found_groups(FINDINGS, blind=False)
    assert [(it.title, it.count, len(it.rows)) for it in groups] == [
        ("Documents", 1, 1),
        ("Claims", 3, 1),
        ("Explanations", 1, 1),
    ]
    assert groups[0].rows[0].aim == Aim(document_id="d", span=Span(40, 44), in_document=True)
    assert groups[1].rows[0].aim == Aim("c2", "q", "d", "p", Dimension.FAITHFULNESS)
    assert found_sentence("x", FINDINGS, groups) == "5 passages found. The best 3 are shown: more words find fewer."
    assert found_sentence("x", Findings((), {}, complete=False), ()).endswith("Not all of the project is indexed yet.")


def test_a_blind_person_finds_no_explanation_of_a_judge() -> None:
    assert [it.title for it in found_groups(FINDINGS, blind=True)] == ["Documents", "Claims"]


def test_marks_are_listed_by_kind_with_what_they_are_on() -> None:
    def mark(number: int, kind: MarkKind, place: Place, text: str) -> Mark:
        return Mark(f"m{number}", kind, place, text, "ada", f"2026-01-0{number}")

    marks = (
        mark(1, MarkKind.TAG, Place(Thing.CANDIDATE, "c2"), "odd"),
        mark(2, MarkKind.BOOKMARK, Place(Thing.QUESTION, "r"), ""),
        mark(3, MarkKind.TAG, Place(Thing.PART, "c1", "p"), "Early"),
    )
    bookmarks, tags = mark_groups(marks, thing_names(questions()))
    assert (bookmarks.title, [it.text for it in bookmarks.rows]) == ("Bookmarks", ["Why?"])
    assert [(it.text, it.owner, it.mark_id) for it in tags.rows] == [
        ("Early", "claim in A · Which ship?", "m3"),
        ("odd", "B · Which ship?", "m1"),
    ]
    assert tags.rows[0].aim == Aim("c1", part_id="p")


def test_a_place_is_shown_with_a_candidate_that_belongs_to_it() -> None:
    assert candidate_for(Aim(document_id="d"), questions(), here="c2") == "c2"
    assert candidate_for(Aim(document_id="d"), questions(), here="c3") == "c1"
    assert candidate_for(aim_of(Place(Thing.QUESTION, "r")), questions(), here="c1") == "c3"
    assert candidate_for(Aim(document_id="nowhere"), questions(), here="c1") == ""
    assert candidate_for(Aim("c9"), (), here="c1") == "c9"
