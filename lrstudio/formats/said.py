"""What a reader of rows found people and recorded judges to have said of a candidate."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, Reason, Support, SupportReason

SCORED_AS_WELL = frozenset(["correctness", "coverage", "factuality", "faithful_percent"])
"""Names of labels whose number became the score of a dimension, too."""


@dataclass(frozen=True, slots=True)
class SaidPart:
    """A claim, or in completeness a key point. `support` None: no verdict, for the `reason` given where there is one.

    `span` is in the candidate, `evidence` in the document.
    """

    text: str
    span: Span | None = None
    support: Support | None = None
    support_reason: SupportReason = SupportReason.UNSTATED
    reason: Reason = Reason.NONE
    note: str = ""
    evidence: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class SaidScore:
    """A score of a dimension, 0-10, and in words what it was given as."""

    dimension: Dimension
    score: float
    note: str


@dataclass(frozen=True, slots=True)
class SaidLabel:
    """A number on its own scale, or (without one) anything else as JSON in `note`."""

    name: str
    value: float | None = None
    lowest: float | None = None
    highest: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What one person or one judge said of a candidate.

    `gaps_only`: the parts are the passages that were found wanting in a candidate that was read whole; what is not
    among them was found supported.
    """

    who: str
    parts: tuple[SaidPart, ...] = ()
    of: Dimension = Dimension.FAITHFULNESS
    scores: tuple[SaidScore, ...] = ()
    labels: tuple[SaidLabel, ...] = ()
    gaps_only: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class ImportedLabels:
    """What was said of a candidate that was yielded just before. `kept` names fields that no report reads."""

    candidate_id: str
    dataset: str
    people: tuple[Said, ...]
    judges: tuple[Said, ...]
    kept: tuple[str, ...]
    where: str
