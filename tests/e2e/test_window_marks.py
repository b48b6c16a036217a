"""Tags, bookmarks, notes, the guideline, the audit page, and going on where one stopped, by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog

from lrstudio.domain.marks import Mark, MarkKind, Thing
from lrstudio.qt.views.dialogs.find_dialog import FindDialog
from lrstudio.qt.views.dialogs.guideline_dialog import GuidelineDialog
from lrstudio.qt.views.dialogs.mark_dialog import MarkDialog
from tests.doubles.windows import Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
D = TypeVar("D")


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


def standing(driver: Driver) -> tuple[Mark, ...]:
    project = driver.window.works.desk.project
    assert project is not None
    return project.marking.marks()


def line(driver: Driver) -> str:
    shown = driver.window.works.beside.marks._line
    return shown.text() if shown is not None and shown.isVisible() else ""


def test_tags_bookmarks_and_notes_are_put_shown_listed_and_taken_away(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Alt+1", "Ctrl+b")
    driver.until(lambda: line(driver) == "claim: ★")
    (mark,) = standing(driver)
    assert (mark.what, mark.place.thing) == (MarkKind.BOOKMARK, Thing.PART)
    driver.press("j")
    assert line(driver) == ""
    driver.audit.view.panes.document.text.setFocus()
    driver.key("t")
    dialog = active(driver, MarkDialog)
    dialog.tag.setFocus()
    driver.type("harbours", dialog.tag)
    driver.key("Return", dialog.tag)
    driver.until(lambda: line(driver) == "document: #harbours")
    driver.activate()
    driver.audit.view.list.tree.setFocus()
    driver.key("Ctrl+m")
    note = active(driver, MarkDialog)
    driver.key("Ctrl+Return", note.note)
    driver.until(lambda: "empty" in note.problem.text())
    driver.type("Ask Bert.", note.note)
    driver.key("Ctrl+Return", note.note)
    driver.until(lambda: "candidate: “Ask Bert.”" in line(driver))
    driver.activate()
    driver.press_now("Ctrl+Shift+f")
    find = active(driver, FindDialog)
    driver.until(lambda: find.tree.topLevelItemCount() == 3)
    find.tree.setFocus()
    driver.key("Delete", find.tree)  # the bookmark stands first
    driver.until(lambda: find.tree.topLevelItemCount() == 2)
    assert {it.what for it in standing(driver)} == {MarkKind.TAG, MarkKind.NOTE}


def test_the_guideline_is_written_and_read_in_versions(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press_now("F2")
    dialog = active(driver, GuidelineDialog)
    driver.until(lambda: "no guideline yet" in dialog.page.toPlainText())
    for text in ("# Rules\n\n- **full**: the document says it", "# Rules\n\n<b>partly</b>"):
        dialog.edit.click()
        dialog.editor.setPlainText(text)
        dialog.save.click()
        driver.until(lambda: dialog.stack.currentWidget() is dialog.page)
    driver.until(lambda: dialog.versions.count() == 2)
    assert dialog.page.toPlainText().rstrip() == "Rules\n<b>partly</b>"
    dialog.versions.setCurrentIndex(1)
    assert "full: the document says it" in dialog.page.toPlainText()
    dialog.edit.click()
    dialog.editor.setPlainText("# Rules\n\n<b>partly</b>")
    dialog.save.click()
    driver.until(lambda: "already" in dialog.problem.text())


def test_a_project_opens_where_one_stopped(make_driver: Callable[..., Driver], project_path: Path) -> None:
    first = make_driver()
    first.show(project_path)
    first.press("]", "Alt+1", "j")
    assert first.audit.detail is not None
    assert first.audit.detail.candidate.model == "model-2"
    part = first.focus_part()
    first.close()
    second = make_driver()
    second.show(project_path)
    second.until(lambda: second.audit.detail is not None and second.audit.detail.candidate.model == "model-2")
    second.settle()
    second.until(lambda: second.focus_part() == part)


@pytest.mark.parametrize("suffix", ["html", "pdf"])
def test_the_audit_page_is_saved(driver: Driver, project_path: Path, tmp_path: Path, suffix: str) -> None:
    driver.show(project_path)
    driver.press_now("Ctrl+p")
    dialog = driver.window.findChild(QFileDialog)
    assert dialog is not None
    out = tmp_path / f"page.{suffix}"
    dialog.fileSelected.emit(str(out))
    dialog.close()
    driver.until(out.exists)
    driver.settle()
    data = out.read_bytes()
    assert data.startswith(b"%PDF") if suffix == "pdf" else "How did the depth" in data.decode()
