"""Each rule speaks where it should, once, is silent beside it, and remembers over a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.training import health
from lrstudio.training.health import Answer, Finding, Limits, Look, Seen
from lrstudio.training.recipes import RECIPES, recipe

LIMITS = Limits(dict.fromkeys(health.RULES, health.WARN), steps=3)
CALM = {"rewards/chosen": 0.1, "rewards/margins": 0.2, "rewards/accuracies": 0.5, "kl": 0.0, "entropy": 2.0}


def fed(points: Iterable[Mapping[str, float]], limits: Limits = LIMITS, **more: bool) -> list[Finding]:
    seen, said = Seen(), []
    for step, point in enumerate(points, start=1):
        seen, found = health.after_step(seen, limits, step=step, metrics={**CALM, **point}, **more)
        seen = Seen.read(json.loads(json.dumps(seen.row())))
        said += found
    return said


def test_a_calm_run_is_left_alone() -> None:
    assert fed([{}] * 20) == []


def test_displacement_is_chosen_low_for_so_many_steps_while_the_margin_grows() -> None:
    falling = [{"rewards/chosen": -1.5, "rewards/margins": 0.5 * it} for it in range(6)]
    found = fed(falling)
    assert [(it.rule, it.step, it.stops) for it in found] == [("displacement", 3, False)]
    assert "below -1 for 3 steps, now -1.50" in found[0].why
    assert fed(falling[:2]) == []
    assert fed([{"rewards/chosen": -1.5, "rewards/margins": 0.5}] * 6) == [], "the margin stands still"
    assert fed([it | {"rewards/chosen": -0.9} for it in falling]) == []
    with_a_gap = [it | ({"rewards/chosen": 0.0} if number % 3 == 2 else {}) for number, it in enumerate(falling)]
    assert fed(with_a_gap) == []


def test_the_band_of_drift_holds_on_both_sides_and_counts_from_the_start() -> None:
    assert [(it.rule, it.step) for it in fed([{"kl": -0.6}] * 3)] == [("kl", 3)]
    assert "+0.60 nats" in fed([{"kl": 0.6}] * 3)[0].why
    assert fed([{"kl": 0.5}] * 9) == []
    assert fed([{"kl": 3.0}] * 9, from_zero=False) == [], "LongPO starts away from zero"
    assert [it.step for it in fed([{"kl": 3.0}] * 3 + [{"kl": 2.0}] * 3, from_zero=False)] == [5]


def test_entropy_is_held_to_the_first_steps() -> None:
    assert fed([{"entropy": 2.0}] * 3 + [{"entropy": 1.25}] * 5) == []
    found = fed([{"entropy": 2.0}] * 3 + [{"entropy": 1.0}] * 5)
    assert [(it.rule, it.step) for it in found] == [("entropy", 6)]
    assert "fallen by 50%" in found[0].why
    assert fed([{"entropy": 1.0}] * 3 + [{"entropy": 2.0}] * 5) == []


def test_overfit_is_every_pair_told_apart_by_a_wide_margin() -> None:
    sure = {"rewards/accuracies": 1.0, "rewards/margins": 10.5}
    assert [(it.rule, it.step) for it in fed([sure] * 5)] == [("overfit", 3)]
    assert fed([sure | {"rewards/margins": 10.0}] * 5) == []
    assert fed([sure, sure | {"rewards/accuracies": 0.9}] * 5) == []


def test_a_rule_speaks_again_only_after_it_has_ceased() -> None:
    found = fed([{"kl": 0.7}] * 6 + [{"kl": 0.0}] * 3 + [{"kl": 0.7}] * 6)
    assert [it.step for it in found] == [3, 12]


def test_a_rule_that_stops_says_so_and_one_that_is_off_says_nothing() -> None:
    stopping = replace(LIMITS, does={**LIMITS.does, "kl": health.STOP})
    assert [it.stops for it in fed([{"kl": 0.7}] * 3, stopping)] == [True]
    assert fed([{"kl": 0.7}] * 3, replace(LIMITS, does={**LIMITS.does, "kl": health.OFF})) == []


def sampled(*rounds: list[Answer]) -> list[Finding]:
    seen, said = Seen(), []
    for number, answers in enumerate(rounds):
        seen, found = health.after_samples(seen, LIMITS, step=number * 10, answers=answers)
        said += found
    return said


def test_length_is_held_to_the_answers_before_training() -> None:
    before = [Answer(100, 0.0), Answer(60, 0.0)]
    assert sampled(before, [Answer(120, 0.0), Answer(80, 0.0)]) == [], "exactly a quarter is within"
    longer = sampled(before, [Answer(130, 0.0), Answer(80, 0.0)])
    assert [(it.rule, it.step) for it in longer] == [("length", 10)]
    assert "31% longer than before training: 105 tokens instead of 80" in longer[0].why
    assert "shorter" in sampled(before, [Answer(10, 0.0), Answer(20, 0.0)])[0].why


def test_repetition_must_be_high_and_higher_than_before() -> None:
    calm, stuck = [Answer(50, 0.1)], [Answer(50, 0.6)]
    found = sampled(calm, stuck, stuck, calm, stuck)
    assert [(it.rule, it.step) for it in found] == [("repetition", 10), ("repetition", 40)]
    assert "60% of the runs of 4 tokens" in found[0].why
    assert sampled(stuck, stuck) == []
    assert sampled(calm, []) == []


def looks(*rewards: float | tuple[float, ...] | None, margins: Iterable[float] | None = None) -> list[Look]:
    """Make looks at every tenth step; the margin rises by 0.1 a look unless it is given."""
    rising = list(margins) if margins is not None else [0.1 * at for at in range(len(rewards))]
    given = [() if it is None else it if isinstance(it, tuple) else (it, it) for it in rewards]
    named = [{f"r{row}": value for row, value in enumerate(it)} for it in given]
    return [Look(10 * at, it, rising[at]) for at, it in enumerate(named)]


def judged(them: list[Look], limits: Limits = LIMITS) -> list[int]:
    found = health.after_judging(limits, them, judge="lexical")
    assert all(it.rule == health.JUDGED for it in found)
    return [it.step for it in found]


def test_answers_judged_worse_twice_while_the_margin_rises_are_told_of_once() -> None:
    falling = looks(6.0, 7.0, 5.9, 5.8, 5.7)
    assert judged(falling) == [30]
    (found,) = health.after_judging(LIMITS, falling, judge="lexical")
    assert "the judge lexical gives the answers to 2 held-out questions 5.8 instead of 7.0 at step 10" in found.why
    assert "did so at step 20" in found.why
    assert "risen from 0.10 to 0.30" in found.why
    assert not found.stops
    assert judged(looks(7.0, 5.9, 5.8, 7.0, 7.0, 5.9, 5.9)) == [20, 60], "again after it has ceased"


def test_answers_judged_worse_once_or_a_little_or_with_the_margin_are_left_alone() -> None:
    assert judged(looks(7.0, 5.0)) == []
    assert judged(looks(7.0, 5.0, 6.5, 5.0, 6.5)) == [], "up and down"
    assert judged(looks(7.0, 6.0, 6.0, 6.0)) == [], "by no more than is calm"
    assert judged(looks(7.0, 5.0, 5.0, margins=(0.5, 0.5, 0.5))) == [], "the margin stands still"
    assert judged(looks(7.0, 5.0, 5.0, margins=(0.5, 0.6, 0.4))) == []
    assert judged(looks(5.0, 6.0, 7.0, 8.0)) == []
    assert judged([]) == []


def test_only_questions_that_were_scored_at_all_three_looks_are_compared() -> None:
    assert judged(looks((9.0, 3.0), (9.0, 3.0), (3.0,), (3.0,))) == [30]
    assert judged(looks((3.0, 9.0), (3.0,), (3.0,))) == [], "the better answer was not scored again"
    assert judged(looks(7.0, None, 5.0)) == [], "at one look nothing could be scored"
    assert judged([Look(it.step, it.rewards, None) for it in looks(7.0, 5.0, 5.0)]) == [], "no margin was told of"


def test_the_rule_over_scores_stops_or_is_off_as_the_options_say() -> None:
    for does, said in ((health.STOP, [True]), (health.WARN, [False]), (health.OFF, [])):
        limits = replace(LIMITS, does={**LIMITS.does, health.JUDGED: does})
        assert [it.stops for it in health.after_judging(limits, looks(7.0, 5.0, 5.0), judge="j")] == said


def test_repetition_of_tokens() -> None:
    assert health.repetition([]) == health.repetition([1, 2, 3, 4]) == 0.0
    assert health.repetition([1, 2, 3, 4, 1, 2, 3, 4]) == pytest.approx(1 / 5)
    assert health.repetition([7] * 8) == pytest.approx(4 / 5)


@given(st.lists(st.integers(0, 5), max_size=60))
def test_repetition_is_a_share_and_none_where_all_runs_differ(tokens: list[int]) -> None:
    assert 0.0 <= health.repetition(tokens) < 1.0
    assert health.repetition(list(range(len(tokens)))) == 0.0


POINTS = st.fixed_dictionaries({name: st.floats(-20, 20) for name in CALM})


@given(st.lists(POINTS, max_size=12), st.integers(0, 12))
def test_what_a_checkpoint_remembers_is_enough_to_go_on(points: list[dict[str, float]], cut: int) -> None:
    seen, whole = Seen(), []
    for step, point in enumerate(points):
        if step == cut:
            seen = Seen.read(json.loads(json.dumps(seen.row())))
        seen, found = health.after_step(seen, LIMITS, step=step + 1, metrics=point)
        whole += found
    assert whole == fed(points)
    starts = [it.rule for it in whole if it.step < LIMITS.steps]
    assert starts == [], "nothing is said before a window is full"


def test_the_options_of_every_recipe_make_limits_that_warn() -> None:
    for name in RECIPES:
        limits = Limits.of(recipe(name).settle({}))
        assert limits == Limits(dict.fromkeys(health.RULES, "warn"))
    chosen = Limits.of(recipe("dpo").settle({"health_kl": "stop", "kl_band": 0.2, "health_steps": 4}))
    assert (chosen.does["kl"], chosen.kl_band, chosen.steps) == ("stop", 0.2, 4)
