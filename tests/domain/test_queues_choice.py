"""Which items a review queue is made of, and with which chance an audit draws them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.decisions import Act, Decision, Target
from lrstudio.domain.queues import (
    by_margin,
    confidence,
    frame_of,
    joint_probability,
    judge_failed,
    judges_disagree,
    low_confidence,
    random_audit,
    second_opinion,
)
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, Judgment, KeyPoint, Reason, State, Support

F, C, H, L = Dimension.FAITHFULNESS, Dimension.COMPLETENESS, Dimension.HELPFULNESS, Dimension.LOGICALITY
FULL, PARTIAL, NONE = Support.FULL, Support.PARTIAL, Support.NONE


def claim(name: str, *, probability: float | None = None, votes: tuple[Support | None, ...] = ()) -> Claim:
    return Claim(name, name, None, State.SCORED, support=FULL, support_probability=probability, votes=votes)


def judged(candidate: str, score: float | None, *claims: Claim, dimension: Dimension = F) -> Judgment:
    if score is None:
        return Judgment("r", candidate, dimension, State.UNSCORED, Reason.TRUNCATED, claims=claims)
    return Judgment("r", candidate, dimension, State.SCORED, score=score, claims=claims)


def said(
    number: int, who: str, target: Target, *, blind: bool = True, act: Act = Act.CONFIRM, undoes: int | None = None
) -> Decision:
    return Decision(number, who, f"2026-01-01T00:00:{number:02}Z", act, target, blind=blind, undoes=undoes)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (claim("a", probability=0.5), 0.0),
        (claim("a", probability=0.9), pytest.approx(0.8)),
        (claim("a", probability=0.1), pytest.approx(0.8)),
        (claim("a", probability=0.9, votes=(FULL, NONE, FULL, None)), 0.5),
        (claim("a", votes=(None, None)), 0.0),
        (claim("a", votes=(FULL,)), None),
        (KeyPoint("k", "k", None), None),
    ],
)
def test_how_sure_a_judge_is(part: Claim | KeyPoint, expected: float | None) -> None:
    assert confidence(part) == expected


def test_the_least_sure_verdicts_come_first() -> None:
    judgments = [
        judged("a", 5.0, claim("x", probability=0.7), claim("y", probability=0.55), claim("z", probability=0.99))
    ]
    assert [it.target.part_id for it in low_confidence(judgments)] == ["y", "x"]


def test_judges_are_compared_where_both_gave_a_score() -> None:
    one = [judged("a", 9.0), judged("b", 5.0), judged("c", None), judged("d", 9.0, dimension=H)]
    other = [judged("a", 6.0), judged("b", 4.0), judged("c", 1.0), judged("d", 2.0, dimension=H)]
    found = judges_disagree(one, other)
    assert [(it.target.candidate_id, it.weight, it.why) for it in found] == [
        ("d", 7.0, "helpfulness: 9.0 and 2.0"),
        ("a", 3.0, "faithfulness: 9.0 and 6.0"),
    ]


def test_what_the_judge_left_unscored_comes_with_its_reason() -> None:
    open_claim = Claim("x", "x", None, State.UNSCORED, Reason.UNREADABLE)
    opinion = Claim("y", "y", None, State.NOT_CHECKABLE, Reason.OPINION)
    found = judge_failed([judged("a", 5.0, open_claim, opinion, claim("z")), judged("b", None)])
    assert [(it.target.candidate_id, it.target.part_id, it.why) for it in found] == [
        ("b", "", "truncated"),
        ("a", "x", "unreadable"),
    ]


def test_a_second_opinion_is_asked_on_what_one_other_person_decided_blind() -> None:
    mine, theirs, shared, seen, undone = (Target("a", F, name) for name in ("1", "2", "3", "4", "5"))
    journal = {
        "a": [
            said(1, "me", mine),
            said(2, "ann", theirs),
            said(3, "ann", shared),
            said(4, "bob", shared),
            said(5, "ann", seen, blind=False),
            said(6, "ann", undone),
            said(7, "ann", undone, act=Act.UNDO, undoes=6),
        ]
    }
    assert [it.target for it in second_opinion(journal, reviewer="me")] == [theirs]


TARGETS = [Target("a", F, str(number)) for number in range(20)]


def test_an_audit_draws_each_item_with_the_chance_it_says() -> None:
    rounds = 4000
    drawn = Counter(item.target for seed in range(rounds) for item in random_audit(TARGETS, size=5, seed=seed))
    (chance,) = {item.inclusion_probability for item in random_audit(TARGETS, size=5, seed=1)}
    assert chance == 0.25
    # Five standard deviations of a binomial share.
    assert all(abs(drawn[target] / rounds - 0.25) < 5 * (0.25 * 0.75 / rounds) ** 0.5 for target in TARGETS)


@given(st.permutations(TARGETS), st.integers(0, 2**31), st.integers(1, 30))
def test_an_audit_depends_on_the_items_and_the_seed_alone(order: list[Target], seed: int, size: int) -> None:
    found = random_audit(order, size=size, seed=seed)
    assert found == random_audit(TARGETS, size=size, seed=seed)
    assert len({item.target for item in found}) == len(found) == min(size, 20)
    assert frame_of(JudgeIdentity("j"), (F,), order) == frame_of(JudgeIdentity("j"), (F,), TARGETS)
    assert frame_of(JudgeIdentity("j"), (F,), order[1:]) != frame_of(JudgeIdentity("j"), (F,), TARGETS)


def test_two_audits_together() -> None:
    assert joint_probability([0.5, 0.2]) == pytest.approx(0.6)
    assert joint_probability([1.0, 0.2]) == 1.0
    assert joint_probability([]) == 0.0


def test_margins_are_taken_over_the_dimensions_that_all_candidates_have() -> None:
    rewards = {
        "wide": {"a": {F: 9.0, H: 2.0}, "b": {F: 1.0}, "c": {F: 5.0, L: 1.0}},
        "tie": {"d": {F: 5.0, C: 6.0}, "e": {F: 6.0, C: 5.0}},
        "nothing shared": {"f": {F: 1.0}, "g": {C: 9.0}},
        "alone": {"h": {F: 1.0}},
    }
    wide, tie = by_margin(rewards, largest=True)
    assert (wide.target, wide.other_id, wide.weight) == (Target("a", F), "b", 8.0)
    assert ({tie.target.candidate_id, tie.other_id}, tie.weight) == ({"d", "e"}, 0.0)
    near_tie, near_wide = by_margin(rewards, largest=False)
    assert near_tie == tie
    assert ({near_wide.target.candidate_id, near_wide.other_id}, near_wide.weight) == ({"a", "c"}, 4.0)
    assert [it.weight for it in by_margin(rewards, largest=False, most=1.0)] == [0.0]
