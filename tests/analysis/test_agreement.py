"""A whole comparison: its measures, its counts, and how it says that there is not enough."""

import numpy as np
import pytest
from sklearn import metrics

from lrstudio.analysis import agreement
from lrstudio.analysis.estimates import Estimate, NotEnough

LABELS = ("none", "partial", "full")


@pytest.fixture
def labelled() -> tuple[list[str | None], list[str | None], list[str]]:
    rng = np.random.default_rng(7)
    reviewer = rng.choice(3, size=200, p=[0.2, 0.2, 0.6])
    judge = np.where(rng.random(200) < 0.75, reviewer, rng.choice(3, size=200))
    first: list[str | None] = [LABELS[k] for k in reviewer]
    second: list[str | None] = [LABELS[k] for k in judge]
    first[3] = second[10] = None
    return first, second, [f"d{k % 25}" for k in range(200)]


def test_all_measures_of_labels(labelled) -> None:
    reviewer, judge, documents = labelled
    result = agreement.compare_labels(reviewer, judge, labels=LABELS, documents=documents, draws=300)
    kept = [(a, b) for a, b in zip(reviewer, judge, strict=True) if a and b]
    first, second = zip(*kept, strict=True)

    assert (result.n, result.missing, result.documents) == (198, 2, 25)
    assert result.confusion == tuple(map(tuple, metrics.confusion_matrix(first, second, labels=LABELS).tolist()))
    assert result.kappa.value == pytest.approx(metrics.cohen_kappa_score(first, second))
    quadratic = metrics.cohen_kappa_score(first, second, labels=LABELS, weights="quadratic")
    assert result.kappa_quadratic.value == pytest.approx(quadratic)
    assert result.balanced_accuracy.value == pytest.approx(metrics.balanced_accuracy_score(first, second))
    assert [rate.value for rate in result.recalls] == pytest.approx(
        metrics.recall_score(first, second, labels=LABELS, average=None).tolist()
    )
    assert result.matthews.value == pytest.approx(metrics.matthews_corrcoef(first, second))
    assert result.accuracy.value == pytest.approx(metrics.accuracy_score(first, second))
    for each in (
        result.kappa, result.kappa_linear, result.alpha_nominal, result.alpha_ordinal, result.ac1, result.ac2,
        *result.recalls,
    ):  # fmt: skip
        assert isinstance(each, Estimate)
        assert -1.0 <= each.low < each.value < each.high <= 1.0


def test_two_reviewers_give_what_many_give(labelled) -> None:
    reviewer, judge, documents = labelled
    two = agreement.compare_labels(reviewer, judge, labels=LABELS, documents=documents, draws=200)
    keep = [a is not None and b is not None for a, b in zip(reviewer, judge, strict=True)]
    columns = [[v for v, k in zip(c, keep, strict=True) if k] for c in (reviewer, judge, documents)]
    many = agreement.compare_raters(columns[:2], labels=LABELS, documents=columns[2], draws=200)

    assert (many.alpha_nominal, many.alpha_ordinal) == (two.alpha_nominal, two.alpha_ordinal)
    assert (many.ac1, many.ac2) == (two.ac1, two.ac2)


def test_an_item_that_one_of_three_skipped_still_counts(labelled) -> None:
    reviewer, judge, documents = labelled
    third = [None if k % 2 else v for k, v in enumerate(reviewer)]
    result = agreement.compare_raters([reviewer, judge, third], labels=LABELS, documents=documents, draws=200)

    assert result.n == 199
    assert isinstance(result.alpha_ordinal, Estimate)


def test_one_label_only_is_said() -> None:
    yes = [True] * 40
    judge = [k % 8 != 0 for k in range(40)]
    result = agreement.compare_labels(yes, judge, labels=(False, True), documents=range(40), draws=200)

    assert isinstance(result.balanced_accuracy, NotEnough)
    assert "used False on only 0 of the 5 items" in result.balanced_accuracy.sentence
    assert isinstance(result.recalls[0], NotEnough)
    assert isinstance(result.recalls[1], Estimate)
    assert (result.recalls[0].n, result.recalls[1].n) == (0, 40)
    assert isinstance(result.ac1, Estimate)
    alike = agreement.compare_labels(yes, yes, labels=(False, True), documents=range(40), draws=200)
    assert "undefined" in alike.kappa.sentence
    assert "undefined" in alike.alpha_ordinal.sentence
    assert alike.accuracy.value == 1.0
    assert alike.accuracy.low < 0.92


def test_nothing_to_compare_is_said() -> None:
    result = agreement.compare_labels([None], ["full"], labels=LABELS, documents=["d"])

    assert (result.n, result.missing) == (0, 1)
    assert isinstance(result.kappa, NotEnough)


def test_all_measures_of_scores() -> None:
    rng = np.random.default_rng(2)
    reviewer = rng.integers(0, 11, 120).astype(float)
    judge = np.clip(reviewer + rng.integers(-1, 4, 120), 0, 10)
    judge[5] = np.nan
    result = agreement.compare_scores(reviewer, judge, documents=np.arange(120) % 30, draws=300)
    off = np.delete(judge - reviewer, 5)

    assert (result.n, result.missing, result.documents) == (119, 1, 30)
    assert result.bias.value == pytest.approx(off.mean())
    assert result.mean_absolute_error.value == pytest.approx(np.abs(off).mean())
    assert result.upper_limit.value - result.lower_limit.value == pytest.approx(4 * off.std(ddof=1), rel=0.1)
    assert 0.7 < result.spearman.low < result.spearman.value < result.spearman.high < 1.0
    assert result.alpha_interval.value < result.pearson.value


def test_a_flat_judge_has_no_correlation() -> None:
    result = agreement.compare_scores(np.arange(40) % 11, np.full(40, 7.1), documents=range(40), draws=100)

    assert "undefined" in result.pearson.sentence
    assert "undefined" in result.spearman.sentence
    assert isinstance(result.bias, Estimate)


def test_shares_and_means() -> None:
    share = agreement.share(np.arange(40) % 4 == 0, documents=range(40), draws=200)
    mean = agreement.mean([*range(40), np.nan], documents=range(41), draws=200)

    assert share.value == 0.25
    assert mean.value == 19.5
    assert mean.n == 40


def test_columns_of_different_lengths_are_a_bug() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        agreement.compare_labels(["full"], [], labels=LABELS, documents=["d"])
