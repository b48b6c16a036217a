"""Two raters over labels: published examples, scikit-learn and statsmodels as witnesses, and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from statsmodels.stats.inter_rater import cohens_kappa

from lrstudio.analysis import intervals, tables

SKLEARN = {tables.Weighting.NONE: None, tables.Weighting.LINEAR: "linear", tables.Weighting.QUADRATIC: "quadratic"}

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60)


def table(rows: list[tuple[int, int]], size: int = 4) -> np.ndarray:
    codes = np.array(rows, dtype=np.int64)
    return tables.confusion(codes[:, 0], codes[:, 1], size)


def test_labels_become_codes_and_none_is_missing() -> None:
    codes = tables.encode(["none", None, "full"], ["none", "partial", "full"])

    assert codes.tolist() == [0, tables.MISSING, 2]
    with pytest.raises(ValueError, match="'all' is none of the labels"):
        tables.encode(["all"], ["none", "full"])
    with pytest.raises(ValueError, match="twice"):
        tables.encode([], ["none", "none"])


def test_rows_are_the_reviewer_and_columns_the_judge() -> None:
    reviewer, judge = np.array([0, 0, 1, 1, -1, 1]), np.array([0, 1, 1, 1, 1, -1])

    assert tables.confusion(reviewer, judge, 2).tolist() == [[1, 1], [0, 2]]
    parts = tables.confusions(reviewer, judge, 2, intervals.Grouping.of(["a", "b", "a", "b", "c", "c"]))
    assert parts.tolist() == [[[1, 0], [0, 1]], [[0, 1], [0, 1]], [[0, 0], [0, 0]]]


def test_kappa_of_the_grant_readers() -> None:
    """50 proposals read by two, 20 + 15 alike, 5 + 10 not: 0.70 observed, 0.50 by chance."""
    assert tables.kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx(0.4)


def test_kappa_of_the_diagnoses() -> None:
    """Fleiss, Cohen and Everitt (Psychological Bulletin 72, 1969): 100 patients, three diagnoses, kappa .429."""
    counts = np.array([[53.0, 5, 2], [11, 14, 5], [1, 6, 3]])

    assert tables.kappa(counts) == pytest.approx(0.429, abs=5e-4)


@pytest.mark.parametrize("weighting", list(tables.Weighting))
def test_weighted_kappa_by_hand(weighting: tables.Weighting) -> None:
    """One of each label alike, one item two steps off: 1 x 4 items over the distances that the margins make likely."""
    counts = np.array([[1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
    expected = {
        tables.Weighting.NONE: 1 - 4 / 11,
        tables.Weighting.LINEAR: 1 - 4 / 8,
        tables.Weighting.QUADRATIC: 1 - 4 / 6.5,
    }

    assert tables.kappa(counts, weighting) == pytest.approx(expected[weighting])


def test_rates_by_hand() -> None:
    counts = np.array([[20.0, 5.0], [10.0, 40.0]])

    assert tables.accuracy(counts) == pytest.approx(0.8)
    assert tables.recalls(counts) == pytest.approx([0.8, 0.8])
    assert tables.balanced_accuracy(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx(0.7)
    assert tables.matthews(counts) == pytest.approx((20 * 40 - 5 * 10) / (25 * 50 * 30 * 45) ** 0.5)


@given(pairs)
@pytest.mark.parametrize("weighting", list(tables.Weighting))
def test_kappa_is_what_scikit_learn_and_statsmodels_say(
    weighting: tables.Weighting, rows: list[tuple[int, int]]
) -> None:
    counts = table(rows)
    mine = float(tables.kappa(counts, weighting))
    if math.isnan(mine):
        assert len({label for row in rows for label in row}) == 1
        return

    first, second = zip(*rows, strict=True)
    theirs = metrics.cohen_kappa_score(first, second, labels=range(4), weights=SKLEARN[weighting])
    assert mine == pytest.approx(theirs, abs=1e-9)
    witness = cohens_kappa(counts, wt=SKLEARN[weighting], return_results=False)
    assert mine == pytest.approx(float(witness), abs=1e-9)


@given(pairs)
def test_rates_are_what_scikit_learn_says(rows: list[tuple[int, int]]) -> None:
    counts = table(rows)
    first, second = zip(*rows, strict=True)

    assert tables.accuracy(counts) == pytest.approx(metrics.accuracy_score(first, second))
    recalls = metrics.recall_score(first, second, labels=range(4), average=None, zero_division=np.nan)
    np.testing.assert_allclose(tables.recalls(counts), recalls)
    if set(first) == set(range(4)):
        assert tables.balanced_accuracy(counts) == pytest.approx(metrics.balanced_accuracy_score(first, second))
    else:
        assert math.isnan(tables.balanced_accuracy(counts))
    if len(set(first)) > 1 and len(set(second)) > 1:
        assert tables.matthews(counts) == pytest.approx(metrics.matthews_corrcoef(first, second), abs=1e-9)
    else:
        assert math.isnan(tables.matthews(counts))


@given(pairs, st.randoms(use_true_random=False))
def test_neither_order_of_items_nor_turning_the_labels_round_matters(rows: list[tuple[int, int]], random) -> None:
    shuffled = random.sample(rows, len(rows))
    turned = [(3 - a, 3 - b) for a, b in rows]
    swapped = [(b, a) for a, b in rows]
    for weighting in tables.Weighting:
        value = tables.kappa(table(rows), weighting)
        for other in (shuffled, turned, swapped):
            np.testing.assert_allclose(tables.kappa(table(other), weighting), value, atol=1e-12)
        assert math.isnan(value) or -1.0 - 1e-9 <= value <= 1.0
    np.testing.assert_allclose(tables.matthews(table(turned)), tables.matthews(table(rows)), atol=1e-12)
    np.testing.assert_allclose(tables.recalls(table(turned))[::-1], tables.recalls(table(rows)))


def test_draws_are_a_leading_axis() -> None:
    first, second = np.array([[20.0, 5], [10, 15]]), np.array([[5.0, 1], [2, 9]])
    both = np.stack([first, second])

    for function in (tables.kappa, tables.accuracy, tables.balanced_accuracy, tables.matthews):
        np.testing.assert_allclose(function(both), [function(first), function(second)])
    assert tables.recalls(both).shape == (2, 2)
