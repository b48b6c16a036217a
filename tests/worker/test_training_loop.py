"""A run of the tiny model, through the real process and the real run folder; and what it does to a bad input."""

from __future__ import annotations

import itertools
import json
import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training import checkpoints, wire  # noqa: E402
from lrstudio.training.events import Tail  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.training.rows import Row, Turn, line_of  # noqa: E402
from lrstudio.training.spool import Orders, Spool  # noqa: E402
from lrstudio.training.supervisor import Supervisor  # noqa: E402
from lrstudio.worker import loading, plan, train  # noqa: E402
from lrstudio.worker.conversations import conversation  # noqa: E402
from lrstudio.worker.objective import cost  # noqa: E402
from lrstudio.worker.prefix import PlainPairs, SharedPrefix, Tree  # noqa: E402
from lrstudio.worker.preflight import Ready  # noqa: E402
from lrstudio.worker.preparing import Rows  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from tests.doubles.ready_workers import Worker, python, worker  # noqa: E402

torch.set_num_threads(1)
OPTIONS: dict[str, Any] = {
    "dtype": "fp32", "accumulation": 2, "max_steps": 9, "learning_rate": 1e-3, "save_every": 3, "lora_dropout": 0.1,
    "evaluate_every": 4, "lora_r": 4,
    "merged": False, "check_count": 0,
}  # fmt: skip
DOCUMENT = "The harbour was dredged in 1911, and forty tons of mud were carried out to sea. "


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def rows() -> list[Row]:
    made = [
        Row(row_id=f"r{number}", prompt=DOCUMENT * (2 + number) + "What was dredged?", chosen=f"The harbour, {number}.",
            rejected="Whales sang " * (1 + number), short=DOCUMENT + "What was dredged?")
        for number in range(5)
    ]  # fmt: skip
    return [*made, replace(made[0], row_id="held", split="validation")]


def make(path: Path, model: Path, *, kind: str = "dpo", given: list[Row] | None = None, **options: Any) -> RunFolder:
    spec = wire.Spec(
        run_id=path.name, recipe=kind, model=str(model), command=(sys.executable, "-m", "lrstudio.worker"),
        options=OPTIONS | options, threads=1,
    )  # fmt: skip
    return RunFolder.create(path, spec, pairs=[line_of(row) for row in given or rows()])


def said(run: RunFolder, attempt: int = 1) -> list[dict[str, Any]]:
    path = run.spool(attempt)
    lines = path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def curve(run: RunFolder, attempt: int = 1) -> dict[int, str]:
    return {it["step"]: float(it["metrics"]["loss"]).hex() for it in said(run, attempt) if it["kind"] == "metric"}


def until(done: Callable[[], bool], process: Worker) -> None:
    end = time.monotonic() + 120
    while not done():
        assert process.poll() is None, "it ended too soon"
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def unbroken(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = make(tmp_path_factory.mktemp("runs") / "unbroken", tiny)
    with worker(run, 1) as process:
        assert process.wait(120) == 0, (run.path / wire.LOG).read_text()
    return run


def test_a_run_shares_prompts_says_every_step_and_publishes_its_checkpoints(unbroken: RunFolder) -> None:
    events = said(unbroken)
    engines = [it for it in events if it["kind"] == "engine"]
    assert [it["engine"] for it in engines] == ["shared"], engines
    assert list(curve(unbroken)) == list(range(1, 10))
    first = next(it["metrics"] for it in events if it["kind"] == "metric")
    assert first["loss/preference"] == pytest.approx(math.log(2), abs=0.05), "the reference is the model itself"
    assert [it["step"] for it in events if it["kind"] == "evaluation"] == [4, 8]
    assert [it["step"] for it in events if it["kind"] == "checkpoint"] == [3, 6, 9]
    kept = checkpoints.published(unbroken.path)
    assert [it.step for it in kept] == [6, 9]
    assert all(checkpoints.verified(it) for it in kept)
    assert (kept[-1].path / train.MODEL / "adapter_model.safetensors").stat().st_size > 1000


def test_a_killed_run_goes_on_to_the_same_numbers(tiny: Path, unbroken: RunFolder, tmp_path: Path) -> None:
    run = make(tmp_path / "killed", tiny, max_steps=9)
    with worker(run, 1) as process:
        until(lambda: len(curve(run)) >= 6, process)
        process.kill()
        process.wait()
    last = checkpoints.latest(run.path)
    assert last is not None
    with worker(run, 2) as process:
        assert process.wait(120) == 0, (run.path / wire.LOG).read_text()
    again = curve(run, 2)
    assert list(again) == list(range(last.step + 1, 10))
    whole = curve(unbroken)
    assert curve(run) | again == whole
    assert len(set(whole.values())) == 9


def test_a_checkpoint_that_is_not_as_it_was_saved_is_not_gone_on_from(unbroken: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "copy")
    shutil.copytree(unbroken.path, run.path)
    last = checkpoints.latest(run.path)
    assert last is not None
    weights = last.path / train.MODEL / "adapter_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(Refused, match="Remove its folder") as refused:
        train.train(run.path, Spool(run.path, attempt=2), Orders(None))
    assert refused.value.where == str(last.path)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's
def test_a_gradient_that_is_no_number_moves_no_weight(tiny: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "poisoned", tiny, save_every=1)
    options = dict(recipe("dpo").settle(run.spec().options))
    tokenizer, model = loading.load_tokenizer(tiny), loading.load_model(tiny, options)
    given = tuple(conversation(row, tokenizer) for row in rows()[:2])
    kept = Rows(training=given, held_out=(), lengths=(), cut=(), dropped=(), limit=0)
    ready = Ready(tokenizer=tokenizer, rows=kept, model=model, engine=PlainPairs(model))
    weights = [it for it in model.parameters() if it.requires_grad]
    before = [it.detach().clone() for it in weights]
    weights[-1].register_hook(lambda gradient: gradient * math.nan)
    loop = train.Loop(run.path, "dpo", options, ready=ready, spool=Spool(run.path, attempt=1), orders=Orders(None))
    with pytest.raises(Refused, match="the gradient of step 1 is not a number"):
        loop.run(given, [(-10.0, -10.0)] * 2, training=2)
    assert all(torch.equal(now, was) for now, was in zip(weights, before, strict=True))
    assert checkpoints.latest(run.path) is None


def test_a_run_that_is_told_to_stop_saves_first_and_full_training_goes_on_likewise(tiny: Path, tmp_path: Path) -> None:
    options = {"method": "full", "learning_rate": 1e-4, "save_every": 100, "max_steps": 40}
    whole, run = make(tmp_path / "whole", tiny, **options), make(tmp_path / "stopped", tiny, **options)
    with worker(whole, 1) as process:
        assert process.wait(120) == 0, (whole.path / wire.LOG).read_text()
    with worker(run, 1) as process:
        until(lambda: len(curve(run)) >= 2, process)
        process.stdin.write(b"stop\n")
        process.stdin.flush()
        assert process.wait(60) == 0
    last = checkpoints.latest(run.path)
    assert last is not None
    assert last.step == max(curve(run)) < 40
    with worker(run, 2) as process:
        assert process.wait(120) == 0, (run.path / wire.LOG).read_text()
    assert curve(run) | curve(run, 2) == curve(whole)


def test_a_model_without_a_chat_template_and_rows_that_are_too_long_end_before_step_one(
    tiny: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in tiny.iterdir():
        if file.name != "chat_template.jinja":
            (bare / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Refused, match="no chat template"):
        loading.load_tokenizer(bare)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="no tokenizer"):
        loading.load_tokenizer(tmp_path / "empty")
    with pytest.raises(Refused, match="no model folder"):
        loading.load_tokenizer(tmp_path / "nowhere")
    run = make(tmp_path / "long", tiny, max_tokens=100)
    with worker(run, 1) as process:
        assert process.wait(120) == 1
    error = said(run)[-1]
    assert (error["kind"], error["reason"]) == ("error", "refused")
    assert "raise max_tokens" in error["why"]
    assert "r4" in error["why"]
    assert curve(run) == {}


def by_hand(model: Any, tree: Tree) -> tuple[list[Any], Any]:
    """Log-probabilities of each branch's tokens that count, and of the chosen sequence whole, from full logits."""
    counted, whole = [], None
    for branch in tree.branches:
        tokens = torch.tensor([[*tree.prompt, *branch.tokens]])
        with torch.no_grad():
            every = model(input_ids=tokens).logits[0, :-1].log_softmax(-1)
        found = every.gather(1, tokens[0, 1:].unsqueeze(1)).squeeze(1)
        whole = found if whole is None else whole
        counted.append(found[len(tree.prompt) - 1 :][torch.tensor(branch.counted)])
    return counted, whole


@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize("nll", ["whole", "answer"])
def test_longpo_on_a_model_is_the_hand_computation(tiny: Path, turns: int, nll: str) -> None:
    tokenizer = loading.load_tokenizer(tiny)
    options = recipe("longpo").settle(OPTIONS | {"method": "full", "nll": nll})
    model = loading.load_model(tiny, options).eval()
    more = tuple(
        Turn(question=f"And {it}?", chosen=f"Mud {it}.", rejected="Nothing.", short=f"Mud. And {it}?") for it in "ab"
    )
    row = conversation(replace(rows()[1], turns=more[:turns]), tokenizer, short_reference=True)
    assert len(row.reference) == 1 + turns
    model.set_attn_implementation("sdpa")
    (chosen, rejected), whole = by_hand(model, row.policy)
    short = [by_hand(model, tree)[0] for tree in row.reference]
    theirs = [sum(float(it[side].sum()) for it in short) for side in (0, 1)]
    margin = options["beta"] * ((float(chosen.sum()) - theirs[0]) - (float(rejected.sum()) - theirs[1]))
    likelihood = whole if nll == "whole" else chosen
    expected = -float(likelihood.mean()) + options["longpo_lambda"] * math.log(1 + math.exp(-margin))
    engine = SharedPrefix(model)
    sums = sum(engine.score(tree).sums().detach() for tree in row.reference).tolist()
    assert sums == pytest.approx(theirs, rel=1e-5)
    found = cost(engine, row, (sums[0], sums[1]), recipe="longpo", options=options)
    assert found.loss.item() == pytest.approx(expected, abs=1e-4)


def test_longpo_is_dpo_where_the_short_prompt_is_the_long_one(tiny: Path) -> None:
    tokenizer = loading.load_tokenizer(tiny)
    row = replace(rows()[2], short=rows()[2].prompt)
    longpo, dpo = conversation(row, tokenizer, short_reference=True), conversation(row, tokenizer)
    assert longpo.reference == dpo.reference == (dpo.policy,)
    options = recipe("dpo").settle({"nll_weight": 1.0}) | {"longpo_lambda": 1.0, "nll": "answer"}
    model = loading.load_model(tiny, recipe("longpo").settle(OPTIONS | {"method": "full"})).eval()
    for engine in (SharedPrefix(model), PlainPairs(model)):
        ours, theirs = (cost(engine, it, (-70.0, -80.0), recipe=name, options=options).loss.item()
                        for it, name in ((longpo, "longpo"), (dpo, "dpo")))  # fmt: skip
        assert ours == theirs


def test_every_row_comes_once_in_an_epoch_and_the_longest_comes_first() -> None:
    options = recipe("dpo").settle({"epochs": 2.0, "accumulation": 4})
    steps = plan.plan([5, 9, 7, 3, 1, 2], options).rows
    order = list(itertools.chain(*steps))
    assert order[0] == 1
    assert sorted(order) == sorted([*range(6), *range(6)])
    assert [len(it) for it in steps] == [4, 4, 4]
    assert order != list(itertools.chain(*plan.plan([5, 9, 7, 3, 1, 2], {**options, "seed": 1}).rows))


def test_the_learning_rate_rises_and_falls() -> None:
    options = recipe("dpo").settle({"learning_rate": 1.0, "warmup": 0.2, "schedule": "linear"})
    assert [plan.rate(step, 10, options) for step in (1, 2, 3, 7)] == pytest.approx([0.5, 1.0, 1.0, 0.5])
    cosine = [plan.rate(step, 10, {**options, "schedule": "cosine"}) for step in (2, 3, 7, 10)]
    assert cosine == pytest.approx([1.0, 1.0, 0.5, 0.5 * (1 + math.cos(math.pi * 7 / 8))])


def test_under_its_supervisor_a_run_finishes_and_hard_sppo_starts_at_half_a_million(tiny: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "sppo", tiny, kind="sppo", sppo_loss="sppo_hard", beta=1e-3, max_steps=2, evaluate_every=0,
               lora_dropout=0.0, rounds=0)  # fmt: skip
    ended = Supervisor(run).run()
    assert (ended.reason, ended.code, ended.last_step) == ("finished", 0, 2), ended
    events = Tail().read(run.path / wire.EVENTS)  # which refuses a gap
    losses = [it.body["metrics"]["loss"] for it in events if it.kind == "metric"]
    assert losses[0] == 500000.0
    assert losses[1] != losses[0]
    assert [it.body["engine"] for it in events if it.kind == "engine"] == ["shared"]


def test_under_its_supervisor_a_model_that_is_not_there_ends_with_a_sentence(tmp_path: Path) -> None:
    run = make(tmp_path / "run", tmp_path / "nowhere")
    run.write(wire.SPEC, replace(run.spec(), command=(str(python()), "-m", "lrstudio.worker")))
    ended = Supervisor(run).run()
    assert (ended.reason, ended.last_step) == ("refused", 0)
    assert "there is no model folder here" in ended.why
