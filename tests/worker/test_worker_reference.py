"""The reference is computed once for all runs beside each other, and what is cached is what is computed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training import wire  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.training.rows import Row, Turn, line_of  # noqa: E402
from lrstudio.training.spool import Orders, Spool  # noqa: E402
from lrstudio.worker import loading, reference  # noqa: E402
from lrstudio.worker.conversations import Conversation, conversation  # noqa: E402
from lrstudio.worker.prefix import PlainPairs, Scored, SharedPrefix, Tree  # noqa: E402
from lrstudio.worker.reference import ReferenceCache, reference_key, reference_sums  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from lrstudio.worker.train import train  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's
OPTIONS: dict[str, Any] = {"dtype": "fp32", "accumulation": 4, "max_steps": 3, "learning_rate": 1e-3, "lora_r": 4}
DOCUMENT = "The harbour was dredged in 1911, and forty tons of mud were carried out to sea. "


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


class Counting:
    """An engine that counts its passes and answers."""

    def __init__(self, engine: Any) -> None:
        self.name, self._engine, self.passes, self.answers = engine.name, engine, 0, 0

    def score(self, tree: Tree, *, prompt: bool = False, entropy: bool = False) -> Scored:
        self.passes += 1
        self.answers += len(tree.branches)
        scored: Scored = self._engine.score(tree, prompt=prompt, entropy=entropy)
        return scored


def of_one_question() -> list[Row]:
    """Three pairs over four answers of one question, and one pair of another."""
    first = Row(row_id="r0", prompt=DOCUMENT * 3 + "What?", chosen="The harbour.", rejected="Whales sang for long.")
    return [
        first,
        replace(first, row_id="r1", chosen="The harbour.", rejected="Mud."),
        replace(first, row_id="r2", chosen="Forty tons of mud.", rejected="The harbour."),
        Row(row_id="r3", prompt=DOCUMENT * 2 + "When?", chosen="In 1911.", rejected="Never, I believe."),
    ]


def tokens_of(rows: list[Row], model: Path, *, short: bool = False) -> list[Conversation]:
    tokenizer = loading.load_tokenizer(model)
    return [conversation(row, tokenizer, short_reference=short) for row in rows]


def go() -> bool:
    return True


@pytest.fixture
def scored(tiny: Path) -> tuple[Any, list[Conversation]]:
    options = recipe("dpo").settle(OPTIONS | {"method": "full"})
    return loading.load_model(tiny, options).eval(), tokens_of(of_one_question(), tiny)


@pytest.mark.parametrize("ld_alpha", [1.0, 0.3])
def test_sums_are_those_of_each_pair_alone_and_every_answer_is_computed_once(
    scored: tuple[Any, list[Conversation]], ld_alpha: float, tmp_path: Path
) -> None:
    model, rows = scored
    engine = Counting(SharedPrefix(model))
    found = reference_sums(engine, rows, tmp_path, go_on=go, ld_alpha=ld_alpha)
    assert found is not None
    assert (engine.passes, engine.answers) == (2, 6)
    plain = PlainPairs(model)
    for row, (chosen, rejected) in zip(rows, found.sums, strict=True):
        with torch.no_grad():
            ours = plain.score(row.policy).counted()
        shorter = min(len(it) for it in ours)
        expected = [float(it[:shorter].sum() + ld_alpha * it[shorter:].sum()) for it in ours]
        assert (chosen, rejected) == pytest.approx(tuple(expected), rel=1e-5)


def test_a_second_run_computes_none_and_a_run_over_more_only_what_is_new(
    scored: tuple[Any, list[Conversation]], tmp_path: Path
) -> None:
    model, rows = scored
    runs = [tmp_path / name for name in "abc"]
    for run in runs:
        run.mkdir()
    first = reference_sums(SharedPrefix(model), rows[:3], runs[0], go_on=go, cache=ReferenceCache(tmp_path / "c", "k"))
    assert first is not None
    assert (first.cached, first.computed) == (0, 4)
    second = reference_sums(None, rows[:3], runs[1], go_on=go, cache=ReferenceCache(tmp_path / "c", "k"))
    assert second is not None
    assert (second.cached, second.computed) == (4, 0)
    assert second.sums == first.sums
    engine = Counting(SharedPrefix(model))
    third = reference_sums(engine, rows, runs[2], go_on=go, cache=ReferenceCache(tmp_path / "c", "k"))
    assert third is not None
    assert (third.cached, third.computed, engine.answers) == (4, 2, 2)
    again = reference_sums(None, rows, runs[2], go_on=go)
    assert again is not None
    assert again.sums == third.sums, "the run folder has them, too"
    with pytest.raises(Refused, match="belongs to other rows"):
        reference_sums(None, rows[:2], runs[2], go_on=go)


def test_longpo_adds_the_turns_up(tiny: Path, tmp_path: Path) -> None:
    turns = tuple(
        Turn(question=f"And {it}?", chosen=f"Mud {it}.", rejected="Nothing at all.", short=f"Mud. {it}?") for it in "ab"
    )
    row = replace(of_one_question()[0], short=DOCUMENT + "What?", turns=turns)
    rows = tokens_of([row], tiny, short=True)
    model = loading.load_model(tiny, recipe("longpo").settle(OPTIONS | {"method": "full"})).eval()
    found = reference_sums(SharedPrefix(model), rows, tmp_path, go_on=go)
    assert found is not None
    with torch.no_grad():
        expected = sum(PlainPairs(model).score(tree).sums() for tree in rows[0].reference)
    assert found.sums[0] == pytest.approx(tuple(expected.tolist()), rel=1e-5)


def test_what_was_computed_before_a_stop_is_kept_and_a_spoilt_cache_is_an_empty_one(
    scored: tuple[Any, list[Conversation]], tmp_path: Path
) -> None:
    model, rows = scored
    answers = iter([True, False])
    cache = ReferenceCache(tmp_path / "c", "k")
    assert reference_sums(SharedPrefix(model), rows, tmp_path, go_on=lambda: next(answers), cache=cache) is None
    assert not (tmp_path / reference.REFERENCE).exists()
    found = reference_sums(SharedPrefix(model), rows, tmp_path, go_on=go, cache=ReferenceCache(tmp_path / "c", "k"))
    assert found is not None
    assert (found.cached, found.computed) == (4, 2)
    assert [it.name for it in (tmp_path / "c").iterdir()] == ["k.json"]
    (tmp_path / "c" / "k.json").write_text('{"half')
    assert ReferenceCache(tmp_path / "c", "k").get("x") is None


def test_two_runs_that_write_the_cache_at_once_lose_nothing(tmp_path: Path) -> None:
    one, other = ReferenceCache(tmp_path / "c", "k"), ReferenceCache(tmp_path / "c", "k")
    one.put("a", 1.5)
    other.put("b", -2.25)
    one.keep()
    other.keep()
    both = ReferenceCache(tmp_path / "c", "k")
    assert (both.get("a"), both.get("b")) == (1.5, -2.25)


def test_the_key_of_a_reference_is_another_for_other_weights_numbers_or_ways(tiny: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny, tmp_path / "model"))
    options = recipe("dpo").settle({})
    keys = {
        reference_key(model, options, engine="shared", device="cpu"),
        reference_key(model, options, engine="plain", device="cpu"),
        reference_key(model, options, engine="shared", device="cuda"),
        reference_key(model, recipe("dpo").settle({"dtype": "fp32"}), engine="shared", device="cpu"),
    }
    same = reference_key(model, recipe("dpo").settle({"beta": 0.5, "seed": 7}), engine="shared", device="cpu")
    assert same in keys, "what changes no number of the reference changes no key"
    weights = model / "model.safetensors"
    about = weights.stat()
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    os.utime(weights, ns=(about.st_atime_ns, about.st_mtime_ns))
    keys.add(reference_key(model, options, engine="shared", device="cpu"))
    assert len(keys) == 5


def attempt(run: RunFolder, number: int = 1) -> list[dict[str, Any]]:
    """Train one attempt in this process, and return what it said."""
    listened, orders = os.pipe()
    spool = Spool(run.path, attempt=number)
    try:
        train(run.path, spool, Orders(listened))
    finally:
        spool.close()
        os.close(orders)
    return [json.loads(line) for line in run.spool(number).read_text(encoding="ascii").splitlines()]


def make(path: Path, model: Path, **options: Any) -> RunFolder:
    spec = wire.Spec(
        run_id=path.name, recipe="dpo", model=str(model), command=(sys.executable, "-m", "lrstudio.worker"), threads=1,
        options=OPTIONS | {"pilot": False} | options,
    )  # fmt: skip
    return RunFolder.create(path, spec, pairs=[line_of(row) for row in of_one_question()])


def curve(said: list[dict[str, Any]]) -> dict[int, float]:
    return {it["step"]: it["metrics"]["loss"] for it in said if it["kind"] == "metric"}


def test_pairs_of_one_question_train_together_as_they_do_apart(tiny: Path, tmp_path: Path) -> None:
    shared, plain = (attempt(make(tmp_path / it, tiny, engine=it)) for it in ("shared", "plain"))
    assert [it["engine"] for it in shared if it["kind"] == "engine"] == ["shared"]
    assert [it["engine"] for it in plain if it["kind"] == "engine"] == ["plain"]
    ours, theirs = curve(shared), curve(plain)
    assert list(ours) == list(theirs) == [1, 2, 3]
    for step, loss in ours.items():
        assert loss == pytest.approx(theirs[step], rel=1e-5)
    assert len(set(ours.values())) == 3


def test_pairs_of_one_question_go_on_to_the_same_numbers(tiny: Path, tmp_path: Path) -> None:
    options = {"save_every": 1, "keep": 5, "accumulation": 3, "max_steps": 4, "lora_dropout": 0.2}
    run = make(tmp_path / "run", tiny, **options)
    whole = curve(attempt(run))
    for step in (2, 3, 4):
        shutil.rmtree(run.path / wire.CHECKPOINTS / f"step-{step:08d}")
    again = curve(attempt(run, 2))
    assert list(again) == [2, 3, 4]
    assert {step: loss.hex() for step, loss in again.items()} == {step: whole[step].hex() for step in again}


def test_an_adapter_finds_its_reference_again_where_full_training_cannot(tiny: Path, tmp_path: Path) -> None:
    """The run folder's own copy is gone and so is the cache: switching the adapter off leads back, to the same sums."""
    for method in ("lora", "full"):
        run = make(tmp_path / method / "run", tiny, method=method, save_every=1, keep=5)
        whole = curve(attempt(run))
        for step in (2, 3):
            shutil.rmtree(run.path / wire.CHECKPOINTS / f"step-{step:08d}", ignore_errors=True)
        (run.path / reference.REFERENCE).unlink()
        shutil.rmtree(run.path.parent / reference.CACHE)
        if method == "full":
            with pytest.raises(Refused, match="start a new one"):
                attempt(run, 2)
        else:
            again = curve(attempt(run, 2))
            assert again == {step: pytest.approx(whole[step], rel=1e-6) for step in again}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_second_of_two_runs_finds_every_reference_and_gives_the_same_losses(
    method: str, tiny: Path, tmp_path: Path
) -> None:
    seen = []
    for name in ("first", "second"):
        said = attempt(make(tmp_path / name, tiny, method=method))
        known = next(it for it in said if it["kind"] == "reference")
        losses = [float(it["metrics"]["loss"]).hex() for it in said if it["kind"] == "metric"]
        seen.append(((known["found"], known["computed"]), losses))
    assert [it[0] for it in seen] == [(0, 6), (6, 0)]
    assert seen[0][1] == seen[1][1]
    assert len(seen[0][1]) == 3
    assert (tmp_path / reference.CACHE).is_dir()


def test_an_adapter_that_is_switched_off_is_the_reference(tiny: Path) -> None:
    model = loading.load_model(tiny, recipe("dpo").settle(OPTIONS | {"lora_dropout": 0.5}))
    row = tokens_of(of_one_question(), tiny)[0]
    engine = SharedPrefix(model)
    with torch.no_grad(), loading.as_reference(model):
        before = engine.score(row.policy).sums()
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            weights.data.normal_()
    with torch.no_grad():
        assert not torch.allclose(engine.score(row.policy).sums(), before, rtol=1e-3)
        with loading.as_reference(model):
            assert torch.equal(engine.score(row.policy).sums(), before)
    assert model.training
