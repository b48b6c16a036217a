"""Runs in a real Ray cluster of one machine, with one GPU that is none, the real supervisor and the toy trainer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.training import checkpoints
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


def test_a_run_survives_the_restart_of_the_head_and_saves_when_it_is_asked_to_end(
    ray: RayHead, launcher: RayLauncher, home: Path
) -> None:
    # One test of all, because a head and every job take seconds of a processor to start.
    run = queued_run(home / "run", launcher, key=f"1 {HOSTILE}", wait_at=[6, 11], save_seconds=4.0)  # Ray alone gives 3
    other = queued_run(home / "other", launcher)
    handle = run.start()
    run.until(handle, Turn.WORKS)
    run.at_step(6)
    assert run.start() == handle
    behind = other.start()
    assert other.launcher.standing(behind).turn is Turn.WAITS  # there is one GPU
    launcher.end(behind)
    assert other.launcher.standing(behind).turn is Turn.OVER  # though Ray would give it its turn

    ray.stop()
    try:
        with pytest.raises(Unreachable, match="does not answer"):
            launcher.standing(handle)
        until(lambda: not trainers(run.run))  # nobody watches it any more: it has saved
    finally:
        ray.start()
    saved = checkpoints.latest(run.run.path)
    assert saved is not None
    assert saved.step == 6
    forgotten = launcher.standing(handle)
    assert forgotten.turn is Turn.NEVER
    assert "restarted" in forgotten.why
    assert run.start() == handle  # this key has had its job
    assert launcher.standing(handle).turn is Turn.NEVER

    again = replace(run, job=replace(run.job, key="001-toy-2"))
    later = again.start()
    again.at_step(11)
    launcher.end(later)
    ended = finish(run.run)  # though the head may be deaf to the sign, as where these tests run in the background
    assert (ended.reason, ended.last_step, ended.code, ended.attempt) == ("stopped", 11, 0, 2)
    again.until(later, Turn.OVER)
    assert losses(run.run) == expected(11)
    assert not other.run.claims()
    assert not list(home.parent.rglob("pwned"))
