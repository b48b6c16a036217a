"""Review queues in the window, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.domain.queues import Purpose
from lrstudio.qt.views.dialogs.queues_dialog import QueuesDialog
from lrstudio.qt.views.queue_bar import QueueBar
from lrstudio.qt.views.queue_desk import QueueDesk
from lrstudio.services.wiring import open_project
from tests.doubles.windows import REVIEWER, Driver, journal

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
D = TypeVar("D")


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


def begin(driver: Driver, purpose: Purpose = Purpose.RANDOM_AUDIT) -> QueueDesk:
    driver.press_now("Ctrl+Shift+q")
    dialog = active(driver, QueuesDialog)
    driver.until(lambda: dialog.judge.count() > 1)
    dialog.purpose.select(purpose)
    driver.key("Return", dialog.purpose)
    desk = driver.window.works.beside.queues
    driver.until(lambda: desk.course is not None)
    driver.activate()
    driver.settle()
    return desk


def on_screen(driver: Driver, desk: QueueDesk) -> bool:
    assert desk.course is not None
    item, focus = desk.course.item, driver.audit.focus
    return item is not None and (item.target.candidate_id, item.target.dimension, item.target.part_id) == (
        focus.candidate_id,
        focus.dimension,
        focus.part_id,
    )


def test_a_queue_is_made_and_worked_through_by_keyboard(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    desk = begin(driver)
    assert desk.course is not None
    count = len(desk.course.items)
    assert count > 3
    assert on_screen(driver, desk)
    bar = driver.audit.view.list.findChild(QueueBar)
    assert bar is not None
    assert bar.isVisible()
    assert bar.count.text() == f"0 of {count}"
    assert bar.why.text().startswith("drawn at random")
    seen = [desk.course.at]
    driver.press("1", "Return")
    driver.until(lambda: desk.course is not None and desk.course.at != seen[0])
    driver.settle()
    assert on_screen(driver, desk)
    driver.press("w")
    assert desk.course.finished == {0, 1}
    driver.press("q")
    assert desk.course.at == 3
    assert desk.course.finished == {0, 1}
    driver.press("Q")
    assert desk.course.at == 2
    while desk.course.left:
        driver.press("1", "Return")
    driver.close()
    assert len(journal(project_path)) == count - 1
    project = open_project(project_path, reviewer=REVIEWER)
    (progress,) = project.queues.queues()
    assert progress.finished == progress.items == count
    assert progress.seconds is not None
    project.close()


def test_leaving_and_coming_back_goes_on_at_the_next_open_item(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    desk = begin(driver)
    driver.press("w", "w")
    driver.window.actions_["queue.leave"].trigger()
    assert desk.course is None
    assert not driver.window.actions_["queue.next"].isEnabled()
    driver.settle()
    driver.press_now("Ctrl+Shift+q")
    dialog = active(driver, QueuesDialog)
    driver.until(lambda: dialog.queues.current() is not None)
    dialog.queues.setFocus()
    driver.key("Return")
    driver.until(lambda: desk.course is not None)
    driver.activate()
    driver.settle()
    assert desk.course is not None
    assert (desk.course.at, desk.course.finished) == (2, {0, 1})


def test_what_cannot_be_made_says_why_in_the_form(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press_now("Ctrl+Shift+q")
    dialog = active(driver, QueuesDialog)
    driver.until(lambda: dialog.judge.count() > 1)
    dialog.purpose.select(Purpose.SECOND_OPINION)
    dialog.make_button.click()
    driver.until(lambda: "second opinion" in dialog.problem.text())
    assert dialog.make_button.isEnabled()
    dialog.purpose.select(Purpose.JUDGES_DISAGREE)
    dialog.make_button.click()
    assert "two different" in dialog.problem.text()
