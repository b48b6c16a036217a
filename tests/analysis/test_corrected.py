"""Corrected rates: by hand, refusals, and what must not matter. Their intervals are in test_coverage."""

import numpy as np
import pytest

from lrstudio.analysis import corrected, intervals
from lrstudio.analysis.estimates import Estimate, NotEnough

# 120 claims of 20 documents; the judge says yes to 80. Audited: 32 yes-yes, 8 no-yes, 4 yes-no, 16 no-no.
DOCUMENTS = np.arange(120) % 20
PATTERN = np.array([(1, 1)] * 32 + [(0, 1)] * 8 + [(1, 0)] * 4 + [(0, 0)] * 16)
ORDER = np.random.default_rng(1).permutation(60)


def columns() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    judge = np.concatenate([PATTERN[ORDER, 0], [1] * 44 + [0] * 16]).astype(float)
    reviewer = np.concatenate([PATTERN[ORDER, 1].astype(float), np.full(60, np.nan)])
    return judge, reviewer, np.where(np.isfinite(reviewer), 0.5, np.nan)


def test_rogan_and_gladen_by_hand() -> None:
    """TPR 32 / 40, TNR 16 / 20, share of yes 80 / 120: (2/3 + .8 - 1) / .6 = 7/9."""
    result = corrected.rogan_gladen(*columns(), documents=DOCUMENTS, draws=100)

    assert result.judged.value == pytest.approx(2 / 3)
    assert result.rate.value == pytest.approx((2 / 3 - 0.2) / 0.6)
    assert result.reviewed.value == pytest.approx(40 / 60)
    assert (result.audited, result.refused, result.rate.n) == (60, 0, 120)


def test_rogan_and_gladens_textbook_case() -> None:
    """A test of sensitivity .9 and specificity .8 that is positive in 34 % of all: prevalence .2."""
    truth = np.repeat([1.0, 0.0], [200, 800])
    judge = np.concatenate([np.repeat([1.0, 0.0], [180, 20]), np.repeat([1.0, 0.0], [160, 640])])
    result = corrected.rogan_gladen(judge, truth, np.ones(1000), documents=np.arange(1000) % 50, draws=50)

    assert result.judged.value == pytest.approx(0.34)
    assert result.rate.value == pytest.approx(0.2)


def test_prediction_powered_by_hand() -> None:
    """lambda x judge everywhere + reviewer - lambda x judge on the audited: .6667 - lambda (.6 - .6667)."""
    result = corrected.prediction_powered(*columns(), documents=DOCUMENTS, draws=200)

    assert 0.3 < result.weight <= 1.0
    assert result.rate.value == pytest.approx(40 / 60 + result.weight * (80 / 120 - 36 / 60))
    assert result.reviewed.value == pytest.approx(40 / 60)


def test_the_weight_makes_the_spread_least() -> None:
    rng = np.random.default_rng(3)
    sums = np.abs(rng.normal(5, 1, (30, 5)))
    weight = corrected.tuned_weight(sums)

    def error(at: float) -> float:
        return intervals.jackknife_error(intervals.of_sums(sums, lambda total: corrected._powered(total, at)), 30)

    assert 0.0 < weight < 1.0
    assert error(weight) < min(error(weight - 0.1), error(weight + 0.1))


def test_rare_items_count_as_often_as_they_were_likely_to_be_missed() -> None:
    judge = np.concatenate([np.ones(90), np.zeros(90)])
    chance = np.where(judge == 1, 0.5, 1.0)
    drawn = np.concatenate([np.arange(90) % 2 == 0, np.ones(90, dtype=bool)])
    truth = np.concatenate([np.arange(90) % 6 != 0, np.arange(90) % 3 == 0]).astype(float)
    reviewer, chance = np.where(drawn, truth, np.nan), np.where(drawn, chance, np.nan)
    documents = np.random.default_rng(0).permutation(180) % 30
    result = corrected.prediction_powered(judge, reviewer, chance, documents=documents, draws=100)

    # Of the 45 audited yes 30 are true, of the 90 audited no 30: (2 x 30 + 30) / 180.
    assert result.reviewed.value == pytest.approx(0.5)
    assert np.nanmean(reviewer) < 0.45


def test_decisions_that_were_not_drawn_are_refused() -> None:
    judge, reviewer, chance = columns()
    reviewer[60:] = 1.0
    mixed = corrected.prediction_powered(judge, reviewer, chance, documents=DOCUMENTS, draws=100)
    alone = corrected.prediction_powered(*columns(), documents=DOCUMENTS, draws=100)
    none = corrected.rogan_gladen(judge, reviewer, np.full(120, np.nan), documents=DOCUMENTS, draws=100)

    assert mixed.rate == alone.rate
    assert (mixed.audited, mixed.refused) == (60, 60)
    assert isinstance(none.rate, NotEnough)
    assert "None of the 120 decided items was drawn at random" in none.rate.sentence


def test_a_judge_at_chance_cannot_be_corrected_with() -> None:
    rng = np.random.default_rng(0)
    judge, truth = (rng.random(120) < 0.6).astype(float), (rng.random(120) < 0.7).astype(float)
    result = corrected.rogan_gladen(judge, truth, np.ones(120), documents=DOCUMENTS, draws=50)

    assert "too close to chance" in result.rate.sentence


def test_an_audit_of_one_kind_only_is_said() -> None:
    judge, _, chance = columns()
    reviewer = np.where(np.isfinite(chance), 1.0, np.nan)
    result = corrected.rogan_gladen(judge, reviewer, chance, documents=DOCUMENTS, draws=50)

    assert "only 0 of the 5 items that are not true" in result.rate.sentence


def test_an_audit_without_an_error_still_leaves_room_for_some() -> None:
    judge, _, chance = columns()
    reviewer = np.where(np.isfinite(chance), judge, np.nan)
    powered = corrected.prediction_powered(judge, reviewer, chance, documents=DOCUMENTS, draws=200)
    gladen = corrected.rogan_gladen(judge, reviewer, chance, documents=DOCUMENTS, draws=200)

    assert powered.rate.high - powered.rate.low > 2 * 0.16
    assert gladen.rate.high - gladen.rate.low > 1.1 * (gladen.judged.high - gladen.judged.low)


def test_turning_yes_and_no_round_turns_the_rate() -> None:
    judge, reviewer, chance = columns()
    for method in (corrected.prediction_powered, corrected.rogan_gladen):
        first = method(judge, reviewer, chance, documents=DOCUMENTS, draws=2000)
        second = method(1 - judge, 1 - reviewer, chance, documents=DOCUMENTS, draws=2000)
        assert second.rate.value == pytest.approx(1 - first.rate.value)
        assert (second.rate.low, second.rate.high) == pytest.approx((1 - first.rate.high, 1 - first.rate.low), abs=1e-9)


def test_items_without_a_judgment_are_given_its_mean_or_left_out() -> None:
    judge, reviewer, chance = columns()
    judge[-6:] = np.nan
    powered = corrected.prediction_powered(judge, reviewer, chance, documents=DOCUMENTS, draws=50)
    gladen = corrected.rogan_gladen(judge, reviewer, chance, documents=DOCUMENTS, draws=50)

    assert powered.judged.value == pytest.approx(80 / 114)
    assert powered.rate.value == pytest.approx(40 / 60 + powered.weight * (80 / 114 - 36 / 60))
    assert gladen.rate.value == pytest.approx((80 / 114 - 0.2) / 0.6)


def test_scores_have_a_corrected_mean_without_bounds() -> None:
    judge, reviewer, chance = columns()
    result = corrected.prediction_powered(10 * judge, 10 * reviewer, chance, documents=DOCUMENTS, draws=200)
    share = corrected.prediction_powered(judge, reviewer, chance, documents=DOCUMENTS, draws=200)

    assert isinstance(result.rate, Estimate)
    assert result.rate.low == pytest.approx(10 * share.rate.low)
    with pytest.raises(ValueError, match="0 and 1 only"):
        corrected.rogan_gladen(10 * judge, reviewer, chance, documents=DOCUMENTS)


def test_what_cannot_be_a_chance_is_a_bug() -> None:
    judge, reviewer, chance = columns()
    for wrong in (0.0, 1.2):
        with pytest.raises(ValueError, match="inclusion"):
            corrected.prediction_powered(
                judge, reviewer, np.where(np.isfinite(chance), wrong, np.nan), documents=DOCUMENTS
            )
    with pytest.raises(ValueError, match="length"):
        corrected.prediction_powered(judge, reviewer, chance, documents=DOCUMENTS[:3])
