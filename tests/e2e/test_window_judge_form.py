"""The form before a judge run: its plan is the command line's, its limit stops the run, its fields are remembered."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.qt.views.dialogs.judge_dialog import JudgeDialog
from lrstudio.services.settings import ModelPrice, SettingsStore
from lrstudio.services.wiring import prompt_packs
from lrstudio.viewstate.judge_fields import SERVED
from lrstudio.viewstate.judge_progress import money
from tests.doubles.chat_server import ChatServer
from tests.doubles.ready_commands import run
from tests.doubles.windows import ANSWERS, Driver, make_project

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


def form_of(driver: Driver) -> JudgeDialog:
    driver.press_now("Ctrl+r")
    driver.until(lambda: isinstance(QApplication.activeWindow(), JudgeDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, JudgeDialog)
    return dialog


def use_server(server: ChatServer, *, input_price: float = 2.0, output_price: float = 6.0) -> None:
    store = SettingsStore()
    settings = store.load()
    prices = (ModelPrice("m", input_price, output_price),)
    store.save(replace(settings, http=replace(settings.http, base_url=server.base_url, model="m", prices=prices)))


def cli(*words: str) -> dict[str, object]:
    status, out, err = run(words)
    assert status == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def shown(dialog: JudgeDialog, *, whole: bool = False) -> dict[str, tuple[str, ...]]:
    table = dialog.plan.whole if whole else dialog.plan.ahead
    return {
        row.name.lower(): tuple(
            it.replace("~", "").replace(",", "") for it in (row.calls, row.input_tokens, row.output_tokens)
        )
        for row in table.rows
    }


def numbers(efforts: dict[str, dict[str, int]]) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(str(effort[key]) for key in ("calls", "input_tokens", "output_tokens"))
        for name, effort in efforts.items()
    }


def test_the_plan_is_the_one_of_the_command_line_and_nothing_is_sent(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)
    with ChatServer() as server:
        use_server(server)
        driver.show(path)
        dialog = form_of(driver)
        driver.until(lambda: bool(dialog.plan.ahead.rows))
        told = cli("judge", str(path), "--judge", "http", "--plan", "--json")
        assert shown(dialog) == numbers(told["outstanding"])  # type: ignore[arg-type]
        assert shown(dialog, whole=True) == numbers(told["without_log"])  # type: ignore[arg-type]
        assert dialog.plan.ahead.rows[-1].cost == f"~{money(told['outstanding']['total']['cost'])}"  # type: ignore[index]

        dialog.fields.samples.setValue(3)
        dialog.fields.limit.setValue(1)
        before = shown(dialog)
        driver.until(lambda: shown(dialog) != before)
        words = ("judge", str(path), "--judge", "http", "--samples", "3", "--limit", "1", "--plan", "--json")
        told = cli(*words)
        assert shown(dialog) == numbers(told["outstanding"])  # type: ignore[arg-type]
        assert dialog.plan.head.startswith("1 candidate,")
        assert server.requests == []


def test_what_is_in_the_log_is_paid_already(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)
    with ChatServer() as server:
        use_server(server)
        cli("judge", str(path), "--judge", "http", "--dimension", "helpfulness", "--json")
        driver.show(path)
        dialog = form_of(driver)
        driver.until(lambda: bool(dialog.plan.view and dialog.plan.view.paid))
        assert dialog.plan.view is not None
        assert "Already paid: 2 calls" in dialog.plan.view.paid
        assert dialog.plan.whole.rows[0].name == "Helpfulness"
        assert "Helpfulness" not in [row.name for row in dialog.plan.ahead.rows]


def test_the_spend_limit_stops_the_run_and_is_on_screen(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None, answers=ANSWERS * 3)
    with ChatServer(latency=0.3) as server:  # so long that the line of a run is written on the way
        use_server(server, input_price=100.0, output_price=100.0)
        driver.show(path)
        dialog = form_of(driver)
        lines: list[str] = []
        driver.window.works.judging.line_changed.connect(lambda line: lines.append(line.text) if line else None)
        dialog.fields.concurrency.setValue(1)
        dialog.fields.spend_limit.setValue(0.6)
        driver.until(lambda: bool(dialog.plan.view and "More than the spend limit" in dialog.plan.view.warning))
        turns = driver.turns_of_judging()
        dialog.run.click()
        driver.until(lambda: turns == [True, False])
        driver.settle()
        assert "spend limit of 0.6 is reached" in driver.window.banner.text
        assert any("of $0.60" in line for line in lines)
        project = driver.window.works.desk.project
        assert project is not None
        run = project.audit.runs()[0]
        assert 0 < (run.cost or 0) <= 0.6


def test_while_something_is_missing_the_plan_says_calmly_what(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    dialog = form_of(driver)
    dialog.select_judge("http")
    driver.until(lambda: "Base URL" in dialog.plan.problem)
    assert dialog.problem == ""
    dialog.select_judge("lexical")
    driver.until(lambda: "calls no model" in dialog.plan.head)


def test_few_fields_are_shown_and_the_others_are_a_click_away(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    dialog = form_of(driver)
    dialog.select_judge("http")
    fields = dialog.fields
    assert fields.model.isVisible()
    assert not fields.samples.isVisible()
    fields.more.click()
    assert fields.samples.isVisible()
    assert not fields.embedding_model.isVisible()
    fields.retrieval.select("fusion")
    assert fields.embedding_model.isVisible()
    fields.place.select(SERVED)
    assert fields.serve.isVisible()
    assert not fields.url.isVisible()
    fields.presets.menu().actions()[0].trigger()
    assert fields.serve.text() == "vllm serve {model}"
    assert all(row.note for row in fields.rows.values() if row.isVisible() and row is not fields.rows["place"])


def test_a_refusal_stands_at_its_field(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    dialog = form_of(driver)
    dialog.select_judge("http")
    dialog.fields.url.setText("http://127.0.0.1:9/v1")
    dialog.fields.model.setText("m")
    dialog.fields.retrieval.select("embeddings")
    dialog.run.click()
    driver.until(lambda: bool(dialog.problem))
    row = dialog.fields.rows["embedding_model"]
    assert row.isVisible(), "an advanced field that is wrong is brought forward"
    assert "needs the name of a model" in row.note


def test_what_was_filled_in_is_there_the_next_time(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)
    with ChatServer() as server:
        use_server(server)
        driver.show(path)
        dialog = form_of(driver)
        dialog.fields.samples.setValue(2)
        dialog.fields.spend_limit.setValue(5.0)
        turns = driver.turns_of_judging()
        dialog.run.click()
        driver.until(lambda: turns == [True, False])
        driver.settle()
        driver.activate()
        again = form_of(driver)
        assert (again.fields.samples.value(), again.fields.spend_limit.value()) == (2, 5.0)
        assert again.fields.judge.currentData() == "http"


def test_a_server_that_the_studio_starts_judges_and_is_gone(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)
    double = Path(__file__).parents[1] / "doubles" / "chat_server.py"
    driver.show(path)
    dialog = form_of(driver)
    dialog.select_judge("http")
    dialog.fields.place.select(SERVED)
    dialog.fields.model.setText("m")
    dialog.fields.serve.setText(f"{sys.executable} {double} --port {{port}}")
    driver.until(lambda: bool(dialog.plan.ahead.rows))
    dialog.run.click()
    driver.until(lambda: "m has judged: 8 judgments." in driver.window.banner.text, ms=60_000)
    assert SettingsStore().load().judge.served


def test_another_project_takes_the_form_with_it(driver: Driver, tmp_path: Path) -> None:
    driver.show(make_project(tmp_path / "p.lrs", judge=None))
    dialog = form_of(driver)
    gone: list[int] = []
    dialog.destroyed.connect(lambda *_: gone.append(1))
    driver.window.works.desk.open(make_project(tmp_path / "q.lrs"))
    driver.until(lambda: bool(gone))
    driver.settle()


def test_prompt_packs_are_offered_by_name(driver: Driver, tmp_path: Path) -> None:
    path = make_project(tmp_path / "p.lrs", judge=None)
    driver.show(path)
    project = driver.window.works.desk.project
    assert project is not None
    packs = prompt_packs(project.path)
    mine = packs.copy(packs.known()[0], "mine")
    dialog = form_of(driver)
    menu = lambda: {it.text(): it for it in dialog.fields.browse.menu().actions() if it.text()}  # noqa: E731
    driver.until(lambda: "mine" in menu())
    menu()["mine"].trigger()
    assert dialog.fields.prompts.text() == str(mine.folder)
    assert dialog.fields.wish().http.prompts == str(mine.folder)
    menu()["longreward-studio"].trigger()
    assert dialog.fields.prompts.text() == ""
    assert "Another folder…" in menu()
