"""A scheduler's time limit: the supervisor saves, says so, and asks for another turn that is of use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.status import status_of
from lrstudio.training.wire import Phase
from tests.doubles.queued_runs import ROOT, queued_run
from tests.doubles.toy_runs import events, expected, losses, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="schedulers are of other systems")


class NoLauncher:
    """Nobody starts these runs but the tests."""


def begin(run: RunFolder, *, requeue: str, restarts: str = "0") -> subprocess.Popen[bytes]:
    """Start the supervisor as a scheduler's script does: deaf to the sign until it listens."""
    environment = {"LRSTUDIO_REQUEUE": requeue, "LRSTUDIO_RESTARTS": restarts, "PYTHONPATH": str(ROOT)}
    words = ["sh", "-c", 'trap "" USR1; exec "$@"', "sh", sys.executable, "-m", "lrstudio.training.supervisor"]
    return subprocess.Popen([*words, str(run.path)], env={**os.environ, **environment})


def stepping(run: RunFolder, step: int) -> None:
    until(lambda: step in losses(run))


def test_a_run_saves_asks_for_another_turn_and_goes_on_there(tmp_path: Path) -> None:
    run = queued_run(tmp_path / "run", NoLauncher(), steps=9, wait_at=[4]).run
    asked = tmp_path / "asked"
    process = begin(run, requeue=f"touch {asked}")
    stepping(run, 4)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(60) == 0
    ended = run.exit()
    assert ended is not None
    assert (ended.reason, ended.last_step, ended.code) == (wire.REQUEUED, 4, 0)
    assert "at its next turn" in ended.why
    assert asked.exists()
    assert status_of(run).phase is Phase.STOPPED
    assert status_of(run).can_resume
    assert begin(run, requeue=f"touch {asked}", restarts="1").wait(60) == 0
    assert losses(run) == expected(9)


def test_a_turn_that_saved_nothing_is_not_asked_for_again(tmp_path: Path) -> None:
    run = queued_run(tmp_path / "run", NoLauncher(), hang_at=3, save_every=50).run
    spec = run.spec()
    run.path.joinpath(wire.SPEC).write_text(wire.to_json(spec).replace('"save_seconds":20.0', '"save_seconds":0.2'))
    asked = tmp_path / "asked"
    process = begin(run, requeue=f"touch {asked}")
    stepping(run, 3)
    process.send_signal(signal.SIGUSR1)
    process.wait(60)
    ended = run.exit()
    assert ended is not None
    assert ended.reason == wire.TIME_LIMIT
    assert "before the first checkpoint" in ended.why
    assert not asked.exists()


def test_a_scheduler_that_gives_no_other_turn_is_told_of(tmp_path: Path) -> None:
    run = queued_run(tmp_path / "run", NoLauncher(), wait_at=[2]).run
    process = begin(run, requeue="ls --no-such-option-of-a-requeue")
    stepping(run, 2)
    process.send_signal(signal.SIGUSR1)
    process.wait(60)
    ended = run.exit()
    assert ended is not None
    assert ended.reason == wire.TIME_LIMIT
    assert "no-such-option-of-a-requeue" in ended.why
    assert status_of(run).can_resume


def test_a_person_who_stops_a_run_is_heard_before_the_clock(tmp_path: Path) -> None:
    run = queued_run(tmp_path / "run", NoLauncher(), wait_at=[2], save_seconds=0.6).run
    process = begin(run, requeue="touch never")
    stepping(run, 2)
    run.ask(wire.Request.STOP, save=True)
    until(lambda: any(event.body.get("phase") == Phase.STOPPING for event in events(run)))
    process.send_signal(signal.SIGUSR1)
    process.wait(60)
    ended = run.exit()
    assert ended is not None
    assert ended.reason == "stopped"
