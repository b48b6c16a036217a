"""How far two, or many, agree: every measure of one comparison at once, each with its interval over documents."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrstudio.analysis import raters, scores, tables
from lrstudio.analysis.estimates import MIN_OF_LABEL, NotEnough, Result
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Method, Resampling, Seed, Statistic, of_sums
from lrstudio.analysis.raters import Scale
from lrstudio.analysis.tables import MISSING, Weighting

_ONE_LABEL = "Both used one label only, so that agreement beyond chance is undefined."
_UNANIMOUS = "All values are the same, so that alpha is undefined."
_NO_CLASS = "The reviewer used {label} on only {count} of the {least} items that the judge's rate on it needs."
_NO_ITEMS = "There is no item with all that is compared."
_FLAT = "One of the two gave the same score to all items, so that a correlation is undefined."
_SHARE = (0.0, 1.0)
_CORRELATION = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """Agreement of a judge with a reviewer over ordered labels, on the `n` items that both labelled.

    `confusion` counts items: rows are the reviewer's labels, columns the judge's. `missing` counts items that lack one
    of the two. `recalls` holds, per label of the reviewer, the share that the judge calls the same; with labels
    (no, yes) the first is the true negative rate and the second the true positive rate; their `n` are the reviewer's
    counts. `balanced_accuracy` is their mean.
    """

    labels: tuple[Hashable, ...]
    confusion: tuple[tuple[int, ...], ...]
    n: int
    missing: int
    documents: int
    accuracy: Result
    kappa: Result
    kappa_linear: Result
    kappa_quadratic: Result
    alpha_nominal: Result
    alpha_ordinal: Result
    ac1: Result
    ac2: Result
    balanced_accuracy: Result
    recalls: tuple[Result, ...]
    matthews: Result


@dataclass(frozen=True, slots=True)
class _Labelled:
    """Two columns of labels and what is computed from them, per document."""

    tables: Floats
    coincidences: Floats
    gwet: Floats
    gwet_quadratic: Floats

    @classmethod
    def of(cls, codes: NDArray[np.int64], size: int, grouping: Grouping) -> _Labelled:
        return cls(
            tables.confusions(codes[:, 0], codes[:, 1], size, grouping),
            grouping.sums(raters.coincidences(raters.usage(codes, size))),
            grouping.sums(raters.gwet_sums(codes, size)),
            grouping.sums(raters.gwet_sums(codes, size, Weighting.QUADRATIC)),
        )


def compare_labels(
    reviewer: Sequence[Any] | NDArray[Any],
    judge: Sequence[Any] | NDArray[Any],
    *,
    labels: Sequence[Hashable],
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> LabelAgreement:
    """Compare a judge's labels with a reviewer's.

    Args:
        reviewer: a label or None per item, shape (n,).
        judge: likewise.
        labels: all labels there can be, in order; steps between neighbours count as equal.
        documents: the id of each item's document.
        seed: for the intervals.
        draws: how many bootstrap samples.

    Raises:
        ValueError: a value is none of the labels, or the three differ in length.
    """
    _same_length(reviewer, judge, documents)
    codes = np.stack([tables.encode(reviewer, labels), tables.encode(judge, labels)], axis=1)
    both = (codes != MISSING).all(axis=1)
    grouping = Grouping.of(np.asarray(documents)).kept(both)
    data = _Labelled.of(codes[both], len(labels), grouping)
    counts = data.tables.sum(axis=0)

    resampling = Resampling(grouping, seed, draws)

    def of(
        sums: Floats, function: Callable[[Floats], Floats], undefined: str, bounds: tuple[float, float] = _CORRELATION
    ) -> Result:
        return resampling.estimate(of_sums(sums, function), undefined=undefined, bounds=bounds)

    rare = _rare_labels(labels, counts, resampling)
    rates = (
        of(data.tables, _recall_of(place), _NO_ITEMS, _SHARE) if missing is None else missing
        for place, missing in enumerate(rare)
    )
    balanced = next((missing for missing in rare if missing), None)
    return LabelAgreement(
        labels=tuple(labels),
        confusion=tuple(tuple(int(cell) for cell in row) for row in counts),
        n=grouping.n,
        missing=len(both) - grouping.n,
        documents=grouping.count,
        accuracy=of(data.tables, tables.accuracy, _NO_ITEMS, _SHARE),
        kappa=of(data.tables, tables.kappa, _ONE_LABEL),
        kappa_linear=of(data.tables, partial(tables.kappa, weighting=Weighting.LINEAR), _ONE_LABEL),
        kappa_quadratic=of(data.tables, partial(tables.kappa, weighting=Weighting.QUADRATIC), _ONE_LABEL),
        alpha_nominal=of(data.coincidences, raters.alpha, _UNANIMOUS),
        alpha_ordinal=of(data.coincidences, partial(raters.alpha, scale=Scale.ORDINAL), _UNANIMOUS),
        ac1=of(data.gwet, raters.gwet, _NO_ITEMS),
        ac2=of(data.gwet_quadratic, partial(raters.gwet, weighting=Weighting.QUADRATIC), _NO_ITEMS),
        balanced_accuracy=balanced or of(data.tables, tables.balanced_accuracy, _NO_ITEMS, _SHARE),
        recalls=tuple(replace(rate, n=int(row.sum())) for rate, row in zip(rates, counts, strict=True)),
        matthews=of(data.tables, tables.matthews, _ONE_LABEL),
    )


def _rare_labels(labels: Sequence[Hashable], counts: Floats, resampling: Resampling) -> tuple[NotEnough | None, ...]:
    """Return for each label what to say where the reviewer used it too rarely."""
    grouping = resampling.grouping
    return tuple(
        NotEnough(_NO_CLASS.format(label=label, count=int(row.sum()), least=MIN_OF_LABEL), grouping.n, grouping.count)
        if row.sum() < MIN_OF_LABEL
        else None
        for label, row in zip(labels, counts, strict=True)
    )


def _recall_of(place: int) -> Callable[[Floats], Floats]:
    return lambda table: tables.recalls(table)[..., place]


@dataclass(frozen=True, slots=True)
class RaterAgreement:
    """Agreement among any number of reviewers over ordered labels, cells missing where one said nothing.

    `n` counts the items that at least two labelled.
    """

    n: int
    documents: int
    alpha_nominal: Result
    alpha_ordinal: Result
    ac1: Result
    ac2: Result


def compare_raters(
    ratings: Sequence[Sequence[Any]],
    *,
    labels: Sequence[Hashable],
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> RaterAgreement:
    """Compare reviewers with each other: one sequence of labels or None per reviewer, all of shape (n,).

    The other arguments and errors are those of `compare_labels`.
    """
    _same_length(*ratings, documents)
    codes = np.stack([tables.encode(row, labels) for row in ratings], axis=1)
    shared = (codes != MISSING).sum(axis=1) >= 2
    grouping = Grouping.of(np.asarray(documents)).kept(shared)
    codes = codes[shared]
    pairs = grouping.sums(raters.coincidences(raters.usage(codes, len(labels))))

    resampling = Resampling(grouping, seed, draws)

    def of(sums: Floats, function: Callable[[Floats], Floats], undefined: str) -> Result:
        return resampling.estimate(of_sums(sums, function), undefined=undefined, bounds=_CORRELATION)

    def gwet(weighting: Weighting) -> Result:
        sums = grouping.sums(raters.gwet_sums(codes, len(labels), weighting))
        return of(sums, partial(raters.gwet, weighting=weighting), _NO_ITEMS)

    return RaterAgreement(
        n=grouping.n,
        documents=grouping.count,
        alpha_nominal=of(pairs, raters.alpha, _UNANIMOUS),
        alpha_ordinal=of(pairs, partial(raters.alpha, scale=Scale.ORDINAL), _UNANIMOUS),
        ac1=gwet(Weighting.NONE),
        ac2=gwet(Weighting.QUADRATIC),
    )


@dataclass(frozen=True, slots=True)
class ScoreAgreement:
    """Agreement of a judge with a reviewer over scores, on the `n` items that both scored.

    `bias` is the mean of judge minus reviewer; it, `mean_absolute_error` and the two limits of agreement have the
    unit of the scores; 95 % of the differences lie between the limits when they are normal.
    """

    n: int
    missing: int
    documents: int
    pearson: Result
    spearman: Result
    alpha_interval: Result
    bias: Result
    mean_absolute_error: Result
    lower_limit: Result
    upper_limit: Result


def compare_scores(
    reviewer: ArrayLike,
    judge: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> ScoreAgreement:
    """Compare a judge's scores with a reviewer's: two arrays of numbers of shape (n,), NaN or None where missing.

    Raises:
        ValueError: the arrays differ in length.
    """
    first, second = (np.asarray(values, dtype=np.float64) for values in (reviewer, judge))
    _same_length(first, second, documents)
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    grouping = Grouping.of(np.asarray(documents)).kept(both)
    sums = grouping.sums(scores.moments(first, second))
    differences = scores.difference_sums(first, second, grouping)
    alpha = grouping.sums(raters.interval_sums(np.stack([first, second], axis=1)))

    resampling = Resampling(grouping, seed, draws)

    def of(statistic: Statistic, undefined: str, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Result:
        return resampling.estimate(statistic, undefined=undefined, bounds=bounds)

    def limit(side: int) -> Result:
        # The draws of a standard deviation lie too low for their quantiles to be of use with few documents.
        statistic = of_sums(differences, lambda total: scores.limits_of_agreement(total)[side])
        return resampling.estimate(statistic, undefined=_NO_ITEMS, method=Method.JACKKNIFE)

    return ScoreAgreement(
        n=grouping.n,
        missing=len(both) - grouping.n,
        documents=grouping.count,
        pearson=of(of_sums(sums, scores.pearson), _FLAT, _CORRELATION),
        spearman=of(scores.spearman(first, second, grouping), _FLAT, _CORRELATION),
        alpha_interval=of(of_sums(alpha, raters.interval_alpha), _UNANIMOUS, (-np.inf, 1.0)),
        bias=of(of_sums(sums, scores.bias), _NO_ITEMS),
        mean_absolute_error=of(of_sums(sums, scores.mean_absolute_error), _NO_ITEMS, (0.0, np.inf)),
        lower_limit=limit(0),
        upper_limit=limit(1),
    )


def share(values: ArrayLike, *, documents: Sequence[Any] | NDArray[Any], seed: Seed = 0, draws: int = DRAWS) -> Result:
    """Return the share of items for which `values`, booleans of shape (n,), are true."""
    return _mean(np.asarray(values, dtype=bool).astype(np.float64), documents, seed=seed, draws=draws, bounds=_SHARE)


def mean(values: ArrayLike, *, documents: Sequence[Any] | NDArray[Any], seed: Seed = 0, draws: int = DRAWS) -> Result:
    """Return the mean of numbers of shape (n,), leaving out NaN, in their own unit."""
    numbers = np.asarray(values, dtype=np.float64)
    return _mean(numbers, documents, seed=seed, draws=draws, bounds=(-np.inf, np.inf))


def _mean(
    numbers: Floats,
    documents: Sequence[Any] | NDArray[Any],
    *,
    seed: Seed,
    draws: int,
    bounds: tuple[float, float],
) -> Result:
    _same_length(numbers, documents)
    there = np.isfinite(numbers)
    grouping = Grouping.of(np.asarray(documents)).kept(there)
    sums = grouping.sums(np.stack([numbers[there], np.ones(grouping.n)], axis=1))
    statistic = of_sums(sums, lambda total: total[..., 0] / total[..., 1])
    return Resampling(grouping, seed, draws).estimate(statistic, undefined=_NO_ITEMS, bounds=bounds)


def _same_length(*columns: Sequence[Any] | NDArray[Any]) -> None:
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
