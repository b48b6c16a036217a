"""Runs of a project, with real supervisors and the toy worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.training import Training
from lrstudio.services.training_drafts import DRAFT, is_draft
from lrstudio.services.training_preflight import PreflightCancelled
from lrstudio.services.wiring import Project, open_project
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.identity import Identity
from lrstudio.training.rows import rows_of
from lrstudio.training.runs import TrainWish
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase
from tests.doubles.toy_runs import until
from tests.doubles.toy_trainer import next_value
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import ROOT, SET, TOY, ended, kill_all, toy_training, trained_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = trained_project(tmp_path / "p.lrs")
    yield made
    kill_all(tmp_path / "p.runs")
    made.close()


@pytest.fixture
def training(project: Project) -> Training:
    return toy_training(project)


def wish(folder: Path, *, ways: dict[str, Any] | None = None, recipe: str = "dpo", **more: Any) -> TrainWish:
    options = {"max_steps": 6, "save_every": 2} | more.pop("options", {})
    return TrainWish(SET, recipe, toy_model(folder / "model", **(ways or {})), options=options, **more)


def test_a_run_from_a_set_to_its_end(training: Training, tmp_path: Path) -> None:
    run_id = training.launch(wish(tmp_path, name="first", preset="longreward", options={"beta": "0.2"}))
    assert ended(training, run_id).reason == "finished"
    (row,) = training.runs()
    assert (row.run_id, row.number, row.name, row.recipe, row.set_name) == (run_id, 1, "first", "dpo", SET)
    assert (row.life, row.phase, row.step, row.steps) == (Life.DEAD, Phase.FINISHED, 6, 6)
    value = 2.0
    for step in range(1, 7):
        value = next_value(value, step)
    assert row.loss == value
    assert (row.seconds_left, row.seconds_per_pair) == (None, 0.5 / 8)
    assert not row.can_resume
    detail = training.run(run_id)
    assert (detail.spec.options["beta"], detail.spec.options["nll_weight"]) == (0.2, 0.1)
    assert detail.spec.threads == int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
    assert detail.preflight is not None
    assert detail.preflight.ok
    assert DRAFT not in detail.spec.provenance


def test_rows_are_rendered_as_the_exports_render_them_and_split_as_the_set(
    project: Project, training: Training, tmp_path: Path
) -> None:
    run_id = training.draft(wish(tmp_path))
    rows = list(rows_of(training.home / run_id / wire.PAIRS))
    out = tmp_path / "rows.jsonl"
    project.set_exports.export_set(out, SET)
    exported = {row["pair_id"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert len(rows) == len(exported) == 8
    for row in rows:
        theirs = exported[row.row_id]
        assert [{"role": "user", "content": row.prompt}] == theirs["prompt"]
        assert [{"role": "assistant", "content": row.chosen}] == theirs["chosen"]
        assert [{"role": "assistant", "content": row.rejected}] == theirs["rejected"]
        assert row.split == theirs["split"]
    assert {row.split for row in rows} == {"train", "validation"}


def test_a_spec_says_what_the_set_rests_on(project: Project, training: Training, tmp_path: Path) -> None:
    spec = training.run(training.draft(wish(tmp_path))).spec
    frozen = project.sets.get(SET)
    assert (spec.set_name, spec.set_hash) == (SET, frozen.content_hash)
    made = spec.provenance
    assert made["set"]["hash"] == frozen.content_hash
    assert (made["set"]["gold"], made["set"]["reviewer"], made["project"]) == (8, "ann", "Harbours")
    assert made["judges"] == {"scripted m1 pack1": 8}
    assert made["prompt_packs"] == ["pack1"]
    assert made["licences"] == {"CC-BY-4.0": 8}
    assert made["rows"] == {part: count for part, count in frozen.card.parts.items() if count}
    assert spec.environment["HF_HUB_OFFLINE"] == "1"
    assert Path(spec.command[0]).exists()


def test_a_draft_is_no_run_and_can_be_thrown_away(training: Training, tmp_path: Path) -> None:
    run_id = training.draft(wish(tmp_path))
    assert training.runs() == ()
    with pytest.raises(Refused, match="not been looked over"):
        training.start(run_id)
    with pytest.raises(Refused, match="draft"):
        training.resume(run_id)
    training.discard(run_id)
    assert not (training.home / run_id).exists()
    with pytest.raises(Refused, match="no run"):
        training.discard(run_id)
    assert training.draft(wish(tmp_path)).startswith("001-")


def test_a_draft_whose_window_died_is_thrown_away_by_the_next(
    project: Project, training: Training, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from lrstudio.services.wiring import open_project;"
        "from lrstudio.training.runs import TrainWish;"
        "print(open_project(Path(sys.argv[1])).training.draft(TrainWish('gold', 'dpo', Path(sys.argv[2]))))"
    )
    model = toy_model(tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", code, str(project.path), str(model)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    left = training.home / done.stdout.strip()
    assert is_draft(left, of_the_living=False)
    assert training.runs() == ()
    kept = training.draft(wish(tmp_path))
    assert not left.exists()
    assert (training.home / kept).is_dir()


def test_a_draft_of_another_machine_is_left_alone(training: Training, tmp_path: Path) -> None:
    run_id = training.draft(wish(tmp_path))
    folder = RunFolder(training.home / run_id)
    spec = folder.spec()
    elsewhere = replace(Identity.own(), host="elsewhere").row()
    folder.write(wire.SPEC, replace(spec, provenance=dict(spec.provenance) | {DRAFT: elsewhere}))
    training.draft(wish(tmp_path))
    assert folder.path.exists()


def test_dropped_rows_must_be_accepted(training: Training, tmp_path: Path) -> None:
    asked = wish(tmp_path, ways={"dropped": "one"})
    with pytest.raises(Refused, match=r"1 row would be dropped.*accept_dropped=1"):
        training.launch(asked)
    assert not list(training.home.glob("[0-9]*"))
    run_id = training.draft(asked)
    assert training.preflight(run_id).dropped
    assert training.unaccepted(run_id) == {"accept_dropped": 1}
    training.accept(run_id, training.unaccepted(run_id))
    training.start(run_id)
    assert ended(training, run_id).reason == "finished"
    with pytest.raises(Refused, match="has begun"):
        training.accept(run_id, {"accept_dropped": 2})


def test_a_failed_check_ends_before_step_one_in_its_words(training: Training, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the disk has 1 GiB left"):
        training.launch(wish(tmp_path, ways={"fails": "the disk has 1 GiB left; free some"}))
    with pytest.raises(Refused, match=r"^no chat template; take another model$"):
        training.launch(wish(tmp_path, ways={"refuse": "no chat template; take another model"}))
    with pytest.raises(Environment, match=r"broke down \(status 1\): RuntimeError: boom"):
        training.launch(wish(tmp_path, ways={"crash": "boom"}))
    assert training.runs() == ()
    assert not list(training.home.glob("[0-9]*"))


def test_a_draft_can_be_called_otherwise_until_it_begins(training: Training, tmp_path: Path) -> None:
    run_id = training.draft(wish(tmp_path, name="first"))
    training.preflight(run_id)
    training.accept(run_id, {}, name=" second ")
    assert training.run(run_id).row.name == "second"
    training.accept(run_id, {}, name="")
    assert training.run(run_id).row.name == "dpo 1"
    training.start(run_id)
    with pytest.raises(Refused, match="has begun"):
        training.accept(run_id, {}, name="third")
    ended(training, run_id)


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("0", None), ("", None), ("2,1", None)])
def test_a_run_computes_with_as_many_threads_as_the_environment_says(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, threads: int | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    spec = training.run(training.draft(wish(tmp_path))).spec
    assert spec.threads == (threads or len(os.sched_getaffinity(0)))


def test_preflight_tells_what_it_does_and_can_be_cancelled(training: Training, tmp_path: Path) -> None:
    said: list[str] = []
    run_id = training.draft(wish(tmp_path, ways={"slow": 60.0}))
    with pytest.raises(PreflightCancelled):
        training.preflight(run_id, progress=said.append, cancelled=lambda: bool(said))
    assert said == ["reading the rows"]
    words = str(training.home / run_id).encode()
    assert not [it for it in Path("/proc").glob("[0-9]*/cmdline") if words in _read(it)]
    training.discard(run_id)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": Path("/no/such/model")}, "no model folder"),
        ({"python": Path("/no/such/python")}, "no Python here"),
        ({"set_name": "silver"}, "silver"),
        ({"recipe": "ppo"}, "no recipe"),
        ({"preset": "best"}, "no preset"),
        ({"options": {"beta": "much"}}, "beta is a number"),
        ({"options": {"short_share": 0.5}}, "name the file"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_and_leaves_nothing(
    training: Training, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        training.draft(replace(wish(tmp_path), **change))
    assert not list(training.home.glob("[0-9]*"))
    assert not list(training.home.glob(".[0-9]*"))


def test_a_python_without_the_studio_is_told(training: Training, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "No module named lrstudio" >&2\nexit 1\n')
    python.chmod(0o755)
    with pytest.raises(Refused, match="does not find the studio"):
        training.launch(wish(tmp_path, python=python))


def test_the_python_that_trains_comes_from_the_variable_or_the_settings(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.training_places import VARIABLE, training_python

    monkeypatch.delenv(VARIABLE, raising=False)
    assert training_python(None) == Path(sys.executable)
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    store = SettingsStore()
    store.save(replace(store.load(), train_python=str(one)))
    assert training_python(None) == one
    monkeypatch.setenv(VARIABLE, str(other))
    assert training_python(None) == other
    assert training_python(one) == one


def test_stop_with_save_resume_and_stop_now(training: Training, tmp_path: Path) -> None:
    ways = {"seconds": 0.02, "wait_at": [30, 50]}
    run_id = training.launch(wish(tmp_path, ways=ways, options={"max_steps": 60, "save_every": 1000}))
    watch = training.watch(run_id)
    until(lambda: (row := watch.poll().row).step > 5 and row.phase is Phase.RUNNING)
    row = training.run(run_id).row
    assert (row.life, row.phase, row.can_resume) == (Life.ALIVE, Phase.RUNNING, False)
    assert row.seconds_left is not None
    assert row.seconds_left <= 0.5 * 60
    with pytest.raises(Refused, match="going on"):
        training.resume(run_id)
    with pytest.raises(Refused, match="stop it first"):
        training.remove(run_id)
    training.stop(run_id)
    stopped = ended(training, run_id)
    assert (stopped.reason, stopped.checkpoint) == ("stopped", f"step-{stopped.last_step:08d}")
    with pytest.raises(Refused, match="does not go on"):
        training.stop(run_id)
    training.resume(run_id)
    until(lambda: watch.poll().row.step > stopped.last_step + 2)
    training.stop(run_id, save=False)
    assert ended(training, run_id).reason == "stopped"
    training.resume(run_id)
    assert ended(training, run_id).reason == "finished"
    news = watch.poll()
    assert sorted(watch.curve.points) == list(range(1, 61))
    value = 2.0
    for step in range(1, 61):
        value = next_value(value, step)
        assert watch.curve.points[step]["loss"].hex() == value.hex()
    assert news.row.phase is Phase.FINISHED
    training.remove(run_id)
    assert training.runs() == ()
    assert training.draft(wish(tmp_path)).startswith("002-")


def test_what_is_new_is_told_once_and_what_is_replaced_is_cut_off(training: Training, tmp_path: Path) -> None:
    options = {"max_steps": 40, "save_every": 5, "sample_every": 4, "sample_count": 1}
    run_id = training.launch(wish(tmp_path, ways={"seconds": 0.02, "wait_at": [30]}, options=options))
    watch = training.watch(run_id)
    seen = []
    until(lambda: seen.extend(watch.poll().points) or len(seen) > 8)
    os.kill(RunFolder(training.home / run_id).claims()[-1].holder.pid, signal.SIGKILL)
    until(lambda: training.run(run_id).row.life is Life.DEAD)
    row = training.run(run_id).row
    assert (row.phase, row.can_resume) == (Phase.FAILED, True)
    assert "can be resumed" in row.why
    training.resume(run_id)
    assert ended(training, run_id).reason == "finished"
    news = watch.poll()
    assert news.cut is not None
    known = {step: point for step, point in seen if step <= news.cut} | dict(news.points)
    fresh = training.watch(run_id)
    fresh.poll()
    assert known == fresh.curve.points == watch.curve.points
    assert sorted(known) == list(range(1, 41))
    assert [it.step for it in watch.samples] == [it.step for it in fresh.samples] == list(range(4, 41, 4))
    assert any("goes on behind step" in line for line in news.log)
    assert (watch.engine, watch.poll().points, watch.poll().log) == ("shared", (), ())


def test_runs_that_queue_come_one_after_another(training: Training, tmp_path: Path) -> None:
    first = training.launch(wish(tmp_path, ways={"seconds": 0.05}, queue=True, options={"max_steps": 5000}))
    second = training.launch(wish(tmp_path, queue=True))
    until(lambda: training.run(second).row.phase is Phase.QUEUED)
    assert "waits for 1 other run" in training.run(second).row.why
    assert training.run(second).row.queued
    training.stop(first)
    assert (ended(training, first).reason, ended(training, second).reason) == ("stopped", "finished")


def test_notes_stay_and_runs_are_compared(training: Training, tmp_path: Path) -> None:
    one = training.launch(wish(tmp_path, name="one"))
    other = training.launch(wish(tmp_path, name="other", options={"beta": 0.3, "loss": "sigmoid,ipo"}))
    training.note(one, "too slow\nat first\n")
    assert [row.notes for row in training.runs()] == ["too slow\nat first", ""]
    found = {row.name: row.values for row in training.compare([one, other])}
    assert found == {"beta": ("0.15", "0.3"), "loss": ("sigmoid", "sigmoid, ipo")}
    assert training.find("2") == training.find("other") == training.find(other) == training.find(other[:6]) == other
    for word in ("3", "nobody"):
        with pytest.raises(Refused, match="there is no run"):
            training.find(word)
    with pytest.raises(Refused, match="several"):
        training.find("00")
    for name in ("../p.lrs", "", ".", "000-dpo-ffffff"):
        with pytest.raises(Refused, match="no run"):
            training.run(name)


def test_pairs_that_went_stale_are_told(project: Project, training: Training) -> None:
    from lrstudio.domain.decisions import Target
    from lrstudio.domain.verdicts import Dimension

    assert training.stale(SET) == ()
    project.decisions.set_score(Target("port0-a", Dimension.HELPFULNESS), 0.0)
    (name,) = training.stale(SET)
    assert name in {pair.pair_id for pair in project.sets.pairs(SET) if pair.question_id == "q0"}
    with pytest.raises(Refused):
        training.stale("silver")


def test_the_estimate_learns_from_what_runs_took(training: Training, tmp_path: Path) -> None:
    run_id = training.draft(wish(tmp_path))
    assert training.estimate(run_id).memory_gib is None
    training.preflight(run_id)
    assert training.estimate(run_id).memory_gib == 1.0
    assert training.estimate(run_id).fits is True
    for _ in range(3):
        ended(training, training.launch(wish(tmp_path, ways={"memory_gib": 2.5})))
    made = training.estimate(run_id)
    assert (made.memory_gib, made.earlier, made.seconds) == (2.5, 3, 12.0)


def test_longpo_has_the_passages_as_its_short_prompt(project: Project, training: Training, tmp_path: Path) -> None:
    import anyio

    from lrstudio.services.judges import JudgeRequest

    with pytest.raises(Refused, match="no pair of the set has evidence"):
        training.draft(wish(tmp_path, recipe="longpo"))
    request = JudgeRequest("lexical", candidate_ids=("port0-a", "port0-b", "port1-a"))
    anyio.run(lambda: project.judging.run(request, emit=lambda _event: None))
    run_id = training.draft(wish(tmp_path, recipe="longpo"))
    rows = list(rows_of(training.home / run_id / wire.PAIRS))
    assert {row.prompt.rpartition("What of ")[2] for row in rows} == {"q0?", "q1?"}
    for row in rows:
        assert row.short.endswith(row.prompt.rpartition("\n\n")[2])
        assert 0 < len(row.short) < len(row.prompt)
    assert len(training.run(run_id).left_out) == 6
    training.preflight(run_id)
    assert training.unaccepted(run_id) == {"accept_dropped": 6}


def test_a_model_that_makes_its_own_data_gets_every_document(training: Training, tmp_path: Path) -> None:
    run_id = training.draft(wish(tmp_path, recipe="longpo", options={"data": "self"}))
    assert len(list(rows_of(training.home / run_id / wire.PAIRS))) == 8
    assert training.run(run_id).left_out == ()


def test_short_pairs_are_mixed_in_by_share(training: Training, tmp_path: Path) -> None:
    short = tmp_path / "short.jsonl"
    lines = [{"prompt": f"Q{n}?", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(20)]
    short.write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = {"short_pairs": str(short), "short_share": 0.5}
    run_id = training.draft(wish(tmp_path, options=options))
    rows = list(rows_of(training.home / run_id / wire.PAIRS))
    mixed = [row for row in rows if row.mixed]
    assert len(mixed) == sum(row.split == "train" and not row.mixed for row in rows)
    assert all(row.prompt.startswith("Q") and row.chosen.startswith("yes") for row in mixed)
    again = training.draft(wish(tmp_path, options=options))
    assert [it for it in rows_of(training.home / again / wire.PAIRS) if it.mixed] == mixed
    with pytest.raises(Refused, match="none are mixed in"):
        training.draft(wish(tmp_path, options={"short_pairs": str(short)}))
    with pytest.raises(Refused, match="has 20 pairs and"):
        training.draft(wish(tmp_path, options=options | {"short_share": 0.9}))
    short.write_text('{"prompt": "x"}\n')
    with pytest.raises(Refused, match="row 1"):
        training.draft(wish(tmp_path, options=options))


def test_another_window_attaches_to_the_same_run(project: Project, training: Training, tmp_path: Path) -> None:
    run_id = training.launch(wish(tmp_path, ways={"seconds": 0.02}, options={"max_steps": 40}))
    other = open_project(project.path)
    try:
        watch = other.training.watch(run_id)
        until(lambda: watch.poll().row.phase is Phase.FINISHED)
        assert sorted(watch.curve.points) == list(range(1, 41))
    finally:
        other.close()


def test_the_worker_is_started_as_the_spec_says(training: Training, tmp_path: Path) -> None:
    assert TOY[0] in training.run(training.draft(wish(tmp_path))).spec.command
