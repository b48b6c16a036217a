"""Intervals that take the items of one document as belonging together.

A statistic is a function of document weights: it gets an array of shape (draws, documents), how often each document
counts in each draw, and returns one value per draw, NaN where the statistic is undefined there. Almost every statistic
needs only sums per document for that, so that a bootstrap is one matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from lrstudio.analysis.estimates import Estimate, NotEnough, Result, too_few

Floats = NDArray[np.float64]
Seed = int | np.random.Generator
Statistic = Callable[[Floats], Floats]

DRAWS = 2000
_CELLS = 4_000_000
"""How many weights are held at once: 32 MB."""

_UNDEFINED_DRAWS = 0.05
"""An interval from fewer defined draws than all but this share would leave out the very cases that make it wide."""


class Method(StrEnum):
    """How an interval is made from the draws.

    PERCENTILE: the quantiles of the draws; too narrow for few documents.
    EXPANDED: quantiles further out, by the ratio of Student's t with one degree of freedom less than documents, times
        sqrt(G / (G - 1)), to the normal quantile (Hesterberg, The American Statistician 69(4), 2015, section 4.2).
    BCA: bias-corrected and accelerated (Efron, JASA 82, 1987), acceleration from leaving out one document at a time.
    JACKKNIFE: value +- t(G - 1) standard errors, from leaving out one document at a time.
    """

    PERCENTILE = "percentile"
    EXPANDED = "expanded"
    BCA = "bca"
    JACKKNIFE = "jackknife"


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which document each item belongs to: `index` of shape (n,) holds numbers below `count`."""

    index: NDArray[np.intp]
    count: int

    @classmethod
    def of(cls, documents: Sequence[Any] | NDArray[Any]) -> Self:
        """Number the documents of items, given the id of each item's document; ids are strings or whole numbers."""
        ids = np.asarray(documents)
        if ids.ndim != 1:
            raise ValueError(f"one document id per item is wanted, not an array of shape {ids.shape}")
        _, index = np.unique(ids, return_inverse=True)
        index = np.asarray(index, dtype=np.intp).reshape(-1)
        return cls(index, int(index.max()) + 1 if len(index) else 0)

    @property
    def n(self) -> int:
        """How many items there are."""
        return len(self.index)

    def sums(self, values: ArrayLike) -> Floats:
        """Return the sums per document, shape (count, ...), of values of shape (n, ...)."""
        rows = np.asarray(values, dtype=np.float64)
        result = np.zeros((self.count, *rows.shape[1:]))
        np.add.at(result, self.index, rows)
        return result

    def kept(self, mask: NDArray[np.bool_]) -> Grouping:
        """Return the grouping of the items under the mask; documents without any are gone."""
        return Grouping.of(self.index[mask])


def of_sums(sums: Floats, function: Callable[[Floats], Floats]) -> Statistic:
    """Make a statistic from sums per document (documents, ...) and a function of their totals (draws, ...)."""
    flat = sums.reshape(len(sums), math.prod(sums.shape[1:]))

    def statistic(weights: Floats) -> Floats:
        return function((weights @ flat).reshape(len(weights), *sums.shape[1:]))

    return statistic


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """Divide; NaN where the denominator is 0 or nearly so."""
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    good = np.abs(bottom) > 1e-12
    return np.asarray(np.where(good, top / np.where(good, bottom, 1.0), np.nan))


def value_of(statistic: Statistic, documents: int) -> float:
    """Return the statistic on the data as they are."""
    return float(statistic(np.ones((1, documents)))[0])


def drawn_weights(rng: np.random.Generator, documents: int, draws: int) -> Floats:
    """Return how often each document is drawn, shape (draws, documents), when as many are drawn as there are."""
    # Counting single draws takes a sixth of the time of numpy's multinomial.
    picks = rng.integers(documents, size=(draws, documents)) + (np.arange(draws) * documents)[:, None]
    counts = np.bincount(picks.reshape(-1), minlength=draws * documents)
    return counts.reshape(draws, documents).astype(np.float64)


def bootstrap(statistic: Statistic, documents: int, *, seed: Seed, draws: int = DRAWS) -> Floats:
    """Return the statistic on `draws` samples of the documents with replacement."""
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // documents)
    parts = [statistic(drawn_weights(rng, documents, min(step, draws - start))) for start in range(0, draws, step)]
    return np.concatenate(parts)


def leave_one_out(statistic: Statistic, documents: int) -> Floats:
    """Return the statistic without each of the documents in turn."""
    return np.concatenate([statistic(weights) for weights in _without_one(documents)])


def _without_one(documents: int) -> Iterator[Floats]:
    step = max(1, _CELLS // documents)
    for start in range(0, documents, step):
        gone = np.arange(start, min(start + step, documents))
        weights = np.ones((len(gone), documents))
        weights[np.arange(len(gone)), gone] = 0.0
        yield weights


def estimate(
    statistic: Statistic,
    *,
    n: int,
    documents: int,
    seed: Seed,
    undefined: str,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    level: float = 0.95,
    draws: int = DRAWS,
    method: Method = Method.EXPANDED,
) -> Result:
    """Return a statistic with its interval over documents.

    Args:
        statistic: a function of document weights, see the module.
        n: how many items it rests on.
        documents: how many documents there are.
        seed: a seed or generator for the draws; an equal seed gives equal draws, whatever the statistic.
        undefined: the sentence for a person when the statistic has no value on these data.
        bounds: the least and the greatest value the statistic can have. A share, bounded by 0 and 1, that is at a bound
            in every document still gets an interval: `shares_at_bound`.
        level: the confidence level.
        draws: how many bootstrap samples.
        method: how the interval is made; the default is the one that tests/analysis/test_coverage.py finds to hold.
    """
    missing = too_few(n=n, documents=documents)
    if missing:
        return missing
    value = value_of(statistic, documents)
    if not math.isfinite(value):
        return NotEnough(undefined, n, documents)
    samples = bootstrap(statistic, documents, seed=seed, draws=draws)
    return from_draws(
        value,
        samples,
        n=n,
        documents=documents,
        undefined=undefined,
        bounds=bounds,
        level=level,
        ends=lambda defined: _ends(statistic, value, defined, documents=documents, level=level, method=method),
    )


def from_draws(
    value: float,
    samples: Floats,
    *,
    n: int,
    documents: int,
    undefined: str,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    level: float = 0.95,
    ends: Callable[[Floats], tuple[float, float]] | None = None,
) -> Result:
    """Return a value with its interval from its bootstrap draws of shape (draws,), NaN where a draw is undefined.

    `ends` makes the two ends from the defined draws; without it they are those of `Method.EXPANDED`. The rest as in
    `estimate`.
    """
    missing = too_few(n=n, documents=documents)
    if missing:
        return missing
    if not math.isfinite(value):
        return NotEnough(undefined, n, documents)
    defined = samples[np.isfinite(samples)]
    if len(defined) < (1.0 - _UNDEFINED_DRAWS) * len(samples):
        sentence = f"The value is {value:.2f}, but it hangs on one or two documents, so that it has no interval."
        return NotEnough(sentence, n, documents)
    if float(np.ptp(defined)) < 1e-12:
        if bounds == (0.0, 1.0) and min(value, 1.0 - value) < 1e-12:
            low, high = shares_at_bound(round(value), documents, level=level)
            return Estimate(value, low, high, n, documents, level)
        sentence = f"The value is {value:.2f} in every document, so that nothing tells how far to trust it."
        return NotEnough(sentence, n, documents)
    low, high = ends(defined) if ends else _expanded(defined, documents=documents, level=level)
    low, high = max(min(low, value), bounds[0]), min(max(high, value), bounds[1])
    return Estimate(value, low, high, n, documents, level)


def _ends(
    statistic: Statistic, value: float, samples: Floats, *, documents: int, level: float, method: Method
) -> tuple[float, float]:
    tail = (1.0 - level) / 2
    if method is Method.EXPANDED:
        return _expanded(samples, documents=documents, level=level)
    if method is Method.JACKKNIFE:
        half = float(special.stdtrit(documents - 1, 1.0 - tail)) * jackknife_error(statistic, documents)
        return value - half, value + half
    tails = (tail, 1.0 - tail)
    if method is Method.BCA:
        tails = _bca_tails(statistic, value, samples, documents=documents, tail=tail)
    low, high = np.quantile(samples, tails)
    return float(low), float(high)


def _expanded(samples: Floats, *, documents: int, level: float) -> tuple[float, float]:
    # scipy.special has the bare functions; those of scipy.stats take longer than all the draws.
    t = float(special.stdtrit(documents - 1, 0.5 + level / 2)) * math.sqrt(documents / (documents - 1))
    low, high = np.quantile(samples, special.ndtr([-t, t]))
    return float(low), float(high)


def _bca_tails(
    statistic: Statistic, value: float, samples: Floats, *, documents: int, tail: float
) -> tuple[float, float]:
    below = (np.sum(samples < value) + 0.5 * np.sum(samples == value)) / len(samples)
    bias = float(stats.norm.ppf(np.clip(below, 1e-6, 1 - 1e-6)))
    left = leave_one_out(statistic, documents)
    off = np.nanmean(left) - left[np.isfinite(left)]
    spread = float(np.sum(off**2))
    acceleration = float(np.sum(off**3)) / (6.0 * spread**1.5) if spread > 0 else 0.0
    z = np.array([stats.norm.ppf(tail), stats.norm.ppf(1.0 - tail)]) + bias
    low, high = stats.norm.cdf(bias + z / (1.0 - acceleration * z))
    return float(low), float(high)


def jackknife_error(statistic: Statistic, documents: int) -> float:
    """Return the standard error from leaving out one document at a time; NaN where a leave-out is undefined."""
    left = leave_one_out(statistic, documents)
    return float(math.sqrt((documents - 1) / documents * float(np.sum((left - left.mean()) ** 2))))


def shares_at_bound(value: int, documents: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share that is 0 (or 1) in every one of G documents.

    If a share p of all documents had any exception, all G would be without one with probability (1 - p)^G; the end is
    where that is half of 1 - level (Clopper and Pearson, Biometrika 26, 1934, with the documents as trials).
    """
    far = 1.0 - ((1.0 - level) / 2) ** (1.0 / documents)
    return (0.0, far) if value == 0 else (1.0 - far, 1.0)


@dataclass(frozen=True, slots=True)
class Resampling:
    """What the statistics of one report share: the items' documents, the seed and the number of draws."""

    grouping: Grouping
    seed: Seed = 0
    draws: int = DRAWS

    def estimate(
        self,
        statistic: Statistic,
        *,
        undefined: str,
        bounds: tuple[float, float] = (-math.inf, math.inf),
        method: Method = Method.EXPANDED,
    ) -> Result:
        """Return the statistic with its interval; see `estimate`."""
        return estimate(
            statistic,
            n=self.grouping.n,
            documents=self.grouping.count,
            seed=self.seed,
            draws=self.draws,
            undefined=undefined,
            bounds=bounds,
            method=method,
        )


def difference(
    first: Statistic,
    second: Statistic,
    *,
    n: int,
    documents: int,
    seed: Seed,
    undefined: str = "One of the two values is undefined on these items.",
    level: float = 0.95,
    draws: int = DRAWS,
) -> Result:
    """Return first minus second with its paired interval: both see the same documents in every draw.

    Both statistics must number the documents alike. Errors and arguments as in `estimate`.
    """
    return estimate(
        lambda weights: first(weights) - second(weights),
        n=n,
        documents=documents,
        seed=seed,
        undefined=undefined,
        level=level,
        draws=draws,
    )


@dataclass(frozen=True, slots=True)
class Mcnemar:
    """McNemar's exact test: how often only the first and only the second judge was right, and the two-sided p."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first: ArrayLike, second: ArrayLike) -> Mcnemar | NotEnough:
    """Test whether two judges are right equally often on the same items (McNemar, Psychometrika 12, 1947; exact form).

    Takes two boolean arrays of shape (n,): whether each judge was right. Treats items as independent; for items that
    share documents prefer `difference`.
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.shape != two.shape:
        raise ValueError(f"two judges of {one.shape} and {two.shape} items")
    b, c = int(np.sum(one & ~two)), int(np.sum(two & ~one))
    if b + c == 0:
        return NotEnough("The two judges are right and wrong on the same items.", len(one))
    return Mcnemar(b, c, float(stats.binomtest(b, b + c, 0.5).pvalue))
