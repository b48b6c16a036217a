"""The real worker on a disk that fills up between checkpoints: what torch and safetensors say of it is a sentence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.training import checkpoints, wire
from lrstudio.training.events import Tail
from lrstudio.training.folder import RunFolder
from lrstudio.training.rows import Row, line_of
from lrstudio.training.supervisor import Supervisor
from lrstudio.worker.tiny import tiny_model
from tests.doubles.ready_workers import python
from tests.doubles.small_disk import fill, small_disk
from tests.doubles.toy_runs import until


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", size=1 << 28) as found:
        yield found


def test_training_ends_at_a_full_disk_and_goes_on_when_there_is_room(disk: Path, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny")
    options = {
        "dtype": "fp32", "accumulation": 1, "max_steps": 24, "save_every": 3, "lora_r": 4, "merged": False,
        "check_count": 0, "pilot": False, "engine": "plain", "learning_rate": 1e-4,
    }  # fmt: skip
    spec = wire.Spec("run", "dpo", str(model), (str(python()), "-m", "lrstudio.worker"), options=options, threads=1)
    row = Row(row_id="r", prompt="The harbour was dredged. What was?", chosen="The harbour.", rejected="Whales sang.")
    run = RunFolder.create(disk / "run", spec, pairs=[line_of(row)])

    ends: list[wire.Exit] = []
    first = threading.Thread(target=lambda: ends.append(Supervisor(run).run()))
    first.start()
    until(lambda: checkpoints.latest(run.path) or not first.is_alive())
    filler = fill(disk, leave=150_000)
    first.join()
    (ended,) = ends
    kept = checkpoints.published(run.path)
    assert kept, (run.path / wire.LOG).read_text()
    assert all(checkpoints.verified(it) for it in kept)
    assert ended.reason == "disk_full", ended
    assert ended.why.startswith("no space is left on the disk"), "for a checkpoint, or for what else it writes"
    assert kept[-1].step <= ended.last_step <= kept[-1].step + 3

    filler.unlink()
    assert Supervisor(run).run().reason == "finished"
    events = Tail().read(run.path / wire.EVENTS)
    of = {
        n: {it.step: it.body["metrics"]["loss"] for it in events if it.kind == "metric" and it.attempt == n}
        for n in (1, 2)
    }
    assert list(of[2]) == list(range(kept[-1].step + 1, 25))
    again = of[1].keys() & of[2].keys()
    assert again == set(range(kept[-1].step + 1, ended.last_step + 1))
    assert all(of[1][step] == of[2][step] for step in again), "the steps run again come to the same numbers"
