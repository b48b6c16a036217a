"""A run folder on the disk, followed as the workspace follows it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lrstudio.training import wire
from lrstudio.training.events import EventLog
from lrstudio.training.folder import RunFolder
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Kind, Spec
from lrstudio.viewstate.training_watch import Watched

Say = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "001-dpo-a", Spec("001-dpo-a", "dpo", "none", ("true",)))


@pytest.fixture
def say(run: RunFolder) -> Say:
    log = EventLog(run.path / wire.EVENTS)

    def said(kind: Kind, attempt: int = 1, **body: object) -> None:
        log.append(kind, attempt=attempt, **body)

    return said


def steps(say: Say, first: int, last: int, *, attempt: int = 1) -> None:
    for step in range(first, last + 1):
        say(Kind.METRIC, attempt, step=step, metrics={"loss": step + attempt / 10})
        say(Kind.GPU, attempt, step=step, index=0, used_mib=1024.0 * attempt, use=50.0)
        if step % 2 == 0:
            say(Kind.EVALUATION, attempt, step=step, metrics={"loss": attempt})
            say(Kind.SAMPLE, attempt, step=step, row_id="q", question="?", text=f"{attempt}", tokens=1)


def test_what_a_resume_takes_back_is_gone_at_once_everywhere(run: RunFolder, say: Say) -> None:
    watched = Watched(RunWatch(run))
    say(Kind.ATTEMPT, from_step=0)
    steps(say, 1, 8)
    before = watched.poll()
    assert before.lines.last == 8
    say(Kind.ATTEMPT, 2, from_step=5)
    after = watched.poll()
    for curves in (after.lines.curves, after.lines.held_out, after.lines.gpu):
        assert curves.last <= 5
    assert [it.sample.step for it in after.samples] == [2, 4]
    steps(say, 6, 7, attempt=2)
    again = watched.poll()
    assert again.lines.curves.values["loss"].tolist() == [1.1, 2.1, 3.1, 4.1, 5.1, 6.2, 7.2]
    assert again.lines.held_out.series("loss")[1].tolist() == [1, 1, 2]
    assert again.lines.gpu.values["gpu/used_gib"].tolist() == [1, 1, 1, 1, 1, 2, 2]
    assert [(it.sample.step, it.sample.text) for it in again.samples] == [(2, "1"), (4, "1"), (6, "2")]
    assert before.lines.curves.values["loss"].tolist() == [it + 0.1 for it in range(1, 9)], "what was shown stays"


def test_where_nothing_is_new_nothing_is_made_anew(run: RunFolder, say: Say) -> None:
    watched = Watched(RunWatch(run))
    say(Kind.ATTEMPT, from_step=0)
    steps(say, 1, 3)
    first = watched.poll()
    second = watched.poll()
    assert second.version == first.version
    assert second.lines is first.lines
    say(Kind.WARNING, why="answers grow", rule="length", step=3)
    (run.path / wire.LOG).write_text("one\ntwo\nthr")
    third = watched.poll()
    assert third.version == first.version + 1
    assert third.warnings == 1
    assert [it[-3:] for it in third.log] == ["row", "one", "two"]
    assert third.log_total == 3
