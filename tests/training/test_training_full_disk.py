"""A disk that fills up while a run trains: it ends with a sentence, keeps what it had, and goes on with room again."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.training import checkpoints, local, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.room import DiskFull, Reserve, is_full
from lrstudio.training.rows import Row, line_of
from lrstudio.training.spool import Spool
from lrstudio.training.status import status_of
from lrstudio.training.turns import Turns
from lrstudio.training.wire import Kind, Phase, Spec
from tests.doubles.small_disk import fill, small_disk
from tests.doubles.toy_runs import expected, finish, losses, until
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import TOY


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", size=3 << 20) as found:
        yield found


def make(path: Path, model: Path, *, queue: str = "", **options: Any) -> RunFolder:
    given = {"save_every": 2, "sample_every": 0, **options}
    command = (sys.executable, *TOY)
    spec = Spec(run_id=path.name, recipe="dpo", model=str(model), command=command, options=given, queue=queue)
    return RunFolder.create(path, spec, pairs=[line_of(Row(row_id="r", prompt="p", chosen="c", rejected="d"))])


def whole(run: RunFolder) -> list[int]:
    found = checkpoints.published(run.path)
    assert all(checkpoints.verified(it) for it in found)
    return [it.step for it in found]


def test_a_checkpoint_that_does_not_fit_ends_the_run_and_the_last_one_stays(disk: Path, tmp_path: Path) -> None:
    run = make(disk / "run", toy_model(tmp_path / "toy", bytes=500_000), max_steps=16)
    local.start(run)
    ended = finish(run)
    kept = whole(run)
    last = kept[-1]
    assert 4 <= last < 16
    assert (ended.reason, ended.code, ended.last_step) == ("disk_full", 1, last + 2)
    assert ended.why == (
        f"no space is left on the disk for the checkpoint of step {last + 2}; what was saved at step {last} is kept: "
        "free some space, then go on from there"
    )
    status = status_of(run)
    assert (status.phase, status.can_resume, status.why) == (Phase.FAILED, True, ended.why)
    left = sorted(it.name for it in run.path.iterdir() if it.name.startswith(".") and it.name != ".heartbeat")
    assert (left, list((run.path / wire.CHECKPOINTS).glob("*.tmp"))) == ([], [])

    for old in checkpoints.published(run.path)[:-1]:
        shutil.rmtree(old.path)
    model = Path(run.spec().model)
    toy_model(model, bytes=0)
    local.start(run)
    assert finish(run).reason == "finished"
    assert losses(run) == expected(16)
    assert whole(run)[0] == last


def test_a_disk_without_a_byte_left_is_still_told_of(disk: Path, tmp_path: Path) -> None:
    run = make(disk / "run", toy_model(tmp_path / "toy", seconds=0.02), max_steps=5000)
    local.start(run)
    until(lambda: len(whole(run)) >= 2)
    filler = fill(disk)
    ended = finish(run)
    assert ended.reason == "disk_full"
    assert ended.why.startswith("no space is left on the disk")
    assert "free some" in ended.why
    kept = whole(run)
    assert kept
    assert status_of(run).can_resume

    filler.unlink()
    local.start(run)
    run.ask(wire.Request.STOP, save=True)
    again = finish(run)
    assert (again.reason, again.attempt) == ("stopped", 2)
    assert losses(run) == expected(again.last_step)
    assert again.last_step >= kept[-1]
    assert whole(run)[-1] == again.last_step


def test_a_run_that_waits_for_its_turn_ends_with_a_sentence_too(disk: Path, tmp_path: Path) -> None:
    before = Turns(tmp_path / "queue", "before")
    before.draw()
    run = make(disk / "run", toy_model(tmp_path / "toy"), queue=str(tmp_path / "queue"), max_steps=4)
    local.start(run)
    until(lambda: status_of(run).phase is Phase.QUEUED)
    filler = fill(disk)
    ended = finish(run)
    assert (ended.reason, ended.code, ended.last_step) == ("disk_full", None, 0)
    assert "free some" in ended.why
    assert before.ahead() == ()

    filler.unlink()
    before.leave()
    local.start(run)
    assert finish(run).reason == "finished"
    assert losses(run) == expected(4)


def test_half_a_line_is_taken_back(disk: Path) -> None:
    (disk / "run").mkdir()
    spool = Spool(disk / "run", attempt=1)
    spool.say(Kind.WARNING, why="whole")
    filler = fill(disk)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        spool.say(Kind.WARNING, why="x" * 9000)
    filler.unlink()
    spool.say(Kind.WARNING, why="whole, too")
    spool.close()
    lines = (disk / "run" / wire.SPOOL / "000001.jsonl").read_text(encoding="ascii").splitlines()
    assert ["whole" in it for it in lines] == [True, True]


def test_a_full_disk_is_told_from_other_trouble(disk: Path, tmp_path: Path) -> None:
    assert is_full(OSError(errno.ENOSPC, "no space"), tmp_path)
    assert not is_full(OSError(errno.EACCES, "no"), disk)
    assert not is_full(RuntimeError("write failed"), disk)
    fill(disk, leave=4096)
    assert is_full(RuntimeError("write failed"), disk)
    assert not is_full(KeyboardInterrupt(), disk)
    assert not is_full(OSError(errno.EACCES, "no"), disk)


def test_what_was_kept_back_is_room_for_the_last_words(disk: Path) -> None:
    reserve = Reserve(disk)
    fill(disk)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        (disk / "words").write_bytes(bytes(100_000))
    reserve.give_back()
    (disk / "words").write_bytes(bytes(100_000))
    reserve.give_back()
    Reserve(disk).give_back()
    assert sorted(it.name for it in disk.iterdir()) == ["filler", "words"]


def test_without_a_checkpoint_it_begins_again(disk: Path) -> None:
    fill(disk)
    with (
        pytest.raises(DiskFull, match="nothing was saved before it: free some space, then begin again"),
        checkpoints.publishing(disk / "run", 4) as folder,
    ):
        (folder / "weights").write_bytes(bytes(100))
