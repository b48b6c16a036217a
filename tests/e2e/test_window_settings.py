"""The settings and the marks that keep documents on this machine, in the window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog
from lrstudio.qt.views.dialogs.settings_dialog import SettingsDialog
from lrstudio.services.settings import ModelPrice, SettingsStore
from tests.doubles.chat_server import ChatServer
from tests.doubles.windows import Driver, make_project

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
D = TypeVar("D")


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


# ---- settings


def test_prices_typed_into_the_table_are_those_of_the_next_plan(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)
    with ChatServer() as server:
        store = SettingsStore()
        store.save(replace(store.load(), http=replace(store.load().http, base_url=server.base_url, model="m")))
        driver.show(path)
        driver.press_now("Ctrl+Comma")
        dialog = active(driver, SettingsDialog)
        dialog.prices.add.click()
        for column, text in enumerate(("m", "2,5", "7")):
            dialog.prices.table.item(0, column).setText(text)
        dialog.requests_per_minute.setValue(30)
        dialog.save.click()
        driver.until(lambda: driver.window.banner.text == "The settings are saved.")
        assert store.load().http.prices == (ModelPrice("m", 2.5, 7.0),)
        assert store.load().http.requests_per_minute == 30
        driver.activate()
        driver.press_now("Ctrl+r")
        form = active(driver, JudgeDialog)
        driver.until(lambda: bool(form.plan.ahead.rows))
        assert "$" in form.plan.head


def test_what_is_wrong_is_named_at_its_field_and_nothing_is_saved(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.until(lambda: SettingsStore().load().recent == (project_path,))
    before = SettingsStore().load()
    driver.press_now("Ctrl+Comma")
    dialog = active(driver, SettingsDialog)
    dialog.proxy.setText("nowhere")
    dialog.prices.set_rows([("m", "1", "2"), ("n", "dear", "2")])
    dialog.save.click()
    assert "Row 2, input: 'dear' is no price" in dialog.rows["prices"].note
    assert "not 'nowhere'" in dialog.rows["proxy"].note
    assert dialog.problem == "Not saved: 2 things are wrong."
    assert dialog.isVisible()
    assert SettingsStore().load() == before
    dialog.prices.set_rows([("m", "1", "2")])
    dialog.proxy.clear()
    dialog.headers.set_rows([("X-Team", "audit")])
    dialog.save.click()
    driver.until(lambda: driver.window.banner.text == "The settings are saved.")
    assert SettingsStore().load().http.headers == (("X-Team", "audit"),)


def test_rows_are_added_and_taken_away(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press_now("Ctrl+Comma")
    dialog = active(driver, SettingsDialog)
    dialog.headers.add.click()
    dialog.headers.table.item(0, 0).setText("X-A")
    dialog.headers.add.click()
    assert dialog.headers.rows() == [("X-A", ""), ("", "")]
    dialog.headers.go_to(0)
    dialog.headers.remove.click()
    assert dialog.headers.rows() == [("", "")]


# ---- documents that stay here


def test_a_document_is_kept_on_this_machine_and_a_judge_elsewhere_is_refused(
    driver: Driver, project_path: Path
) -> None:
    driver.show(project_path)
    pane = driver.audit.view.panes.document
    assert not pane.local.isVisible()
    driver.window.actions_["document.local"].trigger()
    driver.until(pane.local.isVisible)
    assert pane.local.text() == "local only"
    assert driver.window.actions_["document.local"].isChecked()
    assert "stays on this machine" in driver.window.banner.text

    driver.press_now("Ctrl+r")
    dialog = active(driver, JudgeDialog)
    dialog.select_judge("http")
    dialog.fields.url.setText("http://judge.invalid/v1")
    dialog.fields.model.setText("m")
    driver.until(lambda: bool(dialog.plan.view and "must stay on this machine" in dialog.plan.view.warning))
    dialog.run.click()
    driver.until(lambda: "skarrow must stay on this machine, and judge.invalid is another one" in dialog.problem)
    assert not driver.window.works.judging.running
    assert "Project menu" in dialog.problem
    dialog.close()
    driver.activate()

    driver.window.actions_["document.local"].trigger()
    driver.until(lambda: not pane.local.isVisible())


def test_a_judge_on_this_machine_is_not_refused(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)
    with ChatServer() as server:
        store = SettingsStore()
        store.save(replace(store.load(), http=replace(store.load().http, base_url=server.base_url, model="m")))
        driver.show(path)
        driver.window.actions_["project.local"].trigger()
        driver.until(driver.window.top_bar.local.isVisible)
        driver.until(lambda: driver.audit.view.panes.document.local.text() == "local only (project)")
        driver.press_now("Ctrl+r")
        active(driver, JudgeDialog).run.click()
        driver.until(lambda: "m has judged" in driver.window.banner.text)


def test_the_mark_of_the_project_is_gone_with_the_project(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.window.actions_["project.local"].trigger()
    driver.until(driver.window.top_bar.local.isVisible)
    assert driver.window.actions_["project.local"].isChecked()
    driver.press_now("Ctrl+w")
    driver.until(lambda: not driver.window.top_bar.local.isVisible())
