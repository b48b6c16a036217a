"""What is told of a run whose scheduler is asked, not its process: waits, works, gone for sure, back in the queue."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import job, mirror
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launcher import Job, Standing, Turn
from lrstudio.training.hosts.mirror import Asked
from lrstudio.training.hosts.remote_run import RemoteRun
from lrstudio.training.identity import Identity
from lrstudio.training.listing import row_of
from lrstudio.training.status import Life, Status, status_of
from lrstudio.training.wire import Exit, Phase, Spec
from tests.doubles.folder_host import FolderHost


class Queue:
    """A scheduler that says what it is told to say."""

    def __init__(self) -> None:
        self.says = Standing(Turn.WAITS, "PENDING", "waits until a GPU is free")
        self.started: list[str] = []
        self.asked = 0
        self.refuses = ""

    def start(self, job: Job) -> str:
        if self.refuses:
            raise Environment(self.refuses)
        self.started.append(job.key)
        return f"handle of {job.key}"

    def standing(self, handle: str) -> Standing:
        assert handle == f"handle of {self.started[-1]}"
        self.asked += 1
        return self.says

    def end(self, handle: str, *, at_once: bool = False) -> None:
        self.says = Standing(Turn.OVER, "CANCELLED")


class Case:
    """A run in the queue of a host, and what is shown of it here."""

    def __init__(self, folder: Path) -> None:
        self.host, self.queue = FolderHost(folder / "box"), Queue()
        spec = Spec("001-toy-1", "toy", "none", command=("true",))
        self.there = RunFolder.create(self.host.home / "001-toy-1", spec)
        self.here = RunFolder.create(folder / "runs" / "001-toy-1", spec)
        host = Host("box", "box", scheduler=Scheduler.SLURM)
        mirror.make(self.here.path, mirror.Away(host, str(self.there.path), str(self.host.home), ("python3",)))
        self.remote = RemoteRun(self.here.path, twice=0.0, quiet=0.0)

    def look(self) -> Status:
        self.remote.look(self.host, self.queue)
        return status_of(self.here)

    def works(self, attempt: int, beat: int) -> None:
        """Let an attempt beat on some node."""
        holder = self.there.path / wire.CLAIMS / f"{attempt:06d}"
        if not holder.exists():
            holder.mkdir()
            self.there.write(f"{wire.CLAIMS}/{attempt:06d}/{wire.HOLDER}", Identity(7, "1", "b", "node7").row())
            if (self.there.path / wire.EXIT).exists():
                (self.there.path / wire.EXIT).rename(self.there.path / wire.CLAIMS / f"{attempt - 1:06d}" / wire.EXIT)
        self.there.write(wire.STATE, wire.State(Phase.RUNNING, attempt, wire.now(), step=beat))
        (self.there.path / wire.HEARTBEAT).write_text(json.dumps({"beat": beat, "time": wire.now()}))

    def ends(self, reason: str, attempt: int) -> None:
        self.there.write(wire.EXIT, Exit(0, None, reason, 5, attempt, wire.now(), why=f"it has {reason}"))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case(tmp_path)
    assert made.look().phase is None
    job.intend(made.here.path)
    return made


def test_a_run_waits_in_the_queue_then_works(case: Case) -> None:
    status = case.look()
    assert (status.life, status.phase, status.why) == (Life.ALIVE, Phase.QUEUED, "waits until a GPU is free")
    assert case.queue.started == ["001-toy-1-1"]
    case.remote._quiet = 60.0
    asked = case.queue.asked
    assert case.look().phase is case.look().phase is Phase.QUEUED  # the scheduler is not asked each time
    assert case.queue.asked == asked
    case.works(1, 1)
    case.look()
    case.works(1, 2)
    status = case.look()
    assert (status.life, status.phase, status.step) == (Life.ALIVE, Phase.RUNNING, 2)
    assert case.queue.asked == asked


def test_a_start_that_the_scheduler_refuses_is_not_made_up_for_later(case: Case) -> None:
    case.queue.refuses = "sbatch: error: Invalid partition"
    with pytest.raises(Environment, match="Invalid partition"):
        case.look()
    case.queue.refuses = ""
    assert case.look().phase is None
    assert case.queue.started == []
    assert not job.is_intended(mirror.away_of(case.here.path))
    job.intend(case.here.path)
    assert case.look().phase is Phase.QUEUED
    assert case.queue.started == ["001-toy-1-1"]
    case.works(1, 1)
    case.ends("stopped", 1)
    assert case.look().phase is Phase.STOPPED
    job.intend(case.here.path)
    case.queue.refuses = "sbatch: error: Invalid account"
    with pytest.raises(Environment, match="Invalid account"):
        case.look()
    assert mirror.away_of(case.here.path).handle == "handle of 001-toy-1-1"
    assert case.look().phase is Phase.STOPPED


def test_a_job_that_the_scheduler_does_not_know_is_dead_when_asked_twice(case: Case) -> None:
    case.works(1, 1)
    case.queue.says = Standing(Turn.WORKS, "RUNNING")
    assert case.look().life is Life.ALIVE
    case.queue.says = Standing(Turn.NEVER)
    case.remote._twice = 60.0
    for _ in range(3):
        assert case.look().life is Life.ALIVE
    asked = mirror.asked_of(case.here.path)
    assert asked is not None
    mirror.write_asked(case.here.path, replace(asked, doubted="2026-01-01T00:00:00.000Z"))
    other = RemoteRun(case.here.path, quiet=0.0)  # another process remembers it as well
    other.look(case.host, case.queue)
    status = status_of(case.here)
    assert (status.life, status.phase, status.can_resume, status.ended) == (Life.DEAD, Phase.FAILED, True, None)
    assert "has not said how it ended" in status.why


def test_a_doubt_goes_with_the_next_beat(case: Case) -> None:
    case.works(1, 1)
    case.remote._twice = 60.0
    case.look()
    case.queue.says = Standing(Turn.OVER, "COMPLETED")
    case.look()
    doubted = mirror.asked_of(case.here.path)
    assert doubted is not None
    assert doubted.doubted
    case.works(1, 2)
    assert case.look().life is Life.ALIVE
    assert mirror.asked_of(case.here.path).doubted == ""  # type: ignore[union-attr]


def test_a_run_that_the_scheduler_puts_back_is_queued_and_not_over(case: Case) -> None:
    case.works(1, 1)
    case.look()
    case.ends("requeued", 1)
    status = case.look()
    assert (status.life, status.phase) == (Life.ALIVE, Phase.QUEUED)
    case.works(2, 2)
    case.queue.says = Standing(Turn.WORKS)
    assert case.look().phase is Phase.RUNNING
    assert (case.here.path / wire.CLAIMS / "000001" / wire.EXIT).exists()
    case.ends("finished", 2)
    case.queue.says = Standing(Turn.WAITS)  # whatever it says
    status = case.look()
    assert (status.life, status.phase) == (Life.DEAD, Phase.FINISHED)


def test_one_that_gets_no_other_turn_is_stopped_and_can_be_resumed(case: Case) -> None:
    case.works(1, 1)
    case.look()
    case.ends("requeued", 1)
    case.queue.says = Standing(Turn.OVER, "CANCELLED")
    status = case.look()
    assert (status.life, status.phase, status.can_resume) == (Life.DEAD, Phase.STOPPED, True)


def test_what_another_turn_begins_after_a_withdrawal_is_shown(case: Case) -> None:
    case.look()
    mirror.write_asked(case.here.path, Asked(wire.now(), "dead", "taken out", turn=mirror.WITHDRAWN, starts=1))
    case.queue.says = Standing(Turn.OVER)
    status = case.look()
    assert (status.phase, status.can_resume, status.why) == (Phase.STOPPED, True, "taken out")
    assert row_of(case.here).can_resume
    case.queue.says = Standing(Turn.WAITS, "PENDING", "waits")
    job.intend(case.here.path)
    assert case.look().phase is Phase.QUEUED
    assert case.queue.started == ["001-toy-1-1", "001-toy-1-2"]


def test_a_folder_that_is_not_there_is_no_proof_of_anything(case: Case) -> None:
    case.works(1, 1)
    case.look()
    case.there.path.rename(case.there.path.with_name("elsewhere"))
    status = case.look()
    assert (status.life, status.phase) == (Life.UNKNOWN, Phase.RUNNING)
    assert "mounted" in status.why
