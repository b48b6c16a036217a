"""What is shown of a difference between reviewers, with names and without."""

from __future__ import annotations

from dataclasses import replace

from lrstudio.domain.decisions import Act, Decision, Shown, Target, Value
from lrstudio.domain.reviewers import Conflict, conflicts, counts
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, State, Support, SupportReason
from lrstudio.viewstate.adjudication import (
    ALL_SETTLED,
    MOST,
    NONE_YET,
    candidate_names,
    conflict_list,
    conflict_view,
    decision_rows,
    left_words,
    part_of,
    reviewer_rows,
    value_words,
)
from tests.doubles.records import DOCUMENT, make_detail, make_questions

CLAIM = Target("b", Dimension.FAITHFULNESS, "c1")
FULL = Value(State.SCORED, Support.FULL)
NONE = Value(State.SCORED, Support.NONE, SupportReason.CONTRADICTED)


def said(number: int, who: str, after: Value, target: Target = CLAIM, **more: object) -> Decision:
    time = f"2026-01-02T03:04:{number:02}Z"
    return Decision(number, who, time, Act.OVERRIDE, target, after=after, shown=Shown(), **more)  # type: ignore[arg-type]


def conflict(*more: Decision) -> Conflict:
    (found,) = conflicts([said(1, "ann", FULL, reason="p. 12"), said(2, "bo", NONE, blind=True), *more])
    return found


def test_verdicts_are_said_with_their_signs() -> None:
    assert value_words(FULL) == "● full"
    assert value_words(NONE) == "✕ contradicted"
    assert value_words(Value(State.NOT_CHECKABLE)) == "– not checkable"
    assert value_words(Value(State.SCORED, score=7.5)) == "7.5"
    assert value_words(Value()) == ""


def test_without_names_nothing_tells_who() -> None:
    detail = make_detail()
    shown = {}
    for names in (True, False):
        shown[names] = conflict_view(conflict(), detail, names=names, part=("A claim.", (Span(0, 12),)), text=DOCUMENT)
    bare = shown[False]
    for line in bare.verdicts:
        assert (line.name, "2026" in line.aside) == ("", False)
    assert {it.name for it in shown[True].verdicts} == {"ann", "bo"}
    assert [(it.letter, it.said) for it in bare.verdicts] == [(it.letter, it.said) for it in shown[True].verdicts]
    assert {it.reason for it in bare.verdicts} == {"p. 12", ""}
    assert {it.aside for it in bare.verdicts} == {"", "blind"}
    assert bare.text == "A claim."
    assert bare.passages == (DOCUMENT[:12].strip(),)
    settling = conflict(said(3, "cy", FULL, adjudicates=(1, 2)))
    view = conflict_view(settling, detail, names=False, part=None, text=None)
    assert view.settled == "Settled: ● full"
    assert "not in a list any more" in view.text
    assert conflict_view(settling, detail, names=True, part=None, text=None).settled == "Settled by cy: ● full"
    again = conflict(said(3, "cy", FULL, adjudicates=(1, 2)), said(4, "bo", replace(NONE)))
    assert "a later verdict says otherwise" in conflict_view(again, detail, names=True, part=None, text=None).settled


def test_a_claim_and_its_passages_are_found() -> None:
    detail = make_detail()
    standing = detail.standings[Dimension.FAITHFULNESS]
    claim = next(it.claim for it in standing.claims if it.claim.evidence)
    target = Target(detail.candidate.candidate_id, Dimension.FAITHFULNESS, claim.claim_id)
    assert part_of(detail, target) == (claim.text, tuple(it.span for it in claim.evidence))
    assert part_of(detail, replace(target, part_id="nowhere")) is None


def test_the_list_leaves_settled_ones_out_unless_they_are_wanted() -> None:
    names = candidate_names(make_questions())
    both = [conflict(), conflict(said(3, "cy", FULL, adjudicates=(1, 2)))]
    listed = conflict_list(both, names, settled=False)
    assert (len(listed.lines), listed.open) == (1, 1)
    assert listed.lines[0].where.startswith("B · How many mines")
    assert listed.lines[0].what == "Claim"
    assert set(listed.lines[0].said.split("   ")) in (
        {"A ● full", "B ✕ contradicted"},
        {"B ● full", "A ✕ contradicted"},
    )
    assert conflict_list(both, names, settled=True).lines[1].said == "settled: ● full"
    assert conflict_list([], names, settled=False).none == NONE_YET
    assert conflict_list(both[1:], names, settled=False).none == ALL_SETTLED
    many = conflict_list([conflict()] * (MOST + 3), names, settled=False)
    assert (len(many.lines), many.open) == (MOST, MOST + 3)


def test_who_decided_what_the_latest_first() -> None:
    entries = [said(1, "ann", FULL), said(2, "bo", NONE, blind=True), said(3, "ann", NONE)]
    assert [row[1] for row in reviewer_rows(counts(entries))] == [
        ("ann", "2", "2", "0", "0", "2026-01-02 – 2026-01-02"),
        ("bo", "1", "1", "1", "0", "2026-01-02 – 2026-01-02"),
    ]
    rows = decision_rows(entries[:2], {"b": "B · Why?"})
    assert rows[0] == (CLAIM, ("B · Why?", "Claim", "override", "✕ contradicted", "2026-01-02 03:04"))
    assert left_words(1, 0) == "1 difference left"
    assert left_words(0, 3) == "3 settled now"
