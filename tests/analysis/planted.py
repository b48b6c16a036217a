"""A planted judge whose true agreement is known in closed form, on items that belong together within documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import stats

# Per document: the share of supported claims, and the judge's rates, each drawn from a beta distribution.
SUPPORTED, TPR, TNR = (1.8, 0.9), (3.2, 0.8), (2.4, 1.1)
# Scores: the reviewer's vary between and within documents, the judge's differ from them likewise.
BETWEEN, WITHIN = 1.5, 1.0
OFF, OFF_BETWEEN, OFF_WITHIN = 0.6, 1.0, 0.8


def mean(beta: tuple[float, float]) -> float:
    return beta[0] / sum(beta)


@dataclass(frozen=True, slots=True)
class Planted:
    """Columns of shape (n,)."""

    documents: np.ndarray
    supported: np.ndarray
    judged: np.ndarray
    score: np.ndarray
    judge_score: np.ndarray

    @classmethod
    def draw(cls, seed: int, *, documents: int) -> Self:
        rng = np.random.default_rng(seed)
        of = np.repeat(np.arange(documents), rng.integers(8, 17, documents))
        rates = [rng.beta(*beta, documents)[of] for beta in (SUPPORTED, TPR, TNR)]
        supported = rng.random(len(of)) < rates[0]
        judged = np.where(supported, rng.random(len(of)) < rates[1], rng.random(len(of)) >= rates[2])
        score = 5.0 + rng.normal(0, BETWEEN, documents)[of] + rng.normal(0, WITHIN, len(of))
        off = OFF + rng.normal(0, OFF_BETWEEN, documents)[of] + rng.normal(0, OFF_WITHIN, len(of))
        return cls(of, supported, judged, score, score + off)


def true_table() -> np.ndarray:
    """The judge's confusion matrix in the limit: rows and columns not supported, supported."""
    yes, tpr, tnr = mean(SUPPORTED), mean(TPR), mean(TNR)
    return np.array([[(1 - yes) * tnr, (1 - yes) * (1 - tnr)], [yes * (1 - tpr), yes * tpr]])


def true_scores() -> dict[str, float]:
    """What the comparison of the scores tends to."""
    variance, spread = BETWEEN**2 + WITHIN**2, OFF_BETWEEN**2 + OFF_WITHIN**2
    deviation = spread**0.5
    pearson = (variance / (variance + spread)) ** 0.5
    pooled = variance + spread / 2 + OFF**2 / 4
    folded = 2 * deviation * stats.norm.pdf(OFF / deviation) + OFF * (1 - 2 * stats.norm.cdf(-OFF / deviation))
    return {
        "pearson": pearson,
        "spearman": 6 / np.pi * np.arcsin(pearson / 2),
        "alpha_interval": 1 - (spread + OFF**2) / (2 * pooled),
        "bias": OFF,
        "mean_absolute_error": folded,
        "lower_limit": OFF - 1.96 * deviation,
        "upper_limit": OFF + 1.96 * deviation,
    }
