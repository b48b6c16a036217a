"""Tags, bookmarks and notes filter the list of Audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from lrstudio.domain.marks import Place, Thing
from lrstudio.services.wiring import open_project
from tests.doubles.windows import REVIEWER, Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


def choices(driver: Driver) -> dict[str, QAction]:
    menu = driver.audit.view.list.keep_button.menu()
    assert isinstance(menu, QMenu)
    actions = menu.actions()
    inner = [it for action in actions if (sub := action.menu()) is not None for it in sub.actions()]  # type: ignore[attr-defined]
    return {it.text(): it for it in (*actions, *inner)}


def listed(driver: Driver) -> list[str]:
    return [row.candidate_id for group in driver.audit.view.list.groups for row in group.rows]


def test_the_list_keeps_what_is_marked_and_follows_the_marks(driver: Driver, project_path: Path) -> None:
    project = open_project(project_path, reviewer=REVIEWER)
    first, second = (it.candidate_id for it in project.audit.questions()[0].candidates)
    project.marking.tag([Place(Thing.CANDIDATE, second)], "R&D")
    project.close()
    driver.show(project_path)
    assert "Bookmarked" not in choices(driver)
    assert [*choices(driver)][-2:] == ["Tagged", "Tag: R&&D"]
    choices(driver)["Tag: R&&D"].trigger()
    driver.until(lambda: listed(driver) == [second])
    assert driver.audit.view.list.keep_button.text() == "Tag: R&D"
    choices(driver)["All candidates"].trigger()
    driver.until(lambda: listed(driver) == [first, second])
    driver.audit.show_candidate(first)
    driver.settle()
    driver.audit.view.list.tree.setFocus()
    driver.press("Ctrl+b")
    driver.until(lambda: "Bookmarked" in choices(driver))
    choices(driver)["Bookmarked"].trigger()
    driver.until(lambda: listed(driver) == [first])
    driver.press("Ctrl+b")  # taken away: nothing is left, and the list says so
    driver.until(lambda: listed(driver) == [])
    assert driver.audit.view.list.keep_button.text() == "Bookmarked"
    choices(driver)["All candidates"].trigger()
    driver.until(lambda: len(listed(driver)) == 2)
