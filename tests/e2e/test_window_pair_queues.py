"""Queues of margins and near ties bring up both candidates in the Pairs workspace, by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.domain.pairs import PairState
from lrstudio.domain.queues import Purpose
from lrstudio.qt.views.dialogs.queues_dialog import QueuesDialog
from lrstudio.qt.views.pairs_view import PairsView
from lrstudio.qt.views.queue_bar import QueueBar
from lrstudio.qt.views.queue_desk import QueueDesk
from lrstudio.services.wiring import Project, open_project
from lrstudio.store.store import Store
from tests.doubles.rated_project import FIVE, add_question, start_run
from tests.doubles.windows import REVIEWER, Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """Two questions of five judged candidates each; their near ties are (a, b) and (b2, c2), one and half apart."""
    path = tmp_path / "ten.lrs"
    with Store.create(path) as store:
        start_run(store)
        add_question(store, FIVE)
        more = {f"{name}2": scores for name, scores in FIVE.items()} | {"c2": (7.5, 7.5, 7.5, 7.5)}
        add_question(store, more, question_id="q2", document_id="d2")
    return path


def begin(driver: Driver, purpose: Purpose) -> QueueDesk:
    driver.press_now("Ctrl+Shift+q")
    driver.until(lambda: isinstance(QApplication.activeWindow(), QueuesDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, QueuesDialog)
    driver.until(lambda: dialog.judge.count() > 1)
    dialog.purpose.select(purpose)
    dialog.make_button.click()
    desk = driver.window.works.beside.queues
    driver.until(lambda: desk.course is not None and desk.course.queue.purpose is purpose)
    driver.activate()
    driver.settle()
    return desk


def view(driver: Driver) -> PairsView:
    pairs = driver.window.works.beside.workspaces.pairs
    assert pairs is not None
    return pairs.view


def sides(driver: Driver) -> set[str]:
    screen = view(driver).screen_
    return {screen.left.candidate_id, screen.right.candidate_id} if screen is not None else set()


def project(driver: Driver) -> Project:
    found = driver.window.works.desk.project
    assert found is not None
    return found


@pytest.mark.parametrize("blind", [False, True])
def test_near_ties_are_decided_side_by_side(driver: Driver, ten: Path, blind: bool) -> None:
    driver.show(ten)
    if blind:
        driver.press("b")
    desk = begin(driver, Purpose.NEAR_TIES)
    assert driver.window.works.beside.workspaces.in_pairs
    assert view(driver).isVisible()
    assert sides(driver) == {"b2", "c2"}
    bar = view(driver).findChild(QueueBar)
    assert bar is not None
    assert bar.isVisible()
    assert bar.count.text() == "0 of 2"
    assert ("hidden" in bar.why.text()) == blind
    driver.press("b")
    driver.until(lambda: sides(driver) == {"a", "b"})
    driver.settle()
    assert sides(driver) == {"a", "b"}
    assert bar.count.text() == "1 of 2"
    (row,) = project(driver).pairs.page().rows
    assert {row.pair.chosen_id, row.pair.rejected_id} == {"b2", "c2"}
    assert (row.pair.state, row.pair.blind) == (PairState.GOLD, blind)
    driver.press("Q")
    assert sides(driver) == {"b2", "c2"}
    driver.press("q", "w")
    assert desk.course is not None
    assert desk.course.left == 0
    queue_id = desk.course.queue.queue_id
    driver.close()
    again = open_project(ten, reviewer=REVIEWER)
    finished = again.queues.finished(queue_id)
    again.close()
    assert finished == {0, 1}


def test_a_proposed_pair_is_found_in_the_table(driver: Driver, ten: Path) -> None:
    driver.show(ten)
    driver.press("Ctrl+2")
    project(driver).pairs.add("a", "e")
    project(driver).pairs.add("a2", "e2")
    driver.press("Ctrl+1")
    begin(driver, Purpose.LARGEST_MARGIN)
    first = sides(driver)
    assert first in ({"a", "e"}, {"a2", "e2"})
    table = view(driver).list
    driver.until(lambda: table.model.total == 2)
    driver.press("q")
    assert sides(driver) | first == {"a", "e", "a2", "e2"}
    cells = table.model.row(table.current)
    assert cells is not None
    assert {cells.pair.chosen_id, cells.pair.rejected_id} == sides(driver)


def test_another_queue_leads_back_to_audit(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    begin(driver, Purpose.LARGEST_MARGIN)
    assert driver.window.works.beside.workspaces.in_pairs
    desk = begin(driver, Purpose.RANDOM_AUDIT)
    assert desk.course is not None
    assert not driver.window.works.beside.workspaces.in_pairs
    assert driver.audit.view.isVisible()
