"""Resampling documents: the draws, the ends, and what happens where there is nothing to draw from."""

import math

import numpy as np
import pytest
from scipy import stats

from lrstudio.analysis import intervals
from lrstudio.analysis.estimates import MIN_DOCUMENTS, MIN_ITEMS, Estimate, NotEnough
from lrstudio.analysis.intervals import Grouping

DOCUMENTS = np.repeat(np.arange(30), 4)


def mean_of(values: np.ndarray, grouping: Grouping) -> intervals.Statistic:
    sums = grouping.sums(np.stack([values, np.ones(len(values))], axis=1))
    return intervals.of_sums(sums, lambda total: total[..., 0] / total[..., 1])


def estimated(values: np.ndarray, documents: np.ndarray = DOCUMENTS, **options: object) -> Estimate | NotEnough:
    grouping = Grouping.of(documents)
    settings = {"n": grouping.n, "documents": grouping.count, "seed": 1, "undefined": "Nothing here."} | options
    return intervals.estimate(mean_of(values, grouping), **settings)


@pytest.fixture
def values() -> np.ndarray:
    return by_document()


def by_document() -> np.ndarray:
    rng = np.random.default_rng(4)
    return np.repeat(rng.normal(5.0, 1.0, 30), 4) + rng.normal(0.0, 0.5, 120)


def test_documents_are_numbered_and_summed() -> None:
    grouping = Grouping.of(["b", "a", "b"])

    assert (grouping.n, grouping.count) == (3, 2)
    assert grouping.sums([1.0, 10.0, 2.0]).tolist() == [10.0, 3.0]
    assert grouping.kept(np.array([True, False, True])).count == 1
    assert Grouping.of([]).count == 0
    with pytest.raises(ValueError, match="one document id per item"):
        Grouping.of([("a", 1), ("a", 2)])


def test_a_draw_is_as_many_documents_as_there_are_each_with_all_of_its_items() -> None:
    grouping = Grouping.of(DOCUMENTS)
    ones = intervals.of_sums(grouping.sums(np.ones(120)), lambda total: total)

    assert set(intervals.bootstrap(ones, 30, seed=0, draws=50)) == {120.0}


def test_equal_seeds_give_equal_draws_and_large_jobs_are_cut_without_changing_them(monkeypatch, values) -> None:
    statistic = mean_of(values, Grouping.of(DOCUMENTS))
    whole = intervals.bootstrap(statistic, 30, seed=3, draws=100)
    left = intervals.leave_one_out(statistic, 30)
    monkeypatch.setattr(intervals, "_CELLS", 7 * 30)

    np.testing.assert_array_equal(intervals.bootstrap(statistic, 30, seed=3, draws=100), whole)
    np.testing.assert_array_equal(intervals.leave_one_out(statistic, 30), left)
    assert not np.array_equal(intervals.bootstrap(statistic, 30, seed=4, draws=100), whole)


def test_percentile_and_bca_are_what_scipy_says(values: np.ndarray) -> None:
    """SciPy resamples the means of the documents, which are of equal size here."""
    means = values.reshape(30, 4).mean(axis=1)
    for method, name in ((intervals.Method.PERCENTILE, "percentile"), (intervals.Method.BCA, "bca")):
        mine = estimated(values, method=method, draws=20_000)
        theirs = stats.bootstrap((means,), np.mean, method=name, n_resamples=20_000, rng=2).confidence_interval
        assert (mine.low, mine.high) == pytest.approx(tuple(theirs), abs=0.01)


def test_jackknife_of_a_mean_is_students_interval(values: np.ndarray) -> None:
    means = values.reshape(30, 4).mean(axis=1)
    mine = estimated(values, method=intervals.Method.JACKKNIFE)

    assert (mine.low, mine.high) == pytest.approx(stats.t.interval(0.95, 29, means.mean(), stats.sem(means)))


def test_expanded_ends_of_a_mean_are_close_to_students(values: np.ndarray) -> None:
    means = values.reshape(30, 4).mean(axis=1)
    mine = estimated(values, draws=20_000)

    assert (mine.low, mine.high) == pytest.approx(stats.t.interval(0.95, 29, means.mean(), stats.sem(means)), abs=0.02)
    assert mine.value == pytest.approx(values.mean())
    assert (mine.n, mine.documents, mine.level) == (120, 30, 0.95)


def test_expanded_ends_of_normal_draws_are_students_times_what_few_documents_hide() -> None:
    draws = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    result = intervals.from_draws(0.0, draws, n=40, documents=8, undefined="")
    far = stats.t.ppf(0.975, 7) * (8 / 7) ** 0.5

    assert (result.low, result.high) == pytest.approx((-far, far), abs=0.001)


def test_order_and_names_of_documents_do_not_matter_to_value_and_width(values: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(120)
    first = estimated(values)
    second = estimated(values[order], np.array([f"d{k:02}" for k in DOCUMENTS])[order])

    assert (second.value, second.low, second.high) == pytest.approx((first.value, first.low, first.high))


def test_too_little_is_said_and_not_printed() -> None:
    few = estimated(np.arange(12.0), np.arange(12))
    narrow = estimated(np.arange(40.0), np.arange(40) % 5)

    assert few == NotEnough(f"Only 12 of the {MIN_ITEMS} items that are needed.", 12, 12)
    assert isinstance(narrow, NotEnough)
    assert f"only 5 of the {MIN_DOCUMENTS} documents" in narrow.sentence


def test_no_value_is_told_with_the_callers_sentence() -> None:
    assert estimated(np.full(120, np.nan)) == NotEnough("Nothing here.", 120, 30)


def test_what_never_varies_has_no_interval_but_a_share_at_its_bound_has() -> None:
    same = estimated(np.ones(120), bounds=(-1.0, 1.0))
    share = estimated(np.ones(120), bounds=(0.0, 1.0))
    none = estimated(np.zeros(120), bounds=(0.0, 1.0))

    assert isinstance(same, NotEnough)
    assert "1.00 in every document" in same.sentence
    # 30 documents without an exception: at 95 % two-sided the end is .1157 (Clopper and Pearson for 0 of 30).
    assert (share.low, share.high) == pytest.approx((1 - 0.1157, 1.0), abs=5e-5)
    assert (none.low, none.high) == pytest.approx((0.0, 0.1157), abs=5e-5)


def test_what_hangs_on_one_document_has_no_interval() -> None:
    values = np.full(120, np.nan)
    grouping = Grouping.of(DOCUMENTS)
    sums = np.zeros((30, 1))
    sums[0] = 1.0

    def statistic(weights: np.ndarray) -> np.ndarray:
        there = (weights @ sums)[:, 0]
        return np.where(there > 0, 0.5, np.nan)

    result = intervals.estimate(statistic, n=len(values), documents=grouping.count, seed=0, undefined="")
    assert isinstance(result, NotEnough)
    assert "one or two documents" in result.sentence


def test_an_interval_keeps_within_bounds_and_around_its_value() -> None:
    values = np.where(np.arange(120) == 0, 0.0, 1.0)
    result = estimated(values, bounds=(0.0, 1.0), method=intervals.Method.JACKKNIFE)

    assert 0.0 <= result.low < result.value < result.high == 1.0


def test_a_paired_difference_is_narrower_than_two_intervals(values: np.ndarray) -> None:
    grouping = Grouping.of(DOCUMENTS)
    better = values + 0.3 + np.random.default_rng(0).normal(0, 0.1, 120)
    result = intervals.difference(
        mean_of(better, grouping), mean_of(values, grouping), n=120, documents=30, seed=5, draws=500
    )
    alone = estimated(values)

    assert isinstance(result, Estimate)
    assert result.low < 0.3 < result.high
    assert result.excludes_zero
    assert result.high - result.low < (alone.high - alone.low) / 3
    assert isinstance(alone, Estimate)


def test_mcnemar_counts_where_only_one_is_right() -> None:
    first, second = np.array([1] * 9 + [0] * 2 + [1] * 5), np.array([0] * 9 + [1] * 2 + [1] * 5)
    result = intervals.mcnemar(first, second)

    assert (result.only_first, result.only_second) == (9, 2)
    # Both tails of a fair coin: 2 x (1 + 11 + 55) / 2048.
    assert result.p == pytest.approx(2 * 67 / 2048)
    assert isinstance(intervals.mcnemar(first, first), NotEnough)
    with pytest.raises(ValueError, match="two judges"):
        intervals.mcnemar(first, second[:3])


def test_mcnemar_is_what_statsmodels_says() -> None:
    from statsmodels.stats.contingency_tables import mcnemar

    rng = np.random.default_rng(0)
    first, second = rng.random(60) < 0.8, rng.random(60) < 0.6
    table = [[np.sum(first & second), np.sum(first & ~second)], [np.sum(~first & second), np.sum(~first & ~second)]]

    assert intervals.mcnemar(first, second).p == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert math.isfinite(intervals.mcnemar(first, second).p)
