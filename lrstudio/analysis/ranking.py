"""A leaderboard of models: means with intervals, and which differences are more than chance."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from lrstudio.analysis.agreement import mean
from lrstudio.analysis.estimates import NotEnough, Result, too_few
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Seed

FLIPS = 9999
"""How many random assignments of signs a test takes; all of them where there are no more."""


_CELLS = 4_000_000
"""How many signs are held at once."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A model's mean over its questions; `questions` and `candidates` are how many it rests on."""

    model: str
    mean: Result
    questions: int
    candidates: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the questions that both answered.

    `difference` is the mean of first minus second. `p` is the two-sided sign-flip test with documents as units, None
    where there are too few; `p_holm` is that after Holm's correction over all comparisons of the leaderboard.
    """

    first: str
    second: str
    questions: int
    difference: Result
    p: float | None
    p_holm: float | None


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Standings, highest mean first, and every two models compared, in that order."""

    standings: tuple[Standing, ...]
    comparisons: tuple[Comparison, ...]


def leaderboard(
    models: Sequence[str] | NDArray[Any],
    values: ArrayLike,
    *,
    questions: Sequence[Any] | NDArray[Any],
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
    flips: int = FLIPS,
) -> Leaderboard:
    """Rank models by the mean of a value over questions.

    Several candidates of one model to one question count as their mean, so that every question weighs alike.

    Args:
        models: who wrote each candidate, shape (n,).
        values: its reward or score, NaN where there is none.
        questions: the id of its question.
        documents: the id of its document; one per question.
        seed: for intervals and tests.
        draws: how many bootstrap samples.
        flips: how many random assignments of signs in each test.
    """
    score = np.asarray(values, dtype=np.float64)
    if not len(models) == len(score) == len(questions) == len(documents):
        raise ValueError("models, values, questions and documents differ in length")
    there = np.isfinite(score)
    names, writer = np.unique(np.asarray(models)[there], return_inverse=True)
    asked, first, question = np.unique(np.asarray(questions)[there], return_index=True, return_inverse=True)
    document = np.asarray(documents)[there][first]
    counts = np.zeros((len(names), len(asked)))
    totals = np.zeros((len(names), len(asked)))
    np.add.at(counts, (writer, question), 1.0)
    np.add.at(totals, (writer, question), score[there])
    table = np.where(counts > 0, totals / np.where(counts > 0, counts, 1.0), np.nan)
    averages = np.array([np.nanmean(row) for row in table])
    order = np.argsort(-averages, kind="stable")
    standings = tuple(
        Standing(
            str(names[k]),
            mean(table[k], documents=document, seed=seed, draws=draws),
            int((counts[k] > 0).sum()),
            int(counts[k].sum()),
        )
        for k in order
    )
    return Leaderboard(standings, _compared(names, table, document, order, seed=seed, draws=draws, flips=flips))


def _compared(
    names: NDArray[Any],
    table: Floats,
    documents: NDArray[Any],
    order: NDArray[np.intp],
    *,
    seed: Seed,
    draws: int,
    flips: int,
) -> tuple[Comparison, ...]:
    found = []
    for first, second in itertools.combinations(order, 2):
        apart = table[first] - table[second]
        shared = np.isfinite(apart)
        p = sign_flip(apart[shared], documents=documents[shared], seed=seed, flips=flips)
        found.append(
            Comparison(
                first=str(names[first]),
                second=str(names[second]),
                questions=int(shared.sum()),
                difference=mean(apart, documents=documents, seed=seed, draws=draws),
                p=None if isinstance(p, NotEnough) else p,
                p_holm=None,
            )
        )
    corrected = iter(holm([comparison.p for comparison in found if comparison.p is not None]))
    return tuple(
        comparison if comparison.p is None else replace(comparison, p_holm=float(next(corrected)))
        for comparison in found
    )


def sign_flip(
    differences: ArrayLike, *, documents: Sequence[Any] | NDArray[Any], seed: Seed = 0, flips: int = FLIPS
) -> float | NotEnough:
    """Test whether the mean of paired differences is 0 by flipping the signs of whole documents (two-sided p).

    Fisher's randomisation test on the sums per document; exact where all flips can be tried, otherwise with `flips`
    random ones. Assumes that without an effect a document's differences are as likely as their opposites.
    """
    apart = np.asarray(differences, dtype=np.float64)
    grouping = Grouping.of(np.asarray(documents))
    missing = too_few(n=grouping.n, documents=grouping.count)
    if missing:
        return missing
    sums = grouping.sums(apart)
    if not np.any(sums):
        return 1.0
    if 2**grouping.count <= flips:
        exact = stats.permutation_test(
            (sums,),
            lambda x, axis: np.sum(x, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=flips,
        )
        return float(exact.pvalue)
    rng, seen, step = np.random.default_rng(seed), 0, max(1, _CELLS // grouping.count)
    far = abs(float(sums.sum())) * (1.0 - 1e-12)
    for start in range(0, flips, step):
        kept = rng.integers(0, 2, size=(min(step, flips - start), grouping.count), dtype=np.int8)
        seen += int(np.sum(np.abs(2.0 * (kept @ sums) - sums.sum()) >= far))
    return (seen + 1) / (flips + 1)


def holm(p_values: ArrayLike) -> Floats:
    """Return p values, shape (n,), corrected so that the chance of any false finding stays below the level.

    Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    result = np.empty(len(p))
    result[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return result
