"""What every statistic here returns: a number with its interval, or a sentence that says why there is none."""

from __future__ import annotations

from dataclasses import dataclass

MIN_ITEMS = 20
"""Below this many items no statistic is printed: the interval would span most of its scale."""

MIN_OF_LABEL = 5
"""Below this many items of a label no rate on that label is printed."""

MIN_DOCUMENTS = 8
"""Below this many documents no interval is given; tests/analysis/test_coverage.py checks the intervals from here up."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval at confidence `level`, from `n` items in `documents` documents.

    `low <= value <= high` holds for every statistic here; value and ends have the unit of the statistic.
    """

    value: float
    low: float
    high: float
    n: int
    documents: int
    level: float = 0.95

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True)
class NotEnough:
    """There is no number to print; `sentence` tells a person why and, where something helps, what.

    `n` and `documents` are what there was.
    """

    sentence: str
    n: int = 0
    documents: int = 0


Result = Estimate | NotEnough


def too_few(*, n: int, documents: int) -> NotEnough | None:
    """Return what is missing for any statistic with an interval over documents, or None when there is enough."""
    if n < MIN_ITEMS:
        return NotEnough(f"Only {n} of the {MIN_ITEMS} items that are needed.", n, documents)
    if documents < MIN_DOCUMENTS:
        sentence = f"Items of only {documents} of the {MIN_DOCUMENTS} documents that are needed for an interval."
        return NotEnough(sentence, n, documents)
    return None
