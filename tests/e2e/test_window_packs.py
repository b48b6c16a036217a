"""Prompt packs in the window, by keyboard: copy, edit, see the difference, save, try, go back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from lrstudio.judge.packs import PromptPack
from lrstudio.qt.views.dialogs.packs_window import COMPARE, PacksWindow
from lrstudio.services.labels import Part
from lrstudio.services.pack_trials import TrialChoice
from lrstudio.services.settings import HttpSettings, SettingsStore
from lrstudio.services.wiring import prompt_packs
from lrstudio.text.resources import resource
from lrstudio.viewstate.pack_words import trial_rows
from tests.doubles.chat_server import Answer, ChatServer, Request
from tests.doubles.labelled import DOCUMENTS, labelled_project, policy, strict_copy
from tests.doubles.windows import Driver

OURS = "longreward-studio"
SUPPORT = 3


@pytest.fixture
def slow() -> Event:
    """While it is set every reply takes longer than a test."""
    return Event()


@pytest.fixture
def server(slow: Event) -> Iterator[ChatServer]:
    def answer(request: Request) -> Answer:
        return replace(policy(request), latency=60.0 if slow.is_set() else 0.0)

    with ChatServer(answer) as made:
        yield made


@pytest.fixture
def labelled(tmp_path: Path, server: ChatServer) -> Path:
    path = tmp_path / "p.lrs"
    labelled_project(path, server).close()
    return path


def opened(driver: Driver, path: Path | None = None, *, server: ChatServer | None = None) -> PacksWindow:
    """Show the window with its prompt packs, reached by the keyboard."""
    store = SettingsStore()
    if server is not None:
        store.save(replace(store.load(), http=HttpSettings(base_url=server.base_url, model="judge")))
    driver.show(path)
    driver.key("Ctrl+Shift+P")
    window = driver.window.works.packs.window
    assert window is not None
    window.activateWindow()
    driver.until(lambda: window.isActiveWindow() and window.shown is not None)
    return window


def tab_to(driver: Driver, wanted: QWidget) -> None:
    """Walk to a widget as a person without a mouse does."""
    for _ in range(40):
        if QApplication.focusWidget() is wanted:
            return
        driver.key("Tab")
    raise AssertionError(f"the keyboard does not reach {wanted!r}")


def on_screen(window: PacksWindow, name: str, version: str = "") -> bool:
    return window.shown is not None and (window.shown.info.name, window.shown.version) == (name, version)


def test_copy_edit_compare_save_and_try_by_keyboard(driver: Driver, labelled: Path, server: ChatServer) -> None:
    window = opened(driver, labelled, server=server)
    desk = driver.window.works.packs
    assert on_screen(window, OURS)
    assert window.editor.page.isReadOnly()
    assert f"1 judge run, {2 * DOCUMENTS} verdicts in force" in window.about.text()

    tab_to(driver, window.copy_name)
    driver.type("mine")
    driver.key("Return")
    driver.until(lambda: on_screen(window, "mine"))
    first = window.shown.info if window.shown else None
    assert first is not None

    tab_to(driver, window.files)
    for _ in range(SUPPORT):
        driver.key("Right")
    tab_to(driver, window.editor.page)
    driver.key("Ctrl+End")
    driver.type("Be STRICT about <<answer>>")
    assert "unknown placeholder <<answer>>" in window.editor.problems.item(0).text()
    assert window.files.tabText(SUPPORT) == "Support * ✕1"
    assert not window.save.isEnabled()
    driver.key("Ctrl+s")
    for _ in range(len(" about <<answer>>")):
        driver.key("Backspace")
    assert not window.editor.problems.isVisible()
    assert window.files.tabText(SUPPORT) == "Support *"

    driver.key("Alt+2")
    driver.until(lambda: "+ Be STRICT" in window.diff.page.toPlainText())
    assert window.diff.summary.text() == "1 line added (+), 0 lines removed (–)."

    driver.key("Alt+1")
    driver.key("Ctrl+s")
    driver.until(lambda: window.shown is not None and window.shown.info.version not in ("", first.version))
    assert not window.unsaved
    saved = PromptPack.load(first.folder)
    assert saved.version == (window.shown.info.version if window.shown else "")
    assert [it.version for it in prompt_packs().history(first)] == [saved.version, first.version]

    driver.key("Alt+3")
    page = window.trial
    driver.until(lambda: bool(page.plan.text()) and not desk.trials.looking)
    assert (page.before.currentData(), page.after.currentData()) == (f"mine@{first.version[-12:]}", "mine")
    tab_to(driver, page.part)
    driver.key("Down")
    driver.key("Down")
    driver.until(lambda: f"at most {4 * DOCUMENTS} calls" not in page.plan.text() and not desk.trials.looking)
    assert f"{DOCUMENTS} candidates; at most {3 * DOCUMENTS} calls" in page.plan.text()
    tab_to(driver, page.run)
    driver.key("Space")
    driver.until(lambda: not desk.trials.running and bool(page.rows()))

    project = driver.window.works.desk.project
    assert project is not None
    trials = [it for it in project.audit.runs() if it.trial]
    assert [it.identity.prompt_pack for it in trials] == [saved.version, first.version]
    split = project.trials.split(TrialChoice(first.folder, first.folder, part=Part.ALL))
    compared = project.trials.compare(split, before=trials[1].run_id, after=trials[0].run_id)
    rows = trial_rows((it.dimension, it.parts, it.scores) for it in compared)
    assert page.rows() == [(it.measure, it.before, it.after, it.change) for it in rows]
    assert ("Right", f"{DOCUMENTS} of {3 * DOCUMENTS}") in [row[:2] for row in page.rows()]
    assert any(f"{2 * DOCUMENTS} mended, {DOCUMENTS // 4} spoilt" in row[3] for row in page.rows())
    driver.until(lambda: "costs nothing" in page.plan.text())
    assert page.rows(), "what came out stays"
    assert driver.crashes == []


def test_an_earlier_version_is_read_compared_and_gone_back_to(driver: Driver) -> None:
    first, second = strict_copy(prompt_packs())
    window = opened(driver)
    for _ in range(4):
        driver.key("Down")
    driver.until(lambda: on_screen(window, "mine", first.version[-12:]))
    assert window.editor.page.isReadOnly()
    assert not window.save.isVisible()
    tab_to(driver, window.restore)
    driver.key("Return")
    driver.until(lambda: on_screen(window, "mine") and window.shown is not None and bool(window.shown.info.version))
    driver.until(lambda: window.shown is not None and window.shown.info.version == first.version)
    assert PromptPack.load(first.folder).version == first.version
    assert {it.version for it in prompt_packs().history(first)} == {first.version, second.version}


def test_what_is_typed_stays_until_it_is_dropped_and_ours_cannot_be_typed_into(driver: Driver) -> None:
    prompt_packs().copy(prompt_packs().find(OURS), "mine")
    before = {it.name: it.read_bytes() for it in resource("prompts", OURS).iterdir()}
    window = opened(driver)
    tab_to(driver, window.editor.page)
    driver.type("spoilt")
    driver.key("Ctrl+s")
    window.packs.setFocus()
    driver.key("Down")
    driver.key("Down")
    driver.until(lambda: on_screen(window, "mine"))
    tab_to(driver, window.editor.page)
    driver.type("kept \u00a0")
    window.packs.setFocus()
    driver.key("Up")
    driver.key("Up")
    driver.until(lambda: on_screen(window, OURS))
    assert (window.unsaved, window.edits) == (True, {})
    driver.key("Down")
    driver.key("Down")
    driver.until(lambda: on_screen(window, "mine"))
    assert window.editor.text.startswith("kept \u00a0#")
    driver.key("Escape")
    assert window.isVisible()
    assert "not saved" in window.problem.text()
    driver.key("Escape")
    driver.until(lambda: driver.window.works.packs.window is None)
    assert before == {it.name: it.read_bytes() for it in resource("prompts", OURS).iterdir()}
    assert driver.crashes == []


def test_what_cannot_be_tried_says_why(driver: Driver, project_path: Path) -> None:
    strict_copy(prompt_packs())
    window = opened(driver, project_path)
    desk = driver.window.works.packs
    driver.key("Alt+3")
    driver.until(lambda: "change something, or choose another version" in window.trial.problem.text())
    tab_to(driver, window.packs)
    driver.key("Down")
    driver.key("Down")
    driver.until(lambda: "there is no decision to compare with" in window.trial.problem.text())
    assert not window.trial.run.isEnabled()
    driver.until(lambda: not desk.trials.looking)
    driver.key("Alt+2")
    assert window.pages.currentIndex() == COMPARE


def test_a_trial_is_cancelled_and_goes_on_from_there(
    driver: Driver, labelled: Path, server: ChatServer, slow: Event
) -> None:
    strict_copy(prompt_packs())
    window = opened(driver, labelled, server=server)
    desk, page = driver.window.works.packs, window.trial
    window.packs.setCurrentItem(window.packs.topLevelItem(1))
    driver.until(lambda: on_screen(window, "mine"))
    driver.key("Alt+3")
    driver.until(lambda: bool(page.plan.text()) and not desk.trials.looking)
    so_far = len(server.requests)
    slow.set()
    tab_to(driver, page.run)
    driver.key("Return")
    driver.until(lambda: len(server.requests) > so_far)
    tab_to(driver, page.cancel)
    driver.key("Return")
    driver.until(lambda: not desk.trials.running)
    assert "Cancelled" in page.problem.text()
    slow.clear()
    driver.until(lambda: not desk.trials.looking and page.run.isEnabled())
    tab_to(driver, page.run)
    driver.key("Return")
    driver.until(lambda: not desk.trials.running and bool(page.rows()))
    assert driver.crashes == []
