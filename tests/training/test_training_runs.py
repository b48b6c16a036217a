"""Runs of a real supervisor with a toy trainer: to the end, stopped, queued, failed, attached to and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training import checkpoints, local, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.status import Life, status_of
from lrstudio.training.wire import Kind, Phase, Request
from tests.doubles.toy_runs import events, expected, finish, losses, trainers, until
from tests.training.conftest import MakeRun


def test_a_run_ends_with_its_numbers_and_exit_json_last(make_run: MakeRun) -> None:
    run = make_run()
    assert status_of(run).phase is None
    assert local.start(run) == 1
    ended = finish(run)
    assert (ended.code, ended.signal, ended.reason, ended.last_step) == (0, None, "finished", 12)
    assert losses(run) == expected(12)
    said = events(run)
    assert [event.seq for event in said] == list(range(1, len(said) + 1))
    assert (said[0].kind, said[-1].kind) == (Kind.ATTEMPT, Kind.EXIT)
    row = json.loads((run.path / wire.EVENTS).read_text().splitlines()[0])
    assert {"v", "seq", "time", "kind"} <= set(row)
    assert ended.checkpoint == "step-00000012"
    assert [it.step for it in checkpoints.published(run.path)] == [10, 12]
    assert all(checkpoints.verified(it) for it in checkpoints.published(run.path))
    status = status_of(run)
    assert (status.life, status.phase, status.step, status.can_resume) == (Life.DEAD, Phase.FINISHED, 12, False)
    assert "goes on behind step 0" in (run.path / wire.LOG).read_text()
    with pytest.raises(Refused, match="has finished"):
        local.start(run)


def test_a_rule_that_stops_a_run_is_why_it_ended_and_it_can_be_resumed(make_run: MakeRun) -> None:
    run = make_run(steps=12, ill_at=7, save_every=1000)
    local.start(run)
    ended = finish(run)
    assert (ended.code, ended.reason, ended.why, ended.last_step) == (0, "stopped", "the policy has drifted", 7)
    status = status_of(run)
    assert (status.phase, status.why, status.checkpoint) == (Phase.STOPPED, "the policy has drifted", "step-00000007")
    assert local.start(run) == 2
    assert finish(run).reason == "finished"
    assert losses(run) == expected(12)


def test_stop_with_save_and_resume_give_the_numbers_of_an_unbroken_run(make_run: MakeRun) -> None:
    run = make_run(steps=40, seconds=0.02, wait_at=[30], save_every=1000)
    local.start(run)
    until(lambda: len(losses(run)) > 5)
    name = run.ask(Request.STOP, save=True)
    ended = finish(run)
    assert ended.reason == "stopped"
    assert ended.checkpoint == f"step-{ended.last_step:08d}"
    assert json.loads((run.path / wire.CONTROL / f"{name}.ack.json").read_text())["done"] is True
    assert status_of(run).phase is Phase.STOPPED
    assert local.start(run) == 2
    assert finish(run).attempt == 2
    assert losses(run) == expected(40)
    assert (run.path / wire.CLAIMS / "000001" / wire.EXIT).exists()


def test_stop_now_ends_a_trainer_that_hears_nothing(make_run: MakeRun) -> None:
    run = make_run(steps=40, hang_at=7, deaf=True, end_seconds=0.3)
    local.start(run)
    until(lambda: len(losses(run)) == 7)
    run.ask(Request.STOP, save=False)
    ended = finish(run)
    assert (ended.reason, ended.code, ended.signal) == ("stopped", None, signal.SIGTERM)
    assert ended.checkpoint == "step-00000005"
    assert not trainers(run)


def test_a_stop_with_save_that_takes_too_long_climbs_the_ladder(make_run: MakeRun) -> None:
    run = make_run(steps=40, hang_at=7, save_seconds=0.3, end_seconds=0.3)
    local.start(run)
    until(lambda: len(losses(run)) == 7)
    run.ask(Request.STOP, save=True)
    ended = finish(run)
    assert (ended.reason, ended.signal) == ("stopped", signal.SIGTERM)
    assert [event.body["why"] for event in events(run) if event.kind == Kind.WARNING] == ["the trainer is asked to end"]


@pytest.mark.parametrize("saves", [(False, True), (True, False)])
def test_the_sooner_of_two_ends_counts_in_either_order(make_run: MakeRun, saves: tuple[bool, bool]) -> None:
    run = make_run(steps=40, hang_at=7, save_seconds=3600.0, end_seconds=0.3)
    local.start(run)
    until(lambda: len(losses(run)) == 7)
    for save in saves:
        run.ask(Request.STOP, save=save)
    assert (finish(run).reason, finish(run).signal) == ("stopped", signal.SIGTERM)


def test_a_failure_is_told_in_the_trainers_words_and_can_be_resumed(make_run: MakeRun) -> None:
    run = make_run(steps=12, fail_at=7)
    local.start(run)
    ended = finish(run)
    assert (ended.code, ended.reason, ended.why) == (1, "out_of_memory", "the card is too small")
    local.start(run)
    until(lambda: run.exit() and run.exit().attempt == 2)  # type: ignore[union-attr]
    assert losses(run) == expected(12)


def test_a_trainer_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    spec = wire.Spec("r", "toy", "none", command=("/no/such/program",))
    run = RunFolder.create(tmp_path / "r", spec)
    local.start(run)
    ended = finish(run)
    assert ended.reason == "not_started"
    assert "/no/such/program" in ended.why


def test_the_run_outlives_the_process_that_started_it(make_run: MakeRun) -> None:
    run = make_run(steps=60, seconds=0.02)
    code = (
        "import os, signal, sys; from pathlib import Path; from lrstudio.training import local; "
        "from lrstudio.training.folder import RunFolder; local.start(RunFolder(Path(sys.argv[1]))); "
        "os.killpg(0, signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(run.path)], start_new_session=True, check=False)
    assert finish(run).reason == "finished"
    assert losses(run) == expected(60)


def test_two_windows_start_one_trainer(make_run: MakeRun) -> None:
    run = make_run(steps=60, seconds=0.02, wait_at=[60])
    words = [sys.executable, "-m", "lrstudio.training.supervisor", str(run.path)]
    both = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    until(lambda: trainers(run))
    assert len(trainers(run)) == 1
    with pytest.raises(Refused, match="going on"):
        local.start(run)
    until(lambda: sum(process.poll() is not None for process in both) == 3)
    until(lambda: len(losses(run)) == 60)
    run.ask(Request.STOP)
    results = [(process.communicate(timeout=60)[1], process.returncode) for process in both]
    assert sorted(status for _, status in results) == [0, 3, 3, 3]
    assert all("this run" in said for said, status in results if status == 3)
    assert losses(run) == expected(60)
    assert len(run.claims()) == 1


def test_runs_of_one_queue_come_one_after_another(make_run: MakeRun, tmp_path: Path) -> None:
    queue = str(tmp_path / "queue")
    first = make_run("first", steps=30, wait_at=[20], queue=queue)
    second = make_run("second", steps=3, queue=queue)
    third = make_run("third", steps=3, queue=queue)
    local.start(first)
    until(lambda: losses(first))
    local.start(second)
    until(lambda: (state := second.state()) is not None and "1 other run" in state.why)
    local.start(third)
    until(lambda: (state := third.state()) is not None and "2 other runs" in state.why)
    assert status_of(second).phase is Phase.QUEUED
    third.ask(Request.STOP)
    assert (finish(third).reason, finish(third).last_step) == ("stopped", 0)
    first.ask(Request.STOP)
    assert (finish(first).reason, finish(second).reason) == ("stopped", "finished")
    began = [event for event in events(second) if event.body.get("phase") == Phase.STARTING]
    ended = [event for event in events(first) if event.kind == Kind.EXIT]
    assert began[0].time >= ended[0].time
    until(lambda: not list((tmp_path / "queue").iterdir()))


def test_a_killed_run_in_a_queue_is_not_waited_for(make_run: MakeRun, tmp_path: Path) -> None:
    queue = str(tmp_path / "queue")
    first = make_run("first", steps=1000, seconds=0.02, queue=queue)
    second = make_run("second", steps=3, queue=queue)
    local.start(first)
    until(lambda: losses(first))
    os.kill(first.claims()[-1].holder.pid, signal.SIGKILL)
    local.start(second)
    assert finish(second).reason == "finished"
    until(lambda: not trainers(first))


def test_a_request_nobody_knows_is_answered(make_run: MakeRun) -> None:
    run = make_run(steps=60, wait_at=[50])
    local.start(run)
    run.write(f"{wire.CONTROL}/000001.json", {"do": "dance"})
    name = run.ask(Request.CHECKPOINT)
    assert name == "000002"
    answer = run.path / wire.CONTROL / "000001.ack.json"
    until(answer.exists)
    assert json.loads(answer.read_text())["why"] == "this supervisor cannot 'dance'"
    run.ask(Request.STOP)
    assert finish(run).reason == "stopped"


def test_a_supervisor_that_cannot_start_is_told(make_run: MakeRun) -> None:
    with pytest.raises(Environment, match="did not start"):
        local.start(make_run(), python=("/bin/false",))


def test_a_run_folder_is_made_whole_and_once(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    with pytest.raises(Refused, match="of this name already"):
        RunFolder.create(run.path, run.spec())
    with pytest.raises(Refused, match="no run folder"):
        RunFolder.open(tmp_path)
    assert run.spec().options == {"steps": 12}
    assert (run.path / wire.PAIRS).read_text() == '{"row": 1}\n'

    def broken() -> list[str]:
        raise ValueError

    with pytest.raises(TypeError):
        RunFolder.create(tmp_path / "half", run.spec(), pairs=[1])  # type: ignore[list-item]
    assert not (tmp_path / "half").exists()
    assert not list(tmp_path.glob(".half*"))
