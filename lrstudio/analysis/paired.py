"""Two judges, or one judge with two prompt packs, against the same reviewer on the same items."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrstudio.analysis import scores, tables
from lrstudio.analysis.agreement import LabelAgreement, ScoreAgreement, compare_labels, compare_scores
from lrstudio.analysis.estimates import MIN_OF_LABEL, NotEnough, Result
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Mcnemar, Seed, difference, mcnemar, of_sums

_RARE = "The reviewer used {label} on only {count} of the {least} items that balanced accuracy needs."


@dataclass(frozen=True, slots=True)
class PairedLabels:
    """Agreement with a reviewer before and after, on the items that all three labelled.

    `mended` counts items that were wrong and became right, `spoilt` those that were right and became wrong; `test` is
    McNemar's exact test on the two. `accuracy`, `balanced_accuracy` and `kappa` are after minus before, with paired
    intervals over documents. `lost_before` and `lost_after` count items with the reviewer's label but without the
    judge's.
    """

    before: LabelAgreement
    after: LabelAgreement
    mended: int
    spoilt: int
    test: Mcnemar | NotEnough
    accuracy: Result
    balanced_accuracy: Result
    kappa: Result
    lost_before: int
    lost_after: int


@dataclass(frozen=True, slots=True)
class PairedScores:
    """Agreement of scores with a reviewer's before and after, on the items that all three scored.

    `nearer` and `farther` count items whose score came nearer to the reviewer's, or went farther away.
    `mean_absolute_error` is after minus before, with its paired interval over documents. `lost_before` and `lost_after`
    are as for labels.
    """

    before: ScoreAgreement
    after: ScoreAgreement
    nearer: int
    farther: int
    mean_absolute_error: Result
    lost_before: int
    lost_after: int


def pair_labels(
    reviewer: Sequence[Any],
    before: Sequence[Any],
    after: Sequence[Any],
    *,
    labels: Sequence[Hashable],
    documents: Sequence[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> PairedLabels:
    """Compare two judges' labels with a reviewer's: columns of shape (n,), None where missing.

    Args:
        reviewer: labels of the reviewer.
        before: labels of the one judge.
        after: labels of the other.
        labels: all labels there can be, in order.
        documents: the id of each item's document.
        seed: for the intervals.
        draws: how many bootstrap samples.

    Raises:
        ValueError: a value is none of the labels, or the columns differ in length.
    """
    codes = [tables.encode(column, labels) for column in (reviewer, before, after)]
    _same_length([len(column) for column in (*codes, documents)])
    there = [column != tables.MISSING for column in codes]
    all_three = there[0] & there[1] & there[2]
    truth, first, second = (column[all_three] for column in codes)
    of = np.asarray(documents)[all_three]
    changed = _Changed.of(truth, first, second, size=len(labels), documents=of, seed=seed, draws=draws)
    right_before, right_after = first == truth, second == truth

    def agreement(column: NDArray[np.int64]) -> LabelAgreement:
        named = ([labels[code] for code in each] for each in (truth, column))
        return compare_labels(*named, labels=labels, documents=of, seed=seed, draws=draws)

    return PairedLabels(
        before=agreement(first),
        after=agreement(second),
        mended=int((~right_before & right_after).sum()),
        spoilt=int((right_before & ~right_after).sum()),
        test=mcnemar(right_before, right_after),
        accuracy=changed.result(tables.accuracy),
        balanced_accuracy=_rare(labels, truth, changed.grouping) or changed.result(tables.balanced_accuracy),
        kappa=changed.result(tables.kappa),
        lost_before=int((there[0] & ~there[1]).sum()),
        lost_after=int((there[0] & ~there[2]).sum()),
    )


def pair_scores(
    reviewer: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    *,
    documents: Sequence[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> PairedScores:
    """Compare two judges' scores with a reviewer's: numbers of shape (n,), NaN or None where missing.

    Raises:
        ValueError: the columns differ in length.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (reviewer, before, after)]
    _same_length([len(column) for column in (*columns, documents)])
    there = [np.isfinite(column) for column in columns]
    all_three = there[0] & there[1] & there[2]
    truth, first, second = (column[all_three] for column in columns)
    of = np.asarray(documents)[all_three]
    grouping = Grouping.of(of)
    earlier, later = (grouping.sums(scores.moments(truth, column)) for column in (first, second))
    nearer = np.abs(second - truth) - np.abs(first - truth)
    return PairedScores(
        before=compare_scores(truth, first, documents=of, seed=seed, draws=draws),
        after=compare_scores(truth, second, documents=of, seed=seed, draws=draws),
        nearer=int((nearer < 0).sum()),
        farther=int((nearer > 0).sum()),
        mean_absolute_error=difference(
            of_sums(later, scores.mean_absolute_error),
            of_sums(earlier, scores.mean_absolute_error),
            n=grouping.n,
            documents=grouping.count,
            seed=seed,
            draws=draws,
        ),
        lost_before=int((there[0] & ~there[1]).sum()),
        lost_after=int((there[0] & ~there[2]).sum()),
    )


@dataclass(frozen=True, slots=True)
class _Changed:
    """Two tables of confusions per document, and how to tell what changed from one to the other."""

    earlier: Floats
    later: Floats
    grouping: Grouping
    seed: Seed
    draws: int

    @classmethod
    def of(
        cls,
        truth: NDArray[np.int64],
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        *,
        size: int,
        documents: NDArray[Any],
        seed: Seed,
        draws: int,
    ) -> _Changed:
        grouping = Grouping.of(documents)
        earlier, later = (tables.confusions(truth, column, size, grouping) for column in (first, second))
        return cls(earlier, later, grouping, seed, draws)

    def result(self, function: Callable[[Floats], Floats]) -> Result:
        return difference(
            of_sums(self.later, function),
            of_sums(self.earlier, function),
            n=self.grouping.n,
            documents=self.grouping.count,
            seed=self.seed,
            draws=self.draws,
        )


def _rare(labels: Sequence[Hashable], truth: NDArray[np.int64], grouping: Grouping) -> NotEnough | None:
    """Return what to say where the reviewer used a label too rarely for a rate on it."""
    for place, label in enumerate(labels):
        count = int((truth == place).sum())
        if count < MIN_OF_LABEL:
            sentence = _RARE.format(label=label, count=count, least=MIN_OF_LABEL)
            return NotEnough(sentence, grouping.n, grouping.count)
    return None


def _same_length(lengths: Sequence[int]) -> None:
    if len(set(lengths)) > 1:
        raise ValueError(f"the columns differ in length: {list(lengths)}")
