"""Agreement on pairs, swapped orders, strengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lrstudio.analysis import pairwise
from lrstudio.analysis.estimates import Estimate, NotEnough


def test_accuracy_is_of_pairs_decided_by_both_and_coverage_beside_it() -> None:
    people = np.array([1, 1, 1, -1, -1, 0, np.nan] * 20, dtype=float)
    judge = np.array([2, -1, 0, -3, np.nan, 5, 5] * 20, dtype=float)
    result = pairwise.compare_pairs(people, judge, documents=np.arange(140) // 7, draws=100)

    assert (result.pairs, result.unscored) == (100, 20)
    assert (result.coverage.n, result.accuracy.n, result.tie_rate.n) == (100, 60, 80)
    values = [r.sentence for r in (result.accuracy, result.coverage, result.tie_rate, result.strict_accuracy)]
    # Every document is like the others here, which is no ground for an interval; the sentences hold the values.
    assert [text.split()[3].rstrip(",") for text in values] == ["0.67", "0.60", "0.25", "0.40"]


def test_a_margin_within_the_tie_is_a_tie() -> None:
    rng = np.random.default_rng(0)
    people, judge = rng.choice([-1, 1], 80), rng.normal(0, 1, 80)
    documents = np.arange(80) % 20
    strict = pairwise.compare_pairs(people, judge, documents=documents, draws=100)
    loose = pairwise.compare_pairs(people, judge, documents=documents, tie=0.5, draws=100)

    assert isinstance(strict.tie_rate, Estimate)
    assert strict.tie_rate.value == 0.0
    assert loose.tie_rate.value == pytest.approx((np.abs(judge) <= 0.5).mean())
    assert loose.coverage.value == pytest.approx(1 - loose.tie_rate.value)


def test_which_candidate_is_called_first_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    people, judge = rng.normal(0, 1, 60), rng.normal(0, 1, 60)
    documents = np.arange(60) % 15

    first = pairwise.compare_pairs(people, judge, documents=documents, draws=100)
    assert pairwise.compare_pairs(-people, -judge, documents=documents, draws=100) == first


def test_swapped_orders() -> None:
    one = np.array([1.0, 1, -1, 1, -1, 1, 1, 0, np.nan] * 10)
    two = np.array([1.0, -1, 1, 1, -1, -1, 1, 1, 1] * 10)
    shuffle = np.random.default_rng(0).permutation(90)
    result = pairwise.swap_consistency(one[shuffle], two[shuffle], documents=np.arange(90) % 18, draws=100)

    assert result.pairs == 70
    assert result.consistent.value == pytest.approx(40 / 70)
    assert result.first_shown.value == pytest.approx(20 / 70)


def test_strengths_of_two_are_their_log_odds() -> None:
    found = pairwise.strengths(np.array([[0.0, 30.0], [10.0, 0.0]]))

    assert found[0] - found[1] == pytest.approx(np.log(3), abs=1e-6)
    assert found.sum() == pytest.approx(0.0)


def test_strengths_are_the_logistic_regressions() -> None:
    """A pair is a row with 1 for the winner and -1 for the loser; scikit-learn without a penalty finds the same."""
    rng = np.random.default_rng(5)
    true = np.array([1.0, 0.3, -0.2, -1.1])
    pairs = np.array([rng.choice(4, 2, replace=False) for _ in range(600)])
    first_won = rng.random(600) < 1 / (1 + np.exp(true[pairs[:, 1]] - true[pairs[:, 0]]))
    wins = np.zeros((4, 4))
    np.add.at(wins, (np.where(first_won, *pairs.T), np.where(first_won, *pairs.T[::-1])), 1.0)
    rows = np.zeros((600, 4))
    rows[np.arange(600), pairs[:, 0]], rows[np.arange(600), pairs[:, 1]] = 1, -1
    fitted = LogisticRegression(C=1e6, fit_intercept=False, tol=1e-10, max_iter=1000).fit(rows, first_won).coef_[0]

    np.testing.assert_allclose(pairwise.strengths(wins), fitted - fitted.mean(), atol=1e-3)


@given(st.lists(st.integers(1, 9), min_size=6, max_size=6), st.permutations(range(3)))
def test_names_and_sides_do_not_matter(counts: list[int], order: list[int]) -> None:
    wins = np.zeros((3, 3))
    wins[~np.eye(3, dtype=bool)] = counts
    value = pairwise.strengths(wins)

    np.testing.assert_allclose(pairwise.strengths(wins[np.ix_(order, order)]), value[order], atol=1e-6)
    np.testing.assert_allclose(pairwise.strengths(wins.T), -value, atol=1e-6)


def test_players_with_intervals_and_one_that_never_lost() -> None:
    rng = np.random.default_rng(2)
    names = np.array(["a", "b", "c"])
    pairs = np.array([rng.choice(3, 2, replace=False) for _ in range(200)])
    better = np.where(rng.random(200) < 0.8, pairs.min(axis=1), pairs.max(axis=1))
    worse = pairs.sum(axis=1) - better
    ties = rng.random(200) < 0.1
    documents = np.arange(200) % 25
    found = pairwise.bradley_terry(names[better], names[worse], documents=documents, ties=ties, draws=200)

    assert [player.name for player in found] == ["a", "b", "c"]
    assert all(player.strength.low < player.strength.value < player.strength.high for player in found)
    unbeaten = pairwise.bradley_terry(["a", "b"] * 20, ["c", "c"] * 20, documents=range(40), draws=50)
    assert all(isinstance(player.strength, NotEnough) for player in unbeaten)
    assert "no finite strength" in unbeaten[0].strength.sentence
    assert pairwise.bradley_terry([], [], documents=[]) == ()
