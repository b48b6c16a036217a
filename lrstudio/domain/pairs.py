"""Pairs: which candidate of a question is preferred, by whom, and what that rests on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.undoing import in_force
from lrstudio.domain.verdicts import Dimension, JudgeIdentity

DIGITS = 9
"""Rewards are compared after rounding to so many digits: means of the same scores must be equal."""


class RuleName(StrEnum):
    """How pairs are proposed; `imported` are those that a file brought."""

    LONGREWARD = "longreward"
    MARGIN = "margin"
    AGAINST = "against"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class PairRule:
    """A rule that proposes pairs of a question.

    `longreward`: the highest against the lowest reward of at least `fewest` candidates scored in all required
    dimensions, which are all four unless named (LongReward, arXiv 2410.21252). `margin`: every two candidates.
    `against`: the best candidate against one that is named, by its id (`against`) or by its model (`against_model`).

    In every rule the chosen reward exceeds the rejected one, by at least `margin` (0-10); the chosen score exceeds the
    rejected one by at least what `least` says for a dimension; and the longer text is at most `length_ratio` times as
    long as the shorter one, in code points. `required` names the dimensions that are compared; () stands for all that
    are scored in every candidate of the question.
    """

    name: RuleName = RuleName.LONGREWARD
    margin: float = 0.0
    fewest: int = 5
    required: tuple[Dimension, ...] = ()
    least: tuple[tuple[Dimension, float], ...] = ()
    length_ratio: float | None = None
    against: str = ""
    against_model: str = ""

    @property
    def demanded(self) -> tuple[Dimension, ...]:
        """The dimensions that must be scored, in the order of the method."""
        if self.name is RuleName.LONGREWARD and not self.required:
            return tuple(Dimension)
        return tuple(dimension for dimension in Dimension if dimension in self.required)


class PairAct(StrEnum):
    """What an entry about a pair does. Undo and redo name the entry they turn off or on again."""

    PROPOSED = "proposed"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"
    SWAPPED = "swapped"
    REJECTED = "rejected"
    ADDED = "added"
    UNDO = "undo"
    REDO = "redo"


BY_HAND = (PairAct.APPROVED, PairAct.SWAPPED, PairAct.REJECTED, PairAct.ADDED)
"""The acts that state what a person thinks; undo goes back over these."""


class PairState(StrEnum):
    """Where a pair stands. `gold`: a person approved, swapped or added it. `withdrawn`: nothing in force names it."""

    PROPOSED = "proposed"
    GOLD = "gold"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


_STATES = {
    PairAct.PROPOSED: PairState.PROPOSED,
    PairAct.APPROVED: PairState.GOLD,
    PairAct.SWAPPED: PairState.GOLD,
    PairAct.ADDED: PairState.GOLD,
    PairAct.REJECTED: PairState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Ground:
    """An effective score that a pair rests on: the judgment of `run_id` ("" for none) and the decisions over it."""

    candidate_id: str
    dimension: Dimension
    score: float
    run_id: str = ""
    decisions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PairEntry:
    """One entry about a pair. `entry_id` counts from 1 and is 0 before it is stored; `time` is ISO 8601 in UTC.

    Each entry holds the pair as it leaves it: who is chosen, over which dimensions the rewards were compared, and the
    effective scores of both at the time, in all dimensions that were scored. `judge` is the one whose verdicts were
    taken, None for the latest of any. `order` are the candidates as they were on screen, left to right.
    """

    entry_id: int
    pair_id: str
    question_id: str
    chosen_id: str
    rejected_id: str
    act: PairAct
    reviewer: str
    time: str
    dimensions: tuple[Dimension, ...] = ()
    grounds: tuple[Ground, ...] = ()
    rule: PairRule | None = None
    judge: JudgeIdentity | None = None
    reason: str = ""
    blind: bool = False
    order: tuple[str, ...] = ()
    undoes: int | None = None

    @property
    def number(self) -> int:
        """Its place in the journal."""
        return self.entry_id

    @property
    def is_undo(self) -> bool:
        """Whether it turns an entry off."""
        return self.act is PairAct.UNDO

    @property
    def is_redo(self) -> bool:
        """Whether it turns an entry on again."""
        return self.act is PairAct.REDO


class StaleCause(StrEnum):
    """Why a pair no longer rests on what stands."""

    GONE = "gone"
    UNDONE = "undone"
    DECIDED = "decided"
    JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class Stale:
    """What changed under a pair: the score of a candidate in a dimension went from `before` to `after` (None: none).

    `dimension` is None where the candidate itself is gone.
    """

    cause: StaleCause
    candidate_id: str
    dimension: Dimension | None = None
    before: float | None = None
    after: float | None = None

    @property
    def words(self) -> str:
        """Say the reason to a person."""
        if self.dimension is None:
            return f"{self.candidate_id} is no longer in the project"
        what = f"{self.dimension.value} of {self.candidate_id}"
        if self.cause is StaleCause.UNDONE and self.before == self.after:
            return f"a decision on {what} was undone; its score stays {_said(self.after)}"
        how = {
            StaleCause.UNDONE: "a decision was undone",
            StaleCause.DECIDED: "a person decided",
            StaleCause.JUDGED: "a judge judged anew",
        }[self.cause]
        return f"{how}: {what} went from {_said(self.before)} to {_said(self.after)}"


def _said(score: float | None) -> str:
    return "unscored" if score is None else f"{score:.1f}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair as it stands. `rules` proposed it; `reviewer`, `time`, `reason`, `blind` are of the entry in force.

    `margin` is the chosen reward minus the rejected one over `dimensions`, None where no dimension was compared. It is
    negative where a person chose the candidate with the lower reward.
    """

    pair_id: str
    question_id: str
    chosen_id: str
    rejected_id: str
    state: PairState
    dimensions: tuple[Dimension, ...] = ()
    grounds: tuple[Ground, ...] = ()
    rules: tuple[RuleName, ...] = ()
    judge: JudgeIdentity | None = None
    reviewer: str = ""
    time: str = ""
    reason: str = ""
    blind: bool = False
    stale: Stale | None = None

    @property
    def chosen_reward(self) -> float | None:
        """Mean of the chosen candidate's scores over the dimensions compared."""
        return self.reward_of(self.chosen_id)

    @property
    def rejected_reward(self) -> float | None:
        """Mean of the rejected candidate's scores over the dimensions compared."""
        return self.reward_of(self.rejected_id)

    @property
    def margin(self) -> float | None:
        """How much the chosen reward exceeds the rejected one."""
        return difference(self.chosen_reward, self.rejected_reward)

    def scores_of(self, candidate_id: str) -> dict[Dimension, float]:
        """Return the effective scores of one side, in all dimensions that were scored."""
        return {it.dimension: it.score for it in self.grounds if it.candidate_id == candidate_id}

    def reward_of(self, candidate_id: str) -> float | None:
        """Return the reward of one side over the dimensions compared."""
        return mean_over(self.dimensions, self.scores_of(candidate_id))


def pair_id(question_id: str, one: str, other: str) -> str:
    """Return the id of the pair of two candidates of a question: the same in every project, whoever is chosen."""
    content = "\x1f".join((question_id, *sorted((one, other))))
    return "p" + hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def mean_over(dimensions: Sequence[Dimension], scores: Mapping[Dimension, float]) -> float | None:
    """Return the reward over these dimensions, None where there is none of them or one is not scored."""
    if not dimensions or any(dimension not in scores for dimension in dimensions):
        return None
    return round(sum(scores[dimension] for dimension in dimensions) / len(dimensions), DIGITS)


def difference(one: float | None, other: float | None) -> float | None:
    """Return the first reward minus the second one."""
    return None if one is None or other is None else round(one - other, DIGITS)


def standing_pair(entries: Iterable[PairEntry]) -> Pair:
    """Return the pair that these entries, all of one pair and at least one, leave standing.

    What a person said last stands, whatever a rule proposes afterwards; a rule that is withdrawn leaves the others.
    """
    written = list(entries)
    live = in_force(written)
    proposals: dict[RuleName, PairEntry] = {}
    for entry in live:
        if entry.rule is not None:
            proposals.pop(entry.rule.name, None)
            if entry.act is PairAct.PROPOSED:
                proposals[entry.rule.name] = entry
    said = [entry for entry in live if entry.act in BY_HAND]
    last = ([*proposals.values(), *said[-1:]] or written)[-1]
    return Pair(
        pair_id=last.pair_id,
        question_id=last.question_id,
        chosen_id=last.chosen_id,
        rejected_id=last.rejected_id,
        state=_STATES[last.act] if said or proposals else PairState.WITHDRAWN,
        dimensions=last.dimensions,
        grounds=last.grounds,
        rules=tuple(name for name in RuleName if name in proposals),
        judge=last.judge,
        reviewer=last.reviewer,
        time=last.time,
        reason=last.reason,
        blind=last.blind,
    )


def stale_of(
    pair: Pair, now: Mapping[str, Mapping[Dimension, Ground]], *, decisions_in_force: Mapping[str, frozenset[int]]
) -> Stale | None:
    """Tell whether what a pair rests on has changed; of several changes the first in the order of the method.

    Args:
        pair: the pair.
        now: the effective scores of each candidate that is in the project, by dimension.
        decisions_in_force: the ids of the decisions in force, by candidate; one without decisions may be missing.
    """
    for side in (pair.chosen_id, pair.rejected_id):
        if side not in now:
            return Stale(StaleCause.GONE, side)
    for ground in sorted(pair.grounds, key=lambda it: (list(Dimension).index(it.dimension), it.candidate_id)):
        if ground.dimension not in pair.dimensions:
            continue
        current = now[ground.candidate_id].get(ground.dimension)
        live = decisions_in_force.get(ground.candidate_id, frozenset())
        undone = not live.issuperset(ground.decisions)
        after = current.score if current else None
        if undone or after is None or round(after - ground.score, DIGITS) != 0:
            cause = StaleCause.UNDONE if undone else _cause(ground, current)
            return Stale(cause, ground.candidate_id, ground.dimension, ground.score, after)
    return None


def _cause(before: Ground, after: Ground | None) -> StaleCause:
    decided = after is not None and after.decisions != before.decisions
    return StaleCause.DECIDED if decided else StaleCause.JUDGED
