"""Another project is taken over in the window: looked at first, then merged, or cancelled without a trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.domain.decisions import Target
from lrstudio.domain.places import Place
from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.qt.views.dialogs.adjudication_dialog import AdjudicationDialog
from lrstudio.qt.views.dialogs.merge_dialog import MergeDialog
from lrstudio.qt.views.merge_desk import MergeDesk
from lrstudio.services.wiring import open_project
from tests.doubles.postgres_server import PostgresServer
from tests.doubles.windows import Driver, make_project

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


def first_claim(place: Place) -> Target:
    project = open_project(place)
    candidate = project.audit.questions()[0].candidates[0].candidate_id
    claim = project.audit.candidate(candidate).standings[Dimension.FAITHFULNESS].claims[0].claim.claim_id
    project.close()
    return Target(candidate, Dimension.FAITHFULNESS, claim)


def decide(place: Place, reviewer: str, target: Target, support: Support) -> None:
    project = open_project(place, reviewer=reviewer)
    project.decisions.override(target, support=support)
    project.close()


@pytest.fixture
def other_path(project_path: Path, tmp_path: Path) -> Path:
    """A copy in which bo said otherwise than ann did here, with a question more."""
    other = tmp_path / "of bo.lrs"
    shutil.copy(project_path, other)
    target = first_claim(project_path)
    decide(project_path, "ann", target, Support.FULL)
    decide(other, "bo", target, Support.NONE)
    project = open_project(other)
    project.imports.add_question(document_id="skarrow", query="Who surveyed it?")
    project.close()
    return other


def form(driver: Driver) -> MergeDialog:
    driver.press_now("Ctrl+Shift+m")
    driver.until(lambda: isinstance(QApplication.activeWindow(), MergeDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, MergeDialog)
    return dialog


def rows(dialog: MergeDialog) -> dict[str, tuple[str, str]]:
    found = [dialog.plan.topLevelItem(at) for at in range(dialog.plan.topLevelItemCount())]
    return {it.text(0): (it.text(1), it.text(2)) for it in found if it is not None}


def reviewers_of(place: Place) -> list[str]:
    project = open_project(place)
    try:
        return [it.reviewer for it in project.reviewers.decisions()]
    finally:
        project.close()


def test_a_merge_is_shown_first_and_then_made_by_keyboard(driver: Driver, project_path: Path, other_path: Path) -> None:
    driver.show(project_path)
    driver.window.works.watch.stop()  # what came is told by the merge itself
    dialog = form(driver)
    assert not dialog.merge_button.isEnabled()
    driver.type(str(other_path), to=dialog.path)
    driver.key("Return", to=dialog.path)
    driver.until(lambda: "would come" in dialog.sentence.text())
    assert dialog.sentence.text() == "1 question and 1 decision would come."
    assert rows(dialog)["Questions"] == ("1", "1")
    assert rows(dialog)["Decisions"] == ("1", "–")
    assert rows(dialog)["Candidates"] == ("–", "2")
    assert dialog.differ_words.text() == "Reviewers will differ in 1 place:"
    assert dialog.conflicts.topLevelItemCount() == 1
    assert reviewers_of(project_path) == ["ann"]  # only looked
    assert dialog.merge_button.hasFocus()
    driver.key("Return", to=dialog.merge_button)
    driver.until(lambda: dialog.sentence.text().startswith("Merged: "))
    assert dialog.sentence.text() == "Merged: 1 question and 1 decision came."
    assert not dialog.merge_button.isEnabled()
    driver.settle()
    assert reviewers_of(project_path) == ["ann", "bo"]
    assert reviewers_of(other_path) == ["bo"]
    driver.until(lambda: len(driver.audit.view.list.groups) == 2)  # the list behind shows what came
    dialog.settle_button.click()
    driver.until(lambda: isinstance(QApplication.activeWindow(), AdjudicationDialog))


def test_what_is_here_already_is_no_merge(driver: Driver, project_path: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.lrs"
    shutil.copy(project_path, same)
    driver.show(project_path)
    dialog = form(driver)
    dialog.take(str(same))
    driver.until(lambda: "nothing that is not here" in dialog.sentence.text())
    assert not dialog.merge_button.isEnabled()
    assert rows(dialog)["Candidates"] == ("–", "2")


def test_records_that_differ_are_named_and_stay(driver: Driver, project_path: Path, other_path: Path) -> None:
    for path, text in ((project_path, "One wording."), (other_path, "Another wording.")):
        project = open_project(path)
        project.imports.add_document(title="T", text=text, document_id="twice")
        project.close()
    driver.show(project_path)
    dialog = form(driver)
    dialog.take(str(other_path))
    driver.until(lambda: dialog.differing.topLevelItemCount() == 1)
    item = dialog.differing.topLevelItem(0)
    assert item is not None
    assert "twice" in item.text(0)
    assert "One record differs and stays as it is here." in dialog.sentence.text()


@pytest.mark.parametrize("merging", [False, True])
def test_cancelling_changes_nothing(driver: Driver, project_path: Path, other_path: Path, merging: bool) -> None:
    driver.show(project_path)
    dialog = form(driver)
    dialog.take(str(other_path))
    driver.until(lambda: "would come" in dialog.sentence.text())
    gate = driver.hold_up()
    (dialog.merge_button if merging else dialog.look_button).click()
    assert dialog.cancel_button.isVisible()
    dialog.cancel_button.click()
    gate.set()
    driver.until(lambda: not dialog.cancel_button.isVisible())
    assert dialog.problem.text() == "Cancelled; nothing was changed."
    assert reviewers_of(project_path) == ["ann"]
    dialog.take(str(other_path))
    driver.until(lambda: dialog.merge_button.isEnabled())


def test_what_cannot_be_merged_is_said(driver: Driver, project_path: Path, tmp_path: Path) -> None:
    driver.show(project_path)
    dialog = form(driver)
    dialog.look_button.click()
    assert dialog.problem.text() == "Name the other project."
    dialog.take(str(project_path))
    driver.until(lambda: "the project that is open" in dialog.problem.text())
    dialog.take(str(tmp_path / "nowhere.lrs"))
    driver.until(lambda: "nowhere.lrs" in dialog.problem.text())
    (tmp_path / "text.lrs").write_text("no project")
    dialog.take(str(tmp_path / "text.lrs"))
    driver.until(lambda: "text.lrs" in dialog.problem.text())
    dialog.take("postgresql://ada:hunter2@db.example.org/audit")
    assert "leave the password out" in dialog.problem.text()
    assert driver.crashes == []


def test_closing_the_project_ends_a_merge_in_order(driver: Driver, project_path: Path, other_path: Path) -> None:
    driver.show(project_path)
    dialog = form(driver)
    dialog.take(str(other_path))
    driver.until(lambda: dialog.merge_button.isEnabled())
    gate = driver.hold_up()
    dialog.merge_button.click()
    driver.window.works.desk.close()
    gate.set()
    driver.until(lambda: not driver.window.works.operations.is_busy)
    assert driver.crashes == []
    assert reviewers_of(project_path) == ["ann"]


def test_a_desk_waits_for_its_merge(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    desk = driver.window.works.beside.merging
    assert isinstance(desk, MergeDesk)
    desk.wait()  # nothing is under way
    assert desk.wait in driver.window.works.desk.before_close


@pytest.mark.server("postgresql")
def test_a_file_is_merged_into_a_shared_database(driver: Driver, postgres: PostgresServer, other_path: Path) -> None:
    place = make_project(postgres.new_database())
    driver.show(place)
    dialog = form(driver)
    dialog.take(str(other_path))
    driver.until(lambda: dialog.merge_button.isEnabled())
    dialog.merge_button.click()
    driver.until(lambda: dialog.sentence.text().startswith("Merged: "))
    driver.settle()
    assert reviewers_of(place) == ["bo"]
