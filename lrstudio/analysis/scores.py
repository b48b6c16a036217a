"""Agreement of two over numbers, from sums: correlation, bias, error, limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lrstudio.analysis.intervals import Floats, Grouping, Statistic, ratio

_CELLS = 40_000
"""How many ranks are held at once: as many as a processor keeps near itself, which is three times as fast."""


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


def difference_sums(first: ArrayLike, second: ArrayLike, grouping: Grouping) -> Floats:
    """Return per document what `limits_of_agreement` needs, shape (documents, 6), from numbers of shape (n,).

    Columns, of second minus first: count, sum, sum of squares, squared sum / count, squared count, 1.
    """
    off = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    count, total, squares = grouping.sums(np.stack([np.ones(len(off)), off, off * off], axis=1)).T
    return np.stack([count, total, squares, total**2 / count, count**2, np.ones(len(count))], axis=1)


def limits_of_agreement(sums: Floats) -> tuple[Floats, Floats]:
    """Return Bland and Altman's limits, bias -+ 1.96 standard deviations, from summed `difference_sums` (..., 6).

    The variance is that within plus that between documents, from an analysis of variance (Bland and Altman, Journal of
    Biopharmaceutical Statistics 17, 2007, section 3), without which documents of many items make the limits too narrow.
    Undefined for fewer than two documents.
    """
    n, total, squares, of_documents, n_squared, documents = np.moveaxis(sums, -1, 0)
    free = n - documents
    within = np.where(free > 0, np.maximum(squares - of_documents, 0.0) / np.where(free > 0, free, 1.0), 0.0)
    between = ratio(of_documents - ratio(total**2, n), documents - 1.0)
    items = ratio(n - ratio(n_squared, n), documents - 1.0)
    spread = np.sqrt(np.maximum(ratio(between - within, items), 0.0) + within)
    middle = ratio(total, n)
    return middle - 1.96 * spread, middle + 1.96 * spread


def spearman(first: ArrayLike, second: ArrayLike, grouping: Grouping) -> Statistic:
    """Return Spearman's correlation as a statistic of document weights, ranks taken anew in every draw.

    Takes two arrays of numbers of shape (n,). Equal numbers share their middle rank. Undefined when one of the two
    never varies.
    """
    levels = [np.unique(values, return_inverse=True)[1].reshape(-1) for values in (first, second)]
    orders = [np.argsort(level, kind="stable") for level in levels]
    starts = [np.flatnonzero(np.diff(level[order], prepend=-1)) for level, order in zip(levels, orders, strict=True)]
    documents = [grouping.index[order] for order in orders]
    across, along = levels[1][orders[0]], levels[0][orders[0]]

    def ranked(weights: Floats, side: int) -> tuple[Floats, Floats, Floats]:
        """Return the weights of the items in their order, those of the levels, and the levels' ranks."""
        mass = weights[documents[side]]
        each = mass if len(starts[side]) == len(mass) else np.add.reduceat(mass, starts[side], axis=0)
        # Measured from the middle of all ranks, where Pearson's formula is a ratio of plain sums.
        middle = np.cumsum(each, axis=0)
        half = middle[-1] / 2
        middle -= each / 2
        middle -= half
        return mass, each, middle

    def some(weights: Floats) -> Floats:
        by_document = np.ascontiguousarray(weights.T)
        mass, each, one = ranked(by_document, 0)
        _, of_other, other = ranked(by_document, 1)
        spread = np.einsum("id,id,id->d", each, one, one) * np.einsum("id,id,id->d", of_other, other, other)
        tied = len(one) < len(mass)
        together = np.einsum("id,id,id->d", mass, one[along] if tied else one, other[across])
        return np.clip(ratio(together, np.sqrt(spread)), -1.0, 1.0)

    def statistic(weights: Floats) -> Floats:
        if not grouping.n:
            return np.full(len(weights), np.nan)
        step = max(1, _CELLS // grouping.n)
        return np.concatenate([some(weights[start : start + step]) for start in range(0, len(weights), step)])

    return statistic
