"""Before and after, against the same reviewer on the same items."""

import numpy as np
import pytest
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar

from lrstudio.analysis.estimates import Estimate, NotEnough
from lrstudio.analysis.paired import pair_labels, pair_scores

LABELS = ("none", "partial", "full")


def columns(n: int = 240) -> tuple[list[str | None], list[str | None], list[str | None], list[str]]:
    rng = np.random.default_rng(3)
    truth = rng.choice(3, size=n, p=[0.2, 0.3, 0.5])
    before = np.where(rng.random(n) < 0.55, truth, rng.choice(3, size=n))
    after = np.where(rng.random(n) < 0.8, truth, rng.choice(3, size=n))
    made: list[list[str | None]] = [[LABELS[code] for code in column] for column in (truth, before, after)]
    made[1][0] = made[1][1] = made[2][1] = made[2][5] = made[2][6] = made[0][9] = None
    return made[0], made[1], made[2], [f"d{k % 20}" for k in range(n)]


def test_labels_are_compared_on_the_items_that_all_three_have() -> None:
    truth, before, after, documents = columns()
    result = pair_labels(truth, before, after, labels=LABELS, documents=documents, draws=400)
    kept = [three for three in zip(truth, before, after, strict=True) if all(three)]
    real, first, second = (list(column) for column in zip(*kept, strict=True))
    right = [(a == t, b == t) for t, a, b in kept]
    assert (result.before.n, result.lost_before, result.lost_after) == (len(kept), 2, 3)
    assert (result.mended, result.spoilt) == (right.count((False, True)), right.count((True, False)))
    table = [[right.count((a, b)) for b in (True, False)] for a in (True, False)]
    assert result.test.p == pytest.approx(mcnemar(table, exact=True).pvalue)
    for name, function in (
        ("accuracy", metrics.accuracy_score),
        ("balanced_accuracy", metrics.balanced_accuracy_score),
        ("kappa", metrics.cohen_kappa_score),
    ):
        change = getattr(result, name)
        assert change.value == pytest.approx(function(real, second) - function(real, first)), name
        assert change.value == pytest.approx(getattr(result.after, name).value - getattr(result.before, name).value)
        assert change.low < change.value < change.high
        assert change.excludes_zero


def test_scores_are_compared_on_the_items_that_all_three_have() -> None:
    rng = np.random.default_rng(5)
    truth = rng.uniform(0, 10, 90)
    before, after = truth + rng.normal(2, 1, 90), truth + rng.normal(0, 0.5, 90)
    before[4] = after[7] = np.nan
    documents = [f"d{k % 15}" for k in range(90)]
    result = pair_scores(truth, before, after, documents=documents, draws=400)
    kept = np.isfinite(before) & np.isfinite(after)
    errors = [np.abs(column - truth)[kept] for column in (before, after)]
    assert (result.before.n, result.lost_before, result.lost_after) == (88, 1, 1)
    assert result.before.mean_absolute_error.value == pytest.approx(errors[0].mean())
    assert result.mean_absolute_error.value == pytest.approx(errors[1].mean() - errors[0].mean())
    assert result.mean_absolute_error.excludes_zero
    assert (result.nearer, result.farther) == ((errors[1] < errors[0]).sum(), (errors[1] > errors[0]).sum())


def test_intervals_take_the_items_of_a_document_together() -> None:
    """Each document's items repeated change nothing, where independent items would make the interval narrower."""
    truth, before, after, documents = columns(120)
    once = pair_labels(truth, before, after, labels=LABELS, documents=documents, draws=400)
    four = pair_labels(truth * 4, before * 4, after * 4, labels=LABELS, documents=documents * 4, draws=400)
    assert isinstance(once.accuracy, Estimate)
    assert (four.accuracy.low, four.accuracy.high) == pytest.approx((once.accuracy.low, once.accuracy.high))


def test_too_little_is_said_and_not_printed() -> None:
    few = pair_labels(["full"] * 4, ["none"] * 4, ["full"] * 4, labels=LABELS, documents=list("abcd"))
    assert (few.mended, few.spoilt, few.before.n) == (4, 0, 4)
    assert isinstance(few.accuracy, NotEnough)
    alike = pair_labels(["full"] * 40, ["none"] * 40, ["none"] * 40, labels=LABELS, documents=list(range(10)) * 4)
    assert isinstance(alike.test, NotEnough)
    assert isinstance(alike.balanced_accuracy, NotEnough)
    assert "none on only 0" in alike.balanced_accuracy.sentence
    nothing = pair_scores([1.0], [np.nan], [2.0], documents=["a"])
    assert (nothing.before.n, nothing.lost_before) == (0, 1)
    assert isinstance(nothing.mean_absolute_error, NotEnough)
    empty = pair_labels([None], ["full"], ["full"], labels=LABELS, documents=["a"])
    assert empty.before.n == 0


def test_columns_of_different_lengths_are_a_fault() -> None:
    with pytest.raises(ValueError, match="length"):
        pair_labels(["full"], ["full"], [], labels=LABELS, documents=["a"])
    with pytest.raises(ValueError, match="length"):
        pair_scores([1.0], [1.0], [1.0], documents=[])
