"""Runs on rows that come out uneven over steps and processes, trained in several processes or in this one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrstudio.training import processes, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.rows import Row, line_of
from lrstudio.training.spool import Orders, Spool
from lrstudio.worker.train import train
from tests.doubles.ready_workers import python

ROOT = Path(__file__).parents[2]
OPTIONS: dict[str, Any] = {
    "dtype": "fp32", "accumulation": 4, "max_steps": 4, "learning_rate": 1e-3, "lora_r": 4, "save_every": 100,
    "merged": False, "check_count": 0, "pilot": False, "device": "cpu",
}  # fmt: skip
FULL: dict[str, Any] = {"method": "full", "learning_rate": 1e-4}
DOCUMENT = "The harbour was dredged in 1911, and forty tons of mud were carried out to sea. "
CLOSE = 1e-5
"""What the order of sums changes in a loss in float32, relative, after some steps."""


def rows(*, long: bool = False) -> list[Row]:
    """Five documents, one with two pairs, and three held-out rows: steps and processes come out uneven.

    `long` gives one row an answer of more tokens than have logits at one time.
    """
    made = [
        Row(row_id=f"r{number}", prompt=DOCUMENT * (2 + number) + "What was dredged?", chosen=f"The harbour, {number}.",
            rejected="Whales sang " * (1 + number), short=DOCUMENT + "What was dredged?")
        for number in range(5)
    ]  # fmt: skip
    if long:
        made[1] = replace(made[1], chosen="The harbour, of course. " * 400)
    held_out = [replace(made[it], row_id=f"h{it}", split="validation") for it in (0, 1, 3)]
    return [*made, replace(made[2], row_id="again", chosen="It was the quay."), *held_out]


def make(path: Path, model: Path, *, long: bool = False, **options: Any) -> RunFolder:
    """Make a run whose processes are forked from one that has imported torch."""
    settled = OPTIONS | options
    spec = wire.Spec(
        run_id=path.name, recipe="dpo", model=str(model), options=settled, threads=1, environment=forked(),
        command=processes.command((str(python()),), ("-m", "lrstudio.worker"), settled),
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    return RunFolder.create(path, spec, pairs=[line_of(row) for row in rows(long=long)])


def forked() -> dict[str, str]:
    """With these variables the launcher starts processes that are forked from one that has imported torch."""
    return {"PYTHON_EXEC": str(python())}


def together(count: int, *jobs: str) -> None:
    """Do jobs of `tests.doubles.several_processes`, all in the same processes: starting them is what takes time."""
    words = [str(python()), *processes.launch_words(count), "-m", "tests.doubles.several_processes", *jobs]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **forked()}, capture_output=True, text=True, timeout=600,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


def alone(run: RunFolder) -> RunFolder:
    """Train in this process."""
    spool = Spool(run.path, attempt=1)
    train(run.path, spool, Orders(None))
    spool.close()
    return run


def said(run: RunFolder, *attempts: int) -> Iterator[dict[str, Any]]:
    """Read what the first attempt, or those that are given, have spooled."""
    for path in map(run.spool, attempts or (1,)):
        if path.exists():
            yield from map(json.loads, path.read_text(encoding="ascii").split("\n")[:-1])


def curve(run: RunFolder, *attempts: int, name: str = "loss") -> dict[int, float]:
    """Return a metric by step."""
    return {it["step"]: it["metrics"][name] for it in said(run, *attempts) if it["kind"] == "metric"}


def evaluations(run: RunFolder) -> list[float]:
    """Return the losses of the evaluations."""
    return [it["metrics"]["loss"] for it in said(run) if it["kind"] == "evaluation"]
