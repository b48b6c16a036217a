"""Where reviewers differ is settled in the window by keyboard, with and without names."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from lrstudio.domain.decisions import Decision, Target
from lrstudio.domain.places import Place
from lrstudio.domain.verdicts import Dimension, Support, SupportReason
from lrstudio.qt.views.dialogs.adjudication_dialog import AdjudicationDialog
from lrstudio.services.wiring import open_project
from tests.doubles.postgres_server import PostgresServer
from tests.doubles.windows import REVIEWER, Driver, make_project

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


def differ(place: Place) -> tuple[Target, ...]:
    """Let ann and bo differ on three claims and one score; they agree on a fourth claim."""
    ann, bo = open_project(place, reviewer="ann"), open_project(place, reviewer="bo")
    candidate = ann.audit.questions()[0].candidates[0].candidate_id
    claims = [it.claim.claim_id for it in ann.audit.candidate(candidate).standings[Dimension.FAITHFULNESS].claims]
    targets = [Target(candidate, Dimension.FAITHFULNESS, it) for it in claims]
    for target in targets[:3]:
        ann.decisions.override(target, support=Support.FULL, reason="p. 12 says so")
        bo.decisions.override(target, support=Support.NONE, support_reason=SupportReason.NOT_FOUND)
    for it in (ann, bo):
        it.decisions.override(targets[3], support=Support.PARTIAL)
    helpful = Target(candidate, Dimension.HELPFULNESS)
    ann.decisions.set_score(helpful, 8.0)
    bo.decisions.set_score(helpful, 3.0)
    ann.close()
    bo.close()
    return (*targets[:3], helpful)


def adjudications(place: Place) -> list[Decision]:
    project = open_project(place, reviewer=REVIEWER)
    try:
        return [it for it in project.reviewers.decisions() if it.adjudicates]
    finally:
        project.close()


def opened(driver: Driver, count: int = 4) -> AdjudicationDialog:
    driver.press_now("Ctrl+Shift+d")
    driver.until(lambda: isinstance(QApplication.activeWindow(), AdjudicationDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, AdjudicationDialog)
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == count and looked_at(dialog))
    return dialog


def looked_at(dialog: AdjudicationDialog) -> bool:
    return dialog.panel.view is not None and dialog.panel.view.target == dialog.target


def letter_of(dialog: AdjudicationDialog, reviewer: str) -> str:
    assert dialog.panel.view is not None
    return next(it.letter for it in dialog.panel.view.verdicts if it.decision.reviewer == reviewer)


def on_screen(dialog: AdjudicationDialog) -> str:
    """Everything the panel and the list say."""
    panel, rows = dialog.panel, dialog.conflicts
    said = [panel.heading.text(), panel.about.toPlainText(), panel.settled.text()]
    said += [f"{it.text()} {it.accessibleName()} {it._aside}" for it in panel.verdicts]
    for at in range(rows.topLevelItemCount()):
        item = rows.topLevelItem(at)
        assert item is not None
        said += [item.text(column) for column in range(3)]
    return "\n".join(said)


def test_all_differences_are_settled_by_keyboard(driver: Driver, project_path: Path) -> None:
    targets = differ(project_path)
    driver.show(project_path)
    dialog = opened(driver)
    assert dialog.target == targets[0]
    assert "ann" in on_screen(dialog)
    assert dialog.left.text() == "4 differences left"
    driver.key(letter_of(dialog, "bo").lower(), to=dialog.conflicts)
    assert dialog.target == targets[1]  # at once, before anything is written
    driver.until(lambda: looked_at(dialog) and dialog.conflicts.topLevelItemCount() == 3)
    driver.key("r", to=dialog.conflicts)
    assert dialog.focusWidget() is dialog.panel.reason
    driver.type("c0 is plain", to=dialog.panel.reason)  # letters and digits belong to the field
    driver.key("Return", to=dialog.panel.reason)
    driver.key("3", to=dialog.conflicts)
    driver.until(lambda: dialog.target == targets[2] and looked_at(dialog))
    assert dialog.panel.reason.text() == ""
    driver.key(letter_of(dialog, "ann").lower(), to=dialog.conflicts)
    driver.until(lambda: dialog.target == targets[3] and looked_at(dialog))
    driver.key("7", to=dialog.conflicts)
    driver.type(".5", to=dialog.panel.score)
    driver.key("Return", to=dialog.panel.score)
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == 0)
    assert dialog.none.text() == "All differences are settled."
    assert dialog.left.text() == "4 settled now"
    driver.settle()
    driver.close()
    done = adjudications(project_path)
    assert [it.target for it in done] == list(targets)
    assert {it.reviewer for it in done} == {REVIEWER}
    assert [it.after.support for it in done[:3]] == [Support.NONE, Support.NONE, Support.FULL]
    assert [it.after.support_reason for it in done[:2]] == [SupportReason.NOT_FOUND, SupportReason.CONTRADICTED]
    assert done[3].after.score == 7.5
    assert [it.reason for it in done] == ["", "c0 is plain", "", ""]
    assert {it.shown.surface for it in done} == {"adjudication"}


def test_names_can_be_hidden_and_nothing_gives_them_away(make_driver, project_path: Path) -> None:
    differ(project_path)
    driver = make_driver(blind=True)
    driver.show(project_path)
    dialog = opened(driver)
    assert not dialog.names.isChecked()
    assert not dialog.tabs.isTabEnabled(1)
    assert "ann" not in on_screen(dialog)
    assert "bo" not in on_screen(dialog).replace("about", "").replace("above", "").replace("harbour", "")
    dialog.names.setChecked(True)
    driver.until(lambda: "ann" in on_screen(dialog))
    dialog.names.setChecked(False)
    driver.until(lambda: looked_at(dialog) and "ann" not in on_screen(dialog))
    driver.key("a", to=dialog.conflicts)
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == 3)
    driver.settle()
    driver.close()
    (done,) = adjudications(project_path)
    assert done.shown.surface == "adjudication without names"


def test_undo_brings_it_back_and_settled_ones_can_be_listed(driver: Driver, project_path: Path) -> None:
    targets = differ(project_path)
    driver.show(project_path)
    dialog = opened(driver)
    assert not dialog.undo_button.isEnabled()
    driver.key("1", to=dialog.conflicts)
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == 3)
    dialog.settled.setChecked(True)
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == 4)
    dialog.go(targets[0])
    driver.until(lambda: looked_at(dialog) and dialog.target == targets[0])
    assert dialog.panel.settled.text() == f"Settled by {REVIEWER}: ● full"
    driver.key("u", to=dialog.conflicts)
    driver.until(lambda: dialog.left.text() == "4 differences left")
    assert not dialog.undo_button.isEnabled()


def test_the_keys_walk_and_show_the_claim_in_audit(driver: Driver, project_path: Path) -> None:
    targets = differ(project_path)
    driver.show(project_path)
    dialog = opened(driver)
    driver.key("j", to=dialog.conflicts)
    driver.key("j", to=dialog.conflicts)
    driver.key("k", to=dialog.conflicts)
    driver.until(lambda: looked_at(dialog) and dialog.target == targets[1])
    assert dialog.panel.view is not None
    assert dialog.panel.view.passages
    driver.key("v", to=dialog.conflicts)
    driver.until(lambda: driver.audit.focus.part_id == targets[1].part_id)
    assert dialog.isVisible()


def test_what_somebody_takes_back_meanwhile_is_no_difference_any_more(driver: Driver, project_path: Path) -> None:
    targets = differ(project_path)
    driver.show(project_path)
    dialog = opened(driver)
    driver.window.works.watch.stop()  # so that the window has not heard of it
    other = open_project(project_path, reviewer="bo")
    other.decisions.override(targets[0], support=Support.FULL)
    other.close()
    driver.key(letter_of(dialog, "ann").lower(), to=dialog.conflicts)
    driver.until(lambda: "nothing to adjudicate" in dialog.problem.text())
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == 3)
    assert dialog.left.text() == "3 differences left"
    driver.close()
    assert adjudications(project_path) == []


def test_who_decided_what_is_listed(driver: Driver, project_path: Path) -> None:
    targets = differ(project_path)
    driver.show(project_path)
    dialog = opened(driver)
    dialog.tabs.setCurrentIndex(1)
    driver.until(lambda: dialog.decisions.topLevelItemCount() == 5)
    rows = [dialog.reviewers.topLevelItem(at) for at in range(dialog.reviewers.topLevelItemCount())]
    assert [[it.text(column) for column in range(5)] for it in rows if it] == [
        ["ann", "5", "5", "0", "0"],
        ["bo", "5", "5", "0", "0"],
    ]
    dialog.reviewers.setCurrentItem(rows[1])
    driver.until(lambda: (it := dialog.decisions.topLevelItem(0)) is not None and it.text(3) == "3")
    dialog.decisions.setCurrentItem(dialog.decisions.topLevelItem(4))
    driver.key("Return", to=dialog.decisions)
    driver.until(lambda: driver.audit.focus.part_id == targets[0].part_id)


def test_without_a_difference_the_window_says_what_would_make_one(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    dialog = opened_empty(driver)
    assert dialog.none.text().startswith("No two reviewers differ.")
    for key in ("a", "1", "7", "u", "v", "j"):
        driver.key(key, to=dialog)
    assert driver.crashes == []


def opened_empty(driver: Driver) -> AdjudicationDialog:
    driver.press_now("Ctrl+Shift+d")
    driver.until(lambda: isinstance(QApplication.activeWindow(), AdjudicationDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, AdjudicationDialog)
    driver.until(lambda: bool(dialog.none.text()))
    return dialog


@pytest.mark.server("postgresql")
def test_a_difference_in_a_shared_database_goes_when_somebody_else_settles_it(
    driver: Driver, postgres: PostgresServer
) -> None:
    place = make_project(postgres.new_database())
    targets = differ(place)
    driver.show(place)
    dialog = opened(driver)
    other = open_project(place, reviewer="cy")
    other.reviewers.adjudicate(targets[1], other.reviewers.conflict(targets[1]).verdicts[0])
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == 3)
    assert dialog.target == targets[0]
    driver.key("a", to=dialog.conflicts)
    driver.until(lambda: dialog.conflicts.topLevelItemCount() == 2)
    driver.settle()
    assert [it.reviewer for it in other.reviewers.decisions() if it.adjudicates] == ["cy", REVIEWER]
    other.close()


def test_the_window_blocks_nothing(driver: Driver, project_path: Path) -> None:
    differ(project_path)
    driver.show(project_path)
    dialog = opened(driver)
    assert dialog.windowModality() is Qt.WindowModality.NonModal
