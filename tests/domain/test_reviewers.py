"""Who says what, where reviewers differ, and what an adjudication does to the value in force."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.decisions import Act, Decision, Target, Value, in_force, standing
from lrstudio.domain.reviewers import agree, by_reviewer, conflicts, counts, without_names
from lrstudio.domain.verdicts import Claim, Dimension, Judgment, State, Support, SupportReason
from tests.doubles.journals import TARGETS, play, steps, value_of

FAITH = Dimension.FAITHFULNESS
CLAIM = TARGETS[0]
SCORE = TARGETS[3]


class Journal:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[Decision] = []

    def append(self, decision: Decision) -> Decision:
        self.entries.append(replace(decision, decision_id=len(self.entries) + 1))
        return self.entries[-1]

    def say(self, reviewer: str, target: Target, number: float, **fields) -> Decision:
        act = fields.pop("act", Act.OVERRIDE)
        after = fields.pop("after", value_of(target, number))
        return self.append(Decision(0, reviewer, f"{len(self.entries):03}", act, target, after=after, **fields))


def score(journal: Journal, target: Target = SCORE) -> float | None:
    return standing(target.dimension, None, journal.entries).score.score


def test_the_last_own_verdict_of_each_reviewer_on_each_target():
    journal = Journal()
    journal.say("ana", SCORE, 0.0)
    second = journal.say("bo", SCORE, 1.0)
    third = journal.say("ana", SCORE, 0.5, act=Act.CONFIRM)
    journal.say("ana", CLAIM, 1.0, act=Act.MARK_EVIDENCE)
    assert by_reviewer(journal.entries) == {SCORE: {"bo": second, "ana": third}}
    assert list(by_reviewer(journal.entries)[SCORE]) == ["bo", "ana"]
    journal.append(Decision(0, "ana", "9", Act.UNDO, SCORE, undoes=3))
    assert by_reviewer(journal.entries)[SCORE]["ana"].decision_id == 1


def test_reviewers_who_differ_are_a_conflict_until_one_verdict_settles_it():
    journal = Journal()
    journal.say("ana", SCORE, 0.0)
    assert conflicts(journal.entries) == ()
    journal.say("bo", SCORE, 1.0)
    (found,) = conflicts(journal.entries)
    assert (found.target, [it.reviewer for it in found.verdicts], found.settled) == (SCORE, ["ana", "bo"], False)
    assert score(journal) == 10.0
    ruling = journal.say("cy", SCORE, 0.5, adjudicates=(1, 2))
    assert score(journal) == 5.0
    (settled,) = conflicts(journal.entries)
    assert (settled.adjudication, settled.settled, len(settled.verdicts)) == (ruling, True, 2)
    journal.say("ana", SCORE, 0.5)  # comes round
    assert conflicts(journal.entries)[0].settled
    journal.say("bo", SCORE, 0.0)  # does not
    assert score(journal) == 5.0, "an adjudication outranks what comes after it"
    assert not conflicts(journal.entries)[0].settled
    journal.append(Decision(0, "cy", "9", Act.UNDO, SCORE, undoes=ruling.decision_id))
    assert score(journal) == 0.0
    assert conflicts(journal.entries)[0].adjudication is None


def test_an_adjudicated_claim_counts_in_the_score():
    judgment = Judgment(
        "r", "c1", FAITH, State.SCORED, score=10.0, aggregated=True,
        claims=tuple(Claim(f"k{n}", "x", None, State.SCORED, support=Support.FULL) for n in range(2)),
    )  # fmt: skip
    journal = Journal()
    journal.say("ana", CLAIM, 0.0)
    journal.say("cy", CLAIM, 0.5, adjudicates=(1,))
    journal.say("bo", CLAIM, 0.0)
    now = standing(FAITH, judgment, journal.entries)
    assert [it.support for it in now.claims] == [Support.PARTIAL, Support.FULL]
    assert now.score.score == 7.5
    journal.say("ana", TARGETS[2], 0.0)
    assert standing(FAITH, judgment, journal.entries).score.score == 0.0, "the later of score and parts"
    journal.say("cy", TARGETS[2], 0.5, adjudicates=(4,))
    journal.say("bo", TARGETS[1], 0.0)
    assert standing(FAITH, judgment, journal.entries).score.score == 5.0, "a plain verdict on a claim is outranked"
    journal.say("cy", TARGETS[1], 0.0, adjudicates=(6,))
    assert standing(FAITH, judgment, journal.entries).score.score == 2.5, "a later adjudication is not"


def test_what_is_the_same_verdict():
    contradicted, missing, unsaid = (
        Value(State.SCORED, Support.NONE, reason)
        for reason in (SupportReason.CONTRADICTED, SupportReason.NOT_FOUND, SupportReason.UNSTATED)
    )
    assert agree(contradicted, unsaid)
    assert not agree(contradicted, missing)
    assert not agree(unsaid, Value(State.NOT_CHECKABLE))
    assert not agree(Value(State.SCORED, score=1.0), Value(State.SCORED, score=1.5))


def test_without_names_nobody_is_always_first():
    journal = Journal()
    targets = [Target(f"c{n}", Dimension.HELPFULNESS) for n in range(40)]
    for target in targets:
        journal.say("ana", target, 0.0)
        journal.say("bo", target, 1.0)
    first = [without_names(it)["A"].reviewer for it in conflicts(journal.entries)]
    assert 5 < first.count("ana") < 35
    assert first == [without_names(it)["A"].reviewer for it in conflicts(journal.entries)]


def test_what_each_did_is_counted():
    journal = Journal()
    journal.say("bo", SCORE, 0.0, blind=True)
    journal.say("ana", SCORE, 1.0)
    journal.say("bo", CLAIM, 1.0)
    journal.append(Decision(0, "bo", "9", Act.UNDO, CLAIM, undoes=3))
    journal.say("ana", SCORE, 1.0, adjudicates=(1, 2))
    ana, bo = counts(journal.entries)
    assert (ana.reviewer, ana.entries, ana.verdicts, ana.blind, ana.adjudications) == ("ana", 2, 2, 0, 1)
    assert (bo.reviewer, bo.entries, bo.verdicts, bo.blind, bo.first, bo.last) == ("bo", 3, 1, 1, "000", "9")


def test_an_undo_may_come_before_what_it_undoes():
    late = Decision(2, "ana", "1", Act.UNDO, SCORE, undoes=1)
    made = Decision(1, "ana", "2", Act.OVERRIDE, SCORE, after=value_of(SCORE, 1.0))
    assert in_force([late, made]) == in_force([made, late]) == ()


@given(made=st.lists(steps, max_size=20))
def test_who_alone_differs_from_nobody_and_nobody_decides_twice(made):
    journal = Journal()
    play((), made, clock=lambda: "2026", append=journal.append)
    own = by_reviewer(journal.entries)
    for target, verdicts in own.items():
        assert all(it.target == target and name == it.reviewer and not it.adjudicates for name, it in verdicts.items())
    found = {it.target: it for it in conflicts(journal.entries)}
    for target, verdicts in own.items():
        said = {(it.after.support, it.after.score) for it in verdicts.values()}
        assert (target in found) == (len(said) > 1)
    if len({it.reviewer for it in journal.entries}) < 2:
        assert not found
