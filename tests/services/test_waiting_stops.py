"""Stopping runs on a host that wait in its scheduler's queue, and going on with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrstudio.services.training_hosts import TrainingHosts
from lrstudio.training import wire
from lrstudio.training.hosts import begin, mirror
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launcher import Job, Standing, Turn
from lrstudio.training.status import Status, status_of
from lrstudio.training.wire import Exit, Phase
from tests.doubles.far_runs import far_run
from tests.doubles.folder_host import FolderHost
from tests.doubles.trained_project import trained_project

BOX = Host("box", "box", scheduler=Scheduler.SLURM)


class Queue:
    """A scheduler in whose queue everything waits until it is taken out."""

    def __init__(self) -> None:
        self.says: dict[str, Turn] = {}

    def start(self, job: Job) -> str:
        self.says[job.key] = Turn.WAITS
        return job.key

    def standing(self, handle: str) -> Standing:
        return Standing(self.says[handle], self.says[handle].value)

    def end(self, handle: str, *, at_once: bool = False) -> None:
        del at_once
        self.says[handle] = Turn.OVER


class Case:
    """A run on a host with such a queue, and the service that keeps in touch with it."""

    def __init__(self, folder: Path, store: Any) -> None:
        self.box = FolderHost(folder / "box")
        far = far_run(folder / "p.runs", self.box)
        self.here, self.there = far.here, far.there
        mirror.write_away(self.here.path, replace(mirror.away_of(self.here.path), host=BOX))
        begin.send_run(self.box, self.here.path)
        self.hosts = TrainingHosts(store, home=folder / "p.runs", hosts=self)  # type: ignore[arg-type]

    def get(self, name: str) -> Host:
        assert name == "box"
        return BOX

    def transport(self, name: str) -> FolderHost:
        assert name == "box"
        return self.box

    @property
    def status(self) -> Status:
        return status_of(self.here)

    def goes_on(self, queue: Queue) -> int:
        """Let it begin, stop at a step, and be put into the queue again; return the attempt that is over."""
        self.hosts.start(self.here)
        number = self.there.claim().attempt
        self.there.write(wire.EXIT, Exit(0, None, "stopped", 3, number, wire.now(), "", "", 1.0))
        queue.says = dict.fromkeys(queue.says, Turn.OVER)
        self.hosts.resume(self.here)
        return number


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue()
    monkeypatch.setattr("lrstudio.services.training_hosts.launcher_for", lambda _host, _transport: made)
    return made


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    project = trained_project(tmp_path / "p.lrs")
    yield Case(tmp_path, project._store)
    project.close()


def test_one_that_never_began_is_taken_out_and_put_there_again(case: Case, queue: Queue) -> None:
    case.hosts.start(case.here)
    assert case.status.phase is Phase.QUEUED
    case.hosts.stop(case.here, save=True)
    assert (case.status.phase, case.status.running) == (Phase.STOPPED, False)
    assert case.here.asked() == case.there.asked() == {}  # or the next attempt would stop at once
    case.hosts.resume(case.here)
    assert case.status.phase is Phase.QUEUED
    assert list(queue.says.values()) == [Turn.OVER, Turn.WAITS]


def test_one_that_goes_on_when_its_turn_comes_can_be_stopped_before(case: Case, queue: Queue) -> None:
    case.goes_on(queue)
    assert (case.status.phase, case.status.running) == (Phase.QUEUED, True)
    case.hosts.stop(case.here, save=True)
    assert (case.status.phase, case.status.running, case.status.can_resume) == (Phase.STOPPED, False, True)
    assert case.here.asked() == case.there.asked() == {}
    assert list(queue.says.values()) == [Turn.OVER, Turn.OVER]


def test_a_stop_that_waits_for_the_link_is_meant_for_the_turn_to_come(case: Case, queue: Queue) -> None:
    number = case.goes_on(queue)
    case.box.link.down = True
    case.hosts.stop(case.here, save=True)
    case.box.link.down = False
    case.hosts.sync([case.here.path.name])
    (asked,) = case.there.asked().values()
    assert asked["attempt"] == number + 1
