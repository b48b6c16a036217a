"""Options are checked by name, presets hold the papers' values, and estimates agree with published arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.training.estimate import GIB, ModelShape, Plan, learnt, memory, pace, tokens_computed
from lrstudio.training.recipes import DPO, LONGPO, LOSSES, RECIPES, SPPO, recipe

LLAMA_8B = ModelShape(32, 4096, 14336, 1024, 128256, 8_030_261_248)
QWEN3_8B = ModelShape(36, 4096, 12288, 1024, 151936, 8_190_735_360)


def test_every_option_of_every_recipe_fits_its_own_bounds_and_has_a_meaning() -> None:
    for it in RECIPES.values():
        assert it.settle({}) == {option.name: option.default for option in it.options}
        assert len({option.name for option in it.options}) == len(it.options)
        for option in it.options:
            assert option.read(option.default) == option.default
            assert option.meaning.endswith(".")
        for preset in it.presets:
            assert set(it.settle({}, preset=preset)) == {option.name for option in it.options}


def test_the_presets_are_the_published_values() -> None:
    longreward = DPO.settle({}, preset="longreward")
    assert (longreward["beta"], longreward["nll_weight"], longreward["learning_rate"]) == (0.15, 0.1, 1e-6)
    paper, script = LONGPO.settle({}, preset="paper"), LONGPO.settle({}, preset="repository")
    assert (paper["beta"], paper["longpo_lambda"], paper["optimizer"]) == (0.1, 0.01, "adamw_torch")
    assert (script["beta"], script["longpo_lambda"], script["optimizer"]) == (0.01, 0.01, "rmsprop")
    sppo = SPPO.settle({}, preset="paper")
    assert (sppo["beta"], sppo["learning_rate"], sppo["answers"], sppo["rounds"]) == (1e-3, 5e-7, 5, 3)
    assert len(LOSSES) == 15


def test_given_values_win_over_the_preset_and_words_are_read() -> None:
    values = DPO.settle({"beta": "0.3", "loss": "sigmoid, sft", "checkpointing": "no", "lora_r": 8.0}, preset="plain")
    assert (values["beta"], values["loss"], values["checkpointing"], values["lora_r"]) == (
        0.3,
        ("sigmoid", "sft"),
        False,
        8,
    )
    assert values["nll_weight"] == 0.0


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"betta": 1}, "has no option 'betta'; it has beta"),
        ({"beta": "much"}, "beta is a number, not 'much'"),
        ({"beta": "nan"}, "beta is a number"),
        ({"beta": -1}, "beta is at least 1e-06, not -1"),
        ({"beta": 0}, "beta is at least 1e-06, not 0"),
        ({"epochs": 101}, "epochs is 0.001 to 100, not 101"),
        ({"epochs": 0}, "epochs is 0.001 to 100, not 0"),
        ({"lora_r": 1.5}, "lora_r is a whole number"),
        ({"loss": "sigmoid,dance"}, "loss has no 'dance'; choose from sigmoid"),
        ({"method": "magic"}, "method has no 'magic'"),
        ({"checkpointing": "maybe"}, "checkpointing is true or false"),
        ({"short_pairs": 3}, "short_pairs is a word"),
    ],
)
def test_a_wrong_option_is_named(given_: dict[str, object], words: str) -> None:
    with pytest.raises(Refused, match=words):
        DPO.settle(given_)


def test_an_unknown_recipe_or_preset_is_named() -> None:
    with pytest.raises(Refused, match="no recipe 'ppo'; choose from dpo, longpo, sppo"):
        recipe("ppo")
    with pytest.raises(Refused, match="no preset 'mine'"):
        DPO.settle({}, preset="mine")


@pytest.mark.parametrize(
    ("shape", "total", "shared", "offload", "gib"),
    [
        (LLAMA_8B, 32, False, False, 49),
        (LLAMA_8B, 32, False, True, 33),
        (LLAMA_8B, 32, True, False, 33),
        (LLAMA_8B, 128, False, False, 144),
        (LLAMA_8B, 128, True, True, 49),
        (QWEN3_8B, 64, True, False, 50),
        (QWEN3_8B, 128, True, True, 47),
    ],
)
def test_peak_memory_of_one_pair(shape: ModelShape, total: int, shared: bool, offload: bool, gib: int) -> None:
    """The worked table: T = prompt + one answer of 1,024 tokens, LoRA of 42 million parameters."""
    plan = Plan("lora", 42_000_000, total * 1024 - 1024, 1024, shared, offload)
    assert memory(shape, plan).peak / GIB == pytest.approx(gib, rel=0.05)


def test_a_shared_document_is_computed_once() -> None:
    plan = Plan("lora", 1, 1000, 10, shared=True, offload=False)
    assert tokens_computed(plan) == 1020
    assert tokens_computed(Plan("lora", 1, 1000, 10, shared=False, offload=False)) == 2020


def test_full_training_and_four_bit_weights() -> None:
    def peak(method: str) -> float:
        return memory(LLAMA_8B, Plan(method, 42_000_000, 8192, 1024, shared=True, offload=True)).weights / GIB

    assert 5.5 <= peak("qlora") <= 6.5
    assert peak("lora") == pytest.approx(15.0, abs=0.1)
    full = memory(LLAMA_8B, Plan("full", 0, 8192, 1024, shared=True, offload=True))
    assert 75 <= full.trained / GIB <= 105
    assert memory(LLAMA_8B, Plan("lora", 1, 8192, 1024, shared=True, offload=True)).host > 0


def test_an_estimate_learns_from_measured_peaks() -> None:
    assert learnt(100.0, []) == 100.0
    assert learnt(100.0, [(50.0, 40.0)]) == 100.0
    assert learnt(100.0, [(50.0, 60.0)]) == pytest.approx(120.0)
    assert learnt(100.0, [(50.0, 40.0), (10.0, 9.0), (10.0, 8.0)]) == pytest.approx(80.0)


@given(st.floats(1e-6, 1e-3), st.floats(1e-10, 1e-7), st.lists(st.integers(100, 100_000), min_size=2, unique=True))
def test_a_pace_is_found_again(linear: float, square: float, lengths: list[int]) -> None:
    done = [(it, linear * it + square * it * it) for it in lengths]
    found = pace(done)
    assert found is not None
    assert found.seconds([it for it, _ in done]) == pytest.approx(sum(seconds for _, seconds in done), rel=0.35)


def test_a_pace_is_exact_on_exact_rows_and_never_negative() -> None:
    found = pace([(100, 0.3), (1000, 12.0), (5000, 260.0)])
    assert found is not None
    assert (found.linear, found.square) == (pytest.approx(0.002), pytest.approx(1e-5))
    assert pace([]) is None
    falling = pace([(100, 1.0), (1000, 1.0)])
    assert falling is not None
    assert falling.seconds([100, 1000]) > 0
