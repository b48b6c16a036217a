"""The small logistic model behind the lexical judge: coefficients from a file, probability of full support."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lrstudio.domain.errors import Refused
from lrstudio.text.resources import resource


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the verdicts begin; what each was chosen by stands in `resources/lexical/card.md`.

    `full` and `none`: probability of full support from which support is full, below which it is none. `strength`: below
    it nothing in the document stands out, so that the claim is near chance. `absent`: share of the claim's words that
    the whole document lacks from which it counts as absent if it has a new name or number, or if the share is also
    `foreign` times what the document's own novelty lets expect. `conflict`: the highest probability that a contradicted
    claim is given.
    """

    full: float
    none: float
    strength: float
    absent: float
    foreign: float
    conflict: float


@dataclass(frozen=True, slots=True)
class LexicalModel:
    """Standardise the features, weigh them, add the bias: the log-odds that a claim is fully supported."""

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    thresholds: Thresholds

    @classmethod
    def shipped(cls) -> Self:
        """Load the coefficients that ship with the studio."""
        return cls.load(resource("lexical", "model.json"))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load coefficients as `packaging/fit_lexical.py` writes them.

        Raises:
            Refused: the file is not of that shape.
        """
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            rows = [
                (str(row["name"]), *(float(row[key]) for key in ("mean", "scale", "weight")))
                for row in given["features"]
            ]
            names, means, scales, weights = zip(*rows, strict=True)
            limits = {name: float(given["thresholds"][name]) for name in Thresholds.__slots__}
            return cls(names, means, scales, weights, float(given["bias"]), Thresholds(**limits))
        except (OSError, ValueError, KeyError, TypeError) as error:
            sentence = f"these are not the coefficients of the lexical judge ({type(error).__name__}: {error})"
            raise Refused(sentence, where=path.name) from error

    @property
    def digest(self) -> str:
        """The first 12 digits of the SHA-256 of everything that decides a verdict."""
        parts = (self.features, self.means, self.scales, self.weights, self.bias, self.limits)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def limits(self) -> dict[str, float]:
        """The thresholds by name."""
        return {name: getattr(self.thresholds, name) for name in Thresholds.__slots__}

    def probability(self, values: Mapping[str, float]) -> float:
        """Return the probability in (0, 1) that the document fully supports a claim with these features.

        Raises:
            KeyError: a feature is missing.
        """
        rows = zip(self.features, self.means, self.scales, self.weights, strict=True)
        odds = self.bias + sum(weight * (values[name] - mean) / scale for name, mean, scale, weight in rows)
        return 1.0 / (1.0 + math.exp(-odds)) if odds > -700 else 0.0
