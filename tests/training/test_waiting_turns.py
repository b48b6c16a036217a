"""Runs on a host whose scheduler lets them wait: what is shown of them, and what a stop and a resume come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from lrstudio.services.training_touch import Touch
from lrstudio.training import rounds, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import begin, job, mirror
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launcher import Job, Standing, Turn
from lrstudio.training.hosts.remote_run import RemoteRun
from lrstudio.training.listing import row_of
from lrstudio.training.rounds import Answered, Judged
from lrstudio.training.status import Life, status_of
from lrstudio.training.wire import Exit, Phase, Request
from tests.doubles.far_runs import far_run
from tests.doubles.folder_host import FolderHost
from tests.doubles.toy_runs import until


class Queue:
    """A scheduler that starts nothing, and says of every job what it is told to."""

    def __init__(self) -> None:
        self.turn = Turn.WAITS
        self.begun: list[str] = []

    def start(self, job: Job) -> str:
        self.begun.append(job.key)
        return job.key

    def standing(self, handle: str) -> Standing:
        assert handle in self.begun
        return Standing(self.turn, "PENDING", "waits until a GPU is free" if self.turn is Turn.WAITS else "")

    def end(self, handle: str, *, at_once: bool = False) -> None:
        del handle, at_once
        self.turn = Turn.OVER


class Waiting:
    """A run that was sent to a host with such a scheduler."""

    def __init__(self, folder: Path) -> None:
        self.host = FolderHost(folder / "box")
        far = far_run(folder / "p.runs", self.host)
        self.here, self.there = far.here, far.there
        away = mirror.away_of(self.here.path)
        mirror.write_away(self.here.path, replace(away, host=Host("box", "box", scheduler=Scheduler.SLURM)))
        self.remote = RemoteRun(self.here.path, twice=0.0, quiet=0.0)
        self.queue = Queue()
        begin.send_run(self.host, self.here.path)

    def start(self) -> None:
        before = len(self.here.claims())
        job.intend(self.here.path)
        begin.until_claimed(self.remote, self.host, self.queue, before=before)

    def look(self) -> None:
        self.remote.look(self.host, self.queue)

    def attempt(self, reason: str) -> None:
        """Let an attempt begin on the host, and end."""
        number = self.there.claim().attempt
        self.there.write(wire.EXIT, Exit(0, None, reason, 3, number, wire.now(), "", "", 1.0))


@pytest.fixture
def run(tmp_path: Path) -> Waiting:
    return Waiting(tmp_path)


@pytest.mark.parametrize("reason", ["stopped", wire.TIME_LIMIT, "failed", wire.REQUEUED])
def test_a_run_that_goes_on_when_its_turn_comes_is_queued_and_not_over(run: Waiting, reason: str) -> None:
    run.start()
    run.attempt(reason)
    run.queue.turn = Turn.OVER
    run.look()
    assert status_of(run.here).can_resume
    run.queue.turn = Turn.WAITS
    if reason != wire.REQUEUED:
        run.start()
    run.look()
    row = row_of(run.here)
    assert (row.life, row.phase, row.why, row.can_resume) == (
        Life.ALIVE,
        Phase.QUEUED,
        "waits until a GPU is free",
        False,
    )
    run.queue.turn = Turn.OVER
    run.look()
    assert status_of(run.here).ended is not None
    assert status_of(run.here).can_resume


def test_a_run_that_has_finished_is_over_whatever_still_waits(run: Waiting) -> None:
    run.start()
    job.intend(run.here.path)
    run.attempt("finished")
    run.look()
    assert status_of(run.here).phase is Phase.FINISHED


def test_a_run_that_was_taken_out_of_the_queue_can_be_put_there_again(run: Waiting) -> None:
    run.start()
    asked = mirror.asked_of(run.here.path)
    assert asked is not None
    mirror.write_asked(run.here.path, replace(asked, life="dead", turn=mirror.WITHDRAWN, why="taken out"))
    run.queue.turn = Turn.OVER
    run.look()
    assert status_of(run.here).phase is Phase.STOPPED
    run.queue.turn = Turn.WAITS
    run.start()
    assert run.queue.begun == ["001-toy-1-1", "001-toy-1-2"]
    assert status_of(run.here).phase is Phase.QUEUED


def test_requests_to_a_job_that_never_began_are_left_for_no_later_attempt(run: Waiting) -> None:
    run.start()
    run.here.ask(Request.STOP, save=True)
    run.look()
    run.here.ask(Request.CHECKPOINT)
    assert list(run.there.asked()) == ["000001"]
    run.remote.answer(run.host, why="taken out")
    run.look()
    assert run.here.asked() == RunFolder(run.there.path).asked() == {}


def test_rewards_of_a_round_are_sent_when_its_folder_is_there_again(run: Waiting) -> None:
    run.start()
    answered = [Answered("row 1", "why?", ("so", "thus"))]
    rounds.write_answers(run.here.path, 1, answered)
    rounds.write_judged(run.here.path, 1, [Judged("row 1", (3.0, 7.0))])
    run.look()
    rounds.write_answers(run.there.path, 1, answered)
    run.look()
    assert rounds.read_judged(run.there.path, 1) == (Judged("row 1", (3.0, 7.0)),)


def test_a_run_that_cannot_be_read_holds_up_no_other_of_its_host(run: Waiting, tmp_path: Path) -> None:
    run.start()
    spoilt = far_run(tmp_path / "p.runs", run.host, "002-toy-2")
    (spoilt.here.path / wire.STATE).write_text("{")
    asked: list[tuple[str, ...]] = []

    def sync(names: Iterable[str]) -> tuple[str, ...]:
        asked.append(tuple(names))
        return ()

    with Touch(tmp_path / "p.runs", sync=sync, on_change=lambda _names: None, seconds=0.01):
        until(lambda: len(asked) > 3)
    assert asked[:2] == [("001-toy-1", "002-toy-2"), ("001-toy-1",)]


def test_a_time_just_after_midnight_keeps_its_hour() -> None:
    midnight = datetime.now().replace(hour=0, minute=5).astimezone()
    assert mirror.clock(midnight.isoformat()) == "00:05"
    assert mirror.clock("2020-03-04T12:00:00+00:00").startswith(("3 March", "4 March", "5 March"))
