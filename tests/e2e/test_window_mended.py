"""What a newcomer stumbled over, once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QTreeView

from lrstudio.domain.decisions import Act
from lrstudio.domain.text import Document, Source
from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.dialogs.add_dialog import AddDialog
from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog
from lrstudio.services.wiring import create_project, open_project
from tests.doubles.windows import REPORT, Driver, journal

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")

SHOW = "import sys; from lrstudio.cli.main import run; sys.exit(run(['show', sys.argv[1]]))"


def active(driver: Driver, kind: type) -> object:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    return QApplication.activeWindow()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for locks")
def test_a_file_dialog_leaves_the_open_project_its_locks(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    names = [project_path, *(project_path.with_name(project_path.name + it) for it in ("-wal", "-shm"))]
    inodes = {str(path.stat().st_ino): path.name for path in names}

    def locks() -> list[str]:
        found = [line.split()[5].rpartition(":")[2] for line in Path("/proc/locks").read_text().splitlines()]
        return sorted(inodes[it] for it in found if it in inodes)

    held = locks()
    assert held
    driver.key("Ctrl+i")
    dialog = active(driver, QFileDialog)
    assert isinstance(dialog, QFileDialog)
    tree = dialog.findChild(QTreeView, "treeView")
    assert tree is not None
    dialog.setViewMode(QFileDialog.ViewMode.Detail)
    driver.until(lambda: tree.model().rowCount(tree.rootIndex()) >= 3)
    driver.qtbot.wait(300)
    dialog.reject()
    driver.activate()
    driver.until(lambda: locks() == held)
    wal = names[1].stat().st_ino
    subprocess.run([sys.executable, "-c", SHOW, str(project_path)], check=True, capture_output=True)
    assert names[1].stat().st_ino == wal


def test_a_project_whose_log_was_replaced_is_opened_anew(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    before = driver.window.works.desk.project
    log = project_path.with_name(project_path.name + "-wal")
    log.rename(log.with_suffix(".gone"))
    driver.until(lambda: driver.window.works.desk.project not in (None, before))
    driver.settle()
    assert "opened anew" in driver.window.banner.text
    assert len(driver.audit.rows) == 4


def test_a_verdict_chosen_and_left_waits_and_says_so(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    bar = driver.audit.view.panes.bar
    driver.press("2", "j")
    assert bar.message().startswith("Not committed: partial for claim 1.")
    driver.press("]", "[", "k", "k", "k", "k")
    assert driver.audit.choice is not None
    assert driver.audit.choice.support is Support.PARTIAL
    assert "Not committed" not in bar.message()
    driver.press("Return")
    assert "Not committed" not in bar.message()
    driver.close()
    (decision,) = journal(project_path)
    assert decision.act is Act.OVERRIDE
    assert decision.after.support is Support.PARTIAL


def test_undo_says_what_it_undid(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("j", "2", "Return", "u")
    bar = driver.audit.view.panes.bar
    assert bar.message() == "Undone: override of claim 2."
    driver.press("Ctrl+Shift+z")
    assert bar.message() == "Redone: override of claim 2."
    driver.press("k")
    assert "Redone" not in bar.message()


def test_a_refusal_is_gone_with_the_next_command(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("v")
    assert "Select the passage" in driver.audit.view.panes.bar.message()
    driver.press("j")
    assert "Select the passage" not in driver.audit.view.panes.bar.message()


def test_the_lexical_judge_does_not_ask_for_what_it_cannot_score(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press_now("Ctrl+r")
    dialog = active(driver, JudgeDialog)
    assert isinstance(dialog, JudgeDialog)
    boxes = dialog.fields.dimensions
    dialog.select_judge("lexical")
    assert not dialog.fields.url.isVisible()
    assert [it for it in boxes if boxes[it].isChecked()] == [Dimension.FAITHFULNESS, Dimension.COMPLETENESS]
    assert not boxes[Dimension.LOGICALITY].isEnabled()
    dialog.select_judge("http")
    assert all(box.isChecked() and box.isEnabled() for box in boxes.values())
    assert dialog.fields.url.isVisible()
    boxes[Dimension.LOGICALITY].setChecked(False)
    dialog.select_judge("scripted")
    assert not boxes[Dimension.LOGICALITY].isChecked()


def test_a_documents_text_that_comes_later_is_shown(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "late.lrs"
    project = create_project(path)
    project.close()
    driver.show(path)
    desk = driver.window.works.desk
    assert desk.project is not None
    store = desk.project.imports._store
    store.library.add_document(Document("d", None, "d", Source(name="d", format="jsonl")))
    made = desk.project.imports.add_question(document_id="d", query="How deep?")
    desk.project.imports.add_candidate(question_id=made.id, text="Seven feet.")
    driver.until(lambda: driver.audit.screen is not None)
    driver.settle()
    text = driver.audit.view.panes.document.text
    assert text.toPlainText() == ""
    store.library.add_document(Document("d", REPORT, "d", Source(name="d", format="jsonl")))
    driver.until(lambda: text.toPlainText().startswith("The harbour"))


def test_documents_without_a_question_are_named_and_ask_for_one(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "one.lrs"
    project = create_project(path)
    project.imports.add_document(title="Report on Skarrow", text=REPORT)
    project.close()
    driver.show(path)
    page = driver.audit.view._stack.currentWidget()
    assert page is driver.audit.view._unasked
    assert page.heading.text() == "1 document, no question yet"
    ask = next(it for it in page.findChildren(Button) if it.text().startswith("Add a question"))
    ask.setFocus()
    driver.key("Return", ask)
    dialog = active(driver, AddDialog)
    assert isinstance(dialog, AddDialog)
    driver.until(lambda: dialog.document.count() == 2)
    driver.type("How deep was it?", dialog.query)
    dialog.close()
    assert dialog.isVisible()  # a text is not thrown away unasked
    driver.key("Ctrl+Return", dialog.query)
    driver.until(lambda: dialog.question.count() == 1)
    dialog.close()
    driver.activate()


def test_a_document_without_a_title_is_called_by_its_first_words(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "one.lrs"
    create_project(path).close()
    driver.show(path)
    driver.window.actions_["project.add"].trigger()
    dialog = active(driver, AddDialog)
    assert isinstance(dialog, AddDialog)
    dialog.document_text.setPlainText(REPORT)
    dialog.add.click()
    driver.until(lambda: not driver.window.works.operations.is_busy)
    dialog.close()
    driver.close()
    project = open_project(path)
    (document,) = project.audit.documents()
    project.close()
    assert document.title == "The harbour of Skarrow was surveyed in 1870 by Commander …"


def test_without_a_display_one_sentence_says_what_to_do() -> None:
    code = "import sys; sys.argv[1:] = ['x.lrs']; from lrstudio.__main__ import main; s = main(); "
    code += "assert 'PySide6' not in sys.modules; sys.exit(s)"
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=False)
    if sys.platform == "linux":
        assert done.returncode == 1
        assert "lrstudio tour" in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_reason_a_person_gave_stands_below_the_judges(
    make_driver: Callable[..., Driver], project_path: Path
) -> None:
    driver = make_driver()
    driver.show(project_path)
    driver.press("2", "r")
    driver.type("only the date")
    driver.press("Return", "k")
    row = driver.audit.rows[0]
    assert row.why.endswith("You: only the date")


def test_a_marked_passage_is_made_of_whole_words_and_is_selected_no_more(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    text = driver.audit.view.panes.document.text
    cursor = text.textCursor()
    cursor.setPosition(5)
    cursor.setPosition(22, cursor.MoveMode.KeepAnchor)
    text.setTextCursor(cursor)
    driver.press("v")
    assert any(REPORT[it.span.start : it.span.end] == REPORT[4:22] for it in driver.audit.rows[0].passages)
    assert text.selected_span() is None


def test_the_place_in_each_dimension_is_kept(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("j", "j")
    part = driver.audit.focus.part_id
    driver.audit.walker.pick_dimension(Dimension.COMPLETENESS)
    driver.audit.walker.pick_dimension(Dimension.FAITHFULNESS)
    assert driver.audit.focus.part_id == part


def test_a_small_window_keeps_the_letter_and_drops_the_model(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    pane = driver.audit.view.panes.candidate
    driver.window.resize(1800, 1200)
    driver.until(lambda: pane._facts.isVisible())
    below = driver.audit.view.panes._below
    assert below.height() >= 0.28 * driver.audit.view.height()
    driver.window.resize(1000, 650)
    driver.until(lambda: not pane._facts.isVisible())
    assert pane._title.width() >= pane._title.sizeHint().width()
