"""Everything has a name for a screen reader and is reached by the keyboard."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QTabBar,
    QWidget,
)

from lrstudio.domain.summaries import CallView
from lrstudio.qt.bridge.reports import BugReport
from lrstudio.qt.views.dialogs.add_dialog import AddDialog
from lrstudio.qt.views.dialogs.compare_dialog import CompareDialog
from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog
from lrstudio.qt.views.dialogs.reading import AboutDialog, BugDialog, CallDialog, ProblemList, ShortcutSheet
from lrstudio.qt.views.dialogs.run_summary import RunSummaryDialog
from lrstudio.qt.views.dialogs.settings_dialog import SettingsDialog
from lrstudio.qt.views.main_window import MainWindow
from lrstudio.services.settings import HttpSettings, Settings
from lrstudio.services.settings_form import form_of
from tests.doubles.windows import Driver

CONTROLS = (
    QAbstractButton,
    QLineEdit,
    QPlainTextEdit,
    QAbstractItemView,
    QComboBox,
    QTabBar,
    QProgressBar,
    QAbstractSpinBox,
)
CALL = CallView(
    "k", "judge", "done", "m", "", "{}", "yes", "stop", "parsed", "", 1, 1, 1, 0.1, 1.0, "2026-11-20T09:00:00Z"
)

DIALOGS: dict[str, Callable[[MainWindow], QDialog]] = {
    "add": lambda window: AddDialog(window.switch, window),
    "judge": lambda window: JudgeDialog(window.switch, Settings(), one=True, parent=window),
    "summary": lambda window: RunSummaryDialog(window.switch, window),
    "compare": lambda window: CompareDialog(window.switch, window),
    "settings": lambda window: SettingsDialog(window.switch, form_of(HttpSettings()), window),
    "call": lambda window: CallDialog(CALL, window),
    "sheet": ShortcutSheet,
    "about": AboutDialog,
    "bug": lambda window: BugDialog(BugReport("x", "y"), window),
    "problems": lambda window: ProblemList("Left out", ["a", "b"], window),
}


def unnamed(root: QWidget) -> list[str]:
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        if not isinstance(widget, CONTROLS) or isinstance(widget.parent(), QAbstractSpinBox | QComboBox):
            continue
        if isinstance(widget.parent(), QLineEdit):  # a field's own clear button, named by Qt's action
            continue
        if isinstance(widget, QAbstractItemView) and widget.window() is not root.window():
            continue  # the popup of a combo box
        interface = QAccessible.queryAccessibleInterface(widget)
        if interface is None or not interface.text(QAccessible.Text.Name).strip():
            found.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    return found


def reached(root: QWidget) -> set[QWidget]:
    """What Tab goes to, from the focus chain of the window."""
    chain, widget = set(), root.nextInFocusChain()
    while widget is not root and widget not in chain:
        chain.add(widget)
        widget = widget.nextInFocusChain()
    return {it for it in chain if it.isVisible() and it.isEnabled() and it.focusPolicy() & Qt.FocusPolicy.TabFocus}


def test_every_control_of_the_window_has_a_name(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    assert unnamed(driver.window) == []


def test_a_control_without_a_name_would_be_found(driver: Driver) -> None:
    driver.show()
    QLineEdit(driver.window)
    assert unnamed(driver.window) == ["QLineEdit in MainWindow"]


@pytest.mark.parametrize("name", list(DIALOGS))
def test_every_control_of_a_dialog_has_a_name_and_none_is_modal(driver: Driver, name: str) -> None:
    driver.show()
    dialog = DIALOGS[name](driver.window)
    dialog.show()
    assert unnamed(dialog) == []
    assert not dialog.isModal()
    assert dialog.windowTitle()
    dialog.close()


@pytest.mark.parametrize("dimension", ["faithfulness", "helpfulness"])
def test_every_control_is_reached_by_tab(driver: Driver, project_path: Path, dimension: str) -> None:
    driver.show(project_path)
    driver.window.actions_[f"dimension.{dimension}"].trigger()
    driver.settle()
    by_tab = reached(driver.window)
    for widget in driver.window.findChildren(QWidget):
        inner = isinstance(widget.parent(), QAbstractScrollArea | QLineEdit) or isinstance(widget, QAbstractSlider)
        if isinstance(widget, CONTROLS) and widget.isVisible() and widget.isEnabled() and not inner:
            if isinstance(widget, QProgressBar) or widget.focusPolicy() is Qt.FocusPolicy.NoFocus:
                continue
            assert widget in by_tab, f"{type(widget).__name__} {widget.accessibleName()}"


def test_tab_goes_through_the_window_from_top_to_bottom(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    view = driver.audit.view
    stops = [
        view.list.field,
        view.list.tree,
        view.panes.candidate.text,
        view.panes.document.text,
        view.panes.parts.table,
        view.panes.bar.reason,
    ]
    seen: list[QWidget] = []
    view.list.field.setFocus()
    for _ in range(60):
        focus = QApplication.focusWidget()
        if focus in stops and focus not in seen:
            seen.append(focus)
        driver.key("Tab")
    assert seen == stops


def test_the_panes_are_cycled(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    view = driver.audit.view
    assert QApplication.focusWidget() is view.list.tree
    seen = []
    for _ in range(4):
        driver.press("F6")
        seen.append(QApplication.focusWidget())
    assert seen == [view.panes.candidate.text, view.panes.document.text, view.panes.parts.table, view.list.tree]
    driver.press("Shift+F6")
    assert QApplication.focusWidget() is view.panes.parts.table
