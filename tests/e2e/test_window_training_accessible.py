"""The Training workspace for the keyboard and the ear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QWidget

from lrstudio.qt.actions import COMMANDS, Group
from lrstudio.viewstate.facts import Fact
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import ended, kill_all, toy_training, trained_project
from tests.doubles.training_window import on_screen, workspace
from tests.doubles.windows import Driver
from tests.e2e.test_window_accessible import reached, unnamed

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[Path]:
    """A project with one finished run."""
    from lrstudio.training.runs import TrainWish
    from tests.doubles.trained_project import SET

    path = tmp_path / "harbours.lrs"
    project = trained_project(path)
    training = toy_training(project)
    model = toy_model(tmp_path / "toy")
    run_id = training.launch(TrainWish(SET, "dpo", model, options={"max_steps": 30, "sample_every": 10}))
    ended(training, run_id)
    project.close()
    yield path
    kill_all(tmp_path / "harbours.runs")


def test_every_control_has_a_name_and_is_reached_by_tab(driver: Driver, trained: Path) -> None:
    training = workspace(driver, trained)
    driver.until(lambda: len(on_screen(training)) == 30)
    training.view.form.advanced.setChecked(True)
    in_menus = "QSpinBox in QFrame"  # of menus that pyqtgraph makes and nobody can open
    assert [it for it in unnamed(training.view) if it != in_menus] == []
    by_tab = reached(driver.window)
    form, board, runs = training.view.form, training.view.board, training.view.runs
    wanted: list[QWidget] = [form.set, form.recipe, form.preset, form.model, form.choose_model]
    wanted += [form.target.choice, form.target.hosts_button]
    wanted += [form.entry("beta").row.field, form.advanced, form.entry("seed").row.field, form.python]
    wanted += [training.view.check, training.view.train, board.tabs, board.smoothing, board.export_button]
    wanted += [*(it.plot for it in board.shown_cards()), runs.tabs, runs.table]
    for widget in wanted:
        assert widget in by_tab, widget.accessibleName()


def test_plots_say_what_they_show_and_are_walked_by_arrows(driver: Driver, trained: Path) -> None:
    training = workspace(driver, trained)
    driver.until(lambda: len(on_screen(training)) == 30)
    plot = training.view.board.cards["loss"].plot
    interface = QAccessible.queryAccessibleInterface(plot)
    assert interface is not None
    assert interface.text(QAccessible.Text.Name) == "Plot: Loss"
    plot.setFocus()
    driver.key("Home", plot)
    driver.key("Right", plot)
    assert training.view.board.step == 2
    assert "step 2" in plot.accessibleDescription()
    assert training.view.board.cards["margin"].plot.step == 2, "one crosshair over all plots"
    whole = plot.shown_steps()
    driver.key("+", plot)
    near = plot.shown_steps()
    assert near[1] - near[0] < whole[1] - whole[0]
    assert training.view.board.cards["margin"].plot.shown_steps() == pytest.approx(near)
    driver.window.actions_["training.reset"].trigger()
    assert training.view.board.span is None
    driver.key("Escape", plot)
    assert training.view.board.step is None


def test_panes_are_cycled_and_pages_turned_by_keys(driver: Driver, trained: Path) -> None:
    training = workspace(driver, trained)
    driver.until(lambda: len(on_screen(training)) == 30)
    view = training.view
    assert QApplication.focusWidget() is view.runs.table
    seen = []
    for _ in range(3):
        driver.key("F6")
        seen.append(QApplication.focusWidget())
    assert seen == [view.form.set, view.board.shown_cards()[0].plot, view.runs.table]
    pages = []
    for _ in range(4):
        driver.key("]")
        pages.append(view.board.page)
    assert pages == ["Health", "Machine", "All", "Learning"]
    driver.key("l")
    assert view.runs.log.hasFocus()
    assert "goes on behind step 0" in view.runs.log.toPlainText()
    driver.key("a")
    assert "step 10" in view.runs.samples.toPlainText()


def test_commands_of_training_are_off_in_the_other_workspaces(driver: Driver, trained: Path) -> None:
    training = workspace(driver, trained)
    driver.until(lambda: Fact.RUN in training.facts)
    driver.settle()
    mine = [it.id for it in COMMANDS if it.group is Group.TRAINING]
    assert driver.window.actions_["training.train"].isEnabled()
    for key in ("Ctrl+1", "Ctrl+2"):
        driver.press(key)
        assert [it for it in mine if driver.window.actions_[it].isEnabled()] == []
    assert not training._timer.isActive(), "nothing is read that nobody sees"
