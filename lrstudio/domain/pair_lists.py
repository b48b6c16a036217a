"""Lists of pairs: what is wanted, in which order, and what a row of it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lrstudio.domain.claim_differences import ClaimDifferences
from lrstudio.domain.pairs import Pair, PairEntry, PairState, RuleName
from lrstudio.domain.summaries import CandidateDetail, DocumentInfo
from lrstudio.domain.text import Question
from lrstudio.domain.verdicts import Dimension


@dataclass(frozen=True, slots=True)
class PairFilter:
    """Which pairs are wanted; what is left empty or None wants all.

    `margin` and `most_margin` bound the margin (0-10) from below and above, both included; a pair without one is then
    out. `dimensions` must all have been compared. `length_ratio` bounds how many times as long as the shorter text the
    longer one is. `longer_chosen` wants the pairs whose chosen text is the longer one (False: is not). `model` wrote
    one of the sides, `reviewer` stated what stands.
    """

    states: tuple[PairState, ...] = (PairState.PROPOSED, PairState.GOLD, PairState.REJECTED)
    rule: RuleName | None = None
    margin: float | None = None
    most_margin: float | None = None
    dimensions: tuple[Dimension, ...] = ()
    length_ratio: float | None = None
    longer_chosen: bool | None = None
    stale: bool | None = None
    model: str = ""
    reviewer: str = ""
    document_id: str = ""
    question_id: str = ""


GOLD = PairFilter(states=(PairState.GOLD,), stale=False)
"""What a set is made of unless something else is asked for."""


class PairSort(StrEnum):
    """What a list is sorted by; pairs that are equal in it stay in the order of the project."""

    PROJECT = "project"
    MARGIN = "margin"
    CHOSEN_REWARD = "chosen_reward"
    REJECTED_REWARD = "rejected_reward"
    LENGTH_RATIO = "length_ratio"
    TIME = "time"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair in a list. Lengths count code points; `length_ratio` is chosen over rejected, None for an empty text.

    `document_id` is None where the question stands alone. A model is "" where it is not known.
    """

    pair: Pair
    query: str
    document_id: str | None
    document_title: str
    chosen_model: str
    rejected_model: str
    chosen_length: int
    rejected_length: int
    length_ratio: float | None


@dataclass(frozen=True, slots=True)
class PairPage:
    """A stretch of a list, and how many pairs the whole list has."""

    rows: tuple[PairRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class PairCounts:
    """How many pairs there are in each state, and how many of those that are proposed or gold are stale."""

    proposed: int = 0
    gold: int = 0
    rejected: int = 0
    stale: int = 0


@dataclass(frozen=True, slots=True)
class BoardCandidate:
    """A candidate beside others: everything that stands on it, and its reward over the dimensions compared.

    `reward` is None where no dimension is scored in all candidates of the question.
    """

    detail: CandidateDetail
    reward: float | None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the Pairs workspace shows of one question.

    `dimensions` are those scored in all candidates; `differences` compares every two candidates, by their ids in the
    order of `candidates`.
    """

    question: Question
    document: DocumentInfo | None
    dimensions: tuple[Dimension, ...]
    candidates: tuple[BoardCandidate, ...]
    pairs: tuple[Pair, ...]
    differences: Mapping[tuple[str, str], ClaimDifferences] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PairHistory:
    """A pair as it stands, and every entry about it in the order of writing."""

    pair: Pair
    entries: tuple[PairEntry, ...]
