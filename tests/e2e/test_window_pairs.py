"""From ten judged candidates to a frozen set, in the real window and by its keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

from lrstudio.domain.pairs import PairState
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.views.dialogs.propose_dialog import ProposeDialog
from lrstudio.qt.views.dialogs.sets_dialog import SetsDialog
from lrstudio.qt.views.pairs_controller import PairsController
from lrstudio.services.wiring import open_project
from lrstudio.store.store import Store
from tests.doubles.rated_project import FIVE, add_question, start_run
from tests.doubles.windows import REVIEWER, Driver, make_project

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
D = TypeVar("D")


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """Two questions of five judged candidates each."""
    path = tmp_path / "ten.lrs"
    with Store.create(path) as store:
        start_run(store)
        add_question(store, FIVE)
        more = {f"{name}2": scores for name, scores in FIVE.items()}
        add_question(store, more, question_id="q2", document_id="d2")
    return path


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


def pairs(driver: Driver) -> PairsController:
    found = driver.window.works.beside.workspaces.pairs
    assert found is not None
    return found


def propose(driver: Driver) -> ProposeDialog:
    driver.press("Ctrl+p")
    dialog = active(driver, ProposeDialog)
    driver.key("Return", dialog.rule)
    driver.until(lambda: "new" in dialog.outcome.text())
    driver.settle()
    return dialog


def leave(driver: Driver, dialog: ProposeDialog | SetsDialog) -> None:
    driver.key("Escape", dialog)
    driver.activate()
    driver.settle()


def states(driver: Driver) -> list[PairState]:
    project = driver.window.works.desk.project
    assert project is not None
    return [row.pair.state for row in project.pairs.page().rows]


def test_ten_judged_candidates_become_a_frozen_set_by_keyboard(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    view = pairs(driver).view
    assert view.no_pairs.isVisible()
    assert view.screen_ is not None
    dialog = propose(driver)
    assert dialog.outcome.text().startswith("2 new pairs from 2 questions")
    leave(driver, dialog)
    assert view.list.model.total == 2
    assert view.screen_.pair is not None
    assert view.screen_.left.candidate_id == "a"
    assert (view.screen_.left.standing, view.screen_.left.reward) == ("chosen", "reward 9.0")
    driver.press("r")
    driver.type("closer to the text")
    driver.press("Return")
    assert states(driver) == [PairState.GOLD, PairState.PROPOSED]
    assert view.screen_.left.candidate_id == "a2"
    assert view.reason.text() == ""
    driver.press("b")
    assert states(driver) == [PairState.GOLD, PairState.GOLD]
    driver.press("u")
    assert states(driver) == [PairState.GOLD, PairState.PROPOSED]
    driver.press("x")
    assert states(driver) == [PairState.GOLD, PairState.REJECTED]
    driver.press("u", "Shift+U", "u", "s")
    assert states(driver) == [PairState.GOLD, PairState.GOLD]
    driver.press("Ctrl+Shift+S")
    sets = active(driver, SetsDialog)
    driver.type("first", sets.name)
    driver.key("Return", sets.name)
    driver.until(lambda: sets.chosen == "first")
    driver.settle()
    driver.close()
    project = open_project(ten, reviewer=REVIEWER)
    frozen = project.sets.get("first")
    sides = [(it.chosen.candidate_id, it.reviewer, it.reason) for it in project.sets.pairs("first")]
    assert project.sets.verify("first").holds
    assert len(frozen.content_hash) == 64
    assert sides == [("a", REVIEWER, "closer to the text"), ("e2", REVIEWER, "")]
    project.close()


def test_a_set_is_written_in_the_format_chosen(driver: Driver, ten: Path, tmp_path: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    leave(driver, propose(driver))
    driver.press("Return", "Ctrl+Shift+S")
    sets = active(driver, SetsDialog)
    sets.name.setText("mine")
    for field, share in zip(sets.shares, (90, 90, 0), strict=True):
        field.setValue(share)
    sets.freeze_button.click()
    assert "180 %" in sets.problem.text()
    sets.shares[1].setValue(10)
    sets.freeze_button.click()
    driver.until(lambda: sets.chosen == "mine")
    sets.freeze_button.click()
    driver.until(lambda: "mine" in sets.problem.text())
    sets.format.select("kto")
    sets.export_button.click()
    files = sets.findChild(QFileDialog)
    assert files is not None
    out = tmp_path / "mine.jsonl"
    files.fileSelected.emit(str(out))
    files.close()
    driver.until(lambda: "row" in sets.outcome.text())
    assert {"label", "completion"} <= set(json.loads(out.read_text().splitlines()[0]))


def proposing(driver: Driver) -> ProposeDialog:
    driver.press("Ctrl+2", "Ctrl+p")
    dialog = active(driver, ProposeDialog)
    driver.settle()
    return dialog


def sides_proposed(driver: Driver) -> list[tuple[str, str]]:
    project = driver.window.works.desk.project
    assert project is not None
    return [(row.pair.chosen_id, row.pair.rejected_id) for row in project.pairs.page().rows]


def test_the_best_is_set_against_the_candidate_on_screen(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    dialog = proposing(driver)
    dialog.rule.select("against")
    words = [dialog.against.itemText(at) for at in range(dialog.against.count())]
    assert words[1] == "only here: B · model-b · 8 characters"
    assert "model model-2" in words
    dialog.against.setCurrentIndex(1)
    dialog.run_button.click()
    driver.until(lambda: dialog.outcome.text().startswith("1 new pair from 1 question"))
    assert sides_proposed(driver) == [("a", "b")]
    dialog.against.setCurrentIndex(words.index("model model-e"))
    dialog.run_button.click()
    driver.until(lambda: "from 2 questions" in dialog.outcome.text())
    assert sides_proposed(driver) == [("a", "b"), ("a", "e")]


def test_a_least_margin_in_one_dimension(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    dialog = proposing(driver)
    dialog.rule.select("margin")
    dialog.least[Dimension.HELPFULNESS].setValue(4.0)
    dialog.least[Dimension.COMPLETENESS].setValue(2.0)
    dialog.run_button.click()
    driver.until(lambda: "new pairs" in dialog.outcome.text())
    # d is better than e by 4 in helpfulness, but by 1 in completeness
    one = [("a", "e"), ("b", "e"), ("c", "e")]
    assert sides_proposed(driver) == [*one, *((f"{it}2", f"{other}2") for it, other in one)]


def test_a_rule_on_its_way_is_cancelled(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    dialog = proposing(driver)
    dialog.rule.select("longreward")
    gate = driver.hold_up()
    dialog.run_button.click()
    assert dialog.cancel_button.isVisible()
    assert not dialog.run_button.isVisible()
    dialog.cancel_button.click()
    gate.set()
    driver.until(lambda: dialog.outcome.text().startswith("Cancelled after 0 of 2 questions: 0 new pairs"))
    assert sides_proposed(driver) == []
    dialog.run_button.click()
    driver.until(lambda: dialog.outcome.text().startswith("2 new pairs"))
    assert dialog.run_button.isVisible()


def test_blind_hides_models_and_scores_until_a_person_has_chosen(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    leave(driver, propose(driver))
    driver.press("Shift+B")
    view = pairs(driver).view
    assert view.screen_ is not None
    assert view.screen_.blind
    left = view.screen_.left
    assert (left.label, left.scores, left.reward, left.standing) == ("A", "", "", "")
    assert "model" not in left.facts
    assert not view.approve_button.isEnabled()
    assert view.list.model.row(0).texts[1:5] == ("·",) * 4  # type: ignore[union-attr]
    chosen = view.screen_.right.candidate_id
    driver.press("b")
    project = driver.window.works.desk.project
    assert project is not None
    entry = project.pairs.history(project.pairs.page().rows[0].pair.pair_id).entries[-1]
    assert (entry.chosen_id, entry.blind, len(entry.order)) == (chosen, True, 2)
    assert entry.order[1] == chosen
    driver.press("k")
    assert not view.screen_.blind
    assert "model" in view.screen_.left.facts


def test_the_table_marks_the_pair_on_screen(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    leave(driver, propose(driver))
    listed = pairs(driver).view.list
    driver.press("n")
    assert listed.current == 1
    driver.press("]")
    assert not listed.table.selectionModel().hasSelection()
    assert pairs(driver).view.status.text().startswith("no pair yet")
    driver.press("[", "p")
    assert (listed.current, listed.table.selectionModel().hasSelection()) == (0, True)


def test_a_set_is_frozen_and_exported_without_a_mouse(driver: Driver, ten: Path, tmp_path: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    leave(driver, propose(driver))
    driver.press("Return", "Return", "Ctrl+Shift+S")
    sets = active(driver, SetsDialog)
    driver.type("mine")
    driver.key("Return")
    driver.until(lambda: sets.chosen == "mine")
    driver.settle()
    driver.key("Shift+Tab")
    driver.key("Shift+Tab")
    assert sets.export_button.hasFocus()
    driver.key("Return")
    driver.until(lambda: sets.findChild(QFileDialog) is not None)
    files = active(driver, QFileDialog)
    out = tmp_path / "mine.jsonl"
    name = files.findChild(QLineEdit, "fileNameEdit")
    assert name is not None
    name.selectAll()
    driver.type(str(out), name)
    driver.key("Return", name)
    driver.until(lambda: "2 rows" in sets.outcome.text())
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [set(row) >= {"prompt", "chosen", "rejected"} for row in rows] == [True, True]


def test_two_candidates_of_choice_become_a_pair(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2", "]", "[", "[")
    view = pairs(driver).view
    assert view.screen_ is not None
    assert (view.screen_.left.candidate_id, view.screen_.right.candidate_id) == ("d", "c")
    assert view.screen_.status.startswith("no pair yet")
    driver.press("b")
    assert view.screen_.pair is not None
    assert view.screen_.pair.chosen_id == "c"
    driver.press("n")
    assert view.screen_.left.candidate_id == "a2"


def test_a_pair_turns_stale_when_a_person_overrides_a_score(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    leave(driver, propose(driver))
    driver.press("Ctrl+1")
    assert driver.window.actions_["view.blind"].isEnabled()
    driver.audit.show_candidate("a", dimension=Dimension.HELPFULNESS)
    driver.settle()
    driver.press("1", "Return", "Ctrl+2")
    view = pairs(driver).view
    driver.until(lambda: "stale 1" in view.counts.text())
    driver.settle()
    assert view.screen_ is not None
    assert "went from 9.0 to 1.0" in view.screen_.stale
    view.list.stale.click()
    driver.settle()
    assert view.list.model.total == 1


def test_filters_and_order_of_the_table(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    leave(driver, propose(driver))
    view = pairs(driver).view
    driver.press("x")
    view.list.states.setCurrentIndex(1)
    driver.settle()
    assert [view.list.model.total, view.list.model.row(0).pair.chosen_id] == [1, "a2"]  # type: ignore[union-attr]
    view.list.margin.setValue(9.0)
    driver.until(lambda: view.no_pairs.isVisible())
    assert view.no_pairs.heading.text() == "No pair fits the filter"
    driver.qtbot.mouseClick(view.all_pairs, Qt.MouseButton.LeftButton)
    driver.until(lambda: view.list.model.total == 2)
    view.list.sort_by(6)
    driver.settle()
    assert view.list.found.text().endswith("by state, highest first")


def test_a_question_with_one_candidate_says_what_to_do(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "one.lrs", answers=("The only answer.",)))
    driver.press("Ctrl+2")
    view = pairs(driver).view
    assert view.no_board.isVisible()
    assert "Import" in view.no_board.sentence.text()
