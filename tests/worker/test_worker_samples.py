"""Samples and health rules go along with a run and change none of its numbers; a rule that stops it saves first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.training import checkpoints, wire  # noqa: E402
from lrstudio.training.events import Tail  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.rows import Row, line_of  # noqa: E402
from lrstudio.training.supervisor import Supervisor  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from tests.doubles.ready_workers import python, worker  # noqa: E402

torch.set_num_threads(1)
OPTIONS: dict[str, Any] = {
    "dtype": "fp32", "accumulation": 2, "max_steps": 6, "learning_rate": 1e-3, "save_every": 2, "lora_dropout": 0.1,
    "lora_r": 4,
    "merged": False, "check_count": 0,
}  # fmt: skip
DOCUMENT = "The harbour was dredged in 1911, and forty tons of mud were carried out to sea. "


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def rows() -> list[Row]:
    made = [
        Row(row_id=f"r{number}", prompt=DOCUMENT * (2 + number) + "\n\nWhat was dredged?", rejected="Whales " * 3,
            chosen=f"The harbour, {number}.")
        for number in range(4)
    ]  # fmt: skip
    held = replace(made[0], row_id="held", split="validation", prompt=DOCUMENT + "\n\nWhere did the mud go?")
    return [*made, held, replace(held, row_id="same prompt"), replace(held, row_id="other", prompt="Who?")]


def run_of(path: Path, model: Path, **options: Any) -> RunFolder:
    spec = wire.Spec(
        run_id=path.name, recipe="dpo", model=str(model), command=(str(python()), "-m", "lrstudio.worker"),
        options=OPTIONS | options, threads=1,
    )  # fmt: skip
    return RunFolder.create(path, spec, pairs=[line_of(row) for row in rows()])


def trained(run: RunFolder, attempt: int = 1) -> list[dict[str, Any]]:
    with worker(run, attempt) as process:
        assert process.wait() == 0, (run.path / wire.LOG).read_text()
    return [json.loads(line) for line in run.spool(attempt).read_text(encoding="ascii").splitlines()]


def losses(events: list[dict[str, Any]]) -> dict[int, str]:
    return {it["step"]: float(it["metrics"]["loss"]).hex() for it in events if it["kind"] == "metric"}


def test_samples_come_at_their_steps_and_change_no_loss(tiny: Path, tmp_path: Path) -> None:
    plain = trained(run_of(tmp_path / "plain", tiny))
    events = trained(run_of(tmp_path / "sampled", tiny, sample_every=2, sample_tokens=12, sample_count=2))
    assert losses(plain) == losses(events)
    assert len(losses(plain)) == 6
    samples = [it for it in events if it["kind"] == "sample"]
    assert [(it["step"], it["row_id"]) for it in samples] == [
        (step, name) for step in (0, 2, 4, 6) for name in ("held", "other")
    ]
    assert samples[0]["question"] == "Where did the mud go?"
    assert all(0 < it["tokens"] <= 12 and it["text"] and 0 <= it["repetition"] < 1 for it in samples)
    texts = {it["step"]: it["text"] for it in samples if it["row_id"] == "held"}
    assert texts[6] != texts[0], "training at this rate changes the answer"


def test_a_rule_that_stops_saves_says_why_and_lets_a_person_go_on(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "ill", tiny, health_kl="stop", kl_band=0.0, health_steps=3, save_every=50, max_steps=8)
    ended = Supervisor(run).run()
    assert (ended.reason, ended.code, ended.last_step) == ("stopped", 0, 3), ended
    assert "nats for each answer token" in ended.why
    published = checkpoints.latest(run.path)
    assert published is not None
    assert published.step == 3
    warned = [it for it in Tail().read(run.path / wire.EVENTS) if it.kind == "warning"]
    assert [(it.body["rule"], it.body["step"], it.body["stops"]) for it in warned] == [("kl", 3, True)]
    again = Supervisor(run).run()
    assert (again.reason, again.last_step) == ("finished", 8), "the rule has spoken; it is a person's word now"


def test_a_set_that_holds_nothing_back_says_so(tiny: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "none", tiny, sample_every=1, max_steps=1)
    lines = [line for line in (run.path / wire.PAIRS).read_text().splitlines() if "validation" not in line]
    (run.path / wire.PAIRS).write_text("\n".join(lines) + "\n")
    events = trained(run)
    assert [it["why"] for it in events if it["kind"] == "warning"] == [
        "the set holds no questions back, so none is answered on the way"
    ]
    assert not [it for it in events if it["kind"] == "sample"]


def test_a_run_that_goes_on_samples_and_warns_as_an_unbroken_one(tiny: Path, tmp_path: Path) -> None:
    options = {"sample_every": 2, "sample_tokens": 8, "health_steps": 2, "kl_band": 0.0, "length_drift": 0.0, "keep": 9}
    run = run_of(tmp_path / "run", tiny, **options)
    whole = trained(run)
    for later in ("step-00000004", "step-00000006", "result"):
        place = run.path / (later if later == "result" else f"{wire.CHECKPOINTS}/{later}")
        place.rename(tmp_path / later)
    again = trained(run, attempt=2)
    assert list(losses(again)) == [3, 4, 5, 6]
    assert losses(whole) | losses(again) == losses(whole)
    for kind in ("sample", "warning"):
        behind = [said_(it) for it in whole if it["kind"] == kind and it["step"] > 2]
        assert [said_(it) for it in again if it["kind"] == kind] == behind
    assert [it for it in whole if it["kind"] == "warning"]


def said_(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "time"}
