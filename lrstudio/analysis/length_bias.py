"""How far a judge, or a set of pairs, goes by length (Singhal et al., arXiv 2310.03716), and what can be done about it.

Lengths are in tokens, or in any one unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrstudio.analysis.agreement import mean, share
from lrstudio.analysis.estimates import Result
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Resampling, Seed, of_sums, ratio
from lrstudio.analysis.scores import moments, pearson

BIN_WIDTH = 20
DIFFERENCE_WIDTH = 10


@dataclass(frozen=True, slots=True)
class WithinQuestion:
    """The mean over questions of Pearson's correlation of length and value among a question's candidates.

    `questions` were used; `flat` had fewer than three candidates, or all of one length or one value.
    """

    correlation: Result
    questions: int
    flat: int


def within_question(
    lengths: ArrayLike,
    values: ArrayLike,
    *,
    questions: Sequence[Any] | NDArray[Any],
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> WithinQuestion:
    """Correlate length with reward, or with one dimension, within each question (section 2 of the paper).

    All arguments have shape (n,), one entry per candidate; NaN values are left out. Correlating over all candidates
    instead would mix in how hard the questions are.
    """
    size, value = np.asarray(lengths, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if not len(size) == len(value) == len(questions) == len(documents):
        raise ValueError("lengths, values, questions and documents differ in length")
    every = Grouping.of(np.asarray(questions)).count
    there = np.isfinite(value) & np.isfinite(size)
    grouping = Grouping.of(np.asarray(questions)[there])
    centred = [_centred(column[there], grouping) for column in (size, value)]
    sums = grouping.sums(moments(*centred))
    found = np.where(sums[:, 0] >= 3, pearson(sums), np.nan)
    of = np.empty(grouping.count, dtype=np.asarray(documents).dtype)
    of[grouping.index] = np.asarray(documents)[there]
    used = int(np.isfinite(found).sum())
    return WithinQuestion(mean(found, documents=of, seed=seed, draws=draws), used, every - used)


def _centred(values: Floats, grouping: Grouping) -> Floats:
    """Return values less their group's mean, exactly 0 where a group has one value only."""
    means = grouping.sums(values) / np.maximum(grouping.sums(np.ones(len(values))), 1.0)
    off = values - means[grouping.index]
    return np.asarray(np.where(np.abs(off) <= 1e-12 * np.abs(values), 0.0, off))


@dataclass(frozen=True, slots=True)
class LongerChosen:
    """The share of pairs whose chosen candidate is the longer one; `equal` pairs of one length are left out of it."""

    share: Result
    equal: int


def longer_is_chosen(
    chosen: ArrayLike,
    rejected: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> LongerChosen:
    """Count how often the longer candidate is chosen, from two arrays of lengths of shape (n,)."""
    difference = np.asarray(chosen, dtype=np.float64) - np.asarray(rejected, dtype=np.float64)
    unequal = difference != 0
    of = np.asarray(documents)[unequal]
    return LongerChosen(share(difference[unequal] > 0, documents=of, seed=seed, draws=draws), int((~unequal).sum()))


def length_only(lengths: ArrayLike, *, target: float) -> Floats:
    """Return the reward that looks at nothing but length: 1 - |length / target - 1|.

    1 at the target, 0 at 0 and at twice the target, below 0 beyond (section 3 of the paper).
    """
    return np.asarray(1.0 - np.abs(np.asarray(lengths, dtype=np.float64) / target - 1.0), dtype=np.float64)


def length_only_accuracy(
    chosen: ArrayLike,
    rejected: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    target: float | None = None,
    seed: Seed = 0,
    draws: int = DRAWS,
) -> Result:
    """Return how many pairs `length_only` would choose as they are; equal rewards count as wrong.

    Without a target the longer candidate gets the higher reward.
    """
    first, second = np.asarray(chosen, dtype=np.float64), np.asarray(rejected, dtype=np.float64)
    if target is not None:
        first, second = length_only(first, target=target), length_only(second, target=target)
    return share(first > second, documents=documents, seed=seed, draws=draws)


@dataclass(frozen=True, slots=True)
class RewardGain:
    """What a new model gains over an old one in mean reward, and what of it candidates of like length gain.

    `total` is the whole gain, `beyond_length` the gain within bins of length weighted by candidates, both in points;
    `part` is beyond_length / total. `covered` is the share of candidates in bins where both models have some, the
    others adding 0 to `beyond_length`.
    """

    total: Result
    beyond_length: Result
    part: Result
    covered: float


def gains(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return total gain, gain beyond length and covered share from sums (..., bins, 4).

    Columns: how many of the old model, their rewards, how many of the new one, their rewards. Section 3 of the paper
    and its plotting code: the sum over bins of (old + new) / all x (mean new - mean old).
    """
    old, old_reward, new, new_reward = np.moveaxis(sums, -1, 0)
    both = (old > 0) & (new > 0)
    gain = np.where(both, ratio(new_reward, new) - ratio(old_reward, old), 0.0)
    all_of = (old + new).sum(axis=-1)
    beyond = ratio((np.where(both, old + new, 0.0) * gain).sum(axis=-1), all_of)
    total = ratio(new_reward.sum(axis=-1), new.sum(axis=-1)) - ratio(old_reward.sum(axis=-1), old.sum(axis=-1))
    return total, beyond, ratio(np.where(both, old + new, 0.0).sum(axis=-1), all_of)


def bin_sums(
    old: tuple[ArrayLike, ArrayLike], new: tuple[ArrayLike, ArrayLike], *, of: tuple[Grouping, int], width: float
) -> Floats:
    """Return sums per document for `gains`, shape (documents, bins, 4).

    Takes lengths and rewards of the old and of the new model's candidates; `of` is the grouping of all of them, old
    ones first, and how many are old. Bins are half open, [0, width), [width, 2 width) and so on; no length falls out.
    """
    grouping, n_old = of
    lengths = np.concatenate([np.asarray(part[0], dtype=np.float64) for part in (old, new)])
    rewards = np.concatenate([np.asarray(part[1], dtype=np.float64) for part in (old, new)])
    levels, place = np.unique(np.floor(lengths / width), return_inverse=True)
    is_new = np.arange(len(lengths)) >= n_old
    result = np.zeros((grouping.count, len(levels), 4))
    for column, value in ((0, np.ones(len(lengths))), (1, rewards)):
        np.add.at(result, (grouping.index, place.reshape(-1), 2 * is_new + column), value)
    return result


def reward_gain(
    old: tuple[ArrayLike, ArrayLike],
    new: tuple[ArrayLike, ArrayLike],
    *,
    documents: tuple[Sequence[Any] | NDArray[Any], Sequence[Any] | NDArray[Any]],
    width: float = BIN_WIDTH,
    seed: Seed = 0,
    draws: int = DRAWS,
) -> RewardGain:
    """Split a gain in reward into what longer candidates explain and the rest (non-length reward gain).

    Args:
        old: lengths and rewards of the old model's candidates, two arrays of one shape.
        new: likewise of the new model's.
        documents: the ids of the old and of the new candidates' documents.
        width: of a bin of lengths.
        seed: for the intervals.
        draws: how many bootstrap samples.
    """
    grouping = Grouping.of(np.concatenate([np.asarray(part) for part in documents]))
    sums = bin_sums(old, new, of=(grouping, len(documents[0])), width=width)
    resampling = Resampling(grouping, seed, draws)
    none = "One of the two models has no candidate."
    return RewardGain(
        total=resampling.estimate(of_sums(sums, lambda total: gains(total)[0]), undefined=none),
        beyond_length=resampling.estimate(of_sums(sums, lambda total: gains(total)[1]), undefined=none),
        part=resampling.estimate(
            of_sums(sums, lambda total: ratio(gains(total)[1], gains(total)[0])), undefined="There is no gain."
        ),
        covered=float(gains(sums.sum(axis=0))[2]),
    )


def balanced(
    chosen: ArrayLike,
    rejected: ArrayLike,
    *,
    width: float = DIFFERENCE_WIDTH,
    widest: float = np.inf,
    lots: ArrayLike | None = None,
    seed: Seed = 0,
) -> NDArray[np.bool_]:
    """Choose pairs so that the longer candidate is chosen as often as not at every difference of length.

    Of the pairs whose difference falls into [k width, (k + 1) width) as many with the longer as with the shorter one
    chosen are kept (section 4 of the paper, bins mirrored exactly): those with the lowest of `lots`, shape (n,), which
    are drawn with the seed where none are given. Pairs of one length are kept; pairs that differ by more than `widest`
    are not. Returns a mask of shape (n,).
    """
    difference = np.asarray(chosen, dtype=np.float64) - np.asarray(rejected, dtype=np.float64)
    kept = difference == 0
    bins = np.floor(np.abs(difference) / width)
    drawn = np.random.default_rng(seed).random(len(kept)) if lots is None else np.asarray(lots, dtype=np.float64)
    for level in np.unique(bins[~kept]):
        here = (bins == level) & (difference != 0) & (np.abs(difference) <= widest)
        longer, shorter = np.flatnonzero(here & (difference > 0)), np.flatnonzero(here & (difference < 0))
        least = min(len(longer), len(shorter))
        for side in (longer, shorter):
            kept[side[np.argsort(drawn[side], kind="stable")[:least]]] = True
    return np.asarray(kept)


def within_ratio(chosen: ArrayLike, rejected: ArrayLike, *, most: float) -> NDArray[np.bool_]:
    """Choose the pairs whose longer candidate is at most `most` times as long as the other. Returns a mask (n,)."""
    first, second = np.asarray(chosen, dtype=np.float64), np.asarray(rejected, dtype=np.float64)
    return np.asarray(np.maximum(first, second) <= most * np.minimum(first, second))


def below_margin(margins: ArrayLike, *, most: float) -> NDArray[np.bool_]:
    """Choose the pairs whose margin is at most `most` points: confidence truncation, as the surest go most by length.

    Takes margins of chosen over rejected, shape (n,), and returns a mask; NaN is not chosen (section 4 of the paper).
    """
    return np.asarray(np.asarray(margins, dtype=np.float64) <= most)
