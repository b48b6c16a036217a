"""A judge run on a host from the window: chosen in the form, told by wave, let go, ended there, and gone on with."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog
from lrstudio.services.hosts import Hosts
from lrstudio.services.settings import SettingsStore
from lrstudio.viewstate.judge_fields import ADDRESS, HOST, NO_HOST
from tests.doubles.windows import Driver, make_project

if TYPE_CHECKING:
    from tests.doubles.sshd_server import SshdServer

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
ROOT = Path(__file__).parents[2]


def form_of(driver: Driver) -> JudgeDialog:
    driver.press_now("Ctrl+r")
    driver.until(lambda: isinstance(QApplication.activeWindow(), JudgeDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, JudgeDialog)
    return dialog


def picture(widget: object, name: str) -> None:
    folder = os.environ.get("LRSTUDIO_PICTURES", "")
    if folder:
        widget.grab().save(f"{folder}/{name}.png")  # type: ignore[attr-defined]


def test_without_a_host_the_form_says_where_one_is_added(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "p.lrs", judge=None))
    dialog = form_of(driver)
    dialog.select_judge("http")
    dialog.fields.place.select(HOST)
    dialog.fields.model.setText("m")
    assert dialog.fields.rows["host"].note == NO_HOST
    driver.until(lambda: "choose the host" in dialog.plan.problem)
    dialog.run.click()
    driver.until(lambda: "choose the host" in dialog.problem)
    assert dialog.fields.rows["spend_limit"].isHidden()
    dialog.fields.place.select(ADDRESS)
    assert not dialog.fields.rows["spend_limit"].isHidden()


def test_a_host_is_chosen_let_go_and_ended_in_the_window(driver: Driver, tmp_path: Path, sshd: SshdServer) -> None:
    play, told = tmp_path / "play.json", tmp_path / "told"
    play.write_text('{"hold": true}', encoding="utf-8")
    batch = ("env", f"PYTHONPATH={ROOT}", sys.executable, str(ROOT / "tests" / "doubles" / "run_batch.py"))
    words = (*batch, "--play", str(play), "--told", str(told), "--max-model-len", "32768")
    Hosts(SettingsStore()).save(sshd.host("box", python=(sys.executable,), batch=words))
    driver.show(make_project(tmp_path / "p.lrs", judge=None))
    dialog = form_of(driver)
    dialog.select_judge("http")
    dialog.fields.place.select(HOST)
    dialog.fields.model.setText("/models/judge")
    driver.until(lambda: bool(dialog.plan.ahead.rows))
    assert dialog.fields.host.currentData() == "box"
    picture(dialog, "form")
    dialog.run.click()
    bar = driver.window.top_bar
    labels = partial(bar.findChildren, QLabel)
    driver.until(lambda: any("calls on box" in it.text() for it in labels()), ms=60_000)
    picture(driver.window, "running")
    driver.window.works.judging.cancel()
    driver.until(lambda: "goes on there" in driver.window.banner.text, ms=30_000)
    picture(driver.window, "let-go")
    driver.window.banner.action_button.click()
    driver.until(lambda: "Ended on box" in driver.window.banner.text, ms=30_000)
    assert not told.exists()
    play.write_text("{}", encoding="utf-8")
    driver.activate()
    again = form_of(driver)
    assert (again.fields.place.currentData(), again.fields.host.currentData()) == (HOST, "box")
    driver.until(lambda: bool(again.plan.ahead.rows))
    again.run.click()
    driver.until(lambda: "judge has judged: 8 judgments." in driver.window.banner.text, ms=60_000)
    computed = told.read_text(encoding="utf-8").split()
    assert len(computed) == len(set(computed)) > 7
