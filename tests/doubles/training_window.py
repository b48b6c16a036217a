"""The Training workspace of a window: its form filled in, its runs waited for, its curves beside the file's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtWidgets import QApplication

from lrstudio.qt.views.training_controller import TrainingController
from lrstudio.services.training import Training
from lrstudio.training import wire
from lrstudio.training.events import Curve, Tail
from tests.doubles.windows import Driver

D = TypeVar("D")


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


def workspace(driver: Driver, path: Path) -> TrainingController:
    driver.show(path)
    driver.press("Ctrl+3")
    found = driver.window.works.beside.workspaces.training
    assert found is not None
    return found


def fill(training: TrainingController, model: Path, **options: Any) -> None:
    """Fill the form in."""
    training.view.form.model.setText(str(model))
    for name, value in {"max_steps": 12, "save_every": 3, **options}.items():
        training.view.form.entry(name).text = str(value)


def service(driver: Driver) -> Training:
    project = driver.window.works.desk.project
    assert project is not None
    return project.training


def begin(driver: Driver, training: TrainingController, model: Path, **options: Any) -> str:
    """Start a run by the keyboard and wait until it is on screen."""
    before = {it.run_id for it in training.rows}
    fill(training, model, **options)
    driver.key("Ctrl+Return")
    driver.until(
        lambda: (
            not training.launch.checking
            and training._focus not in before | {""}
            and training._focus in training.screens
        )
    )
    return training._focus


def on_screen(training: TrainingController) -> dict[int, float]:
    """The loss as the plot has it."""
    (run, *_) = training.view.board.runs
    steps, values = run.curves.series("loss")
    return {int(step): float(value) for step, value in zip(steps, values, strict=True)}


def in_file(folder: Path) -> dict[int, float]:
    curve = Curve()
    curve.add(Tail().read(folder / wire.EVENTS))
    return {step: point["loss"] for step, point in curve.points.items()}


def models(driver: Driver) -> set[str]:
    project = driver.window.works.desk.project
    assert project is not None
    return {it.model for question in project.audit.questions() for it in question.candidates if it.reward is not None}
