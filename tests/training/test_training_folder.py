"""The files of a run folder: numbers without a gap, lines cut off by a power cut, checkpoints whole or not there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.training import checkpoints, gpu, wire
from lrstudio.training.events import Curve, Event, EventLog, Tail, event_of
from lrstudio.training.folder import RunFolder, replace_file
from lrstudio.training.identity import Identity
from lrstudio.training.spool import Spool
from lrstudio.training.status import Life, refuse_unless_resumable, status_of
from lrstudio.training.wire import Exit, Kind, Phase, Spec, State

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "r", Spec("r", "toy", "none", ("true",)))


def test_events_are_numbered_on_over_a_torn_line(run: RunFolder) -> None:
    path = run.path / wire.EVENTS
    log = EventLog(path)
    log.append(Kind.ATTEMPT, attempt=1, from_step=0)
    log.append(Kind.WARNING, attempt=1, why="ü\ud800")
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"v":1,"seq":3,"ti')
    again = EventLog(path)
    assert path.read_bytes() == whole
    assert again.append(Kind.EXIT, attempt=1).seq == 3
    again.close()
    assert [event.seq for event in Tail().read(path)] == [1, 2, 3]
    assert Tail().read(path)[1].body["why"] == "ü\ud800"


@given(st.lists(st.integers(1, 30), max_size=30))
def test_a_tail_gives_the_same_events_however_the_bytes_come(sizes: list[int]) -> None:
    rows = [{"v": 1, "seq": n, "time": "t", "kind": "metric", "attempt": 1, "step": n} for n in range(1, 6)]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    tail, found, at = Tail(), [], 0
    for size in [*sizes, len(data)]:
        found += tail.feed(data[at : at + size])
        at += size
    assert [event.seq for event in found] == [1, 2, 3, 4, 5]
    assert tail.offset == len(data)


@pytest.mark.parametrize("seqs", [[1, 3], [1, 1], [2]])
def test_a_gap_or_a_repeat_is_no_run_of_ours(seqs: list[int]) -> None:
    data = b"".join(json.dumps({"seq": n, "time": "t", "kind": "metric", "attempt": 1}).encode() + b"\n" for n in seqs)
    with pytest.raises(ValueError, match="follows event"):
        Tail().feed(data)
    with pytest.raises(ValueError, match="not an event"):
        event_of(b'{"seq": 1}')


def test_what_a_trainer_spools_comes_in_once_and_only_whole(run: RunFolder) -> None:
    spool = Spool(run.path, attempt=1)
    spool.metrics(1, loss=0.5)
    path = run.spool(1)
    with path.open("ab") as file:
        file.write(b"not json\n" + b'{"kind":"metric","st')
    log = EventLog(run.path / wire.EVENTS)
    assert [event.kind for event in log.take_in(1, path)] == ["metric", "warning"]
    assert log.take_in(1, path) == []
    log.close()
    with path.open("ab") as file:
        file.write(b'ep":2,"metrics":{"loss":0.4},"seq":99,"attempt":7}\n')
    again = EventLog(run.path / wire.EVENTS)  # another supervisor goes on where the last one stopped
    (event,) = again.take_in(1, path)
    assert (event.seq, event.attempt, event.step) == (3, 1, 2)
    again.close()


def test_a_curve_shows_the_latest_attempt_behind_a_resume_and_keeps_the_rest() -> None:
    def metric(seq: int, attempt: int, step: int, loss: float) -> Event:
        return Event(seq, "t", "metric", attempt, {"step": step, "metrics": {"loss": loss}})

    curve = Curve()
    first = [metric(n, 1, n, n / 10) for n in range(1, 6)]
    resumed = Event(6, "t", "attempt", 2, {"from_step": 3})
    curve.add([*first, resumed])
    assert {step: point["loss"] for step, point in curve.points.items()} == {1: 0.1, 2: 0.2, 3: 0.3}
    curve.add([*first, resumed, metric(7, 2, 4, 9.0)])
    assert {step: point["loss"] for step, point in curve.points.items()} == {1: 0.1, 2: 0.2, 3: 0.3, 4: 9.0}


def save(run: RunFolder, step: int, content: str = "x") -> None:
    with checkpoints.publishing(run.path, step) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "w.bin").write_text(content)


def test_a_checkpoint_is_there_whole_or_not(run: RunFolder) -> None:
    assert checkpoints.latest(run.path) is None
    save(run, 5)
    with pytest.raises(FileNotFoundError), checkpoints.publishing(run.path, 10) as folder:
        (folder / "no folder" / "half").write_text("x")
    (last,) = checkpoints.published(run.path)
    assert (last.step, checkpoints.verified(last)) == (5, True)
    save(run, 10, "longer")
    (checkpoints.latest(run.path).path / "sub" / "w.bin").write_text("cut")  # type: ignore[union-attr]
    assert checkpoints.latest(run.path).step == 5  # type: ignore[union-attr]
    (last.path / "sub" / "w.bin").write_text("y")
    assert not checkpoints.verified(last)
    for step in (20, 30, 40):
        save(run, step)
    for left in ("step-00000010.tmp", "step-00000020.before.tmp"):  # by trainers killed while they pruned, or replaced
        (run.path / wire.CHECKPOINTS / left).mkdir()
    checkpoints.prune(run.path, keep=2)
    assert [it.step for it in checkpoints.published(run.path)] == [30, 40]
    assert not list((run.path / wire.CHECKPOINTS).glob("*.tmp"))


def test_a_checkpoint_of_the_same_step_takes_the_place_of_the_one_before(run: RunFolder) -> None:
    save(run, 5, "first")
    left = run.path / wire.CHECKPOINTS / "step-00000005.before.tmp"  # by one that was killed while it did the same
    left.mkdir()
    (left / "w.bin").write_text("x")
    save(run, 5, "second")
    (last,) = (run.path / wire.CHECKPOINTS).iterdir()
    assert (last.name, (last / "sub" / "w.bin").read_text()) == ("step-00000005", "second")


def test_a_checkpoint_whose_follower_has_not_come_has_its_name_again(run: RunFolder) -> None:
    save(run, 5)
    final = run.path / wire.CHECKPOINTS / "step-00000005"
    final.rename(left := final.with_name("step-00000005.before.tmp"))  # killed between the two names
    checkpoints.prune(run.path, keep=1)
    assert [it.path for it in checkpoints.published(run.path)] == [final]
    final.rename(left)
    with pytest.raises(FileNotFoundError), checkpoints.publishing(run.path, 5) as folder:
        (folder / "no folder" / "half").write_text("x")
    assert [it.path for it in checkpoints.published(run.path)] == [final]
    assert list(final.parent.iterdir()) == [final]


def claimed(run: RunFolder, **changes: object) -> None:
    folder = run.path / wire.CLAIMS / "000001"
    folder.mkdir()
    replace_file(folder / wire.HOLDER, wire.to_json(Identity.own().row() | changes))


@pytest.mark.parametrize(
    ("changes", "life", "words"),
    [
        ({}, Life.ALIVE, "going on"),
        ({"host": "elsewhere"}, Life.UNKNOWN, "may be going on on elsewhere, which cannot be asked"),
        ({"boot": "another"}, Life.DEAD, ""),
        ({"start": "1"}, Life.DEAD, ""),
        ({"pid": 2**22 + 1}, Life.DEAD, ""),
    ],
)
def test_alive_dead_and_unknown(run: RunFolder, changes: dict[str, object], life: Life, words: str) -> None:
    claimed(run, **changes)
    run.write(wire.STATE, State(Phase.RUNNING, 1, "t", step=7, steps=9))
    status = status_of(run)
    assert (status.life, status.step, status.steps) == (life, 7, 9)
    assert status.can_resume == (life is Life.DEAD)
    if words:
        with pytest.raises(Refused, match=words):
            refuse_unless_resumable(run)
    else:
        refuse_unless_resumable(run)
        assert status.phase is Phase.FAILED


def test_a_run_is_never_finished_without_exit_json(run: RunFolder) -> None:
    claimed(run, pid=2**22 + 1)
    run.write(wire.STATE, State(Phase.FINISHED, 1, "t", step=9, steps=9))
    assert status_of(run).phase is Phase.FAILED
    run.write(wire.EXIT, Exit(0, None, "finished", 9, 1, "t"))
    assert status_of(run).phase is Phase.FINISHED


def test_a_supervisor_that_lives_is_at_its_own_attempt_and_has_not_finished(run: RunFolder) -> None:
    claimed(run)
    run.write(wire.STATE, State(Phase.FINISHED, 1, "t", step=9, steps=9))
    assert (status_of(run).life, status_of(run).phase) == (Life.ALIVE, Phase.STOPPING)
    run.write(wire.STATE, State(Phase.FAILED, 0, "t", why="of the attempt before"))
    assert (status_of(run).phase, status_of(run).why) == (Phase.STARTING, "")


def test_a_person_can_take_a_run_over_from_a_machine_that_is_gone(run: RunFolder) -> None:
    claimed(run, host="elsewhere")
    with pytest.raises(Refused, match=r"begun by process .* on elsewhere"):
        run.claim()
    mine = run.claim(take_over=True)
    assert (mine.attempt, mine.holder) == (2, Identity.own())
    assert mine.holder.host == socket.gethostname()
    with pytest.raises(Refused, match=f"process {os.getpid()} has it"):
        run.claim()


def test_the_end_of_an_attempt_before_lets_nobody_in_beside_the_next(run: RunFolder) -> None:
    run.claim()
    ended = Exit(code=None, signal=9, reason="killed", last_step=3, attempt=1, time="t")
    run.write(wire.EXIT, ended)
    run.claim()
    run.write(wire.EXIT, ended)  # as it stands until the second attempt, which lives, has put it away
    with pytest.raises(Refused, match="this run is going on"):
        run.claim()


def test_a_spec_of_a_newer_version_is_refused(run: RunFolder) -> None:
    row = json.loads((run.path / wire.SPEC).read_text())
    (run.path / wire.SPEC).write_text(json.dumps(row | {"v": 2}))
    with pytest.raises(Refused, match="a newer version"):
        run.spec()
    (run.path / wire.SPEC).write_text("{")
    with pytest.raises(Refused, match="not valid JSON"):
        run.spec()


def test_what_the_cards_are_doing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, NVIDIA H200, 1024, 143771, 97'\necho '1, NVIDIA H200, 0, [N/A], [N/A]'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    first, second = gpu.sample()
    assert first == {"index": 0, "name": "NVIDIA H200", "used_mib": 1024.0, "total_mib": 143771.0, "use": 97.0}
    assert (second["used_mib"], second["total_mib"], second["use"]) == (0.0, None, None)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert gpu.sample() == []


def test_the_supervisor_needs_nothing_but_python(tmp_path: Path) -> None:
    code = (
        "import sys, lrstudio.training.supervisor, lrstudio.training.spool, lrstudio.training.checkpoints\n"
        "print([n for n, m in sys.modules.items() if 'site-packages' in (getattr(m, '__file__', None) or '')])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
