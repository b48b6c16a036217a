"""Kill the supervisor, the trainer or both at any moment: nothing is lost beyond the last checkpoint, nothing twice."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from random import Random

import pytest

from lrstudio.training import checkpoints, local, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.spool import Spool
from lrstudio.training.status import Life, status_of
from lrstudio.training.wire import Kind
from tests.doubles.toy_runs import events, expected, finish, losses, trainers, until
from tests.training.conftest import MakeRun

STEPS = 40


def kill(run: RunFolder, victim: str) -> None:
    supervisor = run.claims()[-1].holder.pid
    for pid in {"supervisor": [supervisor], "trainer": trainers(run), "all": [supervisor, *trainers(run)]}[victim]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("victim", ["supervisor", "trainer", "all"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_run_comes_to_the_numbers_of_an_unbroken_one(make_run: MakeRun, victim: str, seed: int) -> None:
    random = Random(f"{victim} {seed}")
    run = make_run(steps=STEPS, seconds=0.02, wait_at=[STEPS - 4], save_every=5, save_seconds=0.02)
    local.start(run)
    passed = random.randrange(8, 30)
    until(lambda: max(losses(run), default=0) >= passed)
    assert checkpoints.latest(run.path) is not None
    time.sleep(random.random() * 0.1)
    kill(run, victim)
    if victim == "trainer":
        assert finish(run).reason == "killed"
    else:
        until(lambda: status_of(run).life is Life.DEAD)
    seen = losses(run)
    assert local.start(run) == 2
    while run.exit() is None:
        assert len(trainers(run)) <= 1
        time.sleep(0.005)
    ended = finish(run)
    assert (ended.reason, ended.attempt) == ("finished", 2)
    assert losses(run) == expected(STEPS)
    assert all(expected(STEPS)[step] == value for step, value in seen.items())
    starts = [event.body["from_step"] for event in events(run) if event.kind == Kind.ATTEMPT]
    assert starts[0] == 0
    assert starts[1] >= 5
    assert not trainers(run)


def test_a_trainer_whose_supervisor_is_gone_saves_and_ends(make_run: MakeRun) -> None:
    run = make_run(steps=1000, seconds=0.02, save_every=1000)
    local.start(run)
    until(lambda: len(losses(run)) > 5)
    kill(run, "supervisor")
    until(lambda: not trainers(run))
    saved = checkpoints.latest(run.path)
    assert saved is not None
    assert saved.step >= 5
    assert status_of(run).phase is not None
    assert "can be resumed" in status_of(run).why
    assert run.exit() is None


@pytest.mark.parametrize("recorded", [True, False])
def test_the_next_supervisor_waits_for_the_trainer_of_the_last_one(make_run: MakeRun, recorded: bool) -> None:
    run = make_run(steps=20, seconds=0.02, hang_at=8, save_seconds=0.5, end_seconds=0.5)
    local.start(run)
    until(lambda: len(losses(run)) == 8)
    (old,) = trainers(run)
    kill(run, "supervisor")
    until(lambda: status_of(run).life is Life.DEAD)
    if not recorded:  # its supervisor was killed between starting it and writing that down
        (run.path / wire.CLAIMS / "000001" / wire.TRAINER).unlink()
    local.start(run)
    until(lambda: any("still ending" in str(event.body.get("why", "")) for event in events(run)))
    warned = [event.body["why"] for event in until(lambda: [it for it in events(run) if it.kind == Kind.WARNING])]
    assert "did not end and is killed" in warned[0]
    if not recorded:
        time.sleep(0.3)
        assert trainers(run) == [old]
        os.kill(old, signal.SIGKILL)
    until(lambda: trainers(run) not in ([], [old]))
    assert len(trainers(run)) == 1


def test_what_a_trainer_still_says_and_saves_when_the_next_supervisor_is_there_already_is_kept(
    make_run: MakeRun,
) -> None:
    run = make_run(steps=12, seconds=0.02, hang_at=8, save_seconds=30.0)
    local.start(run)
    until(lambda: len(losses(run)) == 8)
    (old,) = trainers(run)
    kill(run, "supervisor")
    until(lambda: status_of(run).life is Life.DEAD)
    local.start(run)
    until(lambda: (state := run.state()) is not None and "still ending" in state.why)

    value = float.fromhex(expected(9)[9])  # what it does in its last step, if it does not hang
    last = Spool(run.path, attempt=1)
    last.metrics(9, loss=value)
    last.close()
    with checkpoints.publishing(run.path, 9) as folder:
        (folder / "value.json").write_text(json.dumps({"value": value.hex()}))
    os.kill(old, signal.SIGKILL)

    assert finish(run).reason == "finished"
    assert losses(run) == expected(12)
    assert [(it.attempt, it.body["from_step"]) for it in events(run) if it.kind == Kind.ATTEMPT] == [(1, 0), (2, 9)]
