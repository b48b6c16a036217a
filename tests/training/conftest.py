from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lrstudio.training.folder import RunFolder
from lrstudio.training.wire import Spec

TOY = Path(__file__).parents[1] / "doubles" / "toy_trainer.py"
ROOT = Path(__file__).parents[2]

MakeRun = Callable[..., RunFolder]


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRun]:
    """Make runs of the toy trainer; whatever still runs at the end is ended."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made: list[RunFolder] = []

    def make(name: str = "run", *, steps: int = 12, **more: Any) -> RunFolder:
        fields = {key: more.pop(key) for key in ("queue", "save_seconds", "end_seconds", "threads") if key in more}
        given = {"command": (sys.executable, str(TOY)), **fields}
        spec = Spec(run_id=name, recipe="toy", model="none", options={"steps": steps, **more}, **given)
        run = RunFolder.create(tmp_path / name, spec, pairs=['{"row": 1}'])
        made.append(run)
        return run

    yield make
    for run in made:
        for claim in run.claims():
            if claim.holder.alive():
                with suppress(ProcessLookupError):
                    os.kill(claim.holder.pid, signal.SIGKILL)
