"""Runs in a real Ray cluster of one machine, with one GPU that is none, the real supervisor and the toy trainer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.training import checkpoints
from lrstudio.training.hosts import job_files
from lrstudio.training.hosts.launch_ray import RayLauncher
from lrstudio.training.hosts.launcher import Turn
from lrstudio.training.hosts.transport import Unreachable
from tests.doubles.folder_host import FolderHost
from tests.doubles.queued_runs import HOSTILE, queued_run
from tests.doubles.ray_head import RayHead, missing
from tests.doubles.toy_runs import expected, finish, losses, trainers, until

pytestmark = pytest.mark.server("Ray")


@pytest.fixture(scope="module")
def ray() -> Iterator[RayHead]:
    if why := missing():
        pytest.skip(why)
    head = RayHead()
    yield head
    head.remove()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / HOSTILE.rstrip("\\")  # which a host's folder may not have


@pytest.fixture
def launcher(ray: RayHead, home: Path) -> RayLauncher:
    return RayLauncher(FolderHost(home), {"address": ray.address, "gpus": "1"})


def test_a_run_has_the_gpu_alone_and_saves_when_it_is_asked_to_end(launcher: RayLauncher, home: Path) -> None:
    first = queued_run(home / "first", launcher, key=f"1 {HOSTILE}", wait_at=7, save_seconds=4.0)  # Ray alone gives 3
    second = queued_run(home / "second", launcher)
    one = first.start()
    first.until(one, Turn.WORKS)
    first.at_step(7)
    assert first.start() == one
    other = second.start()
    assert second.launcher.standing(other).turn is Turn.WAITS
    launcher.end(other)
    assert second.launcher.standing(other).turn is Turn.OVER  # though Ray will give it its turn
    launcher.end(one)
    ended = finish(first.run)
    assert (ended.reason, ended.last_step, ended.code) == ("stopped", 7, 0)
    first.until(one, Turn.OVER)
    assert losses(first.run) == expected(7)
    until(lambda: launcher._known(other.split()[0])["status"] in ("STOPPED", "SUCCEEDED"))
    assert not second.run.claims()
    assert not list(home.parent.rglob("pwned"))


def test_a_head_that_is_restarted_has_forgotten_a_run_which_is_resumed(
    ray: RayHead, launcher: RayLauncher, home: Path
) -> None:
    run = queued_run(home / "run", launcher, steps=16, wait_at=6)
    handle = run.start()
    run.at_step(6)
    ray.stop()
    try:
        with pytest.raises(Unreachable, match="does not answer"):
            launcher.standing(handle)
        until(lambda: not trainers(run.run))  # nobody watches it any more: it has saved
    finally:
        ray.start()
    forgotten = launcher.standing(handle)
    assert forgotten.turn is Turn.NEVER
    assert "restarted" in forgotten.why
    assert run.start() == handle  # this key has had its job
    assert launcher.standing(handle).turn is Turn.NEVER
    saved = checkpoints.latest(run.run.path)
    assert saved is not None
    assert saved.step == 6
    again = replace(run, job=replace(run.job, key="001-toy-2"))
    later = again.start()
    assert finish(run.run).reason == "finished"
    again.until(later, Turn.OVER)
    assert losses(run.run) == expected(16)
    assert len(run.run.claims()) == 2
    assert job_files.name_of(run.job) != job_files.name_of(again.job)
