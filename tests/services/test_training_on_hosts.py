"""Runs of a project on hosts: real supervisors and the toy worker behind a link that can be spoilt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.domain.places import Place
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.training import Training
from lrstudio.services.training_preflight import PreflightCancelled
from lrstudio.services.wiring import Project, open_project
from lrstudio.store.remote_runs import RemoteRun as Named
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import mirror
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.transport import Unreachable
from lrstudio.training.runs import RunRow, TrainWish
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase, Spec
from tests.doubles.boxes import Boxes, box_training
from tests.doubles.folder_host import FolderHost
from tests.doubles.toy_runs import events, losses, trainers, until
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import SET, trained_project


@pytest.fixture
def boxes(tmp_path: Path) -> Boxes:
    return Boxes(tmp_path / "boxes", "box", "far")


@pytest.fixture
def project(tmp_path: Path, boxes: Boxes) -> Iterator[Project]:
    made = trained_project(tmp_path / "p.lrs")
    yield made
    kill_all(boxes)
    made.close()


@pytest.fixture
def training(project: Project, boxes: Boxes) -> Training:
    return box_training(project, boxes)


@pytest.fixture
def box(boxes: Boxes) -> FolderHost:
    return boxes.links["box"]


def kill_all(boxes: Boxes) -> None:
    for host in boxes.links.values():
        for path in host.home.glob("lrstudio/runs/*/[0-9]*"):
            for claim in RunFolder(path).claims():
                if claim.holder.alive():
                    with suppress(ProcessLookupError):
                        os.kill(claim.holder.pid, signal.SIGKILL)


def wish(folder: Path, *, ways: dict[str, Any] | None = None, recipe: str = "dpo", **more: Any) -> TrainWish:
    options = {"max_steps": 6, "save_every": 2} | more.pop("options", {})
    model = toy_model(folder / "model", **(ways or {}))
    return TrainWish(SET, recipe, model, options=options, **{"host": "box", **more})


def over(training: Training, run_id: str) -> RunRow:
    """Keep asking until a run is over."""

    def ended() -> RunRow | None:
        training.sync(run_id)
        row = training.run(run_id).row
        return row if row.life is Life.DEAD else None

    found: RunRow = until(ended)
    return found


def there(training: Training, run_id: str) -> RunFolder:
    return RunFolder(Path(mirror.away_of(training.home / run_id).folder))


def test_a_run_on_a_host_from_a_set_to_its_end(training: Training, tmp_path: Path) -> None:
    said: list[str] = []
    run_id = training.launch(wish(tmp_path, name="first"), progress=said.append)
    (row,) = training.runs()
    assert (row.host, row.name) == ("box", "first")
    row = over(training, run_id)
    assert (row.phase, row.step, row.steps, row.can_resume) == (Phase.FINISHED, 6, 6, False)
    detail = training.run(run_id)
    assert detail.preflight is not None
    assert detail.preflight.ok
    assert "reading the rows" in said
    assert detail.spec.command[-1] == training._worker[-1]
    assert detail.spec.model.startswith(str(tmp_path / "boxes"))
    assert losses(RunFolder(detail.folder)) == losses(there(training, run_id))
    assert len(losses(RunFolder(detail.folder))) == 6


def test_what_preflight_finds_there_is_told_and_leaves_nothing(
    training: Training, box: FolderHost, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="no template"):
        training.launch(wish(tmp_path, ways={"refuse": "the model has no template"}))
    with pytest.raises(Environment, match="broke down there: RuntimeError: boom"):
        training.launch(wish(tmp_path, ways={"crash": "boom"}))
    with pytest.raises(Refused, match="would be dropped"):
        training.launch(wish(tmp_path, ways={"dropped": "one"}))
    with pytest.raises(Refused, match="no host 'moon'"):
        training.launch(wish(tmp_path, host="moon"))
    with pytest.raises(Refused, match="whole path"):
        training.launch(replace(wish(tmp_path), model=Path("elsewhere")))
    assert training.runs() == ()
    assert not list(box.home.glob("lrstudio/runs/*/*"))
    run_id = training.launch(wish(tmp_path, ways={"dropped": "one"}), accept={"accept_dropped": 1})
    assert there(training, run_id).spec().options["accept_dropped"] == 1
    assert over(training, run_id).phase is Phase.FINISHED


def test_what_an_earlier_look_found_does_not_stand_for_one_that_breaks_down(
    training: Training, box: FolderHost, tmp_path: Path
) -> None:
    run_id = training.draft(wish(tmp_path))
    assert training.preflight(run_id).ok
    for model in box.home.glob("lrstudio/models/*/toy.json"):
        model.write_text('{"crash": "boom"}')
    with pytest.raises(Environment, match="boom"):
        training.preflight(run_id)


def test_a_preflight_that_is_cancelled_is_ended_there(training: Training, box: FolderHost, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(PreflightCancelled):
        training.launch(
            wish(tmp_path, ways={"slow": 60}), progress=said.append, cancelled=lambda: "reading the rows" in said
        )
    until(lambda: not _running(box.home))


def _running(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if str(folder).encode() in words and b"--preflight" in words:
                found.append(entry.name)
    return found


def test_a_link_that_comes_and_goes_delays_a_launch_and_no_more(
    training: Training, box: FolderHost, tmp_path: Path
) -> None:
    said: list[str] = []

    def progress(line: str) -> None:
        said.append(line)
        if "tries again" in line:
            box.link.down = False

    looks: list[str] = []

    def between(path: str) -> None:
        if path.endswith("preflight.log"):
            looks.append(path)
            box.link.down = len(looks) <= 2

    box.between = between
    run_id = training.launch(wish(tmp_path), progress=progress)
    assert any("tries again" in line for line in said)
    assert over(training, run_id).phase is Phase.FINISHED
    assert len(there(training, run_id).claims()) == 1


def test_a_link_lost_at_the_start_delays_it_and_it_is_started_once(
    training: Training, box: FolderHost, tmp_path: Path
) -> None:
    run_id = training.draft(wish(tmp_path, ways={"seconds": 0.05}, options={"max_steps": 600}))
    training.preflight(run_id)
    box.link.down = True
    with pytest.raises(Unreachable):
        training.start(run_id)
    assert training.runs() == ()  # it is a draft still
    box.link.down = False
    box.link.cut_after = 2
    training.start(run_id)
    assert box.link.down
    row = training.run(run_id).row
    assert (row.life, row.can_resume) == (Life.UNKNOWN, False)
    assert training.sync() == ()
    box.link.down = False
    assert training.sync() == (run_id,)
    assert training.run(run_id).row.life is Life.ALIVE
    until(lambda: training.sync() and trainers_of(training, run_id))
    training.stop(run_id)
    assert over(training, run_id).phase is Phase.STOPPED
    assert len(there(training, run_id).claims()) == 1


def trainers_of(training: Training, run_id: str) -> list[int]:
    return trainers(there(training, run_id)) or [1]


def test_stop_with_save_resume_and_fetch(training: Training, box: FolderHost, tmp_path: Path) -> None:
    options = {"max_steps": 600, "save_every": 100}
    run_id = training.launch(wish(tmp_path, ways={"seconds": 0.05}, options=options))
    until(lambda: training.sync() and training.run(run_id).row.step > 3)
    with pytest.raises(Refused, match="going on"):
        training.resume(run_id)
    with pytest.raises(Refused, match="goes on"):
        training.remove(run_id)
    with pytest.raises(Refused, match="no result"):
        training.fetch(run_id)
    box.link.down = True
    training.stop(run_id)
    assert not there(training, run_id).asked()
    box.link.down = False
    row = over(training, run_id)
    assert (row.phase, row.can_resume) == (Phase.STOPPED, True)
    assert 3 < row.step < 600
    quickly(box)
    training.resume(run_id)
    assert over(training, run_id).phase is Phase.FINISHED
    assert len(losses(RunFolder(training.home / run_id))) == 600
    starts = [event.body["from_step"] for event in events(RunFolder(training.home / run_id)) if event.kind == "attempt"]
    assert starts == [0, row.step]
    _result(there(training, run_id).path)
    found = training.fetch(run_id)
    assert (found / "adapter/adapter_model.safetensors").read_bytes() == TENSORS
    assert not (found / "merged").exists()
    training.remove(run_id)
    assert training.runs() == ()
    assert not list(box.home.glob("lrstudio/runs/*/*"))
    assert training.attach() == ()


def quickly(host: FolderHost) -> None:
    """From its next attempt on a run takes no time."""
    for model in host.home.glob("lrstudio/models/*/toy.json"):
        model.write_text("{}")


HEADER = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
TENSORS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(8)


def _result(run: Path) -> None:
    for name, data in {"adapter/adapter_model.safetensors": TENSORS, "card.md": b"x", "merged/m.bin": b"y"}.items():
        (run / "result" / name).parent.mkdir(parents=True, exist_ok=True)
        (run / "result" / name).write_bytes(data)


def test_a_result_that_is_cut_is_gone_on_from_and_one_that_is_none_is_refused(
    training: Training, box: FolderHost, tmp_path: Path
) -> None:
    run_id = training.launch(wish(tmp_path))
    over(training, run_id)
    run = there(training, run_id).path
    _result(run)
    box.link.cut_after = 2
    with pytest.raises(Environment):
        training.fetch(run_id)
    assert not (training.home / run_id / "result/adapter").exists()
    box.link.down, box.link.cut_after = False, None
    (run / "result/adapter/adapter_model.safetensors").write_bytes(TENSORS[:-1])
    with pytest.raises(Environment, match="not whole"):
        training.fetch(run_id)
    (run / "result/adapter/adapter_model.safetensors").write_bytes(TENSORS)
    seen: list[tuple[int, int]] = []
    assert (training.fetch(run_id, progress=lambda *it: seen.append(it)) / "card.md").exists()
    assert seen[-1] == (len(TENSORS) + 1, len(TENSORS) + 1)


def copied(project: Place, target: Path) -> None:
    """Copy an open project, in another process: closing its file in this one would drop its locks."""
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))"
    subprocess.run([sys.executable, "-c", code, str(project), str(target)], check=True)


def test_another_computer_finds_the_runs_in_the_project_file(
    project: Project, training: Training, boxes: Boxes, tmp_path: Path
) -> None:
    run_id = training.launch(wish(tmp_path, ways={"seconds": 0.05}, options={"max_steps": 600, "save_every": 100}))
    (tmp_path / "laptop").mkdir()
    copied(project.path, tmp_path / "laptop" / "p.lrs")
    other = open_project(tmp_path / "laptop" / "p.lrs", reviewer="bob")
    try:
        laptop = box_training(other, boxes)
        assert laptop.runs() == ()
        assert laptop.attach() == (run_id,)
        assert laptop.attach() == ()
        (row,) = laptop.runs()
        assert (row.host, row.running) == ("box", False)
        laptop.sync()
        assert laptop.run(run_id).row.running
        assert laptop.draft(wish(tmp_path)).startswith("002-")
        laptop.stop(run_id)
        assert over(laptop, run_id).phase is over(training, run_id).phase is Phase.STOPPED
        laptop.resume(run_id)
        until(lambda: training.sync() and training.run(run_id).row.running)
        laptop.stop(run_id)
        assert over(training, run_id).phase is over(laptop, run_id).phase is Phase.STOPPED
        quickly(boxes.links["box"])
        training.resume(run_id)
        assert over(training, run_id).phase is over(laptop, run_id).phase is Phase.FINISHED
        assert losses(RunFolder(laptop.home / run_id)) == losses(there(training, run_id))
        alone = box_training(other, Boxes(tmp_path / "none"))
        alone.sync(run_id)
        assert alone.run(run_id).row.phase is Phase.FINISHED
    finally:
        other.close()


def test_a_project_of_somebody_else_starts_nothing_on_a_host(
    project: Project, training: Training, boxes: Boxes, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    evil = ("sh", "-c", f"touch {ran}")
    spec = wire.to_json(Spec("x", "toy", "none", command=evil))
    home = boxes.prepared("box").folder
    for number, folder in enumerate((f"{home}/runs/p/000-toy-aaaaaa", "/elsewhere", f"{home}/runs/../../x")):
        away = mirror.Away(Host("box", "box"), folder, "/home", evil, path="/elsewhere", starts=1)
        project._store.remote_runs.put(Named(f"00{number}-toy-aaaaaa", wire.now(), wire.to_json(away.row()), spec))
    attached = training.attach()
    assert len(attached) == 3
    training.sync()
    assert "outside of the studio's folder" in training.run(attached[1]).row.why
    for run_id in attached:
        for action in (training.stop, training.resume, training.remove):
            with suppress(StudioError):
                action(run_id)
    assert not ran.exists()
    assert mirror.away_of(training.home / attached[0]).python == boxes.prepared("box").python


def test_a_project_that_calls_a_run_by_a_path_makes_nothing_outside(
    project: Project, training: Training, tmp_path: Path
) -> None:
    away, spec = (
        mirror.Away(Host("box", "box"), "/there", "/home", ("python3",)),
        Spec("x", "toy", "none", command=("true",)),
    )
    for name in ("../elsewhere", ".hidden", str(tmp_path / "elsewhere")):
        project._store.remote_runs.put(Named(name, wire.now(), wire.to_json(away.row()), wire.to_json(spec)))
        with pytest.raises(Refused, match="no id of a run"):
            training.attach()
        project._store.remote_runs.remove(name)
    assert not list(tmp_path.rglob("elsewhere"))
    assert training.attach() == ()


def test_a_run_whose_host_this_computer_does_not_know_is_unknown(
    project: Project, training: Training, tmp_path: Path
) -> None:
    run_id = training.launch(wish(tmp_path, ways={"seconds": 0.05}, options={"max_steps": 100}))
    asked = mirror.asked_of(training.home / run_id)
    assert asked is not None
    mirror.write_asked(training.home / run_id, replace(asked, answered="2026-01-01T00:00:00.000Z"))
    alone = box_training(project, Boxes(tmp_path / "none"))
    assert alone.sync() == (run_id,)
    row = alone.run(run_id).row
    assert row.life is Life.UNKNOWN
    assert "no host 'box' on this computer" in row.why
    with pytest.raises(Refused, match="no host"):
        alone.remove(run_id)
    alone.remove(run_id, forget=True)
    assert alone.runs() == ()


def test_an_sppo_run_hands_its_rounds_over_the_link(training: Training, box: FolderHost, tmp_path: Path) -> None:
    run_id = training.launch(wish(tmp_path, recipe="sppo"))
    until(lambda: training.sync() and training.run(run_id).row.phase is Phase.WAITING_FOR_JUDGE)

    async def judge() -> Any:
        return await training.judge_round(run_id, JudgeRequest("lexical"), emit=lambda _event: None)

    done = anyio.run(judge)
    assert done is not None
    assert done.answers == 12
    assert over(training, run_id).phase is Phase.FINISHED


def test_a_run_that_is_removed_while_it_is_looked_at_is_no_trouble(
    training: Training, box: FolderHost, tmp_path: Path
) -> None:
    run_id = training.launch(wish(tmp_path))
    over(training, run_id)

    def removed(path: str) -> None:
        if path.endswith(wire.HEARTBEAT):
            (training.home / run_id).rename(tmp_path / "gone")
            box.between = lambda _path: None

    box.between = removed
    assert training.away.sync([run_id]) == ()
    assert training.away.sync([run_id]) == ()


def test_keeping_in_touch_tells_what_is_new_and_leaves_nothing_behind(
    training: Training, boxes: Boxes, tmp_path: Path
) -> None:
    first = training.launch(wish(tmp_path, ways={"seconds": 0.05}, options={"max_steps": 20}))
    second = training.launch(wish(tmp_path, host="far", ways={"seconds": 0.05}, options={"max_steps": 100}))
    before = set(threading.enumerate())
    changed: list[str] = []
    with training.keep_in_touch(changed.extend):
        boxes.links["far"].link.frozen = True
        until(lambda: training.run(first).row.phase is Phase.FINISHED)
        until(lambda: training.run(second).row.life is Life.UNKNOWN)
        boxes.links["far"].link.frozen = False
        until(lambda: training.run(second).row.phase is Phase.FINISHED)
    assert {first, second} == set(changed)
    assert set(threading.enumerate()) <= before
    assert (training.home / first / wire.EXIT).read_bytes() == (there(training, first).path / wire.EXIT).read_bytes()
