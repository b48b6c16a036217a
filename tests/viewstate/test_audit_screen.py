from dataclasses import replace

import pytest

from lrstudio.domain.decisions import Decision
from lrstudio.domain.verdicts import Dimension, Reason, State, Support, SupportReason
from lrstudio.viewstate.audit import (
    Choice,
    Deed,
    Focus,
    MarkRole,
    Screen,
    all_decided_hint,
    parse_score,
    plan,
    press,
    screen,
    shown_now,
)
from lrstudio.viewstate.audit_facts import audit_facts
from lrstudio.viewstate.audit_parts import Viewer
from lrstudio.viewstate.audit_signs import Sign
from lrstudio.viewstate.facts import Fact
from tests.doubles.records import REVIEWER, make_claims, make_decision, make_detail, make_judgments, passage_spans

SEEING = Viewer(REVIEWER)
BLIND = Viewer(REVIEWER, blind=True)
FAITH, HELP, LOGIC, WHOLE = (
    Dimension.FAITHFULNESS,
    Dimension.HELPFULNESS,
    Dimension.LOGICALITY,
    Dimension.COMPLETENESS,
)


def show(focus: Focus = Focus(), *decisions: Decision, viewer: Viewer = SEEING, **detail) -> Screen:  # noqa: B008
    return screen(make_detail(decisions=decisions, **detail), focus, viewer=viewer)


def test_the_focus_settles_on_the_first_open_claim() -> None:
    assert show().focus.part_id == "c1"
    assert show(Focus(), make_decision("c1", Support.FULL)).focus.part_id == "c2"


def test_a_lost_part_gives_way() -> None:
    assert show(Focus(part_id="gone", passage=3)).focus == Focus("b", FAITH, "c1", 0)


def test_when_all_is_decided_the_first_part_is_shown() -> None:
    done = [make_decision(f"c{n}", Support.FULL, number=n) for n in range(1, 7)]
    now = show(Focus(), *done)
    assert now.focus.part_id == "c1"
    assert all_decided_hint(now.rows) == "All 6 claims decided: ] goes to the next candidate."
    assert all_decided_hint(show().rows) == ""


def test_a_passage_beyond_the_last_settles_on_the_last() -> None:
    assert show(Focus(part_id="c1", passage=99)).focus.passage == 4
    assert show(Focus(part_id="c6", passage=2)).focus.passage == 0


def test_claims_are_marked_by_what_stands() -> None:
    marks = show(Focus(part_id="c2"), make_decision("c1", Support.NONE, why=SupportReason.NOT_FOUND)).candidate_marks
    assert [(mark.group, mark.sign, mark.focused, mark.decided) for mark in marks][:3] == [
        ("c1", Sign.NOT_FOUND, False, True),
        ("c2", Sign.PARTIAL, True, False),
        ("c3", Sign.FULL, False, False),
    ]
    assert [mark.label for mark in marks] == ["1", "2", "3", "4", "5", "6"]


def test_a_claim_without_a_place_is_not_marked() -> None:
    claims = make_claims()
    moved = [replace(claims[0], span=None), *claims[1:]]
    marks = show(judgments=make_judgments(moved)).candidate_marks
    assert [mark.group for mark in marks] == ["c2", "c3", "c4", "c5", "c6"]


def test_in_another_dimension_claims_stay_marked_but_none_is_in_focus() -> None:
    now = show(Focus(dimension=WHOLE))
    assert len(now.candidate_marks) == 6
    assert not any(mark.focused for mark in now.candidate_marks)
    assert [row.part_id for row in now.rows] == ["k1", "k2"]


def test_the_passages_of_the_claim_in_focus_are_numbered_by_rank() -> None:
    marks = [mark for mark in show(Focus(part_id="c2", passage=1)).document_marks if mark.role is MarkRole.EVIDENCE]
    by_rank = sorted(marks, key=lambda mark: mark.label)
    assert [mark.label for mark in by_rank] == ["1", "2", "3", "4", "5"]
    assert by_rank[0].span == passage_spans()[1]
    assert [mark.group for mark in by_rank if mark.focused] == ["1"]
    assert {mark.sign for mark in marks} == {Sign.PARTIAL}


def test_passages_of_other_parts_are_marked_without_a_number() -> None:
    marks = show(Focus(dimension=WHOLE, part_id="k1")).document_marks
    assert [(mark.role, mark.label) for mark in marks] == [(MarkRole.EVIDENCE, "1"), (MarkRole.ELSEWHERE, "")]
    assert show(Focus(dimension=HELP)).document_marks == ()


def test_blind_the_passages_are_there_without_a_verdict() -> None:
    seen, hidden = show(Focus(part_id="c2")), show(Focus(part_id="c2"), viewer=BLIND)
    assert [mark.span for mark in hidden.document_marks] == [mark.span for mark in seen.document_marks]
    assert {mark.sign for mark in hidden.document_marks} == {Sign.HIDDEN}
    assert {mark.sign for mark in hidden.candidate_marks} == {Sign.HIDDEN}
    assert hidden.call_key == ""


def test_the_raw_call_is_the_claims_else_the_judgments() -> None:
    assert show(Focus(part_id="c2")).call_key == "call2"
    assert show(Focus(dimension=LOGIC)).call_key == "callL"
    assert show(Focus(dimension=LOGIC), viewer=BLIND).call_key == ""
    bare = [replace(claim, call_key="") for claim in make_claims()]
    assert show(judgments=make_judgments(bare)).call_key == "callF"
    assert show(judgments=make_judgments(bare), viewer=BLIND).call_key == ""


@pytest.mark.parametrize(
    ("keys", "choice"),
    [
        ("1", Choice(Support.FULL)),
        ("2", Choice(Support.PARTIAL)),
        ("3", Choice(Support.NONE)),
        ("0", Choice(None)),
        ("3c", Choice(Support.NONE, SupportReason.CONTRADICTED)),
        ("3f", Choice(Support.NONE, SupportReason.NOT_FOUND)),
        ("3cf", Choice(Support.NONE, SupportReason.NOT_FOUND)),
        ("12", Choice(Support.PARTIAL)),
        ("11", None),
        ("3c3", None),
        ("3c1", Choice(Support.FULL)),
        ("c", None),
        ("1c", Choice(Support.FULL)),
        ("00", None),
    ],
)
def test_verdict_keys(keys: str, choice: Choice | None) -> None:
    now: Choice | None = None
    for key in keys:
        now = press(now, key)
    assert now == choice


@pytest.mark.parametrize(
    ("choice", "sign"),
    [
        (Choice(Support.FULL), Sign.FULL),
        (Choice(None), Sign.NOT_CHECKABLE),
        (Choice(Support.NONE), Sign.NONE),
        (Choice(Support.NONE, SupportReason.CONTRADICTED), Sign.CONTRADICTED),
    ],
)
def test_a_choice_has_a_sign(choice: Choice, sign: Sign) -> None:
    assert choice.sign is sign


def test_enter_confirms_the_judge_when_nothing_is_chosen() -> None:
    todo = plan(show(Focus(part_id="c2")), None)
    assert (todo.deed, todo.button) == (Deed.CONFIRM, "Confirm")
    assert todo.hint.startswith("Confirms partial")


def test_enter_confirms_that_a_claim_is_not_checkable() -> None:
    assert plan(show(Focus(part_id="c6")), None).deed is Deed.CONFIRM


def test_enter_commits_what_is_chosen() -> None:
    todo = plan(show(Focus(part_id="c2")), Choice(Support.NONE))
    assert todo.deed is Deed.OVERRIDE
    assert "c contradicted, f not found" in todo.hint
    assert "c contradicted" not in plan(show(Focus(dimension=WHOLE, part_id="k1")), Choice(Support.NONE)).hint


def test_enter_on_what_one_has_decided_goes_on() -> None:
    decided = make_decision("c2", Support.FULL)
    assert plan(show(Focus(part_id="c2"), decided), None).deed is Deed.ADVANCE
    assert plan(show(Focus(part_id="c2"), decided), Choice(Support.NONE)).deed is Deed.OVERRIDE
    assert plan(show(Focus(part_id="c2"), replace(decided, reviewer="bob")), None).deed is Deed.CONFIRM


def test_enter_does_nothing_where_there_is_nothing_to_confirm() -> None:
    blind = plan(show(Focus(part_id="c2"), viewer=BLIND), None)
    assert (blind.deed, blind.hint) == (Deed.NOTHING, "Blind: choose your verdict, then commit.")
    unsure = [
        replace(make_claims()[0], state=State.UNSCORED, reason=Reason.NEAR_CHANCE, support=None),
        *make_claims()[1:],
    ]
    silent = plan(show(Focus(part_id="c1"), judgments=make_judgments(unsure)), None)
    assert silent.deed is Deed.NOTHING
    assert "gives no verdict" in silent.hint
    assert plan(None, None).deed is Deed.NOTHING
    assert plan(show(judgments={}), None).deed is Deed.NOTHING


def test_blind_a_choice_can_be_committed() -> None:
    assert plan(show(Focus(part_id="c2"), viewer=BLIND), Choice(Support.FULL)).deed is Deed.OVERRIDE


@pytest.mark.parametrize(
    ("dimension", "typed", "viewer", "deed"),
    [
        (LOGIC, "", SEEING, Deed.CONFIRM),
        (LOGIC, "7.5", SEEING, Deed.SET_SCORE),
        (LOGIC, "7,5", SEEING, Deed.SET_SCORE),
        (LOGIC, "11", SEEING, Deed.NOTHING),
        (LOGIC, "", BLIND, Deed.NOTHING),
        (LOGIC, "0", BLIND, Deed.SET_SCORE),
        (HELP, "", SEEING, Deed.NOTHING),
        (HELP, "10", SEEING, Deed.SET_SCORE),
    ],
)
def test_enter_in_a_score_dimension(dimension: Dimension, typed: str, viewer: Viewer, deed: Deed) -> None:
    assert plan(show(Focus(dimension=dimension), viewer=viewer), None, score=typed).deed is deed


def test_enter_on_a_given_score_goes_on() -> None:
    given = make_decision("", None, dimension=LOGIC, score=4.0)
    assert plan(show(Focus(dimension=LOGIC), given), None).deed is Deed.ADVANCE


@pytest.mark.parametrize(
    ("typed", "score"),
    [("0", 0.0), ("10", 10.0), ("7,5", 7.5), (" 3.25 ", 3.25), ("10.1", None), ("-1", None), ("", None), ("nan", None)],
)
def test_a_score_goes_from_0_to_10(typed: str, score: float | None) -> None:
    assert parse_score(typed) == score


def test_what_was_on_screen_is_recorded() -> None:
    detail = make_detail()
    seen = shown_now(detail, screen(detail, Focus(part_id="c2"), viewer=SEEING))
    assert (seen.run_id, seen.judge_visible, len(seen.evidence)) == ("run1", True, 5)
    blind = shown_now(detail, screen(detail, Focus(part_id="c2"), viewer=BLIND))
    assert not blind.judge_visible
    assert blind.evidence == seen.evidence
    assert not shown_now(detail, screen(detail, Focus(dimension=LOGIC), viewer=BLIND)).judge_visible


@pytest.mark.parametrize(
    ("focus", "choice", "holds", "fails"),
    [
        (Focus(part_id="c2"), None, {Fact.PART, Fact.CLAIM, Fact.COMMIT, Fact.CALL}, {Fact.SCORE, Fact.NONE_CHOSEN}),
        (Focus(part_id="c2"), Choice(Support.NONE), {Fact.NONE_CHOSEN}, {Fact.SCORE}),
        (Focus(part_id="c2"), Choice(Support.FULL), {Fact.PART}, {Fact.NONE_CHOSEN}),
        (Focus(dimension=WHOLE), None, {Fact.PART, Fact.COMMIT}, {Fact.CLAIM, Fact.SCORE}),
        (Focus(dimension=LOGIC), None, {Fact.SCORE, Fact.COMMIT}, {Fact.PART, Fact.CLAIM}),
    ],
)
def test_what_makes_sense_now(focus: Focus, choice: Choice | None, holds: set[Fact], fails: set[Fact]) -> None:
    facts = audit_facts(show(focus), choice)
    assert holds | {Fact.CANDIDATE} <= facts
    assert not fails & facts


def test_without_a_part_nothing_can_be_committed() -> None:
    facts = audit_facts(show(judgments={}), None)
    assert facts == {Fact.CANDIDATE}
    assert audit_facts(None, None) == frozenset()


def test_a_candidate_nobody_judged_can_be_shown() -> None:
    now = show(judgments={}, document=False)
    assert now.rows == ()
    assert now.coverage == "not judged yet"
    assert now.document.title == "No document"
