"""EvalYaks' measures for scorers with several dimensions (arXiv 2408.12226): acceptable accuracy, degree of variation.

Scores have shape (n, m): items by dimensions, whole numbers on one scale. A row with a NaN of the judge is an answer
that could not be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrstudio.analysis.estimates import NotEnough, Result
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Resampling, Seed, of_sums, ratio

_NO_SCORES = "The judge gave no score to any item."


class Grade(StrEnum):
    """How one item was scored; the first that applies, in this order.

    ACCURATE: every dimension as the reviewer. PARTLY: at least one. ACCEPTABLE: all off by at most the tolerance, all
    in the same direction. INACCURATE: the rest, and what could not be read.
    """

    ACCURATE = "accurate"
    PARTLY = "partly accurate"
    ACCEPTABLE = "acceptable"
    INACCURATE = "inaccurate"


GRADES = tuple(Grade)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a scorer that does not read would get: acceptable accuracy 0-1 and degree of variation in points.

    `level` is the constant score that is meant, None for random scoring.
    """

    acceptable: float
    variation: float
    level: float | None = None


@dataclass(frozen=True, slots=True)
class RubricAgreement:
    """Grades of `n` items and what they sum up to, beside two baselines on the same items.

    `acceptable` is the share of items that are not inaccurate. `variation` is the mean absolute deviation over all
    dimensions of the readable items, in points; `unreadable` are the others. `constant` is the constant score of the
    highest acceptable accuracy.
    """

    n: int
    unreadable: int
    grades: dict[Grade, int]
    acceptable: Result
    variation: Result
    random: Baseline
    constant: Baseline


def grades(reviewer: ArrayLike, judge: ArrayLike, *, tolerance: float = 1.0) -> NDArray[np.int64]:
    """Return the place of each item's grade in `GRADES`, shape (n,)."""
    off = np.asarray(judge, dtype=np.float64) - np.asarray(reviewer, dtype=np.float64)
    readable = np.isfinite(off).all(axis=1)
    near = (np.abs(off) <= tolerance).all(axis=1)
    one_way = (off > 0).all(axis=1) | (off < 0).all(axis=1)
    conditions = [~readable, (off == 0).all(axis=1), (off == 0).any(axis=1), near & one_way]
    return np.select(conditions, [3, 0, 1, 2], default=3)


def random_baseline(reviewer: ArrayLike, levels: ArrayLike, *, tolerance: float = 1.0) -> Baseline:
    """Return what scoring every dimension uniformly over `levels` tends to on these items (exact, no draws)."""
    scores, scale = np.asarray(reviewer, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    off = scale[None, None, :] - scores[:, :, None]
    same = (off == 0).mean(axis=2)
    above = ((off > 0) & (off <= tolerance)).mean(axis=2)
    below = ((off < 0) & (off >= -tolerance)).mean(axis=2)
    acceptable = 1.0 - (1.0 - same).prod(axis=1) + above.prod(axis=1) + below.prod(axis=1)
    return Baseline(float(acceptable.mean()), float(np.abs(off).mean()))


def constant_baseline(
    reviewer: ArrayLike, levels: ArrayLike, *, tolerance: float = 1.0, level: float | None = None
) -> Baseline:
    """Return what one score everywhere gets: `level`, else that of the highest acceptable accuracy, least variation."""
    scores = np.asarray(reviewer, dtype=np.float64)
    found = []
    for constant in np.asarray(levels, dtype=np.float64) if level is None else [level]:
        judge = np.full_like(scores, constant)
        acceptable = float((grades(scores, judge, tolerance=tolerance) < 3).mean())
        found.append(Baseline(acceptable, float(np.abs(judge - scores).mean()), float(constant)))
    return max(found, key=lambda baseline: (baseline.acceptable, -baseline.variation))


def compare_rubric(
    reviewer: ArrayLike,
    judge: ArrayLike,
    *,
    levels: ArrayLike,
    documents: Sequence[Any] | NDArray[Any],
    tolerance: float = 1.0,
    seed: Seed = 0,
    draws: int = DRAWS,
) -> RubricAgreement | NotEnough:
    """Compare a judge's scores with a reviewer's by EvalYaks' measures.

    Args:
        reviewer: shape (n, m), whole points, none missing.
        judge: likewise; NaN for what could not be read.
        levels: the points there are.
        documents: the id of each item's document.
        tolerance: how many points off are still acceptable.
        seed: for the intervals.
        draws: how many bootstrap samples.

    Raises:
        ValueError: the shapes differ.
    """
    first, second = np.asarray(reviewer, dtype=np.float64), np.asarray(judge, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 2 or len(first) != len(documents):
        raise ValueError(f"scores of shapes {first.shape} and {second.shape} for {len(documents)} items")
    if not len(first):
        return NotEnough(_NO_SCORES)
    grouping = Grouping.of(np.asarray(documents))
    resampling = Resampling(grouping, seed, draws)
    each = grades(first, second, tolerance=tolerance)
    readable = np.isfinite(second).all(axis=1)
    variation = np.where(readable, np.abs(second - first).mean(axis=1), 0.0)
    sums = grouping.sums(np.stack([np.ones(len(each)), each < 3, readable, variation], axis=1))

    def variation_of(total: Floats) -> Floats:
        return ratio(total[..., 3], total[..., 2])

    return RubricAgreement(
        n=len(each),
        unreadable=int((~readable).sum()),
        grades={grade: int((each == place).sum()) for place, grade in enumerate(GRADES)},
        acceptable=resampling.estimate(
            of_sums(sums, lambda total: total[..., 1] / total[..., 0]), undefined=_NO_SCORES, bounds=(0.0, 1.0)
        ),
        variation=resampling.estimate(of_sums(sums, variation_of), undefined=_NO_SCORES, bounds=(0.0, np.inf)),
        random=random_baseline(first, levels, tolerance=tolerance),
        constant=constant_baseline(first, levels, tolerance=tolerance),
    )
