"""Runs on a host that is a folder of this machine: real supervisors there, a mirror here, a link that breaks."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.errors import Environment
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import begin, mirror
from lrstudio.training.hosts.transport import Unreachable
from lrstudio.training.listing import row_of
from lrstudio.training.status import Life, status_of
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Phase, Request
from tests.doubles.far_runs import FarRun, another_computer, far_run
from tests.doubles.folder_host import FolderHost
from tests.doubles.toy_runs import expected, losses, trainers, until

MakeFar = Callable[..., FarRun]


@pytest.fixture
def host(tmp_path: Path) -> FolderHost:
    return FolderHost(tmp_path / "box")


@pytest.fixture
def make_far(tmp_path: Path, host: FolderHost) -> Iterator[MakeFar]:
    made: list[FarRun] = []

    def make(name: str = "001-toy-1", **more: Any) -> FarRun:
        made.append(far_run(tmp_path / "p.runs", host, name, **more))
        return made[-1]

    yield make
    for run in made:
        kill(run)


def kill(run: FarRun) -> None:
    """Kill the supervisors and trainers of a run."""
    for claim in run.there.claims() if run.there.path.is_dir() else ():
        if claim.holder.alive():
            with suppress(ProcessLookupError):
                os.kill(claim.holder.pid, signal.SIGKILL)
    for pid in trainers(run.there) if run.there.path.is_dir() else ():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def same(run: FarRun) -> bool:
    """The mirror says byte for byte what the host says."""
    names = (wire.EVENTS, wire.LOG, wire.STATE, wire.EXIT)
    return all((run.here.path / name).read_bytes() == (run.there.path / name).read_bytes() for name in names)


def test_a_run_on_a_host_is_read_here_as_one_of_this_machine(make_far: MakeFar) -> None:
    run = make_far(steps=30, seconds=0.1)
    assert status_of(run.here).phase is None
    run.begin()
    row = row_of(run.here)
    assert (row.host, row.life, row.since) == ("box", Life.ALIVE, "")
    watch = RunWatch(run.here)
    watch.poll()
    status = run.over()
    assert (status.life, status.phase, status.step, status.can_resume) == (Life.DEAD, Phase.FINISHED, 30, False)
    watch.poll()
    assert {step: point["loss"].hex() for step, point in watch.curve.points.items()} == expected(30)
    assert same(run)
    assert [it.holder for it in run.here.claims()] == [it.holder for it in run.there.claims()]


def test_a_start_whose_answer_is_lost_starts_one_trainer(make_far: MakeFar, host: FolderHost) -> None:
    run = make_far(steps=60, seconds=0.02, wait_at=[60])
    begin.send_run(host, run.here.path)
    host.link.lose = True
    for _ in range(2):
        with pytest.raises(Unreachable):
            run.start()
    assert status_of(run.here).life is Life.UNKNOWN
    host.link.lose = False
    until(lambda: run.look().life is Life.ALIVE)
    until(lambda: trainers(run.there))
    assert len(trainers(run.there)) == 1
    until(lambda: run.look() and len(losses(run.here)) == 60)
    run.here.ask(Request.STOP, save=True)
    assert run.over().phase is Phase.STOPPED
    assert len(run.there.claims()) == 1
    assert losses(run.here) == expected(60)


def test_a_link_that_is_down_makes_it_unknown_and_never_dead(make_far: MakeFar, host: FolderHost) -> None:
    run = make_far(steps=2000, seconds=0.02)
    run.begin()
    until(lambda: run.look().phase is Phase.RUNNING and len(losses(run.here)) > 3)
    host.link.down = True
    mirror.write_asked(run.here.path, _older(mirror.asked_of(run.here.path)))
    status = run.look()
    assert (status.life, status.phase) == (Life.UNKNOWN, Phase.RUNNING)
    assert "the link is down" in status.why
    assert "last heard of" in status.why
    row = row_of(run.here)
    assert row.since
    assert not row.can_resume
    assert row.step > 0
    name = run.here.ask(Request.STOP, save=True)
    run.look()
    assert not run.there.asked()
    host.link.down = False
    assert run.look().life is not Life.UNKNOWN
    status = run.over()
    assert status.phase is Phase.STOPPED
    assert json.loads((run.here.path / wire.CONTROL / f"{name}.ack.json").read_text())["done"] is True
    assert same(run)


def _older(asked: Any) -> Any:
    return replace(asked, answered="2026-01-01T00:00:00.000Z")


def test_a_stop_whose_answer_is_lost_is_asked_once(make_far: MakeFar, host: FolderHost) -> None:
    run = make_far(steps=80, seconds=0.02, wait_at=[60], save_every=1000)
    run.begin()
    run.here.ask(Request.STOP, save=True)
    host.link.lose = True
    run.look()
    run.look()
    host.link.lose = False
    status = run.over()
    assert status.phase is Phase.STOPPED
    assert [path.name for path in sorted((run.there.path / wire.CONTROL).iterdir())] == [
        "000001.ack.json",
        "000001.json",
    ]
    run.start()
    assert run.over(attempt=2).phase is Phase.FINISHED
    assert losses(run.here) == expected(80)


def test_a_killed_supervisor_and_a_host_that_was_restarted_are_told_apart(make_far: MakeFar) -> None:
    killed, rebooted = make_far("001-toy-1", steps=400, seconds=0.05), make_far("002-toy-2", steps=400, seconds=0.05)
    for run in (killed, rebooted):
        run.begin()
        until(lambda run=run: run.look().life is Life.ALIVE and len(losses(run.here)) > 2)
        kill(run)
    claim = rebooted.there.path / wire.CLAIMS / "000001" / wire.HOLDER
    claim.write_text(json.dumps(json.loads(claim.read_text()) | {"boot": "before"}))
    until(lambda: killed.look().life is Life.DEAD)
    until(lambda: rebooted.look().life is Life.DEAD)
    assert status_of(killed.here).phase is status_of(rebooted.here).phase is Phase.FAILED
    assert "its supervisor was killed" in status_of(killed.here).why
    assert "the host was restarted" in status_of(rebooted.here).why
    assert status_of(killed.here).can_resume
    assert status_of(rebooted.here).ended is None


def test_lines_that_a_power_cut_took_there_are_taken_back_here(make_far: MakeFar) -> None:
    run = make_far(steps=200, seconds=0.05, save_every=1000)
    run.begin()
    until(lambda: run.look() and len(losses(run.here)) > 9)
    kill(run)
    run.look()
    until(lambda: run.look().life is Life.DEAD)
    path = run.there.path / wire.EVENTS
    os.truncate(path, path.stat().st_size - 400)
    spool = run.there.spool(1)
    os.truncate(spool, spool.stat().st_size - 300)
    spec = run.there.spec()
    run.there.write(wire.SPEC, replace(spec, options={**spec.options, "seconds": 0.0}))
    run.start()
    assert run.over(attempt=2).phase is Phase.FINISHED
    assert same(run)
    assert losses(run.here) == expected(200)


def test_another_computer_goes_on_and_both_see_it(make_far: MakeFar, host: FolderHost, tmp_path: Path) -> None:
    run = make_far(steps=120, seconds=0.04, wait_at=[20], save_every=10)
    run.begin()
    run.look()
    away = mirror.away_of(run.here.path)
    there = RunFolder.create(tmp_path / "laptop" / run.here.path.name, run.here.spec())
    mirror.make(there.path, replace(away, mirror="", handle="", starts=0))
    laptop = another_computer(there, FolderHost(host.home))
    until(lambda: laptop.look().life is Life.ALIVE)
    for number, one in enumerate((run, laptop), 1):
        one.here.ask(Request.STOP, save=True)
        one.look()
        assert len(list((run.there.path / wire.CONTROL).glob("[0-9]*.json"))) >= number
    assert laptop.over().phase is Phase.STOPPED
    assert run.over().phase is Phase.STOPPED
    laptop.start()
    until(lambda: (status := run.look()).life is Life.ALIVE or status.attempt == 2)
    assert run.over(attempt=2).phase is laptop.over(attempt=2).phase is Phase.FINISHED
    assert losses(run.here) == losses(laptop.here) == expected(120)
    assert mirror.away_of(run.here.path).starts == 2


def test_a_supervisor_that_does_not_come_up_is_told_in_its_last_words(make_far: MakeFar, host: FolderHost) -> None:
    run = make_far()
    begin.send_run(host, run.here.path)
    away = mirror.away_of(run.here.path)
    mirror.write_away(run.here.path, replace(away, python=(*away.python, "-I", "-S")))  # which finds no package
    with pytest.raises(Environment, match=r"did not start: .*No module named"):
        run.start()
    with pytest.raises(Environment, match=r"cannot do this: .*No module named"):
        begin.lay(host, mirror.away_of(run.here.path), {"folder": str(host.home / "x")})


def test_what_nobody_has_asked_about_for_a_while_is_unknown(make_far: MakeFar) -> None:
    run = make_far(steps=400, seconds=0.05)
    run.begin()
    asked = mirror.asked_of(run.here.path)
    mirror.write_asked(run.here.path, _older(asked))
    status = status_of(run.here)
    assert status.life is Life.UNKNOWN
    assert "nobody has asked" in status.why
    assert run.look().life is Life.ALIVE
