"""Finding anything in the window, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.views.dialogs.find_dialog import FindDialog
from tests.doubles.windows import REPORT, Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
D = TypeVar("D")


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


def find(driver: Driver, query: str) -> FindDialog:
    driver.press_now("Ctrl+Shift+f")
    dialog = active(driver, FindDialog)
    driver.type(query, dialog.field)
    driver.until(lambda: "found" in dialog.said.text().lower())
    return dialog


def test_enter_goes_to_a_passage_of_the_document(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    dialog = find(driver, "acetylene")
    assert dialog.said.text() == "1 passage found."
    driver.key("Return", dialog.field)
    driver.activate()
    driver.settle()
    text = driver.audit.view.panes.document.text
    at = REPORT.index("acetylene")
    driver.until(lambda: text.visible_span().start <= at < text.visible_span().end)


def test_a_claim_is_found_and_comes_into_focus(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Alt+2")
    dialog = find(driver, "perseverance replaced")
    claim = next(
        dialog.tree.topLevelItem(at) for at in range(3) if dialog.tree.topLevelItem(at).text(0).startswith("Claims")
    )
    dialog.tree.setCurrentItem(claim.child(0))
    dialog.tree.setFocus()
    driver.key("Return", dialog.tree)
    driver.activate()
    driver.settle()
    driver.until(lambda: "Perseverance" in driver.focus_part())
    assert driver.audit.focus.dimension is Dimension.FAITHFULNESS
    assert driver.audit.detail is not None
    assert driver.audit.detail.candidate.model == "model-2"


def test_nothing_typed_and_nothing_found_say_so(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    dialog = find(driver, "xyzzy")
    assert dialog.said.text() == "Nothing found."
    dialog.field.clear()
    driver.until(lambda: dialog.said.text().startswith("No bookmarks"))
