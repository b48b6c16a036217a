"""Answers are those of the model's own generation, repeat by seed, and leave a model as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.worker import generate, loading  # noqa: E402
from lrstudio.worker.generate import Sampling  # noqa: E402
from lrstudio.worker.prefix import ATTENTION, SharedPrefix  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return loading.load_tokenizer(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def model(folder: Path) -> Any:
    loud = loading.load_model(folder, recipe("dpo").settle({"dtype": "fp32"}))
    with torch.no_grad():
        for weights in loud.parameters():
            if weights.dim() > 1:
                weights *= 3
    return loud


def test_greedy_answers_are_those_of_transformers(model: Any, tokenizer: Any) -> None:
    prompt = generate.prompt_tokens(tokenizer, "What was dredged in 1911?", system="Answer briefly.")
    with generate.ready(model):
        (ours,) = generate.generate(model, tokenizer, prompt, Sampling(24))
        theirs = model.get_base_model().generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False)
    expected = theirs[0, len(prompt) :].tolist()
    ends = generate.end_tokens(model, tokenizer)
    assert [*ours.tokens] == [it for it in expected if it not in ends]
    assert len(set(ours.tokens)) > 3
    assert ours.text == tokenizer.decode(ours.tokens, skip_special_tokens=True)


def test_an_answer_depends_on_its_own_seed_alone(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt, sampling = generate.prompt_tokens(tokenizer, "Why?"), Sampling(16, temperature=1.0, top_p=0.9)
    with generate.ready(model):
        several = generate.generate(model, tokenizer, prompt, sampling, seeds=[1, 2, 3])
        alone = [generate.generate(model, tokenizer, prompt, sampling, seeds=[it])[0] for it in (1, 2, 3)]
        again = generate.generate(model, tokenizer, prompt, sampling, seeds=[3, 1])
        monkeypatch.setattr(generate, "TOGETHER", 1)
        apart = generate.generate(model, tokenizer, prompt, sampling, seeds=[1, 2, 3])
    assert several == alone == apart
    assert again == [several[2], several[0]]
    assert len({it.tokens for it in several}) == 3


def test_an_end_token_ends_an_answer_and_is_not_part_of_it(model: Any, tokenizer: Any) -> None:
    prompt = generate.prompt_tokens(tokenizer, "Why?")
    with generate.ready(model):
        (whole,) = generate.generate(model, tokenizer, prompt, Sampling(8))
        assert not whole.ended
        model.get_base_model().generation_config.eos_token_id = [whole.tokens[3]]
        (cut,) = generate.generate(model, tokenizer, prompt, Sampling(8))
    assert cut.ended
    assert cut.tokens == whole.tokens[: whole.tokens.index(whole.tokens[3])]


def test_an_answer_that_has_ended_stays_ended_beside_others_that_grow(model: Any, tokenizer: Any) -> None:
    prompt, sampling = generate.prompt_tokens(tokenizer, "Why?"), Sampling(16, temperature=1.0)
    with generate.ready(model):
        whole = generate.generate(model, tokenizer, prompt, sampling, seeds=[1, 2, 3])
        end = whole[0].tokens[3]
        model.get_base_model().generation_config.eos_token_id = end
        several = generate.generate(model, tokenizer, prompt, sampling, seeds=[1, 2, 3])
    assert several[0].ended
    assert not all(it.ended for it in several)
    for before, now in zip(whole, several, strict=True):
        length = before.tokens.index(end) if end in before.tokens else len(before.tokens)
        assert now.tokens == before.tokens[:length]


def test_the_mass_that_is_drawn_from_is_the_likeliest() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    dice = [torch.Generator().manual_seed(0)]

    def shares(**how: float) -> Counter[int]:
        return Counter(generate._choose(logits, Sampling(1, **how), dice)[0] for _ in range(4000))

    full = shares(temperature=1.0)
    assert [full[it] / 4000 for it in range(4)] == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)
    cut = shares(temperature=1.0, top_p=0.6)
    assert set(cut) == {0, 1}
    assert cut[0] / 4000 == pytest.approx(0.625, abs=0.03)
    cold = shares(temperature=0.5)
    assert cold[0] / 4000 == pytest.approx(0.25 / (0.25 + 0.09 + 0.0225 + 0.0025), abs=0.03)
    assert set(shares(temperature=1.0, top_p=0.0)) == {0}


def test_a_model_is_left_as_it_was(model: Any, tokenizer: Any) -> None:
    SharedPrefix(model)
    model.train()
    before = torch.get_rng_state()
    with generate.ready(model):
        sampling = Sampling(4, temperature=1.0)
        generate.generate(model, tokenizer, generate.prompt_tokens(tokenizer, "Why?"), sampling, seeds=[1, 2])
        torch.rand(3)
        assert not model.training
    assert model.training
    assert model.get_base_model().config._attn_implementation == ATTENTION
    assert torch.equal(before, torch.get_rng_state())


def test_seeds_depend_on_every_part() -> None:
    assert generate.seed_of(42, 1, "q1", 0) == 742004936831583526
    seeds = {generate.seed_of(*it) for it in [(42, 1, "q", 0), (42, 1, "q", 1), (42, 2, "q", 0), (43, 1, "q", 0)]}
    assert len(seeds) == 4
