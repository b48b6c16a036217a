"""What all fault rounds of training share: a project with a run that was looked over, and the end it comes to."""

from __future__ import annotations

import json
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
    def prepare(cls, folder: Path, recipe: str = "dpo") -> Bench:
        """Draft a run of the tiny model, look it over, and let a copy of it come to its end.

        An SPPO run has three rounds, which a scripted judge judges from another process; the passages that LongPO's
        short prompts are made of are those of the lexical judge.

        Raises:
            Failed: it does not.
        """
        model = folder / "model"
        lrstudio("tiny-model", model)
        (folder / "draft").mkdir()
        project = trained_project(folder / "draft" / _PROJECT, documents=8, chapters=6)
        if recipe == "longpo":
            anyio.run(partial(project.judging.run, JudgeRequest("lexical"), emit=lambda _event: None))
        training = project.training
        options = _OPTIONS | _OF_RECIPE[recipe]
        run_id = training.draft(TrainWish(SET, recipe, model, options=options, python=Path(sys.executable)))
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
        shown = curve_of(process)
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
    words = [sys.executable, "-m", "lrstudio", "runs", str(project), "judge", "1", "--follow", "--judge", "scripted"]
    with (project.parent / "judge.log").open("ab") as log:
        process = subprocess.Popen(
            [*words, "--script", str(script)], cwd=ROOT, env=environment(), stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def window(project: Path, run: RunFolder) -> Iterator[subprocess.Popen[str]]:
    """Open a window on a run, see `tests.faults.window`; it is killed in the end."""
    words = [sys.executable, "-m", "tests.faults.window", str(project), run.path.name]
    words.append(str(project.parents[1] / SCRIPT))
    with (project.parent / "window.log").open("ab") as errors:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def curve_of(process: subprocess.Popen[str]) -> dict[int, str]:
    """Close a window and return the curve that it showed, losses by step.

    Raises:
        Failed: it had broken down.
    """
    try:
        said, _ = process.communicate(timeout=PATIENCE)
        return {int(step): loss for step, loss in json.loads(said).items()}
    except (ValueError, subprocess.TimeoutExpired) as error:
        raise Failed(f"the window broke down with {process.returncode}") from error


def until(reached: Callable[[], object], process: subprocess.Popen[str] | None = None, *, poll: float = 0.02) -> None:
    """Wait for something.

    Raises:
        Failed: it does not come, or the window goes down meanwhile.
    """
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if process is not None and process.poll() is not None:
            raise Failed(f"the window broke down with {process.returncode}")
        if time.monotonic() > deadline:
            raise Failed(f"something did not come within {PATIENCE:g} s")
        time.sleep(poll)


def ended(run: RunFolder) -> wire.Exit | None:
    """Return how the latest attempt ended, None where it has not."""
    said = run.exit()
    return said if said is not None and said.attempt == len(run.claims()) else None
