"""What all fault rounds of training share: a project with a run that was looked over, and the end it comes to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio

from lrstudio.services.judges import JudgeRequest
from lrstudio.training import wire
from lrstudio.training.events import Tail
from lrstudio.training.folder import RunFolder
from lrstudio.training.runs import TrainWish
from tests.doubles.ready_commands import ready
from tests.doubles.trained_project import SET, trained_project
from tests.faults.rounds import ROOT, Failed, environment, lrstudio
from tests.faults.run_ends import Ends, complaints
from tests.faults.run_moments import EVALUATE, ROUNDS, SAMPLE, SAVE, STEPS, Pace
from tests.faults.run_processes import belonging

PATIENCE = 300.0
"""Seconds after which something counts as hanging."""

_PROJECT = "p.lrs"
_OPTIONS = {
    "max_steps": STEPS, "save_every": SAVE, "evaluate_every": EVALUATE, "sample_every": SAMPLE, "sample_count": 1,
    "sample_tokens": 24, "accumulation": 2, "dtype": "fp32", "lora_r": 4, "lora_dropout": 0.1, "learning_rate": 1e-3,
    "health_displacement": "off", "health_kl": "off", "merged": False, "check_count": 0,
}  # fmt: skip

_OF_RECIPE: Final[dict[str, dict[str, Any]]] = {
    "dpo": {},
    "longpo": {"learning_rate": 1e-4},
    "sppo": {
        "max_steps": STEPS // ROUNDS, "rounds": ROUNDS, "answers": 2, "answer_tokens": 8, "temperature": 1.0,
        "evaluate_every": 0, "learning_rate": 1e-4,
    },
}  # fmt: skip
SCRIPT: Final = "script.json"
"""What the judge of an SPPO run goes by, beside the projects: it makes its verdicts up from the texts."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with a project and a draft of a run in it, the end of such a run undisturbed, and its pace."""

    folder: Path
    recipe: str
    run_id: str
    whole: Ends
    pace: Pace

    @classmethod
    def prepare(cls, folder: Path, recipe: str = "dpo", *, python: Path = Path(sys.executable)) -> Bench:
        """Draft a run of the tiny model, look it over, and let a copy of it come to its end.

        An SPPO run has three rounds, which a scripted judge judges from another process; the passages that LongPO's
        short prompts are made of are those of the lexical judge. `python` starts the trainers.

        Raises:
            Failed: it does not.
        """
        model = folder / "model"
        lrstudio("tiny-model", model, "--python", python)
        (folder / "draft").mkdir()
        project = trained_project(folder / "draft" / _PROJECT, documents=8, chapters=6)
        if recipe == "longpo":
            anyio.run(partial(project.judging.run, JudgeRequest("lexical"), emit=lambda _event: None))
        training = project.training
        options = _OPTIONS | _OF_RECIPE[recipe]
        run_id = training.draft(TrainWish(SET, recipe, model, options=options, python=python))
        run = RunFolder(training.home / run_id)
        run.write(wire.SPEC, replace(run.spec(), threads=1))
        training.preflight(run_id)
        project.close()
        (folder / SCRIPT).write_text('{"name": "made up"}', encoding="utf-8")
        whole, pace = _undisturbed(folder, run_id)
        return cls(folder, recipe, run_id, whole, pace)

    def copy(self, name: str) -> tuple[Path, RunFolder]:
        """Return a copy of the project, and the draft in it."""
        return _copied(self.folder, self.run_id, name)


def _copied(folder: Path, run_id: str, name: str) -> tuple[Path, RunFolder]:
    shutil.copytree(folder / "draft", folder / name, symlinks=True)
    project = folder / name / _PROJECT
    return project, RunFolder(project.with_suffix(".runs") / run_id)


def _undisturbed(folder: Path, run_id: str) -> tuple[Ends, Pace]:
    project, run = _copied(folder, run_id, "whole")
    with window(project, run) as process:
        until(lambda: ended(run), process)
        until(lambda: not belonging(run), process)
        shown = process.curve()
    ends = Ends.read(run)
    found = complaints(run, ends)
    if found or len(ends.steps) != STEPS or len(shown) != STEPS or not ends.weights or not ends.samples:
        log = (run.path / wire.LOG).read_text(encoding="utf-8", errors="replace")
        raise Failed(f"the undisturbed run came to no good end: {'; '.join(found)}\n{log[-600:]}")
    return ends, Pace.of(Tail().read(run.path / wire.EVENTS))


@contextmanager
def judging(project: Path, recipe: str) -> Iterator[None]:
    """Judge the rounds of an SPPO run without a window, as long as it lasts."""
    if recipe != "sppo":
        yield
        return
    script = project.parents[1] / SCRIPT
    words = ["runs", str(project), "judge", "1", "--follow", "--judge", "scripted", "--script", str(script)]
    with (project.parent / "judge.log").open("ab") as log:
        process = ready().start(
            words, environment=environment(), stdout=log.fileno(), stderr=log.fileno(), folder=str(ROOT)
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Window:
    """A window on a run, a process of its own: it ends with what it hears, and says then what it showed."""

    def __init__(self, project: Path, run: RunFolder) -> None:
        """Open it; its last words are in window.log."""
        hears, self._hears = os.pipe()
        self._said = project.parent / "window.json"
        with (project.parent / "window.log").open("ab") as errors, self._said.open("wb") as said:
            self._process = ready().start(
                [str(project), run.path.name, str(project.parents[1] / SCRIPT)],
                module="tests.faults.window",
                environment=environment(),
                stdin=hears,
                stdout=said.fileno(),
                stderr=errors.fileno(),
                folder=str(ROOT),
            )
        os.close(hears)

    def poll(self) -> int | None:
        """Return how it ended, None while it is open."""
        return self._process.poll()

    def kill(self) -> int:
        """Kill -9 it, where it is open; return how it ended."""
        self._process.kill()
        return self._process.wait()

    def close(self) -> None:
        """Let it go."""
        if self._hears >= 0:
            os.close(self._hears)
            self._hears = -1

    def curve(self) -> dict[int, str]:
        """Close it and return the curve that it showed, losses by step.

        Raises:
            Failed: it had broken down.
        """
        self.close()
        try:
            self._process.wait(PATIENCE)
            said = self._said.read_text(encoding="utf-8")
            return {int(step): loss for step, loss in json.loads(said).items()}
        except (ValueError, subprocess.TimeoutExpired) as error:
            raise Failed(f"the window broke down with {self._process.returncode}") from error


@contextmanager
def window(project: Path, run: RunFolder) -> Iterator[Window]:
    """Open a window on a run, see `tests.faults.window`; it is killed in the end."""
    opened = Window(project, run)
    try:
        yield opened
    finally:
        opened.kill()
        opened.close()


def until(reached: Callable[[], object], process: Window | None = None, *, poll: float = 0.02) -> None:
    """Wait for something.

    Raises:
        Failed: it does not come, or the window goes down meanwhile.
    """
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if process is not None and process.poll() is not None:
            raise Failed(f"the window broke down with {process.poll()}")
        if time.monotonic() > deadline:
            raise Failed(f"something did not come within {PATIENCE:g} s")
        time.sleep(poll)


def ended(run: RunFolder) -> wire.Exit | None:
    """Return how the latest attempt ended, None where it has not."""
    said = run.exit()
    return said if said is not None and said.attempt == len(run.claims()) else None
