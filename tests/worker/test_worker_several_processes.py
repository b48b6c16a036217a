"""A run in several processes has the numbers of one, goes on where it was stopped, and ends when one of them dies."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")
pytest.importorskip("accelerate", reason="accelerate is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training import checkpoints, wire  # noqa: E402
from lrstudio.training import preflight as record  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.spool import Orders, Spool  # noqa: E402
from lrstudio.training.supervisor import Supervisor  # noqa: E402
from lrstudio.training.wire import Exit, Request  # noqa: E402
from lrstudio.worker.plan import deal  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from lrstudio.worker.train import train  # noqa: E402
from tests.doubles.ready_workers import python  # noqa: E402
from tests.doubles.shared_runs import CLOSE, FULL, alone, curve, evaluations, make, said, together  # noqa: E402

torch.set_num_threads(1)
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),  # peft's
    pytest.mark.skipif(sys.platform == "win32", reason="gloo and process groups as on Linux and macOS"),
]
TWO: dict[str, Any] = {"accumulation": 2, "processes": 2}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """Runs in two processes, all in the same two: starting them is what takes time."""
    home = tmp_path_factory.mktemp("runs")
    made = {
        "lora": make(home / "a" / "lora", tiny, **TWO, evaluate_every=2),
        "stopped": make(home / "b" / "stopped", tiny, **TWO, lora_dropout=0.2),
        "dropping": make(home / "c" / "dropping", tiny, **TWO, lora_dropout=0.2),
        "full": make(home / "d" / "full", tiny, **TWO, **FULL),
        "split": make(home / "e" / "split", tiny, **TWO, sharding="fsdp2", dtype="bf16", evaluate_every=2),
        "split_full": make(home / "f" / "split_full", tiny, **TWO, **FULL, sharding="fsdp2", engine="plain"),
        "over_a_step": make(home / "g" / "over", tiny, **TWO, sharding="fsdp2", loss="aot", nll_weight=0.0),
    }
    jobs = [f"{run.path}:1:{2 if name in ('stopped', 'split_full') else 0}" for name, run in made.items()]
    jobs += [f"{made[name].path}:2:0" for name in ("stopped", "split_full")]
    jobs.append(f"broken={made['lora'].path}")
    together(2, *jobs)
    return made


@pytest.fixture(scope="module")
def one(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """The same rows to a step, in one process."""
    home = tmp_path_factory.mktemp("one")
    return {
        "lora": alone(make(home / "a" / "lora", tiny, evaluate_every=2)),
        "bf16": alone(make(home / "d" / "bf16", tiny, dtype="bf16", evaluate_every=2)),
        "full": alone(make(home / "b" / "full", tiny, **FULL)),
        "over_a_step": alone(make(home / "c" / "over", tiny, loss="aot", nll_weight=0.0)),
    }


@pytest.mark.parametrize(
    ("several", "single", "close"),
    [
        ("lora", "lora", CLOSE),
        ("full", "full", CLOSE),
        ("split", "bf16", 1e-3),
        ("split_full", "full", CLOSE),
        ("over_a_step", "over_a_step", CLOSE),
    ],
)
def test_two_processes_have_the_losses_of_one_with_twice_the_rows(
    runs: dict[str, RunFolder], one: dict[str, RunFolder], several: str, single: str, close: float
) -> None:
    found = curve(runs[several], 1, 2)
    assert list(found) == [1, 2, 3, 4]
    assert found == pytest.approx(curve(one[single]), rel=close)
    assert evaluations(runs[several]) == pytest.approx(evaluations(one[single]), rel=close)


def test_stopped_in_two_processes_and_taken_up_again_it_has_the_numbers_of_an_unbroken_run(
    runs: dict[str, RunFolder],
) -> None:
    stopped, whole = runs["stopped"], runs["dropping"]
    assert list(curve(stopped)) == [1, 2]
    assert curve(stopped, 1, 2) == curve(whole)
    assert curve(whole) != pytest.approx(curve(runs["lora"]), rel=1e-3), "nothing was dropped"


def test_the_first_process_alone_speaks_and_leaves_the_result_whole(runs: dict[str, RunFolder]) -> None:
    for name, run in runs.items():
        steps = [it["step"] for attempt in (1, 2) for it in said(run, attempt) if it["kind"] == "metric"]
        assert steps == [1, 2, 3, 4], name
        assert not [it for it in said(run) if it["kind"] == "error"]
        engines = {it["engine"] for it in said(run) if it["kind"] == "engine"}
        assert engines == {"plain" if name == "split_full" else "shared"}, name
        last = checkpoints.latest(run.path)
        assert last is not None
        assert checkpoints.verified(last)
    shapes = {
        name: {path.name: path.stat().st_size for path in (runs[name].path / "result").glob("*/*.safetensors")}
        for name in ("lora", "split", "full", "split_full")
    }
    assert shapes["lora"] == shapes["split"]
    assert shapes["full"].keys() == shapes["split_full"].keys()
    assert (runs["split"].path.parent / ".reference").is_dir()


def test_parity_is_a_check_of_preflight_and_refuses_where_gradients_are_not_added_up(
    runs: dict[str, RunFolder],
) -> None:
    for name in ("lora", "split_full"):
        found = record.read(runs[name].path)
        assert found is not None
        check = next(it for it in found.checks if it.name == "parity")
        assert check.passed
        assert "a step of 2 processes" in check.said
    broken = (runs["lora"].path / "broken.txt").read_text(encoding="utf-8")
    assert broken.startswith("processes: a step of 2 processes gives other numbers than one process"), broken


def test_another_number_of_processes_is_refused(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    with pytest.raises(Refused, match="this run is for 2 processes, and 1 were started"):
        train(runs["lora"].path, Spool(tmp_path_run(runs["lora"], tmp_path / "a").path, attempt=9), Orders(None))
    copied = tmp_path_run(runs["lora"], tmp_path / "b")
    spec = copied.spec()
    copied.write(wire.SPEC, replace(spec, options=dict(spec.options) | {"processes": 1, "accumulation": 4}))
    with pytest.raises(Refused, match=r"the checkpoint step-00000004 is of 2 processes, and these are 1: other rows"):
        alone(copied)


def tmp_path_run(run: RunFolder, home: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(run.path, home / run.path.name)))


def test_a_process_that_dies_ends_the_run_with_a_sentence_and_no_other_stays(tiny: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "home" / "run", tiny, **TWO, max_steps=5_000)
    command = tuple(sys.executable if it == str(python()) else it for it in run.spec().command)
    run.write(wire.SPEC, replace(run.spec(), command=command, environment={}))  # the very processes that a run has
    ended: list[Exit] = []
    supervisor = threading.Thread(target=lambda: ended.append(Supervisor(run).run()), daemon=True)
    supervisor.start()
    until(lambda: len(curve(run)) >= 2, supervisor)
    run.ask(Request.CHECKPOINT)
    until(lambda: checkpoints.latest(run.path) is not None, supervisor)
    its = workers(run)
    assert len(its) == 2
    second = next(it for it in its if it.environ()["RANK"] == "1")
    os.kill(second.pid, signal.SIGKILL)
    supervisor.join(180)
    assert ended, "it hangs"
    assert (ended[0].reason, ended[0].code) == ("killed", 1)
    assert ended[0].why.startswith("process 2 of 2 on ")
    assert "resume the run from its last checkpoint" in ended[0].why
    until(lambda: not workers(run))


def workers(run: RunFolder) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if "lrstudio.worker" in words and str(run.path) in words and "accelerate.commands.launch" not in words:
            found += [process] if process.info["status"] != psutil.STATUS_ZOMBIE else []
    return found


def until(done: Callable[[], bool], thread: threading.Thread | None = None) -> None:
    end = time.monotonic() + 300
    while not done():
        assert thread is None or thread.is_alive(), "it ended too soon"
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_rows_are_dealt_out_whole_passes_first_and_every_one_once() -> None:
    groups = [[0, 1, 2], [3], [4, 5], [6]]
    lengths = [10, 10, 10, 50, 5, 5, 1]
    assert deal(groups, lengths, 1) == [groups]
    dealt = deal(groups, lengths, 2)
    assert sorted(place for its in dealt for places in its for place in places) == list(range(7))
    assert [sum(lengths[place] for places in its for place in places) for its in dealt] == [50, 41]
    assert deal([[0, 1, 2, 3]], [1] * 4, 2) == [[[0, 1]], [[2, 3]]]
    assert deal([[0]], [1], 3) == [[[0]], [], []]
