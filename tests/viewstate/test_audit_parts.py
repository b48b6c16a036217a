from dataclasses import replace

import pytest

from lrstudio.domain.decisions import Act
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, Reason, State, Support, SupportReason
from lrstudio.viewstate.audit_parts import (
    PartRow,
    Viewer,
    committed,
    evidence_text,
    hidden_from,
    next_undecided,
    part_rows,
    row_of,
    step_part,
    users_of,
)
from lrstudio.viewstate.audit_signs import Sign
from tests.doubles.records import (
    ANSWER,
    REVIEWER,
    make_claims,
    make_decision,
    make_detail,
    make_judgments,
    passage_spans,
)

SEEING = Viewer(REVIEWER)
BLIND = Viewer(REVIEWER, blind=True)


def rows(*decisions, viewer: Viewer = SEEING, dimension: Dimension = Dimension.FAITHFULNESS) -> tuple[PartRow, ...]:
    detail = make_detail(decisions=decisions)
    return part_rows("b", detail.standings[dimension], viewer=viewer, decisions=detail.decisions)


def test_every_claim_is_a_numbered_row_in_order() -> None:
    found = rows()
    assert [row.number for row in found] == [1, 2, 3, 4, 5, 6]
    assert [row.part_id for row in found] == ["c1", "c2", "c3", "c4", "c5", "c6"]
    assert all(row.span and row.span.of(ANSWER) == row.text for row in found)


def test_the_judges_chip_has_word_and_probability() -> None:
    assert [row.judge.text for row in rows()] == [
        "full · .93",
        "partial · .62",
        "full · .88",
        "contradicted · .04",
        "not found · .11",
        "not checkable",
    ]


def test_a_claim_the_judge_cannot_decide_says_why() -> None:
    claims = make_claims()
    unsure = replace(claims[0], state=State.UNSCORED, support=None, reason=Reason.NEAR_CHANCE, support_probability=0.5)
    detail = make_detail(judgments=make_judgments([unsure, *claims[1:]]))
    row = part_rows("b", detail.standings[Dimension.FAITHFULNESS], viewer=SEEING, decisions=())[0]
    assert row.judge.sign is Sign.UNSCORED
    assert row.judge.text == "near chance · .50"
    assert "probability that the document fully supports this: 0.50" in row.judge.tooltip


def test_an_undecided_row_shows_the_judges_support_in_the_text() -> None:
    row = rows()[1]
    assert row.effective is Sign.PARTIAL
    assert row.you.text == "undecided"
    assert not row.decided


def test_a_decision_takes_effect_and_is_shown_with_its_reason() -> None:
    row = rows(make_decision("c2", Support.NONE, why=SupportReason.CONTRADICTED, reason="two nights"))[1]
    assert row.effective is Sign.CONTRADICTED
    assert row.you.decided
    assert row.you.text == "contradicted"
    assert row.you.tooltip == "ada decided this on 2026-11-20: two nights"
    assert row.judge.text == "partial · .62"
    assert row.decided
    assert row.mine


def test_somebody_elses_decision_counts_but_is_not_mine() -> None:
    row = rows(make_decision("c2", Support.FULL, reviewer="bob"))[1]
    assert row.decided
    assert not row.mine


def test_a_confirmation_and_a_blind_decision_say_so() -> None:
    confirmed = rows(make_decision("c1", Support.FULL, act=Act.CONFIRM))[0]
    assert confirmed.you.tooltip == "ada confirmed this on 2026-11-20"
    blind = rows(make_decision("c1", Support.FULL, blind=True))[0]
    assert blind.you.tooltip == "ada decided this on 2026-11-20, blind"


def test_key_points_are_rows_with_one_passage() -> None:
    found = rows(dimension=Dimension.COMPLETENESS)
    assert [row.judge.text for row in found] == ["full", "none"]
    assert [row.passages[0].span for row in found] == list(passage_spans()[:2])
    assert all(row.span is None for row in found)


def test_a_score_dimension_has_no_rows() -> None:
    assert rows(dimension=Dimension.HELPFULNESS) == ()


def test_blind_hides_everything_the_judge_said_but_the_evidence() -> None:
    for row, seen in zip(rows(viewer=BLIND), rows(), strict=True):
        assert row.hidden
        assert row.judge.text == "hidden"
        assert row.effective is Sign.HIDDEN
        assert row.explanation == ""
        assert row.call_key == ""
        assert row.passages == seen.passages


def test_blind_gives_no_verdict_away_by_equality() -> None:
    """Rows of different verdicts look alike: nothing but place, words and evidence tells them apart."""
    looks = {(row.judge, row.you, row.effective, row.explanation, row.decided) for row in rows(viewer=BLIND)}
    assert len(looks) == 1


def test_blind_ends_for_a_claim_with_the_persons_own_verdict() -> None:
    found = rows(make_decision("c2", Support.FULL, blind=True), viewer=BLIND)
    assert not found[1].hidden
    assert found[1].judge.text == "partial · .62"
    assert found[1].you.text == "full"
    assert found[0].hidden


def test_blind_hides_another_reviewers_verdict_too() -> None:
    row = rows(make_decision("c2", Support.FULL, reviewer="bob"), viewer=BLIND)[1]
    assert row.hidden
    assert row.you.text == "undecided"
    assert not row.decided


def test_what_was_seen_once_is_not_hidden_by_undo() -> None:
    done = make_decision("c2", Support.FULL, number=1)
    undone = make_decision("c2", Support.FULL, number=2, act=Act.UNDO, undoes=1)
    row = rows(done, undone, viewer=BLIND)[1]
    assert not row.hidden
    assert not row.decided
    target = row.target
    assert committed(target, [done, undone], reviewer=REVIEWER)
    assert hidden_from(BLIND, target, [])
    assert not hidden_from(SEEING, target, [])


def test_an_edit_is_not_a_verdict() -> None:
    marked = make_decision("c2", None, act=Act.MARK_EVIDENCE)
    assert rows(marked, viewer=BLIND)[1].hidden


def test_a_claim_of_a_persons_own_is_not_the_judges() -> None:
    from lrstudio.domain.decisions import Value, Wording

    reworded = replace(
        make_decision("c2", None, act=Act.REWORD),
        before=Value(wordings=(Wording("c2", "old", Span(0, 3)),)),
        after=Value(wordings=(Wording("c9", "new words", Span(73, 90)),)),
    )
    row = rows(reworded)[1]
    assert row.part_id == "c9"
    assert row.by_person
    assert row.judge.text == "added"
    assert row.effective is Sign.NOT_CHECKED


@pytest.mark.parametrize(
    ("decided", "at", "pending", "expected"),
    [
        ((), "", (), "c1"),
        ((), "c1", (), "c2"),
        (("c2",), "c1", (), "c3"),
        ((), "c6", (), "c1"),
        (("c1", "c2"), "c6", (), "c3"),
        ((), "c1", ("c2", "c3"), "c4"),
        (("c1", "c2", "c3", "c4", "c5"), "c5", (), "c6"),
        (("c1", "c2", "c3", "c4", "c5", "c6"), "c2", (), None),
        (("c1", "c2", "c3", "c4", "c5"), "c6", (), None),
        ((), "gone", (), "c1"),
    ],
)
def test_the_next_open_claim(decided: tuple[str, ...], at: str, pending: tuple[str, ...], expected: str | None) -> None:
    decisions = [make_decision(part, Support.FULL, number=n) for n, part in enumerate(decided, start=1)]
    assert next_undecided(rows(*decisions), at, pending=frozenset(pending)) == expected


@pytest.mark.parametrize(
    ("at", "by", "expected"),
    [("c1", 1, "c2"), ("c1", -1, "c1"), ("c6", 1, "c6"), ("c3", -2, "c1"), ("", 1, "c1"), ("gone", -1, "c1")],
)
def test_steps_stop_at_both_ends(at: str, by: int, expected: str) -> None:
    assert step_part(rows(), at, by=by) == expected


def test_no_rows_no_step() -> None:
    assert step_part((), "c1", by=1) == ""
    assert next_undecided((), "") is None


def test_who_uses_a_passage() -> None:
    first = passage_spans()[0]
    # every claim but the opinion has all five passages, each key point one
    assert [row.part_id for row in users_of(first, rows())] == ["c1", "c2", "c3", "c4", "c5"]
    assert [row.part_id for row in users_of(first, rows(dimension=Dimension.COMPLETENESS))] == ["k1"]
    assert users_of(Span(0, 1), rows(dimension=Dimension.COMPLETENESS)) == ()


def test_a_row_is_found_by_its_part() -> None:
    assert row_of(rows(), "c2") == rows()[1]
    assert row_of(rows(), "gone") is None


def test_the_evidence_column() -> None:
    row = rows()[0]
    assert evidence_text(row, passage=1, focused=True) == "2 of 5"
    assert evidence_text(row, passage=9, focused=True) == "5 of 5"
    assert evidence_text(row, passage=0, focused=False) == "5"
    assert evidence_text(rows()[5], passage=0, focused=True) == "none"
