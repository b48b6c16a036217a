"""Runs in the queue of a real Slurm, with one GPU that is none, the real supervisor and the toy trainer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.errors import Environment
from lrstudio.training import wire
from lrstudio.training.hosts import job_files, mirror
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launch_slurm import SlurmLauncher
from lrstudio.training.hosts.launcher import Turn
from lrstudio.training.hosts.launchers import launcher_for
from lrstudio.training.hosts.transport import Unreachable
from lrstudio.training.wire import Phase
from tests.doubles.far_runs import far_run
from tests.doubles.queued_runs import HOSTILE, QueuedRun, queued_run
from tests.doubles.slurm_server import SlurmServer, missing
from tests.doubles.toy_runs import expected, finish, losses, trainers, until

pytestmark = pytest.mark.server("Slurm")


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmServer]:
    if why := missing():
        pytest.skip(why)
    server = SlurmServer()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def limited(slurm: SlurmServer, tmp_path_factory: pytest.TempPathFactory) -> QueuedRun:
    """A run whose time is up in the middle; Slurm looks at its clock twice a minute, so that it begins first of all."""
    home = tmp_path_factory.mktemp("limited")
    launcher = SlurmLauncher(slurm.host(home), {"time_limit": "00:01:00"})
    found = queued_run(home / "run", launcher, steps=23, wait_at=[9])
    found.start()
    return found


@pytest.fixture(autouse=True)
def _limited_first(limited: QueuedRun) -> None:
    """Whatever is asked for first: the clock runs."""


@pytest.fixture
def drafts(slurm: SlurmServer, tmp_path: Path) -> Any:
    """Drafts runs that want the GPU."""

    def draft(name: str = "run", **options: Any) -> QueuedRun:
        launcher = SlurmLauncher(slurm.host(tmp_path / "home"), {"gpus": "1", "partition": "main"})
        return queued_run(tmp_path / "home" / "runs" / name, launcher, **options)

    return draft


def test_one_gpu_is_given_to_one_run_after_the_other(drafts: Any) -> None:
    first, second = drafts("first", wait_at=[3]), drafts("second")
    one = first.start()
    first.until(one, Turn.WORKS)
    other = second.start()
    waits = second.launcher.standing(other)
    assert waits.turn is Turn.WAITS
    assert waits.why
    assert not second.run.claims()
    first.at_step(3)
    first.launcher.end(one)  # its supervisor saves
    ended = finish(first.run)
    assert (ended.reason, ended.last_step) == ("stopped", 3)
    first.until(one, Turn.OVER)
    assert finish(second.run).reason == "finished"
    second.until(other, Turn.OVER)
    assert losses(second.run) == expected(12)


def test_a_job_whose_answer_was_lost_is_found_and_not_submitted_again(slurm: SlurmServer, drafts: Any) -> None:
    run = drafts(wait_at=[2])
    host = run.launcher._transport
    # readlink, squeue, two files, then sbatch, which does what it is told
    host.link.cut_after = 4
    host.link.calls.clear()
    with pytest.raises(Unreachable):
        run.start()
    assert not any("sbatch" in call for call in host.link.calls[:-1])
    host.link.down, host.link.lose = False, True
    with pytest.raises(Unreachable):
        run.start()
    host.link.lose = False
    name = job_files.name_of(run.job)
    slurm.ask(
        "sbatch", f"--job-name={name}", f"--chdir={run.job.folder}", job_files.path_of(run.job.folder, name, "sh")
    )
    assert run.start() == name
    run.until(name, Turn.WORKS)
    run.at_step(2)
    run.launcher.end(name)
    finish(run.run)
    run.until(name, Turn.OVER)
    assert len(run.run.claims()) == 1
    assert run.start() == name  # over, and still the same job
    assert run.launcher.standing(name).turn is Turn.OVER


def test_a_job_that_waits_is_taken_out_of_the_queue(drafts: Any) -> None:
    first, second = drafts("first", wait_at=[1]), drafts("second")
    one = first.start()
    first.until(one, Turn.WORKS)
    other = second.start()
    second.launcher.end(other)
    assert second.until(other, Turn.OVER).word == "CANCELLED"
    assert not second.run.claims()
    first.at_step(1)
    first.launcher.end(one, at_once=True)
    first.until(one, Turn.OVER)
    until(lambda: not trainers(first.run))


def test_nothing_that_is_typed_reaches_a_shell(slurm: SlurmServer, tmp_path: Path) -> None:
    home = tmp_path / HOSTILE.rstrip("\\")  # which a host's folder may not have
    run = queued_run(home / "a run", SlurmLauncher(slurm.host(home), {}), key=f"a,b {HOSTILE}"[:60], save_every=4)
    assert run.until(run.start(), Turn.OVER).word == "COMPLETED"
    assert run.run.exit().reason == "finished"
    assert not list(tmp_path.rglob("pwned"))
    env = Path(job_files.path_of(run.job.folder, job_files.name_of(run.job), "env"))
    assert env.stat().st_mode & 0o777 == 0o600
    said = subprocess.run(["sh", "-c", '. "$1"; printf %s "$HOSTILE"', "-", env], capture_output=True, check=True)
    assert said.stdout.decode() == HOSTILE
    for name in ("partition", "gpus", "nodes"):
        bad = queued_run(home / f"bad {name}", SlurmLauncher(slurm.host(home), {name: HOSTILE}))
        with pytest.raises(Environment, match="sbatch refuses"):
            bad.start()
    assert not list(Path.cwd().glob("pwned"))
    assert not list(tmp_path.rglob("pwned"))


def test_the_mirror_of_a_run_tells_of_its_turns(slurm: SlurmServer, tmp_path: Path) -> None:
    host = slurm.host(tmp_path / "home")
    run = far_run(tmp_path / "here", host, wait_at=[4])
    away = mirror.away_of(run.here.path)
    mirror.write_away(run.here.path, replace(away, host=Host("box", "box", scheduler=Scheduler.SLURM)))
    run.launcher = launcher_for(mirror.away_of(run.here.path).host, host)
    run.begin()
    until(lambda: run.look() and 4 in losses(run.here))
    handle = mirror.away_of(run.here.path).handle
    number = run.launcher._rows(handle)[0].number
    slurm.ask("scancel", "--batch", "--signal=USR1", number)  # as Slurm does when time runs out
    until(lambda: run.look().phase is Phase.QUEUED)
    assert run.look().running
    _until_it_begins(slurm, number, lambda: run.look().attempt == 2)
    assert run.over(attempt=2).phase is Phase.FINISHED
    assert losses(run.here) == expected(12)


def _until_it_begins(slurm: SlurmServer, number: str, begun: Callable[[], bool]) -> None:
    """Let a job that was put back into the queue begin now; by itself it would after two minutes."""
    time.sleep(2.0)  # in the very second of the requeue the node would take the new turn for the one that was ended
    for patience in (2.0, 5.0, 15.0, 60.0):  # longer and longer: each change makes Slurm begin to consider anew
        slurm.ask("scontrol", "update", f"JobId={number}", "StartTime=now")
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if begun():
                return
            time.sleep(0.1)
    raise AssertionError(f"the job does not begin:\n{slurm.ask('scontrol', 'show', 'job', number)}")


def test_of_a_job_that_it_does_not_know_slurm_says_never(drafts: Any) -> None:
    said = drafts().launcher.standing("nothing.0123456789")
    assert said.turn is Turn.NEVER
    assert said.why


def test_a_run_whose_time_is_up_saves_waits_and_goes_on_from_there(slurm: SlurmServer, limited: QueuedRun) -> None:
    ended = finish(limited.run)
    assert (ended.reason, ended.last_step, ended.checkpoint) == (wire.REQUEUED, 9, "step-00000009")
    handle = job_files.name_of(limited.job)
    waits = until(lambda: "begins at" in (said := limited.launcher.standing(handle)).why and said, seconds=60)
    assert waits.turn is Turn.WAITS
    _until_it_begins(slurm, waits.place, lambda: len(limited.run.claims()) == 2)
    again = finish(limited.run)
    assert (again.reason, again.attempt) == ("finished", 2)
    assert losses(limited.run) == expected(23)
    limited.until(handle, Turn.OVER)


def test_a_run_goes_on_while_the_controller_is_down(slurm: SlurmServer, drafts: Any) -> None:
    # The last one: a controller that has just started looks at no time limit for half a minute.
    run = drafts(seconds=0.2, steps=8)
    handle = run.start()
    run.at_step(1)
    slurm.stop()
    try:
        with pytest.raises(Unreachable, match="does not answer"):
            run.launcher.standing(handle)
        with pytest.raises(Unreachable):
            run.launcher.end(handle)
        assert finish(run.run).reason == "finished"
    finally:
        slurm.start()
    run.until(handle, Turn.OVER)
    assert losses(run.run) == expected(8)
