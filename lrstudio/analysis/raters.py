"""Agreement among any number of raters, with missing cells: Krippendorff's alpha and Gwet's AC1 and AC2.

Codes have shape (items, raters) and hold places in the ordered labels, -1 where a rater said nothing. Everything is
computed from sums over items, so that a bootstrap over documents is a matrix product.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrstudio.analysis.intervals import Floats, ratio
from lrstudio.analysis.tables import Weighting, distances


class Scale(StrEnum):
    """What the distance of two labels means in Krippendorff's alpha."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"


def usage(codes: NDArray[np.int64], size: int) -> Floats:
    """Return how many raters gave each item each label, shape (items, K)."""
    return np.stack([(codes == label).sum(axis=1) for label in range(size)], axis=1).astype(np.float64)


def coincidences(used: Floats) -> Floats:
    """Return each item's coincidences (items, K, K): ordered pairs of its values, divided by its raters less one.

    Takes `usage`. Items with fewer than two values have none (Krippendorff, Content Analysis, 2004, chapter 11).
    """
    raters = used.sum(axis=1)
    pairs = used[:, :, None] * used[:, None, :]
    diagonal = np.arange(used.shape[1])
    pairs[:, diagonal, diagonal] -= used
    paired = raters >= 2
    return np.asarray(np.where(paired, 1.0 / np.where(paired, raters - 1.0, 1.0), 0.0)[:, None, None] * pairs)


def alpha(coincidence: Floats, scale: Scale = Scale.NOMINAL) -> Floats:
    """Return Krippendorff's alpha from summed coincidences (..., K, K): 1 - observed / expected disagreement.

    Undefined when all values that can be paired are the same label. Interval data: `interval_alpha`.
    """
    marginal = coincidence.sum(axis=-1)
    total = marginal.sum(axis=-1)
    size = coincidence.shape[-1]
    if scale is Scale.NOMINAL:
        far = np.asarray(~np.eye(size, dtype=bool), dtype=np.float64)
    else:
        # Distance in ranks: half of both labels and all between them, squared (Krippendorff 2004, section 11.3).
        middle = np.cumsum(marginal, axis=-1) - marginal / 2
        far = (middle[..., :, None] - middle[..., None, :]) ** 2
    observed = (far * coincidence).sum(axis=(-2, -1))
    expected = (far * marginal[..., :, None] * marginal[..., None, :]).sum(axis=(-2, -1))
    return 1.0 - ratio((total - 1.0) * observed, expected)


def interval_sums(values: ArrayLike) -> Floats:
    """Return per item what `interval_alpha` needs, shape (items, 4).

    Takes numbers of shape (items, raters), NaN where missing. Columns: how many values, their sum, their sum of
    squares, and the squared differences of all their ordered pairs divided by raters less one.
    """
    numbers = np.asarray(values, dtype=np.float64)
    there = np.isfinite(numbers)
    filled = np.where(there, numbers, 0.0)
    raters = there.sum(axis=1).astype(np.float64)
    total, squares = filled.sum(axis=1), (filled**2).sum(axis=1)
    paired = raters >= 2
    apart = 2.0 * (raters * squares - total**2) / np.where(paired, raters - 1.0, 1.0)
    return np.where(paired[:, None], np.stack([raters, total, squares, apart], axis=1), 0.0)


def interval_alpha(sums: Floats) -> Floats:
    """Return Krippendorff's alpha with squared differences of the numbers, from sums of `interval_sums` (..., 4).

    Undefined when all numbers that can be paired are equal.
    """
    count, total, squares, apart = np.moveaxis(sums, -1, 0)
    expected = 2.0 * (count * squares - total**2)
    # Sums of equal numbers cancel only up to rounding.
    expected = np.where(expected > 1e-9 * np.maximum(count * squares, 1e-300), expected, 0.0)
    return 1.0 - ratio((count - 1.0) * apart, expected)


def gwet_sums(codes: NDArray[np.int64], size: int, weighting: Weighting = Weighting.NONE) -> Floats:
    """Return per item what `gwet` needs, shape (items, 3 + K).

    Columns: whether at least two rated it, their agreement (with the weights 1 - `distances`), whether anybody rated
    it, and the share of each label.
    """
    used = usage(codes, size)
    raters = used.sum(axis=1)
    paired, rated = raters >= 2, raters >= 1
    close = 1.0 - distances(size, weighting)
    alike = (used * (used @ close - 1.0)).sum(axis=1) / np.where(paired, raters * (raters - 1.0), 1.0)
    shares = used / np.where(rated, raters, 1.0)[:, None]
    return np.concatenate([np.stack([paired, np.where(paired, alike, 0.0), rated], axis=1), shares], axis=1)


def gwet(sums: Floats, weighting: Weighting = Weighting.NONE) -> Floats:
    """Return Gwet's AC1, with weights AC2, from sums of `gwet_sums` (..., 3 + K).

    Chance agreement is sum(weights) / (K (K - 1)) x sum of p (1 - p) over the labels' mean shares p (Gwet, British
    Journal of Mathematical and Statistical Psychology 61, 2008; Handbook of Inter-Rater Reliability, 2014, chapter 5).
    Always defined where two rated an item and there are two labels.
    """
    size = sums.shape[-1] - 3
    observed = ratio(sums[..., 1], sums[..., 0])
    shares = ratio(sums[..., 3:], sums[..., 2, None])
    close = float((1.0 - distances(size, weighting)).sum())
    chance = close / (size * (size - 1)) * (shares * (1.0 - shares)).sum(axis=-1)
    return ratio(observed - chance, 1.0 - chance)
