"""Whether a stated probability is true: reliability curve, calibration error, Brier score, and isotonic repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from lrstudio.analysis.agreement import mean
from lrstudio.analysis.estimates import NotEnough, Result, too_few
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Resampling, Seed, of_sums, ratio

_ONE_OUTCOME = "All outcomes are the same, so that there is nothing to be better than."


class Bins(StrEnum):
    """How probabilities are cut: as many items in each bin, or bins of equal width."""

    MASS = "mass"
    WIDTH = "width"


@dataclass(frozen=True, slots=True)
class Bin:
    """A point of a reliability curve: a range of probabilities, their mean, the share that came true, how many."""

    low: float
    high: float
    stated: float
    observed: float
    n: int


def reliability(
    probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 15, by: Bins = Bins.MASS
) -> tuple[Bin, ...]:
    """Return the reliability curve, lowest probabilities first, empty bins left out.

    Args:
        probabilities: shape (n,), in [0, 1].
        outcomes: whether each came true, shape (n,).
        bins: how many at most.
        by: equal mass (equal probabilities may fall into two bins) or equal width (the upper end belongs to a bin).

    Raises:
        ValueError: a probability outside [0, 1], or columns of different lengths.
    """
    stated, came = _checked(probabilities, outcomes)
    parts = _parts(stated, bins, by)
    return tuple(
        Bin(float(stated[k].min()), float(stated[k].max()), float(stated[k].mean()), float(came[k].mean()), len(k))
        for k in parts
    )


def _parts(stated: Floats, bins: int, by: Bins) -> list[NDArray[np.intp]]:
    """Return the rows of each bin that has any."""
    order = np.argsort(stated, kind="stable")
    if by is Bins.MASS:
        parts = np.array_split(order, bins)
    else:
        place = np.clip(np.ceil(stated * bins).astype(np.int64) - 1, 0, bins - 1)
        parts = [order[place[order] == number] for number in range(bins)]
    return [part for part in parts if len(part)]


def calibration_error(probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 15, by: Bins = Bins.MASS) -> float:
    """Return the expected calibration error: the mean distance of stated and observed over bins, weighted by items.

    Naeini, Cooper and Hauskrecht (AAAI 2015). NaN without items. Never 0 by chance alone: see `calibration_floor`.
    """
    curve = reliability(probabilities, outcomes, bins=bins, by=by)
    total = sum(point.n for point in curve)
    return sum(point.n * abs(point.stated - point.observed) for point in curve) / total if total else float("nan")


def calibration_floor(
    probabilities: ArrayLike, *, bins: int = 15, by: Bins = Bins.MASS, seed: Seed = 0, draws: int = 200
) -> float:
    """Return the calibration error that true probabilities exceed by chance once in twenty times on as many items."""
    stated = np.asarray(probabilities, dtype=np.float64)
    parts = _parts(stated, bins, by)
    rows = np.concatenate(parts)
    ends = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    off = stated[rows] - (np.random.default_rng(seed).random((draws, len(rows))) < stated[rows])
    errors = np.abs(np.add.reduceat(off, ends, axis=1)).sum(axis=1) / len(rows)
    return float(np.quantile(errors, 0.95))


def brier_skill(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return by which share the Brier score is below that of always stating the base rate; NaN for one outcome only."""
    stated, came = _checked(probabilities, outcomes)
    base = came.mean() * (1.0 - came.mean())
    return float(1.0 - ratio(np.mean((stated - came) ** 2), base))


def isotonic(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, Floats]:
    """Fit the rising step curve from stated to true probabilities that is closest in squares (pool adjacent violators).

    Returns two arrays of equal length, the stated probabilities in rising order and what they stand for: interpolate
    between them with `recalibrated`. Fit on items other than those it is applied to.
    """
    stated, came = _checked(probabilities, outcomes)
    levels, place = np.unique(stated, return_inverse=True)
    counts = np.bincount(place)
    fitted = optimize.isotonic_regression(np.bincount(place, weights=came) / counts, weights=counts)
    return levels, np.asarray(fitted.x, dtype=np.float64)


def recalibrated(probabilities: ArrayLike, curve: tuple[Floats, Floats]) -> Floats:
    """Return what probabilities stand for by a curve of `isotonic`; beyond its ends the nearest end counts."""
    return np.asarray(np.interp(np.asarray(probabilities, dtype=np.float64), *curve), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How true stated probabilities are on `n` items.

    `error` is the expected calibration error and `floor` what true probabilities would stay below 95 % of the time;
    an error below the floor shows no fault. `bias` is the mean of stated minus observed. `skill` compares the Brier
    score with always stating the base rate: 1 is perfect, 0 as good, below 0 worse.
    """

    n: int
    curve: tuple[Bin, ...]
    error: float
    floor: float
    bias: Result
    brier: Result
    skill: Result


def compare_probabilities(
    probabilities: ArrayLike,
    outcomes: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    bins: int = 15,
    by: Bins = Bins.MASS,
    seed: Seed = 0,
    draws: int = DRAWS,
) -> Calibration | NotEnough:
    """Compare stated probabilities with what came true; NaN probabilities are left out.

    Arguments and errors are those of `reliability`; documents, seed and draws make the intervals.
    """
    stated, came = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=bool)
    if not len(stated) == len(came) == len(documents):
        raise ValueError("probabilities, outcomes and documents differ in length")
    there = np.isfinite(stated)
    stated, came, of = stated[there], came[there], np.asarray(documents)[there]
    grouping = Grouping.of(of)
    missing = too_few(n=grouping.n, documents=grouping.count)
    if missing:
        return missing
    squares = (stated - came) ** 2
    sums = grouping.sums(np.stack([np.ones(grouping.n), came, squares], axis=1))

    def skill(total: Floats) -> Floats:
        n, true, squared = np.moveaxis(total, -1, 0)
        return 1.0 - ratio(squared * n, true * (n - true))

    return Calibration(
        n=grouping.n,
        curve=reliability(stated, came, bins=bins, by=by),
        error=calibration_error(stated, came, bins=bins, by=by),
        floor=calibration_floor(stated, bins=bins, by=by),
        bias=mean(stated - came, documents=of, seed=seed, draws=draws),
        brier=mean(squares, documents=of, seed=seed, draws=draws),
        skill=Resampling(grouping, seed, draws).estimate(
            of_sums(sums, skill), undefined=_ONE_OUTCOME, bounds=(-np.inf, 1.0)
        ),
    )


def _checked(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, Floats]:
    stated, came = np.asarray(probabilities, dtype=np.float64), np.asarray(outcomes, dtype=bool)
    if len(stated) != len(came):
        raise ValueError(f"{len(stated)} probabilities for {len(came)} outcomes")
    if len(stated) and not (stated.min() >= 0.0 and stated.max() <= 1.0):
        raise ValueError("a probability lies outside [0, 1]")
    return stated, came.astype(np.float64)
