"""The window beside other processes, running judges, dropped files and everything that can go wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QPlainTextEdit

from lrstudio.domain.errors import Environment
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import RunState, Support
from lrstudio.qt.app import render_screens
from lrstudio.qt.bridge.watch import WATCH_MS
from lrstudio.qt.views.dialogs.add_dialog import AddDialog
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import open_project
from lrstudio.viewstate.audit_signs import Sign
from tests.doubles.chat_server import ChatServer
from tests.doubles.windows import ANSWERS, Driver, journal, make_project

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")

DECIDE = """
import sys
from pathlib import Path
from lrstudio.domain.decisions import Target
from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.services.wiring import open_project
project = open_project(Path(sys.argv[1]), reviewer="bob")
project.decisions.override(Target(sys.argv[2], Dimension.FAITHFULNESS, sys.argv[3]), support=Support.NONE)
project.close()
print("committed", flush=True)
"""


def mime(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drop(driver: Driver, *paths: Path) -> None:
    """Drop files in the middle of the window."""
    data, copy, left = mime(*paths), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(300, 300), copy, data, left, none)
    QApplication.sendEvent(driver.window, entering)
    assert entering.isAccepted()
    dropping = QDropEvent(QPointF(300, 300), copy, data, left, none)
    QApplication.sendEvent(driver.window, dropping)
    assert dropping.isAccepted()


# ---- blind


def test_blind_nothing_of_the_judge_is_on_screen_until_one_commits(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    seen = driver.audit.rows
    driver.press("b")
    hidden = driver.audit.rows
    assert {row.judge.text for row in hidden} == {"hidden"}
    assert {mark.sign for mark in driver.audit.screen.candidate_marks} == {Sign.HIDDEN}
    assert [row.passages for row in hidden] == [row.passages for row in seen]
    assert {chip.score for chip in driver.audit.screen.header.chips} == {"·"}
    listed = [row for group in driver.audit.view.list.groups for row in group.rows]
    assert {row.reward for row in listed} == {"·"}
    assert {glyph.sign for row in listed for glyph in row.glyphs} == {Sign.HIDDEN}

    driver.press("Return")
    assert driver.audit.view.panes.bar.message() == "Blind: choose your verdict, then commit."
    driver.press("2", "Return")
    assert driver.audit.rows[0].judge == seen[0].judge
    assert driver.audit.rows[1].judge.text == "hidden"
    driver.close()
    (decision,) = journal(project_path)
    assert decision.blind
    assert not decision.shown.judge_visible
    assert decision.after.support is Support.PARTIAL


def test_blind_is_remembered(driver: Driver, make_driver: Callable[..., Driver], project_path: Path) -> None:
    driver.show(project_path)
    driver.press("b")
    driver.close()
    assert SettingsStore().load().blind


def test_what_was_committed_blind_is_not_blind_again_after_undo(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("b", "1", "Return", "u")
    assert driver.audit.rows[0].judge.text != "hidden"
    driver.press("2", "Return")
    driver.close()
    assert [decision.blind for decision in journal(project_path)] == [True, False, False]


# ---- other processes


def test_another_processs_commit_comes_on_screen_by_itself(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    row = driver.audit.rows[1]
    target = [row.target.candidate_id, row.part_id]
    with subprocess.Popen(
        [sys.executable, "-c", DECIDE, str(project_path), *target], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "committed\n"
        driver.until(lambda: driver.audit.rows[1].decided)
    assert WATCH_MS <= 500, "it looks often enough for a person to see it within a second"
    assert driver.audit.rows[1].you.tooltip.startswith("bob")
    assert driver.audit.focus.part_id == driver.audit.rows[0].part_id


# ---- judges


def test_the_lexical_judge_runs_from_the_window(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "p.lrs", judge=None))
    lines: list[object] = []
    driver.window.works.judging.line_changed.connect(lines.append)
    driver.window.works.judging.start(JudgeRequest(judge="lexical"), name="lexical")
    assert driver.window.works.judging.running
    assert not driver.window.actions_["judge.run"].isEnabled()
    assert driver.window.actions_["judge.cancel"].isEnabled()
    driver.until(lambda: not driver.window.works.judging.running)
    driver.settle()
    assert lines[-1] is None
    assert driver.window.banner.text == "lexical has judged: 8 judgments."
    assert len(driver.audit.rows) == 4
    button = driver.window.top_bar.judge_button  # its menu is another one after every reading
    driver.until(lambda: [it.text() for it in button.menu().actions()[1:]] == ["lexical  (2 candidates)"])


def test_a_judge_that_is_cancelled_leaves_the_project_usable(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=ANSWERS * 4)
    with ChatServer(latency=0.4) as server:
        driver.show(path)
        request = JudgeRequest(judge="http", base_url=server.base_url, model="m", concurrency=2)
        driver.window.works.judging.start(request, name="m")
        driver.until(lambda: len(server.requests) >= 3)
        driver.press_now("Ctrl+.")
        driver.until(lambda: not driver.window.works.judging.running)
        driver.settle()
        assert "Cancelled" in driver.window.banner.text
        asked = len(server.requests)
        assert driver.window.works.desk.project is not None
        assert driver.window.works.desk.project.judging.holder() is None
        assert driver.window.works.desk.project.audit.runs()[-1].state is RunState.CANCELLED
        driver.qtbot.wait(500)
        assert len(server.requests) <= asked + 2


def test_closing_the_window_stops_the_judge(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=ANSWERS * 4)
    with ChatServer(latency=0.5) as server:
        driver.show(path)
        request = JudgeRequest(judge="http", base_url=server.base_url, model="m", concurrency=2)
        driver.window.works.judging.start(request, name="m")
        driver.until(lambda: len(server.requests) >= 2)
        driver.close()
    project = open_project(path)
    assert project.audit.runs()[-1].state is RunState.CANCELLED
    project.close()


def test_an_endpoint_that_is_not_there_says_so_and_can_be_tried_again(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "p.lrs", judge=None))
    with ChatServer() as server:
        port = server.port
    request = JudgeRequest(judge="http", base_url=f"http://127.0.0.1:{port}/v1", model="m", concurrency=2)
    driver.window.works.judging.start(request, name="m")
    driver.until(lambda: not driver.window.works.judging.running, ms=60_000)
    assert "cannot be reached" in driver.window.banner.text
    assert driver.window.banner.action_button.text() == "Retry"
    with ChatServer(port=port):
        driver.window.banner.action_button.click()
        driver.until(lambda: not driver.window.works.judging.running and bool(driver.window.banner.text), ms=60_000)
        assert driver.window.banner.text == "m has judged: 8 judgments."


def test_the_judge_dialog_refuses_what_cannot_work(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Ctrl+r")
    driver.until(lambda: QApplication.activeWindow() is not driver.window)
    dialog = QApplication.activeWindow()
    dialog.select_judge("http")
    dialog.run.click()
    driver.until(lambda: "Base URL" in dialog.problem)
    dialog.fields.url.setText("http://127.0.0.1:9/v1")
    dialog.run.click()
    driver.until(lambda: "Model" in dialog.problem)
    assert not driver.window.works.judging.running


def test_before_documents_leave_the_machine_a_person_agrees(driver: Driver, project_path: Path) -> None:
    settings = SettingsStore()
    kept = replace(settings.load().http, proxy="http://127.0.0.1:9", timeout=5.0, requests_per_minute=9)
    settings.save(replace(settings.load(), http=kept))
    driver.show(project_path)
    judging = driver.window.works.judging
    driver.press("Ctrl+r")
    driver.until(lambda: QApplication.activeWindow() is not driver.window)
    dialog = QApplication.activeWindow()
    dialog.select_judge("http")
    dialog.fields.url.setText("http://judge.invalid/v1")
    dialog.fields.model.setText("m")
    assert not dialog.agreed.isVisible()
    dialog.run.click()
    driver.until(dialog.agreed.isVisible)
    assert "judge.invalid is another machine" in dialog._outgoing.text()
    assert not judging.running
    dialog.agreed.setChecked(True)
    dialog.fields.url.setText("http://other.invalid/v1")
    assert not dialog.agreed.isChecked(), "another address is another matter"
    dialog.run.click()
    driver.until(lambda: "other.invalid" in dialog._outgoing.text())
    dialog.agreed.setChecked(True)
    dialog.run.click()
    driver.until(lambda: judging.running)
    judging.cancel()
    driver.until(lambda: not judging.running, ms=20_000)
    assert settings.load().http == replace(kept, base_url="http://other.invalid/v1", model="m")


def test_the_verdicts_of_one_judge_can_be_chosen(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.window.works.judging.start(JudgeRequest(judge="scripted"), name="scripted")
    driver.until(lambda: not driver.window.works.judging.running)
    driver.settle()
    latest = [row.judge for row in driver.audit.rows]
    menu = driver.window.top_bar.judge_button.menu()
    next(it for it in menu.actions() if it.text().startswith("lexical")).trigger()
    driver.settle()
    assert [row.judge for row in driver.audit.rows] != latest
    assert driver.audit.screen.coverage.startswith("lexical")


def test_the_raw_call_opens_beside_the_window(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "p.lrs", judge="scripted"))
    driver.press("Ctrl+k")
    driver.until(lambda: QApplication.activeWindow() is not driver.window)
    dialog = QApplication.activeWindow()
    assert not dialog.isModal()
    texts = [view.toPlainText() for view in dialog.findChildren(QPlainTextEdit)]
    assert any('"dimension"' in text for text in texts)


# ---- files


def test_files_dropped_onto_the_window_are_imported(driver: Driver, project_path: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("The ice house stood empty.\n" * 20)
    driver.show(project_path)
    drop(driver, notes)
    driver.until(lambda: driver.window.banner.text.startswith("Imported 1 document"))


def test_an_import_can_be_stopped_and_keeps_what_was_read(driver: Driver, project_path: Path, tmp_path: Path) -> None:
    rows = tmp_path / "many.jsonl"
    with rows.open("w") as file:
        for number in range(20_000):
            candidate = {"id": f"x{number}", "model": "m", "text": f"The answer {number}."}
            row = {"document_id": "d", "document_text": None, "query": f"Which {number}?", "candidates": [candidate]}
            file.write(json.dumps(row) + "\n")
    driver.show(project_path)
    drop(driver, rows)
    driver.until(lambda: "records read" in driver.window.banner.text)
    assert driver.window.banner.action_button.text() == "Stop"
    driver.window.banner.action_button.click()
    driver.until(lambda: "stopped" in driver.window.banner.text)
    driver.until(lambda: sum(len(group.rows) for group in driver.audit.view.list.groups) > 500)
    assert sum(len(group.rows) for group in driver.audit.view.list.groups) < 20_000


def test_a_document_a_question_and_an_answer_are_pasted(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=())
    driver.show(path)
    driver.press("Ctrl+Shift+n")
    driver.until(lambda: isinstance(QApplication.activeWindow(), AddDialog))
    dialog = QApplication.activeWindow()
    dialog.add.click()
    driver.until(lambda: dialog._problem.text() == "text: the document is empty: paste its text")
    dialog.title.setText("Second report")
    dialog.document_text.setPlainText("The ice house stood empty for eleven years.")
    dialog.add.click()
    driver.until(lambda: dialog.query.isVisible())
    assert dialog.document.currentText() == "Second report"
    dialog.query.setPlainText("How long did it stand empty?")
    dialog.add.click()
    driver.until(lambda: dialog.answer.isVisible())
    assert dialog.question.currentText() == "How long did it stand empty?"
    dialog.answer.setPlainText("Eleven years.")
    dialog.model.setText("by hand")
    dialog.add.click()
    driver.until(lambda: driver.audit.detail is not None and driver.audit.detail.candidate.text == "Eleven years.")
    assert driver.audit.detail.document.title == "Second report"
    assert driver.audit.detail.candidate.model == "by hand"


def test_a_project_dropped_onto_the_window_is_opened(driver: Driver, project_path: Path) -> None:
    driver.show()
    drop(driver, project_path)
    driver.until(lambda: driver.window.works.desk.project is not None)
    driver.settle()
    assert driver.window.windowTitle() == "Skarrow – LongReward Studio"


def test_a_bad_file_is_named_and_the_good_rows_are_kept(driver: Driver, project_path: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    good = {
        "document_id": "d9",
        "document_text": "A second report.",
        "query": "Which?",
        "candidates": [{"id": "x1", "model": "m", "text": "The second."}],
    }
    rows.write_text(json.dumps(good) + "\n{not json\n")
    driver.show(project_path)
    drop(driver, rows)
    driver.until(lambda: driver.window.banner.text.startswith("Imported"))
    assert "1 candidate" in driver.window.banner.text
    assert "rows.jsonl" in driver.window.banner.text
    driver.until(lambda: "x1" in [row.candidate_id for group in driver.audit.view.list.groups for row in group.rows])


def test_a_file_that_is_no_project_is_refused_in_a_sentence(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "broken.lrs"
    path.write_text("this is no database")
    driver.show()
    driver.window.works.desk.open(path)
    driver.until(lambda: bool(driver.window.banner.text))
    assert "broken.lrs" in driver.window.banner.text
    assert driver.window.start_page.isVisible()


def test_the_decisions_are_exported(driver: Driver, project_path: Path, tmp_path: Path) -> None:
    driver.show(project_path)
    driver.press("1", "Return")
    out = tmp_path / "out.jsonl"
    driver.window.works.desk._export(out, "Decisions, one line each (*.jsonl)")
    driver.until(out.exists)
    driver.until(lambda: "Wrote 1 line" in driver.window.banner.text)
    assert json.loads(out.read_text())["reviewer"] == "ada"


def test_the_sample_project_opens_with_every_kind_of_verdict(driver: Driver) -> None:
    driver.show(sample=True)
    signs = {glyph.sign for group in driver.audit.view.list.groups for row in group.rows for glyph in row.glyphs}
    assert {Sign.FULL, Sign.PARTIAL, Sign.CONTRADICTED, Sign.NOT_FOUND} <= signs


# ---- mouse


def test_clicking_a_claim_brings_it_into_focus(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    row = driver.audit.rows[2]
    view = driver.audit.view.panes.candidate.text
    assert row.span is not None
    point = point_of(view, row.span.start + 5)
    driver.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    driver.settle()
    assert driver.focus_part() == row.text


def test_a_claim_is_split_where_one_clicked(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    row = driver.audit.rows[1]
    view = driver.audit.view.panes.candidate.text
    assert row.span is not None
    at = row.span.start + len("The dredger")
    driver.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_of(view, at) - QPoint(3, 0))
    driver.settle()
    driver.press("s")
    assert [it.text for it in driver.audit.rows[1:3]] == ["The dredger", "Persistence was sold in 1904."]


def test_clicking_a_passage_shows_which_claims_use_it(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    view = driver.audit.view.panes.document.text
    passage = driver.audit.rows[0].passages[0].span
    driver.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_of(view, passage.start + 2))
    menu = driver.audit.view.panes.document.findChild(QMenu, "passage users")
    assert menu is not None
    users = [row for row in driver.audit.rows if any(it.span.overlaps(passage) for it in row.passages)]
    assert len(users) > 1
    assert [action.text().split("  ")[0] for action in menu.actions()[1:]] == [str(row.number) for row in users]
    menu.actions()[2].trigger()
    driver.settle()
    assert driver.focus_part() == users[1].text
    menu.close()


def point_of(view: object, offset: int) -> QPoint:
    start, _ = view.display.map.to_display(Span(offset, offset))
    cursor = view.textCursor()
    cursor.setPosition(start)
    return view.cursorRect(cursor).center() + QPoint(3, 0)


# ---- what goes wrong


def test_trouble_with_the_world_is_a_banner_with_retry(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    tries: list[int] = []

    def work() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise Environment("the disk is full")
        return len(tries)

    driver.window.works.operations.query(work, tries.append, slot="test")
    driver.until(lambda: driver.window.banner.text == "the disk is full")
    driver.window.banner.action_button.click()
    driver.until(lambda: tries == [1, 1, 2])
    assert driver.window.banner.text == ""


def test_a_fault_of_ours_is_a_report_to_copy(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)

    def work() -> None:
        raise ZeroDivisionError("planted")

    driver.window.works.operations.run(work)
    driver.until(lambda: bool(driver.crashes))
    driver.until(lambda: QApplication.activeWindow() is not driver.window)
    dialog = QApplication.activeWindow()
    assert not dialog.isModal()
    report = dialog.findChild(QPlainTextEdit).toPlainText()
    assert "ZeroDivisionError: planted" in report
    assert "LongReward Studio" in report
    next(
        button for button in dialog.findChildren(type(driver.window.top_bar.run_button)) if "Copy" in button.text()
    ).click()
    assert "planted" in QGuiApplication.clipboard().text()
    driver.crashes.clear()


def test_settings_that_cannot_be_read_do_not_keep_the_window_away(
    make_driver: Callable[..., Driver], qapp: QApplication
) -> None:
    from lrstudio.qt.app import make_window

    store = SettingsStore()
    store.profile.mkdir(parents=True)
    store.path.write_text("theme = [broken")
    window = make_window(qapp, store=store)
    assert "not valid TOML" in window.banner.text
    window.shut_down()
    window.deleteLater()


# ---- the rest


def test_the_place_is_kept_when_the_window_comes_back(make_driver: Callable[..., Driver], project_path: Path) -> None:
    one = make_driver()
    one.show(project_path)
    # the offscreen screen measures 800 x 800, and a window never comes back larger than its screen
    one.window.resize(790, 700)
    one.audit.view._whole.setSizes([250, 540])
    sizes = one.audit.view._whole.sizes()
    one.close()
    two = make_driver()
    two.window.restore()
    two.show(project_path)
    assert two.window.width() == 790
    assert two.audit.view._whole.sizes() == sizes


def test_switching_projects_leaves_nothing_of_the_first(driver: Driver, project_path: Path, tmp_path: Path) -> None:
    driver.show(project_path)
    driver.press("1", "Return")
    other = make_project(tmp_path / "other.lrs", judge=None, answers=("Only one answer.",))
    driver.window.works.desk.open(other)
    driver.until(
        lambda: driver.window.works.desk.project is not None and driver.window.works.desk.project.path == other
    )
    driver.settle()
    assert driver.audit.rows == ()
    assert sum(len(group.rows) for group in driver.audit.view.list.groups) == 1
    assert not driver.window.actions_["decide.undo"].isEnabled()
    driver.press("Ctrl+w")
    driver.until(lambda: driver.window.start_page.isVisible())
    assert not driver.window.actions_["judge.run"].isEnabled()
    driver.until(lambda: SettingsStore().load().recent == (other, project_path))


def test_larger_text_and_the_other_theme(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    before = driver.audit.view.panes.document.text.font().pointSizeF()
    driver.press("Ctrl+=", "Ctrl+=")
    assert driver.audit.view.panes.document.text.font().pointSizeF() == before + 2
    driver.press("Ctrl+0")
    assert driver.audit.view.panes.document.text.font().pointSizeF() == before
    driver.window.actions_["view.theme"].trigger()
    driver.settle()
    assert SettingsStore().load().theme == "dark"
    driver.window.actions_["view.theme"].trigger()
    driver.settle()


def test_pictures_are_rendered_without_a_word_from_qt(qapp: QApplication, project_path: Path, tmp_path: Path) -> None:
    pictures = render_screens(project_path, tmp_path / "screens", sizes=[(1280, 800)], themes=["light", "dark"])
    assert {picture.name for picture in pictures} >= {"audit-light-1280x800.png", "audit-dark-1280x800.png"}
    assert all(picture.stat().st_size > 10_000 for picture in pictures)
    assert SettingsStore().load().recent == ()
    assert journal(project_path) == ()
