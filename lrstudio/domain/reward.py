"""From scores to a reward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lrstudio.domain.verdicts import Dimension


@dataclass(frozen=True, slots=True)
class Reward:
    """Mean of the scored dimensions, 0-10, with the dimensions it rests on."""

    value: float
    dimensions: tuple[Dimension, ...]


def reward(scores: Mapping[Dimension, float | None]) -> Reward | None:
    """Average the scored dimensions with equal weight (LongReward, arXiv 2410.21252, equation 1); None when none is."""
    scored = tuple(dimension for dimension in Dimension if scores.get(dimension) is not None)
    if not scored:
        return None
    total = sum(value for dimension in scored if (value := scores[dimension]) is not None)
    return Reward(value=total / len(scored), dimensions=scored)
