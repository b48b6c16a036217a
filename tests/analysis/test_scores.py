"""Agreement over numbers: SciPy as witness, worked examples, and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lrstudio.analysis import intervals, scores

points = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=3, max_size=50)


def columns(rows: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, dtype=float)
    return table[:, 0], table[:, 1]


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    return intervals.value_of(scores.spearman(x, y, intervals.Grouping.of(np.arange(len(x)) // 3)), -(-len(x) // 3))


@given(points)
def test_correlations_are_what_scipy_says(rows: list[tuple[float, float]]) -> None:
    x, y = columns(rows)
    pearson, rank = float(scores.pearson(scores.moments(x, y).sum(axis=0))), spearman(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(pearson)
        assert math.isnan(rank)
        return
    assert pearson == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert rank == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)


@given(points, st.data())
def test_spearman_of_a_draw_ranks_what_was_drawn(rows: list[tuple[float, float]], data: st.DataObject) -> None:
    x, y = columns(rows)
    grouping = intervals.Grouping.of(np.arange(len(x)) // 3)
    drawn = data.draw(st.lists(st.integers(0, 3), min_size=grouping.count, max_size=grouping.count))
    value = float(scores.spearman(x, y, grouping)(np.array([drawn], dtype=float))[0])
    repeated = np.repeat(np.arange(len(x)), np.array(drawn)[grouping.index])
    if len(set(x[repeated])) < 2 or len(set(y[repeated])) < 2:
        assert math.isnan(value)
    else:
        assert value == pytest.approx(stats.spearmanr(x[repeated], y[repeated]).statistic, abs=1e-9)


def test_correlations_by_hand() -> None:
    """One swap among four: 1 - 6 x 2 / 60; with a tie the middle rank, 4.5 / sqrt(4.5 x 5)."""
    x, y = np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])

    assert float(scores.pearson(scores.moments(x, y).sum(axis=0))) == pytest.approx(0.8)
    assert float(scores.pearson(scores.moments(x, y**2).sum(axis=0))) == pytest.approx(20 / (5 * 129) ** 0.5)
    assert spearman(x, y) == pytest.approx(0.8)
    assert spearman(x, y**2) == pytest.approx(0.8)
    assert spearman(np.array([1.0, 2, 2, 3]), x) == pytest.approx((4.5 / 5) ** 0.5)


def test_bias_error_and_limits_by_hand() -> None:
    sums = scores.moments([2.0, 4.0, 6.0, 8.0], [3.0, 4.0, 8.0, 7.0]).sum(axis=0)

    assert scores.bias(sums) == pytest.approx(0.5)
    assert scores.mean_absolute_error(sums) == pytest.approx(1.0)


def test_limits_of_one_item_per_document_are_the_plain_ones() -> None:
    first, second = [2.0, 4.0, 6.0, 8.0], [3.0, 4.0, 8.0, 7.0]
    spread = np.std([1, 0, 2, -1], ddof=1)
    sums = scores.difference_sums(first, second, intervals.Grouping.of(range(4))).sum(axis=0)

    assert scores.limits_of_agreement(sums) == pytest.approx((0.5 - 1.96 * spread, 0.5 + 1.96 * spread))


def test_limits_add_what_differs_between_documents() -> None:
    """Differences 0, 2 / 4, 6 / 8, 10: 2 within, means 1, 5, 9, so 16 - 2 / 2 between; 17 in all."""
    off = np.array([0.0, 2, 4, 6, 8, 10])
    sums = scores.difference_sums(np.zeros(6), off, intervals.Grouping.of([0, 0, 1, 1, 2, 2])).sum(axis=0)
    spread = 17**0.5

    assert scores.limits_of_agreement(sums) == pytest.approx((5 - 1.96 * spread, 5 + 1.96 * spread))


@given(points)
def test_turning_the_scale_round_turns_the_bias_only(rows: list[tuple[float, float]]) -> None:
    x, y = columns(rows)
    sums, turned = scores.moments(x, y).sum(axis=0), scores.moments(10 - x, 10 - y).sum(axis=0)

    np.testing.assert_allclose(scores.pearson(turned), scores.pearson(sums), atol=1e-9)
    np.testing.assert_allclose(scores.bias(turned), -scores.bias(sums), atol=1e-12)
    np.testing.assert_allclose(scores.mean_absolute_error(turned), scores.mean_absolute_error(sums))
    grouping = intervals.Grouping.of(np.arange(len(x)) // 2)
    low, high = scores.limits_of_agreement(scores.difference_sums(x, y, grouping).sum(axis=0))
    low_turned, high_turned = scores.limits_of_agreement(scores.difference_sums(10 - x, 10 - y, grouping).sum(axis=0))
    np.testing.assert_allclose([low_turned, high_turned], [-high, -low], atol=1e-9)


def test_scores_far_from_zero_keep_their_digits() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0]) + 1e6
    y = np.array([1.5, 1.0, 3.5, 3.0]) + 1e6

    assert float(scores.pearson(scores.moments(x, y).sum(axis=0))) == pytest.approx(stats.pearsonr(x, y).statistic)
