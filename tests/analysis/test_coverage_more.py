"""The intervals of the statistics that test_coverage does not draw: 20,000 documents stand for the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lrstudio.analysis import agreement, calibration, length_bias, pairwise, ranking, rubric
from lrstudio.analysis.estimates import Estimate, Result

REPEATS, DRAWS = 1000, 200
LEAST, MOST = 0.91, 0.98
PER_DOCUMENT = 8

Draw = Callable[..., dict[str, Result]]


def documents_of(documents: int) -> np.ndarray:
    return np.repeat(np.arange(documents), PER_DOCUMENT)


def three_labels(rng: np.random.Generator, *, documents: int, draws: int) -> dict[str, Result]:
    """A document's share of each label, and how often the judge sees it, vary between documents."""
    of = documents_of(documents)
    shares = np.cumsum(rng.dirichlet([0.8, 0.8, 2.4], documents), axis=1)[of]
    reviewer = (rng.random(len(of))[:, None] > shares[:, :2]).sum(axis=1)
    seen = rng.random(len(of)) < rng.beta(3, 1.2, documents)[of]
    judge = np.where(seen, reviewer, rng.integers(0, 3, len(of)))
    found = agreement.compare_labels(reviewer, judge, labels=(0, 1, 2), documents=of, seed=rng, draws=draws)
    names = ("kappa", "kappa_linear", "kappa_quadratic", "alpha_ordinal", "ac1", "ac2", "balanced_accuracy", "matthews")
    return {name: getattr(found, name) for name in names}


def probabilities(rng: np.random.Generator, *, documents: int, draws: int) -> dict[str, Result]:
    """Half of the claims of a document are as likely as each other, and the judge is not bold enough."""
    of = documents_of(documents)
    likely = np.where(np.arange(len(of)) % 2 == 0, rng.beta(2, 1, documents)[of], rng.random(len(of)))
    found = calibration.compare_probabilities(
        0.25 + 0.5 * likely, rng.random(len(of)) < likely, documents=of, seed=rng, draws=draws
    )
    return {"bias": found.bias, "brier": found.brier, "skill": found.skill}


def pairs(rng: np.random.Generator, *, documents: int, draws: int) -> dict[str, Result]:
    """The judge follows people more on some documents than on others, and ties now and then."""
    of = documents_of(documents)
    people = rng.normal(0, 1, len(of))
    judge = people * rng.normal(0.5, 0.6, documents)[of] + rng.normal(0, 0.8, len(of))
    found = pairwise.compare_pairs(people, judge, tie=0.3, documents=of, seed=rng, draws=draws)
    swapped = pairwise.swap_consistency(
        judge, judge + rng.normal(-0.2, 0.8, len(of)), documents=of, seed=rng, draws=draws
    )
    names = ("accuracy", "coverage", "tie_rate", "strict_accuracy")
    return {name: getattr(found, name) for name in names} | {"consistent": swapped.consistent}


def players(rng: np.random.Generator, *, documents: int, draws: int) -> dict[str, Result]:
    """Four models, each with good and bad documents."""
    of = documents_of(documents)
    strength = np.array([0.8, 0.2, -0.2, -0.8]) + rng.normal(0, 0.7, (documents, 4))
    first = rng.integers(0, 4, len(of))
    second = (first + rng.integers(1, 4, len(of))) % 4
    odds = strength[of, first] - strength[of, second]
    won = rng.random(len(of)) < 1 / (1 + np.exp(-odds))
    names = np.array(["a", "b", "c", "d"])
    found = pairwise.bradley_terry(
        names[np.where(won, first, second)], names[np.where(won, second, first)], documents=of, seed=rng, draws=draws
    )
    return {player.name: player.strength for player in found}


def lengths(rng: np.random.Generator, *, documents: int, draws: int) -> dict[str, Result]:
    """Two questions of four candidates in a document, in which length counts for more or less; a longer new model."""
    of = documents_of(documents)
    question = np.arange(len(of)) // 4
    size = rng.integers(20, 220, len(of)).astype(float)
    slope, level = rng.normal(0.01, 0.01, documents)[of], rng.normal(5, 1, documents)[of]
    value = level + slope * size + rng.normal(0, 1, len(of))
    longer = size + 40
    new = level + slope * longer + 0.4 + rng.normal(0, 1, len(of))
    within = length_bias.within_question(size, value, questions=question, documents=of, seed=rng, draws=draws)
    gain = length_bias.reward_gain((size, value), (longer, new), documents=(of, of), seed=rng, draws=draws)
    chosen = length_bias.longer_is_chosen(
        np.where(value > new, size, longer), np.where(value > new, longer, size), documents=of, seed=rng, draws=draws
    )
    return {
        "within": within.correlation,
        "total": gain.total,
        "beyond_length": gain.beyond_length,
        "part": gain.part,
        "longer": chosen.share,
    }


def models(rng: np.random.Generator, *, documents: int, draws: int) -> dict[str, Result]:
    """Two models on questions that share documents, and their scores in three dimensions against a reviewer's."""
    of = documents_of(documents)
    both = np.concatenate([of, of])
    hard = rng.normal(5, 1.5, documents)[both]
    gain = np.where(np.arange(len(both)) < len(of), rng.normal(0.4, 0.6, documents)[both], 0.0)
    board = ranking.leaderboard(
        np.repeat(["new", "old"], len(of)), hard + gain + rng.normal(0, 0.5, len(both)),
        questions=np.tile(np.arange(len(of)), 2), documents=both, seed=rng, draws=draws, flips=1,
    )  # fmt: skip
    sign = 1 if board.comparisons[0].first == "new" else -1
    apart = board.comparisons[0].difference
    apart = Estimate(sign * apart.value, *sorted((sign * apart.low, sign * apart.high)), apart.n, apart.documents)
    reviewer = rng.integers(1, 6, (len(of), 3))
    off = np.rint(rng.normal(0, 0.8, (len(of), 3)) + rng.normal(0, 0.6, documents)[of][:, None])
    scores = rubric.compare_rubric(
        reviewer, np.clip(reviewer + off, 1, 5), levels=np.arange(1, 6), documents=of, seed=rng, draws=draws
    )
    found = {standing.model: standing.mean for standing in board.standings}
    return found | {"difference": apart, "acceptable": scores.acceptable, "variation": scores.variation}


@pytest.mark.parametrize("draw", [three_labels, probabilities, pairs, players, lengths, models])
def test_intervals_hold_what_they_tend_to(draw: Draw) -> None:
    truth = {name: r.value for name, r in draw(np.random.default_rng(10**6), documents=20_000, draws=3).items()}
    hits = dict.fromkeys(truth, 0)
    given = dict.fromkeys(truth, 0)
    for seed in range(REPEATS):
        for name, result in draw(np.random.default_rng(seed), documents=30, draws=DRAWS).items():
            if isinstance(result, Estimate):
                given[name] += 1
                hits[name] += result.low <= truth[name] <= result.high

    shares = {name: round(hits[name] / given[name], 3) for name in truth}
    assert min(given.values()) > 0.95 * REPEATS
    assert {name: share for name, share in shares.items() if not LEAST <= share <= MOST} == {}
