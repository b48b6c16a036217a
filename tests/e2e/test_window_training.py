"""From a frozen set to a run that is watched, stopped, gone on with and judged, in the real window, with a toy worker.

The supervisor, the run folder and its files are the real ones; only the model is a toy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from lrstudio.qt.views.dialogs.training_dialogs import DifferencesDialog, RunNotesDialog, SureDialog
from lrstudio.training import wire
from lrstudio.training.runs import TrainWish
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.training_runs import COLUMNS
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import SET, TOY, ended, kill_all, trained_file
from tests.doubles.training_window import active, begin, fill, in_file, models, on_screen, service, workspace
from tests.doubles.windows import Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


@pytest.fixture
def harbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a frozen set, and a Python that trains which runs the toy worker."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{TOY[0]}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("LRSTUDIO_TRAIN_PYTHON", str(python))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    path = tmp_path / "harbours.lrs"
    trained_file(path)
    yield path
    kill_all(tmp_path / "harbours.runs")


def test_an_empty_workspace_names_the_next_step(driver: Driver, harbours: Path) -> None:
    training = workspace(driver, harbours)
    driver.until(lambda: training.view.form.set.currentData() == SET)
    assert training.view.nothing.isVisible()
    assert "press Train" in training.view.nothing.sentence.text()
    assert Fact.RUN not in training.facts


def test_without_a_set_it_leads_to_pairs(driver: Driver, project_path: Path) -> None:
    training = workspace(driver, project_path)
    assert "frozen set" in training.view.nothing.sentence.text()
    assert training.view.sets_button.isVisible()
    driver.key("Ctrl+Return")
    driver.until(lambda: training.view.form._set_row.problem.isVisible())
    assert "Freeze a set" in training.view.form._set_row.problem.text()


def test_what_is_wrong_stands_beside_its_field(driver: Driver, harbours: Path) -> None:
    training = workspace(driver, harbours)
    form = training.view.form
    driver.key("Ctrl+Return")
    assert form._model_row.problem.text() == "Choose the folder of the model."
    form.model.setText(str(harbours.parent / "nowhere"))
    assert form._model_row.problem.text() == "There is no such folder."
    form.entry("beta").text = "much"
    assert "is a number" in form.entry("beta").row.problem.text()
    form.entry("warmup").text = "7"
    driver.key("Ctrl+Return")
    assert form.entry("warmup").row.isVisible(), "Advanced opens where the problem is"
    assert not training.launch.checking
    form.recipe.select("sppo")
    assert form.typed.preset == "paper"
    assert "1 / eta" in form.entry("beta").option.meaning
    assert "SPPO, section 5" in form.entry("beta").row.field.toolTip()


def test_a_check_shows_lengths_estimate_and_checks(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    fill(training, toy_model(tmp_path / "toy"))
    training.view.runs.table.setFocus()
    driver.window.actions_["training.check"].trigger()
    assert Fact.CHECKING in training.facts
    driver.until(lambda: training.view.preview.counts.isVisible())
    preview = training.view.preview
    assert preview.counts.text() == "kept 8 · cut 0 · dropped 0"
    assert "1 GiB of 8" in preview.estimate.text()
    assert "about 12 s" in preview.estimate.text()
    assert service(driver).runs() == ()
    training.view.form.entry("beta").text = "0.3"
    driver.settle()
    assert not preview.counts.isVisible(), "what was found was of another form"
    assert [it for it in service(driver).home.iterdir() if it.name[0].isdigit()] == []


def test_what_one_python_has_found_is_not_taken_for_another(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    fill(training, toy_model(tmp_path / "toy"))
    driver.window.actions_["training.check"].trigger()
    driver.until(lambda: training.view.preview.counts.isVisible())
    training.view.form.python.setText(str(tmp_path / "no-python"))
    driver.settle()
    assert not training.view.preview.counts.isVisible()
    driver.key("Ctrl+Return")
    driver.until(lambda: "there is no Python here" in training.view.form._python_row.problem.text())
    assert service(driver).runs() == ()


def test_what_a_field_means_stays_in_sight_and_the_keyboard_goes_along_with_the_buttons(
    driver: Driver, harbours: Path, tmp_path: Path
) -> None:
    training = workspace(driver, harbours)
    view = training.view
    fill(training, toy_model(tmp_path / "toy", slow=60))
    view.form.advanced.setChecked(True)
    view.form.entry("seed").row.field.setFocus()
    driver.settle()
    assert "Seed of everything random" in view.form.help.text()
    assert view.form.help.isVisible()
    assert not view.form.isAncestorOf(view.form.help), "no field moves under the pointer when it appears"
    view.check.setFocus()
    driver.settle()
    assert not view.form.help.isVisible()
    driver.key("Space", view.check)
    driver.until(lambda: QApplication.focusWidget() is view.cancel)
    assert training.launch.checking
    driver.key("Space", view.cancel)
    driver.until(lambda: QApplication.focusWidget() is view.train)
    assert not training.launch.checking


def test_a_check_is_cancelled_and_leaves_nothing(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    fill(training, toy_model(tmp_path / "toy", slow=60))
    driver.window.actions_["training.check"].trigger()
    driver.until(lambda: "reading the rows" in training.view.preview.said.text())
    driver.window.actions_["training.cancel"].trigger()
    driver.until(lambda: not training.launch.checking)
    driver.settle()
    assert [it for it in service(driver).home.iterdir() if it.name[0].isdigit()] == []


def test_a_window_that_closes_ends_its_check(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    home = service(driver).home
    fill(training, toy_model(tmp_path / "toy", slow=60))
    driver.window.actions_["training.check"].trigger()
    driver.until(lambda: "reading the rows" in training.view.preview.said.text())
    driver.close()
    assert [it for it in home.iterdir() if it.name[0].isdigit()] == []


def test_what_cannot_start_says_what_to_do(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    for number, (ways, told) in enumerate(
        (
            ({"refuse": "the model folder has no chat template; save one with the tokenizer"}, "has no chat template"),
            ({"refuse": "torch is missing in the Python that trains; add it"}, "named under Advanced"),
            ({"fails": "the disk has 3 GiB left and the checkpoints need 12"}, "the disk has 3 GiB left"),
        )
    ):
        fill(training, toy_model(tmp_path / f"toy{number}", **ways))
        driver.key("Ctrl+Return")
        driver.until(lambda told=told: told in training.view.preview.problems.text())
        assert training.view.preview.problems.isVisible()
        assert service(driver).runs() == ()


def test_rows_that_are_dropped_must_be_accepted(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    fill(training, toy_model(tmp_path / "toy", dropped="one"))
    driver.key("Ctrl+Return")
    preview = training.view.preview
    driver.until(lambda: "Accept that 1 row is dropped" in preview.problems.text())
    assert service(driver).runs() == ()
    (box,) = preview._accepts.values()
    assert QApplication.focusWidget() is box
    driver.key("Space", box)
    training.view.form.name.setText("mine")
    assert preview.counts.isVisible(), "what was found holds under another name"
    driver.key("Ctrl+Return")
    driver.until(lambda: len(training.rows) == 1 and not training.launch.checking)
    assert (training.rows[0].name, training.view.form.name.text()) == ("mine", "")
    assert training.view.isAncestorOf(QApplication.focusWidget()), "the box had the keyboard, and is gone"
    assert ended(service(driver), training.rows[0].run_id).reason == "finished"


def test_a_run_is_trained_stopped_gone_on_with_and_judged(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    model = toy_model(tmp_path / "toy", seconds=0.05, wait_at=[50], answer="The harbour was mined in 1943.")
    run_id = begin(driver, training, model, max_steps=60, save_every=4, sample_every=5)
    folder = service(driver).home / run_id
    driver.until(lambda: len(on_screen(training)) >= 5)
    driver.until(lambda: training.row is not None and training.row.phase is Phase.RUNNING)
    driver.until(lambda: len(on_screen(training)) >= 8)
    training.view.take_keyboard()
    driver.key("s")
    assert ended(service(driver), run_id).reason == "stopped"
    driver.until(lambda: training.row is not None and training.row.phase is Phase.STOPPED)
    driver.until(lambda: Fact.RUN_RESUMABLE in training.facts)
    driver.until(lambda: driver.window.banner.text.startswith("Run 1 has stopped at step "))
    driver.until(lambda: on_screen(training) == in_file(folder))
    stopped_at = len(on_screen(training))
    assert 5 <= stopped_at < 60

    driver.key("r")
    driver.until(lambda: len(on_screen(training)) > stopped_at)
    assert ended(service(driver), run_id).reason == "finished"
    driver.until(lambda: training.row is not None and training.row.phase is Phase.FINISHED)
    driver.until(lambda: len(on_screen(training)) == 60)
    assert on_screen(training) == in_file(folder)

    driver.until(lambda: "reward" in training.view.runs.samples.toPlainText())  # the built-in judge saw them
    driver.until(lambda: training.row is not None and training.row.reward_last is not None)
    training.view.take_keyboard()
    driver.key("j")
    driver.until(lambda: any("dpo 1" in it for it in models(driver)))
    driver.until(lambda: not driver.window.works.judging.running)
    driver.settle()
    assert driver.crashes == []


def test_a_round_that_a_person_wants_to_judge_waits_for_them(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    told: list[str] = []
    training.judging.told.connect(lambda notice: told.append(notice.text))
    wish = TrainWish(SET, "sppo", toy_model(tmp_path / "toy"), options={"max_steps": 3, "round_judge": "person"})
    run_id = service(driver).launch(wish)
    driver.until(lambda: any("waits for its judge: press j" in it for it in told))
    assert service(driver).run(run_id).row.phase is Phase.WAITING_FOR_JUDGE
    assert training.judging._job is None
    training.view.take_keyboard()
    driver.key("j")
    assert ended(service(driver), run_id).reason == "finished"


def test_the_window_goes_and_comes_and_the_run_goes_on(
    make_driver: Callable[..., Driver], harbours: Path, tmp_path: Path
) -> None:
    first = make_driver()
    training = workspace(first, harbours)
    model = toy_model(tmp_path / "toy", seconds=0.05)
    run_id = begin(first, training, model, max_steps=10_000, save_every=5)
    first.until(lambda: len(on_screen(training)) >= 3)
    first.close()

    second = make_driver()
    again = workspace(second, harbours)
    second.until(lambda: run_id in again.screens)
    assert again.row is not None
    assert again.row.running
    seen = len(on_screen(again))
    second.until(lambda: len(on_screen(again)) > seen)
    again.view.take_keyboard()
    second.key("s")
    second.until(lambda: again.row is not None and again.row.phase is Phase.STOPPED)
    second.until(lambda: Fact.RUN_RESUMABLE in again.facts)
    second.until(lambda: on_screen(again) == in_file(service(second).home / run_id))
    assert len(service(second)._folder(run_id).claims()) == 1, "no second supervisor"


def test_two_runs_are_overlaid_compared_noted_and_removed(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    model = toy_model(tmp_path / "toy")
    one = begin(driver, training, model)
    ended(service(driver), one)
    two = begin(driver, training, model, beta="0.4")
    ended(service(driver), two)
    driver.until(lambda: all(it.phase is Phase.FINISHED for it in training.rows))
    training.view.take_keyboard()
    driver.key("Down")
    driver.until(lambda: training._focus == one)
    training.overlay(two)
    driver.until(lambda: [it.label for it in training.view.board.runs] == ["run 1", "run 2"])
    assert {"run 1", "run 2"} <= set(training.view.board.cards["loss"].title.text().replace("<", ">").split(">"))

    driver.key("c")
    dialog = active(driver, DifferencesDialog)
    assert dialog.said.text() == "Run 1 and run 2 differ in one thing."
    assert dialog.table.table.grid.rows == (("Beta", "0.15", "0.4"),)
    driver.key("Escape", dialog)
    driver.activate()

    training.view.take_keyboard()
    driver.key("n")
    notes = active(driver, RunNotesDialog)
    driver.type("the first one", notes.text)
    driver.key("Ctrl+Return", notes)
    driver.activate()
    driver.until(lambda: training.row is not None and training.row.notes == "the first one")

    training.view.take_keyboard()
    driver.key("Delete")
    sure = active(driver, SureDialog)
    assert QApplication.focusWidget() is sure.leave, "Enter loses nothing"
    sure.go.click()
    driver.activate()
    driver.until(lambda: [it.run_id for it in training.rows] == [two])
    assert not (service(driver).home / one).exists()


def test_what_finds_no_room_beside_the_runs_stands_in_a_menu(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    begin(driver, training, toy_model(tmp_path / "toy", seconds=0.05), max_steps=10_000)
    driver.until(lambda: Fact.RUN_ALIVE in training.facts)
    deeds, tabs = training.view.runs.deeds, training.view.runs.tabs
    driver.window.resize(driver.window.minimumSize())
    driver.until(deeds.more.isVisible)
    shown = [button for _, button in deeds.buttons if button.isVisible()]
    assert shown[0].text() == "Stop and save", "what comes first stays longest"
    assert deeds.more.geometry().right() <= deeds.rect().right()
    assert all(it.width() >= it.sizeHint().width() for it in (*shown, tabs))
    assert len(shown) + len(deeds.more.menu().actions()) == sum(action.isEnabled() for action, _ in deeds.buttons)
    table, state = training.view.runs.table, COLUMNS.index("state")
    word = table.fontMetrics().horizontalAdvance("unknown since 14:42")
    assert table.columnWidth(state) > word
    assert table.isColumnHidden(COLUMNS.index("s/pair"))
    driver.window.resize(1600, 900)
    driver.until(lambda: not deeds.more.isVisible())
    assert not any(map(table.isColumnHidden, range(len(COLUMNS))))
    assert [button.isVisible() for _, button in deeds.buttons] == [it.isEnabled() for it, _ in deeds.buttons]


def test_stop_now_asks_first(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    run_id = begin(driver, training, toy_model(tmp_path / "toy", seconds=0.1), max_steps=10_000, save_every=100)
    driver.until(lambda: training.row is not None and training.row.phase is Phase.RUNNING)
    training.view.take_keyboard()
    driver.key("Shift+S")
    sure = active(driver, SureDialog)
    assert "since its last checkpoint are lost" in sure.findChildren(QLabel)[0].text()
    sure.go.click()
    assert ended(service(driver), run_id).reason == "stopped"


def test_an_unknown_run_is_taken_over_only_when_a_person_is_sure(
    driver: Driver, harbours: Path, tmp_path: Path
) -> None:
    training = workspace(driver, harbours)
    model = toy_model(tmp_path / "toy", seconds=0.05, wait_at=[50])
    run_id = begin(driver, training, model, max_steps=60, save_every=2)
    driver.until(lambda: len(on_screen(training)) >= 4)
    training.view.take_keyboard()
    driver.key("s")
    ended(service(driver), run_id)
    folder = service(driver).home / run_id
    holder = folder / "claim" / "000001" / "holder.json"
    holder.write_text(json.dumps(json.loads(holder.read_text()) | {"host": "elsewhere", "boot": "another"}))
    (folder / wire.EXIT).unlink()
    driver.until(lambda: training.row is not None and training.row.life is Life.UNKNOWN)
    driver.until(lambda: training.view.runs.model.rows[0].chip.text.startswith("unknown since"))
    assert Fact.RUN_ALIVE not in training.facts
    assert Fact.RUN_OVER not in training.facts

    driver.key("r")
    sure = active(driver, SureDialog)
    assert "only when you know" in sure.findChildren(QLabel)[0].text()
    sure.go.click()
    driver.activate()
    driver.until(lambda: training.row is not None and training.row.phase is Phase.FINISHED)
    driver.until(lambda: len(on_screen(training)) == 60)


def test_an_sppo_run_is_judged_while_it_waits(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    training = workspace(driver, harbours)
    training.view.form.recipe.select("sppo")
    run_id = begin(driver, training, toy_model(tmp_path / "toy"))
    driver.until(lambda: training.row is not None and training.row.phase is Phase.FINISHED)
    assert (service(driver).home / run_id / "rounds").is_dir()


def test_plots_are_written_out(driver: Driver, harbours: Path, tmp_path: Path) -> None:
    from lrstudio.qt.views.training_deeds import CSV, PNG, SVG

    training = workspace(driver, harbours)
    run_id = begin(driver, training, toy_model(tmp_path / "toy"))
    ended(service(driver), run_id)
    driver.until(lambda: len(on_screen(training)) == 12)
    written: list[bytes] = []
    for what, suffix in ((PNG, ".png"), (SVG, ".svg"), (CSV, ".csv")):
        training.doing.export(tmp_path / "plots", what)
        driver.settle()
        written.append((tmp_path / f"plots{suffix}").read_bytes())
    assert written[0].startswith(b"\x89PNG")
    assert b"Loss" in written[1]
    lines = written[2].decode("utf-8-sig").splitlines()
    assert lines[0].startswith("run,of,step")
    assert len([it for it in lines if it.startswith("run 1,training,")]) == 12
