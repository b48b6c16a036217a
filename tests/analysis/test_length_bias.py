"""How far lengths explain rewards: the worked example, the published table, and what the remedies leave."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lrstudio.analysis import length_bias
from lrstudio.analysis.estimates import Estimate, NotEnough
from lrstudio.analysis.intervals import Grouping

OLD = (np.array([10] * 8 + [30] * 2), np.array([0.10] * 8 + [0.60] * 2))
NEW = (np.array([10] * 2 + [30] * 8), np.array([0.15] * 2 + [0.65] * 8))
pairs = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=80)


def gains(old, new, *, width: float = 20) -> tuple[float, float, float]:
    grouping = Grouping.of(np.zeros(len(old[0]) + len(new[0])))
    sums = length_bias.bin_sums(old, new, of=(grouping, len(old[0])), width=width).sum(axis=0)
    return tuple(float(value) for value in length_bias.gains(sums))


def test_the_worked_example_of_the_gain_beyond_length() -> None:
    total, beyond, covered = gains(OLD, NEW)

    assert (total, beyond, covered) == pytest.approx((0.35, 0.05, 1.0))
    assert beyond / total == pytest.approx(0.143, abs=5e-4)


def test_bins_with_one_model_only_count_in_the_weights() -> None:
    """Ten more old candidates at 100 tokens: the same gain of .05 in bins of 20 of all 30 candidates."""
    total, beyond, covered = gains((np.append(OLD[0], [100] * 10), np.append(OLD[1], [0.2] * 10)), NEW)

    assert total == pytest.approx(0.55 - 0.2)
    assert (beyond, covered) == pytest.approx((0.05 * 20 / 30, 20 / 30))


def test_bins_are_half_open_and_nothing_falls_out() -> None:
    """Lengths 19 and 20 are in different bins, 20 and 39.9 in one; 5,000 has a bin too."""
    assert gains(([19], [1.0]), ([20], [2.0]))[2] == 0.0
    assert gains(([20, 5000], [1.0, 1.0]), ([39.9, 5001], [2.0, 3.0])) == pytest.approx((1.5, 1.5, 1.0))


def test_a_gain_by_length_alone_and_one_by_quality_alone() -> None:
    rng = np.random.default_rng(0)
    short, other, long = (rng.integers(low, low + 300, 4000) for low in (100, 100, 150))
    documents = (np.arange(4000) % 50, np.arange(4000) % 50)

    def reward(lengths: np.ndarray, quality: float) -> np.ndarray:
        return lengths / 100 + quality + rng.normal(0, 0.2, len(lengths))

    by_length = length_bias.reward_gain(
        (short, reward(short, 0)), (long, reward(long, 0)), documents=documents, draws=100
    )
    by_quality = length_bias.reward_gain(
        (short, reward(short, 0)), (other, reward(other, 0.5)), documents=documents, draws=100
    )
    assert by_length.total.value == pytest.approx(0.5, abs=0.05)
    assert by_length.part.value < 0.1
    assert by_quality.part.low > 0.9
    assert by_quality.covered == 1.0


def test_correlation_is_within_questions_and_not_between_them() -> None:
    """Long questions get low rewards, but within each question longer is better."""
    rng = np.random.default_rng(1)
    question = np.repeat(np.arange(40), 5)
    lengths = 100 * question + rng.integers(0, 90, 200)
    values = -question + lengths % 100 / 100 + rng.normal(0, 0.1, 200)
    result = length_bias.within_question(lengths, values, questions=question, documents=question // 2, draws=200)
    by_hand = [stats.pearsonr(lengths[question == q], values[question == q]).statistic for q in range(40)]

    assert np.corrcoef(lengths, values)[0, 1] < -0.9
    assert result.correlation.value == pytest.approx(np.mean(by_hand))
    assert (result.questions, result.flat, result.correlation.documents) == (40, 0, 20)
    assert result.correlation.low > 0.8


def test_questions_without_variation_are_counted_and_left_out() -> None:
    result = length_bias.within_question(
        [1, 2, 3, 1, 1, 1, 5, 6, 7], [1, 2, np.nan, 1, 2, 3, 4, 4, 4], questions=[0, 0, 0, 1, 1, 1, 2, 2, 2],
        documents=[0] * 9,
    )  # fmt: skip
    assert (result.questions, result.flat) == (0, 3)
    assert isinstance(result.correlation, NotEnough)


def test_longer_is_chosen_leaves_equal_lengths_out() -> None:
    chosen, rejected = np.array([5, 9, 3, 4] * 10), np.array([4, 1, 6, 4] * 10)
    rng = np.random.default_rng(0).permutation(40)
    result = length_bias.longer_is_chosen(chosen[rng], rejected[rng], documents=np.arange(40) % 10, draws=200)

    assert result.equal == 10
    assert result.share.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(("length", "reward"), [(0, 0.0), (75, 0.5), (150, 1.0), (225, 0.5), (300, 0.0), (450, -1.0)])
def test_the_reward_of_length_alone(length: int, reward: float) -> None:
    assert length_bias.length_only([length], target=150)[0] == pytest.approx(reward)


def test_how_well_length_alone_predicts_the_pairs() -> None:
    chosen, rejected = np.array([150, 300, 100, 40] * 10), np.array([300, 150, 90, 40] * 10)
    rng = np.random.default_rng(0).permutation(40)
    documents = np.arange(40) % 10
    plain = length_bias.length_only_accuracy(chosen[rng], rejected[rng], documents=documents, draws=100)
    aimed = length_bias.length_only_accuracy(chosen[rng], rejected[rng], documents=documents, target=150, draws=100)

    assert (plain.value, aimed.value) == (0.5, 0.5)
    assert isinstance(plain, Estimate)
    assert (
        length_bias.length_only_accuracy(
            [150] * 39 + [2], [300] * 39 + [1], documents=range(40), target=150, draws=50
        ).value
        == 1.0
    )


@given(pairs, st.integers(1, 30), st.integers(0, 5))
def test_balanced_pairs_choose_the_longer_one_half_of_the_time(rows, width: int, seed: int) -> None:
    chosen, rejected = np.array(rows).T
    kept = length_bias.balanced(chosen, rejected, width=width, widest=60, seed=seed)
    difference = (chosen - rejected)[kept]

    assert (difference > 0).sum() == (difference < 0).sum()
    for level in range(100 // width + 1):
        here = np.abs(difference) // width == level
        assert (difference[here] > 0).sum() == (difference[here] < 0).sum()
    assert np.abs(difference).max(initial=0) <= 60
    assert kept[chosen == rejected].all()
    # No more can be kept: one side of every bin is used up.
    left = (chosen - rejected)[~kept]
    left = left[np.abs(left) <= 60]
    for level in np.unique(np.abs(left) // width):
        here = np.abs(left) // width == level
        assert len(set(np.sign(left[here]))) == 1


def test_balancing_by_hand() -> None:
    """Differences 3, 4, 5, -2, 15, -12, -14, 0, 25 in bins of 10: the -2 and one of three; 15 and one of two; the 0."""
    chosen, rejected = np.array([13, 14, 15, 8, 25, 8, 6, 10, 35]), np.array([10, 10, 10, 10, 10, 20, 20, 10, 10])
    kept = length_bias.balanced(chosen, rejected)

    assert kept[[3, 4, 7]].all()
    assert (kept[:3].sum(), kept[5:7].sum(), kept[8]) == (1, 1, False)


def test_the_lowest_lots_stay_in_whatever_order_the_pairs_come() -> None:
    chosen, rejected, lots = np.array([13, 14, 15, 8]), np.full(4, 10), np.array([0.4, 0.1, 0.9, 0.5])
    assert length_bias.balanced(chosen, rejected, lots=lots).tolist() == [False, True, False, True]
    turned = length_bias.balanced(chosen[::-1], rejected, lots=lots[::-1])
    assert turned.tolist() == [True, False, True, False]


def test_the_other_remedies() -> None:
    assert length_bias.within_ratio([100, 100, 100, 210], [50, 49, 200, 100], most=2).tolist() == [
        True, False, True, False,
    ]  # fmt: skip
    assert length_bias.below_margin([0.5, 2.0, 2.1, np.nan], most=2.0).tolist() == [True, True, False, False]


def test_neither_order_of_questions_nor_of_candidates_matters() -> None:
    rng = np.random.default_rng(4)
    question, lengths, values = np.repeat(np.arange(30), 4), rng.integers(1, 99, 120), rng.normal(0, 1, 120)
    order = rng.permutation(120)
    first = length_bias.within_question(lengths, values, questions=question, documents=question, draws=50)
    second = length_bias.within_question(
        lengths[order], values[order], questions=question[order], documents=question[order], draws=50
    )
    assert second.correlation.value == pytest.approx(first.correlation.value)
    order = rng.permutation(10)
    assert gains((OLD[0][order], OLD[1][order]), NEW) == pytest.approx(gains(OLD, NEW))
