"""Agreement of two over ordered labels, from tables of counts.

A table has shape (..., K, K): rows are what the reviewer said, columns what the judge said, both in the order of the
labels. Leading axes are bootstrap draws. A value is NaN where the statistic is undefined on that table.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrstudio.analysis.intervals import Floats, Grouping, ratio

MISSING = -1
"""The code of a label that is not there."""


class Weighting(StrEnum):
    """How far apart two labels are: all alike, by the steps between them, or by the square of the steps."""

    NONE = "none"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


def encode(values: Sequence[Any] | NDArray[Any], labels: Sequence[Hashable]) -> NDArray[np.int64]:
    """Return each value's place in `labels`, shape (n,); None becomes MISSING.

    Raises:
        ValueError: a value is neither None nor one of the labels.
    """
    places: dict[Any, int] = {label: i for i, label in enumerate(labels)}
    if len(places) != len(labels):
        raise ValueError("a label is named twice")
    codes = []
    for value in values.tolist() if isinstance(values, np.ndarray) else values:
        if value is not None and value not in places:
            raise ValueError(f"{value!r} is none of the labels {list(labels)!r}")
        codes.append(MISSING if value is None else places[value])
    return np.array(codes, dtype=np.int64)


def confusion(reviewer: NDArray[np.int64], judge: NDArray[np.int64], size: int) -> Floats:
    """Return the table of counts (K, K) of two arrays of codes; items where either is missing are left out."""
    both = (reviewer != MISSING) & (judge != MISSING)
    table = np.bincount(reviewer[both] * size + judge[both], minlength=size * size)
    return np.asarray(table, dtype=np.float64).reshape(size, size)


def confusions(reviewer: NDArray[np.int64], judge: NDArray[np.int64], size: int, grouping: Grouping) -> Floats:
    """Return one table of counts per document, shape (documents, K, K); missing as in `confusion`."""
    both = (reviewer != MISSING) & (judge != MISSING)
    cells = (grouping.index[both] * size + reviewer[both]) * size + judge[both]
    table = np.bincount(cells, minlength=grouping.count * size * size)
    return np.asarray(table, dtype=np.float64).reshape(grouping.count, size, size)


def distances(size: int, weighting: Weighting) -> Floats:
    """Return how far apart labels are, 0 to 1, shape (K, K)."""
    steps = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(np.float64)
    if weighting is Weighting.NONE:
        return np.asarray(steps > 0, dtype=np.float64)
    widest = max(1, size - 1)
    return steps / widest if weighting is Weighting.LINEAR else (steps / widest) ** 2


def kappa(counts: Floats, weighting: Weighting = Weighting.NONE) -> Floats:
    """Return Cohen's kappa: 1 - observed / expected distance (Cohen 1960; weighted: Psychological Bulletin 70, 1968).

    Undefined when all of both fall into one label.
    """
    far = distances(counts.shape[-1], weighting)
    total = counts.sum(axis=(-2, -1))
    observed = (far * counts).sum(axis=(-2, -1)) * total
    rows, columns = counts.sum(axis=-1), counts.sum(axis=-2)
    expected = (far * rows[..., :, None] * columns[..., None, :]).sum(axis=(-2, -1))
    return 1.0 - ratio(observed, expected)


def accuracy(counts: Floats) -> Floats:
    """Return the share of items where both say the same."""
    return ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def recalls(counts: Floats) -> Floats:
    """Return for each of the reviewer's labels the share that the judge calls the same, shape (..., K).

    With labels in the order (no, yes) the first is the true negative rate, the second the true positive rate.
    """
    return ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))


def balanced_accuracy(counts: Floats) -> Floats:
    """Return the mean of `recalls`; chance is 1 / K whatever the shares. Undefined when the reviewer lacks a label."""
    return np.asarray(recalls(counts).mean(axis=-1))


def matthews(counts: Floats) -> Floats:
    """Return Matthews' correlation coefficient for K labels (Gorodkin, Computational Biology and Chemistry 28, 2004).

    Undefined when the reviewer or the judge used one label only.
    """
    total = counts.sum(axis=(-2, -1))
    rows, columns = counts.sum(axis=-1), counts.sum(axis=-2)
    shared = np.trace(counts, axis1=-2, axis2=-1) * total - (rows * columns).sum(axis=-1)
    spread = (total**2 - (rows**2).sum(axis=-1)) * (total**2 - (columns**2).sum(axis=-1))
    return ratio(shared, np.sqrt(spread))
