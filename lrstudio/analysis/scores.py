"""Agreement of two over numbers, from sums: correlation, bias, error, limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from lrstudio.analysis.intervals import Floats, Grouping, Statistic, ratio


def moments(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return per item what the functions below need, shape (n, 7), from two arrays of numbers of shape (n,).

    Columns: 1, x, y, x^2, y^2, xy, |y - x|, both numbers measured from a common middle so that sums of squares
    keep their digits.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    middle = float(np.mean([x.mean(), y.mean()])) if len(x) else 0.0
    x, y = x - middle, y - middle
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y, np.abs(y - x)], axis=1)


def pearson(sums: Floats) -> Floats:
    """Return Pearson's correlation from summed `moments` (..., 7); undefined when one of the two never varies."""
    n, x, y, xx, yy, xy, _ = np.moveaxis(sums, -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    # Equal numbers leave a spread of rounding errors only.
    flat = (spread_x <= 1e-12 * n * xx) | (spread_y <= 1e-12 * n * yy)
    result = ratio(n * xy - x * y, np.sqrt(np.where(flat, 0.0, spread_x * spread_y)))
    return np.clip(result, -1.0, 1.0)


def bias(sums: Floats) -> Floats:
    """Return the mean of second minus first, in the unit of the scores."""
    return ratio(sums[..., 2] - sums[..., 1], sums[..., 0])


def mean_absolute_error(sums: Floats) -> Floats:
    """Return the mean distance of the two, in the unit of the scores."""
    return ratio(sums[..., 6], sums[..., 0])


def spread_of_differences(sums: Floats) -> Floats:
    """Return the standard deviation (n - 1) of second minus first."""
    n, x, y, xx, yy, xy, _ = np.moveaxis(sums, -1, 0)
    squares = xx + yy - 2.0 * xy
    return np.sqrt(np.maximum(ratio(squares - (y - x) ** 2 / np.maximum(n, 1.0), n - 1.0), 0.0))


def limits_of_agreement(sums: Floats) -> tuple[Floats, Floats]:
    """Return Bland and Altman's limits: bias -+ 1.96 standard deviations (Lancet 327, 1986)."""
    middle, spread = bias(sums), spread_of_differences(sums)
    return middle - 1.96 * spread, middle + 1.96 * spread


def spearman(first: ArrayLike, second: ArrayLike, grouping: Grouping) -> Statistic:
    """Return Spearman's correlation as a statistic of document weights, ranks taken anew in every draw.

    Takes two arrays of numbers of shape (n,). Equal numbers share their middle rank. Undefined when one of the two
    never varies.
    """
    pairs = np.stack([np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)], axis=1)
    cells, place = np.unique(pairs, axis=0, return_inverse=True)
    counts = sparse.csr_array(
        (np.ones(grouping.n), (place.reshape(-1), grouping.index)), shape=(len(cells), grouping.count)
    )
    levels = [np.unique(cells[:, side], return_inverse=True)[1].reshape(-1) for side in (0, 1)]
    gather = [sparse.csr_array((np.ones(len(k)), (k, np.arange(len(k))))) for k in levels]

    def statistic(weights: Floats) -> Floats:
        mass = np.asarray(counts @ weights.T)
        total = mass.sum(axis=0)
        ranks = []
        for level, matrix in zip(levels, gather, strict=True):
            each = np.asarray(matrix @ mass)
            # Measured from the middle of all ranks, where Pearson's formula is a ratio of plain sums.
            middle = np.cumsum(each, axis=0) - each / 2 - total / 2
            ranks.append(middle[level])
        one, two = ranks
        spread = (mass * one * one).sum(axis=0) * (mass * two * two).sum(axis=0)
        return np.clip(ratio((mass * one * two).sum(axis=0), np.sqrt(spread)), -1.0, 1.0)

    return statistic
