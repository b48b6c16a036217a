"""Three fault rounds of training with fixed seeds, and proof that a round, and each thing it looks at, can fail."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lrstudio.training import checkpoints, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.watch import RunWatch
from tests.doubles.ready_workers import python_that_forks
from tests.faults.run_ends import complaints, unlike_the_file
from tests.faults.run_moments import SAVE, STEPS, Seen
from tests.faults.run_processes import OneTrainer, belonging, kill_all
from tests.faults.training_bench import Bench
from tests.faults.training_rounds import Round, play, tear
from tests.faults.training_table import line, summary

MISSING = [name for name in ("torch", "transformers", "peft") if find_spec(name) is None]

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="processes are looked up in /proc"),
    pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} cannot be imported: the extra `train` helps"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("training-faults")
    return Bench.prepare(folder, python=python_that_forks(folder / "python"))


@pytest.mark.parametrize(
    ("seed", "victim", "aim"), [(1, "window", "step"), (2, "supervisor", "checkpoint"), (3, "power", "evaluation")]
)
def test_a_killed_run_ends_as_if_nothing_had_happened(bench: Bench, seed: int, victim: str, aim: str) -> None:
    done = play(bench, seed=seed, victim=victim, aim=aim)

    assert done.complaints == []
    assert done.attempts == (1 if victim == "window" else 2)
    assert done.step >= SAVE + 3


def test_a_checkpoint_with_the_state_of_another_is_complained_of(bench: Bench) -> None:
    def swap(run: Path) -> None:
        older, newest = checkpoints.published(run)[-2:]
        data = (older.path / "trainer.pt").read_bytes()
        (newest.path / "trainer.pt").write_bytes(data)
        manifest = json.loads((newest.path / checkpoints.MANIFEST).read_text())
        manifest["files"]["trainer.pt"] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
        (newest.path / checkpoints.MANIFEST).write_text(json.dumps(manifest))

    done = play(bench, seed=14, victim="trainer", aim="step", tamper=swap)

    assert done.saved == done.resumed
    assert done.saved in (12, 18), "what the kill came behind"
    assert any(it.startswith("steps differ") for it in done.complaints), done
    assert any(it.startswith("its weights differ") for it in done.complaints), done


Spoil = Callable[[RunFolder], object]


def _change_line(run: RunFolder, old: bytes, new: bytes | None) -> None:
    path = run.path / wire.EVENTS
    lines = path.read_bytes().splitlines(keepends=True)
    place = next(n for n, one in enumerate(lines) if old in one)
    lines[place : place + 1] = [] if new is None else [lines[place].replace(old, new)]
    path.write_bytes(b"".join(lines))


def _change_exit(run: RunFolder, **fields: Any) -> None:
    path = run.path / wire.EXIT
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def _newest(run: RunFolder) -> Path:
    found = checkpoints.latest(run.path)
    assert found is not None
    return found.path


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda run: _change_line(run, b'"loss":', b'"loss":1'), ["steps differ: 1", "attempt 1 said something else"]),
        (lambda run: _change_line(run, b'"kind":"metric"', None), ["its events cannot be read"]),
        (lambda run: _change_line(run, b'"kind":"evaluation"', b'"kind":"gpu"'), ["evaluations differ: 4"]),
        (lambda run: _change_line(run, b'"kind":"sample"', b'"kind":"gpu"'), ["its answers differ"]),
        (lambda run: (run.path / wire.EXIT).unlink(), ["it did not end as finished: None"]),
        (lambda run: _change_exit(run, code=None, signal=9, reason="killed"), ["it did not end as finished"]),
        (lambda run: _change_exit(run, last_step=3), ["it did not end as finished"]),
        (lambda run: (_newest(run) / "trainer.pt").unlink(), ["checkpoint step-00000021 is not whole", "its weights"]),
        (lambda run: _flip(_newest(run) / "trainer.pt"), ["checkpoint step-00000021 is not whole"]),
        (lambda run: _newest(run).with_name("step-00000009.tmp").mkdir(), ["ckpt/step-00000009.tmp is left over"]),
        (lambda run: _flip(run.path / "result/adapter/adapter_model.safetensors"), ["its weights differ"]),
        (lambda run: shutil.rmtree(run.path / "result"), ["its weights differ"]),
    ],
)
def test_each_thing_that_is_looked_at_can_be_wrong(bench: Bench, tmp_path: Path, spoil: Spoil, said: list[str]) -> None:
    whole = next((bench.folder / "whole").glob("*.runs")) / bench.run_id
    run = RunFolder(shutil.copytree(whole, tmp_path / "run"))
    assert complaints(run, bench.whole) == []

    spoil(run)

    found = complaints(run, bench.whole)
    assert [it for it in said if not any(one.startswith(it) for one in found)] == [], found
    assert len(found) == len(said), found


def test_an_attempt_that_says_nothing_is_complained_of_unless_it_cannot(bench: Bench, tmp_path: Path) -> None:
    whole = next((bench.folder / "whole").glob("*.runs")) / bench.run_id
    run = RunFolder(shutil.copytree(whole, tmp_path / "run"))
    shutil.copytree(run.path / wire.CLAIMS / "000001", run.path / wire.CLAIMS / "000002")
    _change_exit(run, attempt=2)

    assert complaints(run, bench.whole, silent=(1,)) == []
    assert complaints(run, bench.whole) == ["attempt 1 does not say how it ended"]


def test_a_curve_that_is_not_the_file_is_complained_of(bench: Bench) -> None:
    run = next((bench.folder / "whole").glob("*.runs")) / bench.run_id
    watch = RunWatch(RunFolder(run))
    watch.poll()
    curve = {step: float(point["loss"]).hex() for step, point in watch.curve.points.items()}

    assert unlike_the_file(curve, run) == []
    assert unlike_the_file({**curve, 2: curve[1]}, run)
    assert unlike_the_file({step: loss for step, loss in curve.items() if step < STEPS}, run)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[RunFolder]:
    """A folder with two processes that look like its trainers and hold no lock."""
    run = RunFolder(tmp_path)
    words = [sys.executable, "-c", "import time; time.sleep(600)", "lrstudio.worker", str(tmp_path)]
    made = [subprocess.Popen(words) for _ in range(2)]
    yield run
    for process in made:
        process.kill()
        process.wait()


def test_two_trainers_are_seen_and_so_is_one_without_the_lock(two: RunFolder) -> None:
    eye = OneTrainer(two)
    while len(pids := belonging(two)) < 2:
        pass
    eye.look()
    assert eye.complaints == ["2 trainers at a time"]
    os.kill(pids[0], signal.SIGKILL)
    while len(belonging(two)) > 1:
        pass
    alone = OneTrainer(two)
    alone.look()
    assert alone.complaints == ["a trainer runs without the lock"]
    kill_all(two)
    assert belonging(two) == []


def _seen(*lines: str, names: str = "", recipe: str = "dpo") -> Seen:
    """Make what a folder held of words such as `metric 6`, or `phase round 2 answers`."""
    parted = (line.split(" ", 1) for line in lines)
    rows = [{"kind": kind, **({"why": said} if kind == "phase" else {"step": int(said)})} for kind, said in parted]
    return Seen(tuple(rows), tuple(names.split()), recipe)


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (_seen("sample 0"), "start"),
        (_seen("metric 5"), "step"),
        (_seen("metric 4"), "evaluation"),
        (_seen("metric 4", "evaluation 4"), "step"),
        (_seen("metric 8", "evaluation 8"), "evaluation"),
        (_seen("metric 8", "evaluation 8", "sample 8"), "step"),
        (_seen("metric 6", names="step-00000006.tmp"), "checkpoint"),
        (_seen("metric 6", names="step-00000006"), "checkpoint"),
        (_seen("metric 6", "checkpoint 6", names="step-00000006"), "step"),
        (_seen("metric 18", "checkpoint 18", names="step-00000006.tmp step-00000018"), "checkpoint"),
        (_seen("metric 21"), "shutdown"),
        (_seen("phase round 1 answers: 0 of 5", recipe="sppo"), "round"),
        (_seen("metric 7", "checkpoint 7", "phase round 2: 5 answers", recipe="sppo"), "round"),
        (_seen("metric 7", "phase round 2: 5 pairs", "phase ", "metric 8", "sample 8", recipe="sppo"), "step"),
        (_seen("metric 4", recipe="sppo"), "step"),
    ],
)
def test_the_phase_is_told_from_the_folder(seen: Seen, phase: str) -> None:
    assert seen.phase() == phase


def test_the_table_counts_equal_ends() -> None:
    rounds = [
        Round(1, "power", "step", "step", step=9, saved=6, attempts=2, resumed=6, again=3),
        Round(2, "window", "any", "start", attempts=1, complaints=["steps differ: 2"]),
    ]
    assert line(rounds[0]).split()[-7:] == ["6", "2", "6", "3", "1", "0.0", "yes"]
    assert line(rounds[1]).splitlines()[1].strip() == "steps differ: 2"
    last = summary(rounds, 10.0).splitlines()
    assert last[-2].split() == ["all", "0/1", "1/1", "0/0", "0/0", "0/0", "0/0", "1/2"]
    assert "3 steps were run again" in last[-1]


def test_what_a_power_cut_takes_leaves_what_a_checkpoint_rests_on(bench: Bench, tmp_path: Path) -> None:
    whole = next((bench.folder / "whole").glob("*.runs")) / bench.run_id
    torn = set()
    for seed in range(8):
        run = RunFolder(shutil.copytree(whole, tmp_path / f"run{seed}"))
        tear(run, Random(seed))
        seen = Seen.of(run)
        assert (seen.step, seen.saved) == (STEPS, STEPS)
        torn.add((run.path / wire.EVENTS).stat().st_size)
    assert len(torn) > 1
