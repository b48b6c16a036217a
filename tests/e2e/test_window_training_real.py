"""The same way with the real worker and the tiny model; skipped where no Python with torch is at hand.

LRSTUDIO_TRAIN_PYTHON names one beside that of the tests. With that of the tests one worker of the way is started from
nothing, the others are forked.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from lrstudio.cli.tiny_model import build_tiny_model
from lrstudio.qt.views.training_controller import TrainingController
from lrstudio.training.wire import Phase
from lrstudio.viewstate.facts import Fact
from tests.doubles.ready_workers import python_that_forks
from tests.doubles.trained_project import ended, kill_all, trained_file
from tests.doubles.training_window import in_file, models, on_screen, service, workspace
from tests.doubles.windows import Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
PYTHON = os.environ.get("LRSTUDIO_TRAIN_PYTHON", sys.executable)
MINUTES_MS = 300_000


@pytest.fixture
def harbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if sys.executable != PYTHON:
        probe = subprocess.run([PYTHON, "-c", "import torch, transformers, peft"], capture_output=True, check=False)
        there = probe.returncode == 0
    else:
        there = all(map(find_spec, ("torch", "transformers", "peft")))
    if not there:
        pytest.skip("no Python with torch, transformers and peft; LRSTUDIO_TRAIN_PYTHON can name one")
    forks = sys.executable == PYTHON and hasattr(os, "fork")
    python = python_that_forks(tmp_path / "python", but="--attempt 1") if forks else PYTHON
    monkeypatch.setenv("LRSTUDIO_TRAIN_PYTHON", str(python))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0}, raising=False)  # a run computes with one thread
    path = tmp_path / "harbours.lrs"
    trained_file(path, documents=4, chapters=6)
    yield path
    kill_all(tmp_path / "harbours.runs")


def test_from_a_frozen_set_to_judged_answers_with_the_real_worker(
    driver: Driver, harbours: Path, tmp_path: Path
) -> None:
    training = workspace(driver, harbours)
    form = training.view.form
    form.model.setText(str(build_tiny_model(tmp_path / "tiny")))
    wished = {"max_steps": 90, "save_every": 2, "accumulation": 1, "dtype": "fp32", "learning_rate": "1e-3"}
    wished |= {"evaluate_every": 24, "sample_every": 24, "sample_count": 1, "sample_tokens": 12}
    for name, value in wished.items():
        form.entry(name).text = str(value)
    driver.key("Ctrl+Return")
    driver.until(lambda: bool(training.rows) and bool(training.screens), ms=MINUTES_MS)
    run_id = training.rows[0].run_id
    folder = service(driver).home / run_id
    driver.until(lambda: len(on_screen(training)) >= 2, ms=MINUTES_MS)
    training.view.take_keyboard()
    driver.key("s")
    driver.until(lambda: phase(training) is Phase.STOPPED, ms=MINUTES_MS)
    driver.until(lambda: Fact.RUN_RESUMABLE in training.facts)
    driver.until(lambda: on_screen(training) == in_file(folder))
    stopped_at = max(on_screen(training))
    assert 2 <= stopped_at < 90

    driver.key("r")
    driver.until(lambda: phase(training) is Phase.FINISHED, ms=MINUTES_MS)
    assert ended(service(driver), run_id).reason == "finished"
    driver.until(lambda: len(on_screen(training)) == 90)
    assert on_screen(training) == in_file(folder)
    assert training.view.runs.engine.text() == "shared prefix"
    driver.until(lambda: "step 24" in training.view.runs.samples.toPlainText())

    training.view.take_keyboard()
    driver.key("j")
    driver.until(lambda: any("dpo 1" in it for it in models(driver)), ms=MINUTES_MS)
    driver.until(lambda: not driver.window.works.judging.running)
    driver.settle()


def test_a_python_without_torch_is_told_by_its_name(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: without what is installed
    python.chmod(0o755)
    monkeypatch.setenv("LRSTUDIO_TRAIN_PYTHON", str(python))
    path = tmp_path / "harbours.lrs"
    trained_file(path, documents=4, chapters=6)
    training = workspace(driver, path)
    training.view.form.model.setText(str(tmp_path))
    driver.key("Ctrl+Return")
    problems = training.view.preview.problems
    driver.until(lambda: "pip install 'lrstudio[train]'" in problems.text(), ms=MINUTES_MS)
    assert "Another Python can be named under Advanced" in problems.text()
    assert service(driver).runs() == ()


def phase(training: TrainingController) -> Phase | None:
    return training.row.phase if training.row is not None else None
