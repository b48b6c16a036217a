"""Agreement on pairs, consistency under swapped order, and strengths from who beat whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrstudio.analysis.agreement import share
from lrstudio.analysis.estimates import Result
from lrstudio.analysis.intervals import DRAWS, Floats, Grouping, Seed, bootstrap, from_draws


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """A judge against people on the pairs that people decided.

    accuracy: the share of the pairs decided by both on which they agree; never read it without coverage.
    coverage: the share of the people's pairs that the judge decides.
    tie_rate: the share of the pairs that the judge scored at which it ties.
    strict_accuracy: the share of the people's pairs on which the judge agrees, everything undecided counting as wrong.
    """

    pairs: int
    unscored: int
    accuracy: Result
    coverage: Result
    tie_rate: Result
    strict_accuracy: Result


def compare_pairs(
    reviewer: ArrayLike,
    judge: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    tie: float = 0.0,
    seed: Seed = 0,
    draws: int = DRAWS,
) -> PairAgreement:
    """Compare whom a judge prefers with whom people prefer.

    Args:
        reviewer: first candidate's margin over the second per pair, shape (n,): only its sign counts; 0 or NaN is
            undecided and leaves the pair out.
        judge: likewise in points; NaN is unscored.
        documents: the id of each pair's document.
        tie: a margin of the judge of at most this is a tie.
        seed: for the intervals.
        draws: how many bootstrap samples.
    """
    people, said = np.asarray(reviewer, dtype=np.float64), np.asarray(judge, dtype=np.float64)
    if not len(people) == len(said) == len(documents):
        raise ValueError("reviewer, judge and documents differ in length")
    decided = np.isfinite(people) & (people != 0)
    people, said, of = people[decided], said[decided], np.asarray(documents)[decided]
    scored = np.isfinite(said)
    clear = scored & (np.abs(np.where(scored, said, 0.0)) > tie)
    right = clear & (np.sign(people) == np.sign(np.where(scored, said, 0.0)))

    def of_those(values: NDArray[np.bool_], mask: NDArray[np.bool_]) -> Result:
        return share(values[mask], documents=of[mask], seed=seed, draws=draws)

    everything = np.ones(len(people), dtype=bool)
    return PairAgreement(
        pairs=len(people),
        unscored=int((~scored).sum()),
        accuracy=of_those(right, clear),
        coverage=of_those(clear, everything),
        tie_rate=of_those(~clear, scored),
        strict_accuracy=of_those(right, everything),
    )


@dataclass(frozen=True, slots=True)
class SwapConsistency:
    """A judge asked in both orders: how often it prefers the same candidate, and how often the one shown first.

    `consistent` and `first_shown` are shares of the `pairs` decided in both orders; `first_shown` counts the
    inconsistent ones in which the first place won twice, so that the rest of 1 is where the second place did.
    """

    pairs: int
    consistent: Result
    first_shown: Result


def swap_consistency(
    first_order: ArrayLike,
    second_order: ArrayLike,
    *,
    documents: Sequence[Any] | NDArray[Any],
    seed: Seed = 0,
    draws: int = DRAWS,
) -> SwapConsistency:
    """Measure what the order of presentation does.

    Takes per pair the margin of candidate A over B, shape (n,): with A shown first, and with B shown first. Pairs with
    a tie or NaN in one of the two are left out.
    """
    one, two = np.asarray(first_order, dtype=np.float64), np.asarray(second_order, dtype=np.float64)
    if not len(one) == len(two) == len(documents):
        raise ValueError("both orders and documents differ in length")
    both = np.isfinite(one) & np.isfinite(two) & (one != 0) & (two != 0)
    first, second, of = np.sign(one[both]), np.sign(two[both]), np.asarray(documents)[both]
    return SwapConsistency(
        pairs=len(first),
        consistent=share(first == second, documents=of, seed=seed, draws=draws),
        first_shown=share((first > 0) & (second < 0), documents=of, seed=seed, draws=draws),
    )


@dataclass(frozen=True, slots=True)
class Strength:
    """A player's Bradley-Terry strength: log odds, the mean over all players being 0."""

    name: str
    strength: Result


def bradley_terry(
    winners: Sequence[str],
    losers: Sequence[str],
    *,
    documents: Sequence[Any] | NDArray[Any],
    ties: Sequence[bool] | NDArray[np.bool_] | None = None,
    seed: Seed = 0,
    draws: int = DRAWS,
) -> tuple[Strength, ...]:
    """Return the players, strongest first, with strengths such that A beats B with odds exp(a - b).

    Fitted by Hunter's MM iteration (Annals of Statistics 32, 2004), a tie being half a win for both. Where some players
    never lost to, or never beat, any of the others, no finite strengths exist, and each says so.

    Args:
        winners: the better candidate's model per pair, shape (n,).
        losers: the other's.
        documents: the id of each pair's document.
        ties: whether the pair was a tie.
        seed: for the intervals.
        draws: how many bootstrap samples.
    """
    if not len(winners) == len(losers) == len(documents):
        raise ValueError("winners, losers and documents differ in length")
    names = sorted({*winners, *losers})
    places = {name: i for i, name in enumerate(names)}
    grouping = Grouping.of(np.asarray(documents))
    drawn = np.zeros(len(winners), dtype=bool) if ties is None else np.asarray(ties, dtype=bool)
    wins = np.zeros((grouping.count, len(names), len(names)))
    rows = np.array([places[name] for name in winners], dtype=np.intp)
    columns = np.array([places[name] for name in losers], dtype=np.intp)
    np.add.at(wins, (grouping.index, rows, columns), np.where(drawn, 0.5, 1.0))
    np.add.at(wins, (grouping.index, columns, rows), np.where(drawn, 0.5, 0.0))

    def statistic(weights: Floats) -> Floats:
        return strengths((weights @ wins.reshape(len(wins), -1)).reshape(-1, *wins.shape[1:]))

    if not names:
        return ()
    values = strengths(wins.sum(axis=0)[None])[0]
    samples = bootstrap(statistic, grouping.count, seed=seed, draws=draws)
    unbounded = "Some models won, or lost, every comparison with the others, so that no finite strength fits."
    found = [
        Strength(
            name,
            from_draws(float(values[i]), samples[:, i], n=len(winners), documents=grouping.count, undefined=unbounded),
        )
        for i, name in enumerate(names)
    ]
    order = np.argsort(-np.nan_to_num(values), kind="stable")
    return tuple(found[i] for i in order)


def strengths(wins: Floats, *, steps: int = 2000) -> Floats:
    """Return log strengths (..., K) with mean 0 from wins (..., K, K), row over column; NaN where none are finite."""
    size = wins.shape[-1]
    reached = ((wins > 0) | np.eye(size, dtype=bool)).astype(np.float64)
    for _ in range(max(1, int(np.ceil(np.log2(max(2, size)))))):
        reached = ((reached @ reached) > 0).astype(np.float64)
    finite = np.asarray(reached.min(axis=(-2, -1)) > 0)
    games = wins + np.swapaxes(wins, -2, -1)
    won = wins.sum(axis=-1)
    power = np.ones(won.shape)
    for _ in range(steps):
        shared = (games / (power[..., :, None] + power[..., None, :])).sum(axis=-1)
        new = np.where(finite[..., None], won / np.where(shared > 0, shared, 1.0), 1.0)
        new = new / np.exp(np.log(np.where(new > 0, new, 1.0)).mean(axis=-1, keepdims=True))
        done = bool(np.max(np.abs(new - power)) < 1e-9)
        power = new
        if done:
            break
    return np.where(finite[..., None], np.log(np.where(power > 0, power, 1.0)), np.nan)
