"""The main job in the real window, by keyboard alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QPlainTextEdit

from lrstudio.domain.decisions import Act
from lrstudio.domain.verdicts import Dimension, State, Support, SupportReason
from lrstudio.text.resources import resource
from tests.doubles.windows import Driver, journal, make_project, scores

# The offscreen platform has no other windows to raise above, and no keyboard to grab for a completer's popup.
pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


def answer_file_dialog(driver: Driver, path: str) -> None:
    driver.until(lambda: isinstance(QApplication.activeWindow(), QFileDialog))
    dialog = QApplication.activeWindow()
    field = dialog.findChild(QLineEdit, "fileNameEdit")
    assert field is not None
    field.setFocus()
    field.clear()
    driver.type(path, field)
    driver.key("Return", field)
    driver.until(lambda: not dialog.isVisible())
    driver.activate()


def test_from_import_to_an_overridden_decision_in_the_database(driver: Driver, tmp_path: Path) -> None:
    driver.show()
    path = tmp_path / "new.lrs"

    driver.key("Ctrl+n")
    answer_file_dialog(driver, str(path))
    driver.until(lambda: driver.window.works.desk.project is not None)
    driver.settle()
    samples = resource("samples")
    driver.key("Ctrl+i")
    answer_file_dialog(driver, f'"{samples / "harbour-report.md"}" "{samples / "harbour-report.questions.jsonl"}"')
    driver.until(lambda: driver.audit.screen is not None)
    driver.settle()
    assert driver.window.banner.text == "Imported 1 document, 3 questions and 12 candidates."

    driver.key("Ctrl+r")
    driver.until(lambda: QApplication.activeWindow() is not driver.window)
    dialog = QApplication.activeWindow()
    turns = driver.turns_of_judging()
    driver.key("Return", dialog.run)
    driver.until(lambda: turns == [True, False])
    driver.settle()
    driver.until(lambda: len(driver.audit.rows) > 3)

    driver.activate()
    claim = driver.focus_part()
    driver.press("3", "c")
    driver.press("r")
    driver.type("the report says otherwise")
    driver.press("Return")
    assert driver.focus_part() != claim
    driver.close()

    (decision,) = journal(path)
    assert decision.act is Act.OVERRIDE
    assert decision.after.support is Support.NONE
    assert decision.after.support_reason is SupportReason.CONTRADICTED
    assert decision.reason == "the report says otherwise"
    assert decision.shown.surface == "audit window"
    assert decision.shown.judge_visible
    assert decision.shown.run_id
    assert not decision.blind


def test_confirm_and_walk_on(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    rows = driver.audit.rows
    assert driver.focus_part() == rows[0].text
    driver.press("Return")
    assert driver.focus_part() == rows[1].text
    driver.press("2", "Return")
    driver.close()
    first, second = journal(project_path)
    assert (first.act, first.target.part_id) == (Act.CONFIRM, rows[0].part_id)
    assert (second.act, second.after.support) == (Act.OVERRIDE, Support.PARTIAL)


def test_a_quick_person_does_not_decide_the_same_claim_twice(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    parts = [row.part_id for row in driver.audit.rows]
    for key in ("1", "Return", "2", "Return", "0", "Return"):
        driver.key(key)
    driver.settle()
    driver.close()
    decisions = journal(project_path)
    assert [decision.target.part_id for decision in decisions] == parts[:3]
    assert [decision.after.support for decision in decisions] == [Support.FULL, Support.PARTIAL, None]


@pytest.mark.parametrize(
    ("keys", "support", "why", "state"),
    [
        (("1",), Support.FULL, SupportReason.UNSTATED, State.SCORED),
        (("2",), Support.PARTIAL, SupportReason.UNSTATED, State.SCORED),
        (("3",), Support.NONE, SupportReason.UNSTATED, State.SCORED),
        (("3", "f"), Support.NONE, SupportReason.NOT_FOUND, State.SCORED),
        (("0",), None, SupportReason.UNSTATED, State.NOT_CHECKABLE),
    ],
)
def test_every_verdict_has_its_keys(
    driver: Driver,
    project_path: Path,
    keys: tuple[str, ...],
    support: Support | None,
    why: SupportReason,
    state: State,
) -> None:
    driver.show(project_path)
    driver.press(*keys, "Return")
    driver.close()
    (decision,) = journal(project_path)
    assert (decision.after.support, decision.after.support_reason, decision.after.state) == (support, why, state)


def test_a_key_taken_back_is_not_committed(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("3", "3", "Return")
    driver.close()
    assert journal(project_path)[0].act is Act.CONFIRM


def test_walking_claims_passages_candidates_and_dimensions(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    rows = driver.audit.rows
    driver.press("j", "j")
    assert driver.focus_part() == rows[2].text
    driver.press("k")
    assert driver.focus_part() == rows[1].text
    driver.press("n")
    assert driver.audit.focus.passage == 1
    driver.press("p", "p")
    assert driver.audit.focus.passage == len(rows[1].passages) - 1
    first = driver.audit.focus.candidate_id
    driver.press("]")
    assert driver.audit.focus.candidate_id != first
    driver.press("[")
    assert driver.audit.focus.candidate_id == first
    driver.press("Alt+2")
    assert driver.audit.focus.dimension is Dimension.COMPLETENESS
    driver.press("Alt+1")
    assert driver.audit.focus.dimension is Dimension.FAITHFULNESS


def test_a_score_is_typed_and_committed(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    candidate_id = driver.audit.focus.candidate_id
    driver.press("Alt+3")
    driver.type("7.5")
    driver.press("Return")
    driver.press("Alt+4", "6", "Return")
    driver.close()
    assert scores(project_path, candidate_id, Dimension.HELPFULNESS) == 7.5
    assert scores(project_path, candidate_id, Dimension.LOGICALITY) == 6.0


def test_a_score_beyond_ten_is_refused_beside_the_field(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Alt+3")
    driver.type("11")
    driver.press("Return")
    assert driver.audit.view.panes.bar.message() == "A score goes from 0 to 10."
    driver.close()
    assert journal(project_path) == ()


def test_letters_in_the_score_field_stay_commands(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Alt+3")
    first = driver.audit.focus.candidate_id
    driver.press("]")
    assert driver.audit.focus.candidate_id != first
    assert driver.audit.view.panes.bar.score.text() == ""


def test_undo_and_redo(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    first = driver.focus_part()
    driver.press("3", "Return", "u")
    assert driver.focus_part() == first
    assert not driver.audit.rows[0].decided
    driver.press("U")
    assert driver.audit.rows[0].decided
    driver.press("Ctrl+z")
    assert not driver.audit.rows[0].decided
    driver.press("Ctrl+Shift+z")
    assert driver.audit.rows[0].you.text == "none"
    driver.close()
    assert [decision.act for decision in journal(project_path)] == [
        Act.OVERRIDE,
        Act.UNDO,
        Act.REDO,
        Act.UNDO,
        Act.REDO,
    ]


def test_undo_survives_reopening(make_driver: Callable[..., Driver], project_path: Path) -> None:
    one = make_driver()
    one.show(project_path)
    one.press("3", "Return", "1", "Return")
    one.close()
    two = make_driver()
    two.show(project_path)
    assert [row.decided for row in two.audit.rows[:2]] == [True, True]
    two.press("u")
    assert [row.decided for row in two.audit.rows[:2]] == [True, False]
    two.press("u")
    assert [row.decided for row in two.audit.rows[:2]] == [False, False]
    two.press("U", "U")
    assert [row.decided for row in two.audit.rows[:2]] == [True, True]


def test_split_merge_reword(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    count = len(driver.audit.rows)
    claim = driver.audit.rows[0]
    assert claim.span is not None
    text = driver.audit.view.panes.candidate.text
    driver.press("F6")
    assert QApplication.focusWidget() is text
    for _ in range(len("The harbour of Skarrow")):
        driver.key("Right")
    driver.press("s")
    assert len(driver.audit.rows) == count + 1
    assert driver.audit.rows[0].text == "The harbour of Skarrow"
    assert driver.focus_part() == "The harbour of Skarrow"
    driver.press("m")
    assert len(driver.audit.rows) == count
    assert driver.focus_part() == claim.text
    driver.press("e")
    editor = QApplication.focusWidget()
    assert isinstance(editor, QPlainTextEdit)
    editor.selectAll()
    driver.type("Skarrow was surveyed in 1870.", editor)
    driver.press("Return")
    driver.until(lambda: driver.focus_part() == "Skarrow was surveyed in 1870.")
    driver.close()
    assert [decision.act for decision in journal(project_path)] == [Act.SPLIT, Act.MERGE, Act.REWORD]


def test_add_a_claim_and_a_key_point_from_selections(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("F6")
    for _ in range(11):
        driver.key("Shift+Right")
    driver.press("a")
    assert driver.focus_part() == "The harbour"
    driver.press("Alt+2", "F6", "F6", "F6")
    assert QApplication.focusWidget() is driver.audit.view.panes.document.text
    driver.key("Ctrl+Home")
    for _ in range(22):
        driver.key("Shift+Right")
    driver.press("a")
    assert driver.focus_part() == "The harbour of Skarrow"
    driver.close()
    claim, point = journal(project_path)
    assert (claim.act, claim.target.dimension) == (Act.ADD, Dimension.FAITHFULNESS)
    assert (point.act, point.target.dimension) == (Act.ADD, Dimension.COMPLETENESS)


def test_nothing_selected_nothing_added(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("a")
    assert (
        driver.audit.view.panes.bar.message() == "Select the words of the claim in the candidate first, then press a."
    )
    driver.press("v")
    assert driver.audit.view.panes.bar.message() == "Select the passage in the document first, then press v."


def test_mark_and_take_back_evidence(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    before = len(driver.audit.rows[0].passages)
    driver.press("F6", "F6")
    driver.key("Ctrl+End")
    for _ in range(6):
        driver.key("Shift+Left")
    driver.press("v")
    passages = driver.audit.rows[0].passages
    assert len(passages) == before + 1
    assert passages[0].by_person
    driver.press("V")
    assert len(driver.audit.rows[0].passages) == before
    driver.close()
    assert [decision.act for decision in journal(project_path)] == [Act.MARK_EVIDENCE, Act.MARK_EVIDENCE]


def test_the_filter_is_left_with_enter_and_does_not_decide(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Ctrl+l")
    driver.type("model-2")
    driver.press("Return")
    view = driver.audit.view
    assert [row.model for group in view.list.groups for row in group.rows] == ["model-2"]
    assert QApplication.focusWidget() is view.list.tree
    driver.press("Ctrl+l", "Escape")
    driver.until(lambda: sum(len(group.rows) for group in view.list.groups) == 2)
    driver.close()
    assert journal(project_path) == ()


def test_find_walks_hits_and_does_not_decide(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Ctrl+f")
    driver.type("breakwater")
    driver.press("Return")
    assert driver.audit.view.panes.document.find_bar.isVisible()
    driver.press("Escape")
    assert not driver.audit.view.panes.document.find_bar.isVisible()
    driver.close()
    assert journal(project_path) == ()


def test_a_project_nobody_judged_says_what_to_do(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "bare.lrs", judge=None))
    assert driver.audit.rows == ()
    driver.press("F6")
    for _ in range(11):
        driver.key("Shift+Right")
    driver.press("a", "1", "Return")
    driver.close()
    assert [decision.act for decision in journal(tmp_path / "bare.lrs")] == [Act.ADD, Act.OVERRIDE]
