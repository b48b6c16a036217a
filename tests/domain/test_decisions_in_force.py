"""Decisions in force: overrides, edits, undo and redo, all computed from the journal alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.decisions import Act, Decision, Target, Value, Wording, in_force, standing, undo_and_redo
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    Judgment,
    KeyPoint,
    Reason,
    State,
    Support,
    SupportReason,
    faithfulness_score,
)

F, C, H = Dimension.FAITHFULNESS, Dimension.COMPLETENESS, Dimension.HELPFULNESS


def claim(name: str, support: Support | None, *, start: int = 0, end: int = 5) -> Claim:
    state = State.SCORED if support else State.UNSCORED
    reason = Reason.NONE if support else Reason.NEAR_CHANCE
    return Claim(claim_id=name, text=name, span=Span(start, end), state=state, reason=reason, support=support)


def judged(*claims: Claim) -> Judgment:
    state, reason, score = faithfulness_score(claims)
    return Judgment("run", "cand", F, state, reason, score, aggregated=True, claims=claims)


def decision(number: int, act: Act, part: str = "", **fields: object) -> Decision:
    target = fields.pop("target", Target("cand", F, part))
    return Decision(number, str(fields.pop("reviewer", "ann")), "t", act, target, **fields)  # type: ignore[arg-type]


def over(number: int, part: str, support: Support | None) -> Decision:
    state = State.SCORED if support else State.NOT_CHECKABLE
    return decision(number, Act.OVERRIDE, part, after=Value(state=state, support=support))


def test_the_judgment_holds_until_a_person_decides() -> None:
    judgment = judged(claim("a", Support.FULL), claim("b", Support.NONE))
    now = standing(F, judgment, [])
    assert (now.score.score, now.score.decided) == (5.0, False)
    now = standing(F, judgment, [over(1, "b", Support.PARTIAL)])
    assert (now.score.score, now.score.decided) == (7.5, True)
    assert [it.support for it in now.claims] == [Support.FULL, Support.PARTIAL]
    assert now.claims[1].decision is not None


def test_a_person_can_decide_what_the_judge_left_open() -> None:
    judgment = judged(claim("a", None), claim("b", None), claim("c", Support.FULL))
    assert judgment.state is State.UNSCORED
    assert judgment.reason is Reason.TOO_FEW_DECIDED
    now = standing(F, judgment, [over(1, "a", Support.FULL)])
    assert now.score.score == 10.0
    now = standing(F, judgment, [over(1, "a", None)])  # not checkable: one of two decided is half
    assert (now.score.state, now.score.score) == (State.SCORED, 10.0)


def test_the_latest_of_score_and_claim_decisions_holds() -> None:
    judgment = judged(claim("a", Support.FULL), claim("b", Support.NONE))
    stated = decision(2, Act.OVERRIDE, after=Value(state=State.SCORED, score=3.0))
    assert standing(F, judgment, [over(1, "b", Support.FULL), stated]).score.score == 3.0
    later = over(3, "b", Support.FULL)
    assert standing(F, judgment, [stated, later]).score.score == 10.0


def test_other_dimensions_do_not_leak() -> None:
    judgment = judged(claim("a", Support.FULL))
    other = decision(1, Act.OVERRIDE, target=Target("cand", H), after=Value(state=State.SCORED, score=1.0))
    assert standing(F, judgment, [other]).score.score == 10.0
    assert standing(H, None, [other]).score.score == 1.0


def test_split_merge_reword_and_add() -> None:
    judgment = judged(claim("a", Support.FULL, start=0, end=10), claim("b", Support.NONE, start=11, end=20))
    split = decision(
        1,
        Act.SPLIT,
        "a",
        before=Value(wordings=(Wording("a", "a", Span(0, 10)),)),
        after=Value(wordings=(Wording("a1", "x", Span(0, 4)), Wording("a2", "y", Span(5, 10)))),
    )
    now = standing(F, judgment, [split])
    assert [it.claim.claim_id for it in now.claims] == ["a1", "a2", "b"]
    assert [it.by_person for it in now.claims] == [True, True, False]
    assert now.score.state is State.UNSCORED, "one of three decided is less than half"
    merge = decision(
        2,
        Act.MERGE,
        "a2",
        before=Value(wordings=(Wording("a2", "y", Span(5, 10)), Wording("b", "b", Span(11, 20)))),
        after=Value(wordings=(Wording("m", "yb", Span(5, 20)),)),
    )
    assert [it.claim.claim_id for it in standing(F, judgment, [split, merge]).claims] == ["a1", "m"]
    reword = decision(
        3,
        Act.REWORD,
        "m",
        before=Value(wordings=(Wording("m", "yb", None),)),
        after=Value(wordings=(Wording("r", "z", None),)),
    )
    assert [it.claim.text for it in standing(F, judgment, [split, merge, reword]).claims] == ["x", "z"]
    add = decision(4, Act.ADD, "n", after=Value(wordings=(Wording("n", "new", Span(10, 11)),)))
    assert [it.claim.claim_id for it in standing(F, judgment, [add]).claims] == ["a", "n", "b"]


def test_decisions_on_claims_of_another_judge_change_nothing() -> None:
    judgment = judged(claim("a", Support.FULL))
    now = standing(F, judgment, [over(1, "elsewhere", Support.NONE)])
    assert [it.claim.claim_id for it in now.claims] == ["a"]
    assert (now.score.score, now.score.decided) == (10.0, False)
    assert standing(F, None, [over(1, "elsewhere", Support.NONE)]).score.state is State.NOT_CHECKED


def test_evidence_marked_by_a_person_comes_first() -> None:
    judgment = judged(claim("a", Support.FULL))
    mark = decision(1, Act.MARK_EVIDENCE, "a", after=Value(evidence=(Span(3, 9),)))
    now = standing(F, judgment, [mark])
    assert [(it.span, it.by_person) for it in now.claims[0].claim.evidence] == [(Span(3, 9), True)]
    assert not now.score.decided, "marking evidence states no verdict"


def test_key_points_change_the_score_only_where_it_is_their_mean() -> None:
    points = (
        KeyPoint("k1", "one", Span(0, 9), state=State.SCORED, covered=Support.FULL),
        KeyPoint("k2", "two", Span(0, 9), state=State.SCORED, covered=Support.NONE),
    )
    base = Judgment("run", "cand", C, State.SCORED, score=6.0, key_points=points)
    change = decision(
        1, Act.OVERRIDE, target=Target("cand", C, "k2"), after=Value(state=State.SCORED, support=Support.FULL)
    )
    assert standing(C, base, [change]).score.score == 6.0
    assert standing(C, base, [change]).key_points[1].covered is Support.FULL
    assert standing(C, replace(base, aggregated=True), [change]).score.score == 10.0


def test_acts_on_claims_leave_key_points_alone() -> None:
    point = KeyPoint("k1", "one", Span(0, 9), state=State.SCORED, covered=Support.FULL)
    base = Judgment("run", "cand", C, State.SCORED, score=10.0, key_points=(point,), aggregated=True)
    for act in (Act.MARK_EVIDENCE, Act.SPLIT, Act.MERGE):
        now = standing(C, base, [decision(1, act, target=Target("cand", C, "k1"))])
        assert now.key_points[0].covered is Support.FULL


def test_undo_and_redo_come_from_the_journal() -> None:
    journal = [over(1, "a", Support.NONE), over(2, "b", Support.NONE)]
    assert [d.decision_id for d in in_force(journal)] == [1, 2]
    journal.append(decision(3, Act.UNDO, "b", undoes=2))
    assert [d.decision_id for d in in_force(journal)] == [1]
    undo, redo = undo_and_redo(journal, reviewer="ann")
    assert undo is not None
    assert redo is not None
    assert (undo.decision_id, redo.decision_id) == (1, 2)
    journal.append(decision(4, Act.REDO, "b", undoes=2))
    assert [d.decision_id for d in in_force(journal)] == [1, 2]
    journal.append(decision(5, Act.UNDO, "b", undoes=2))
    journal.append(over(6, "c", Support.FULL))
    undo, redo = undo_and_redo(journal, reviewer="ann")
    assert undo is not None
    assert (undo.decision_id, redo) == (6, None), "a new decision empties the redo stack"
    assert undo_and_redo(journal, reviewer="bob") == (None, None)


@given(st.lists(st.sampled_from(["decide", "undo", "redo"]), max_size=40))
def test_undo_and_redo_equal_a_plain_stack(steps: list[str]) -> None:
    journal: list[Decision] = []
    done: list[int] = []
    undone: list[int] = []
    for number, step in enumerate(steps, start=1):
        undo, redo = undo_and_redo(journal, reviewer="ann")
        if step == "decide":
            journal.append(over(number, f"c{number}", Support.FULL))
            done.append(number)
            undone.clear()
        elif step == "undo" and undo:
            journal.append(decision(number, Act.UNDO, undoes=undo.decision_id))
            undone.append(done.pop())
        elif step == "redo" and redo:
            journal.append(decision(number, Act.REDO, undoes=redo.decision_id))
            done.append(undone.pop())
        assert [entry.decision_id for entry in in_force(journal)] == sorted(done)


def test_support_reason_goes_only_with_none() -> None:
    with pytest.raises(ValueError, match="none has a reason"):
        Claim("c", "t", None, State.SCORED, support=Support.FULL, support_reason=SupportReason.NOT_FOUND)


def test_what_a_person_added_and_a_judge_finds_too_is_there_once_with_the_judges_verdict() -> None:
    wording = Wording("a", "a", Span(0, 5))
    added = decision(1, Act.ADD, "a", after=Value(wordings=(wording,)))
    (now,) = standing(F, judged(claim("a", Support.FULL)), [added]).claims
    assert (now.support, now.by_person) == (Support.FULL, False)
    point = KeyPoint("k", "k", None, state=State.SCORED, covered=Support.PARTIAL)
    said = Judgment("run", "cand", C, State.SCORED, score=5.0, aggregated=True, key_points=(point,))
    target = Target("cand", C, "k")
    added = decision(1, Act.ADD, target=target, after=Value(wordings=(Wording("k", "k", None),)))
    (kept,) = standing(C, said, [added]).key_points
    assert (kept.covered, kept.by_person) == (Support.PARTIAL, False)
    (alone,) = standing(C, None, [added]).key_points
    assert (alone.covered, alone.by_person) == (None, True)
