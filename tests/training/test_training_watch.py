"""Following a run over its attempts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrstudio.training import wire
from lrstudio.training.events import EventLog
from lrstudio.training.folder import RunFolder
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Kind, Spec


@pytest.mark.parametrize("often", [True, False])
def test_what_a_run_answers_before_its_first_step_stands_once(tmp_path: Path, often: bool) -> None:
    run = RunFolder.create(tmp_path / "run", Spec(run_id="run", recipe="dpo", model="m", command=("true",)))
    log, watch = EventLog(run.path / wire.EVENTS), RunWatch(run)
    said = []
    for attempt in (1, 2):
        log.append(Kind.ATTEMPT, attempt=attempt, from_step=0)
        for row_id in "ab":
            log.append(Kind.SAMPLE, attempt=attempt, step=0, row_id=row_id, text=f"said {attempt} times")
        if often:
            said.append([it.text for it in watch.poll().samples])
    said.append([it.text for it in watch.poll().samples])
    log.close()
    assert [(it.row_id, it.attempt) for it in watch.samples] == [("a", 2), ("b", 2)]
    assert said == ([["said 1 times"] * 2, ["said 2 times"] * 2, []] if often else [["said 2 times"] * 2])
