"""Review queues: which items a person should look at next, and why. Pure choice; nothing is read or drawn here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from random import Random

from lrstudio.domain.decisions import Decision, Target, in_force
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, Judgment, KeyPoint, State


class Purpose(StrEnum):
    """What a queue is for."""

    JUDGES_DISAGREE = "judges_disagree"
    LOW_CONFIDENCE = "low_confidence"
    SECOND_OPINION = "second_opinion"
    JUDGE_FAILED = "judge_failed"
    RANDOM_AUDIT = "random_audit"
    LARGEST_MARGIN = "largest_margin"
    NEAR_TIES = "near_ties"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to review: a target, and the other candidate of the question where two are to be compared.

    `weight` is what the queue is sorted by, and `why` says it in words. `inclusion_probability` is set by a random
    audit only: the chance that this item had to be in it, before anybody looked.
    """

    target: Target
    weight: float
    why: str
    other_id: str = ""
    inclusion_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it was made. `population` is how many items it was chosen from; `seed` repeats a random choice.

    `frame` names what a random audit was drawn from (judge, model, prompt pack, dimensions, and a hash of the items),
    so that two audits of one frame can be put together; "" for every other queue.
    """

    queue_id: str
    purpose: Purpose
    made: str
    reviewer: str
    population: int
    seed: int | None = None
    frame: str = ""


class Outcome(StrEnum):
    """How a visit to an item ended. LEFT: something else was opened first; the item stays open."""

    DECIDED = "decided"
    SKIPPED = "skipped"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at an item by a reviewer; `seconds` is the time it was on screen and the window active."""

    ordinal: int
    reviewer: str
    opened: str
    seconds: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class KeptQueue:
    """A queue with everything that belongs to it, as it travels with a project."""

    queue: Queue
    items: tuple[Item, ...]
    visits: tuple[Visit, ...] = ()

    @property
    def queue_id(self) -> str:
        """The queue's id."""
        return self.queue.queue_id


def confidence(part: Claim | KeyPoint) -> float | None:
    """Return how sure the judge is of its verdict on a part, 0-1, None where it does not say.

    With repeated samples it is the share of the most frequent verdict, unreadable samples counting against it; else
    the distance of the support probability from one half, twofold.
    """
    if isinstance(part, KeyPoint):
        return None
    if len(part.votes) > 1:
        readable = [vote for vote in part.votes if vote is not None]
        return max((readable.count(vote) for vote in readable), default=0) / len(part.votes)
    return None if part.support_probability is None else abs(2.0 * part.support_probability - 1.0)


def parts_of(judgment: Judgment) -> tuple[tuple[Target, Claim | KeyPoint], ...]:
    """Return the claims and key points of a judgment that can be checked, with their targets."""
    named: list[tuple[str, Claim | KeyPoint]] = [(it.claim_id, it) for it in judgment.claims]
    named += [(it.key_point_id, it) for it in judgment.key_points]
    return tuple(
        (Target(judgment.candidate_id, judgment.dimension, part_id), part)
        for part_id, part in named
        if part.state is not State.NOT_CHECKABLE
    )


def low_confidence(judgments: Iterable[Judgment], *, at_most: float = 0.6) -> list[Item]:
    """Choose the parts of whose verdict the judge is least sure, the least sure first."""
    found = [
        Item(target, sure, f"the judge is {100 * sure:.0f} % sure")
        for judgment in judgments
        for target, part in parts_of(judgment)
        if (sure := confidence(part)) is not None and sure <= at_most
    ]
    return sorted(found, key=lambda it: it.weight)


def judges_disagree(one: Iterable[Judgment], other: Iterable[Judgment], *, at_least: float = 2.0) -> list[Item]:
    """Choose the scores on which two judges are at least so many points of 10 apart, the farthest apart first."""
    theirs = {(it.candidate_id, it.dimension): it.score for it in other}
    found = []
    for judgment in one:
        score = theirs.get((judgment.candidate_id, judgment.dimension))
        if judgment.score is None or score is None or abs(judgment.score - score) < at_least:
            continue
        why = f"{judgment.dimension.value}: {judgment.score:.1f} and {score:.1f}"
        found.append(Item(Target(judgment.candidate_id, judgment.dimension), abs(judgment.score - score), why))
    return sorted(found, key=lambda it: -it.weight)


def judge_failed(judgments: Iterable[Judgment]) -> list[Item]:
    """Choose what the judge left unscored, whole dimensions before single parts, each with its reason."""
    found = []
    for judgment in judgments:
        if judgment.state is State.UNSCORED:
            target = Target(judgment.candidate_id, judgment.dimension)
            found.append(Item(target, 1.0, judgment.reason.value.replace("_", " ")))
        for target, part in parts_of(judgment):
            if part.state is State.UNSCORED:
                found.append(Item(target, 0.0, part.reason.value.replace("_", " ")))
    return sorted(found, key=lambda it: -it.weight)


def second_opinion(journal: Mapping[str, Sequence[Decision]], *, reviewer: str) -> list[Item]:
    """Choose what exactly one other reviewer decided without seeing the judge, the oldest decision first."""
    found: list[tuple[str, Item]] = []
    for decisions in journal.values():
        by_target: dict[Target, list[Decision]] = {}
        for decision in in_force(decisions):
            by_target.setdefault(decision.target, []).append(decision)
        for target, made in by_target.items():
            who = {decision.reviewer for decision in made}
            if len(who) == 1 and reviewer not in who and made[-1].blind:
                found.append((made[-1].time, Item(target, 0.0, "decided blind by one reviewer")))
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def random_audit(targets: Sequence[Target], *, size: int, seed: int) -> list[Item]:
    """Draw a simple random sample without replacement; each item was in it with probability size / population.

    The draw depends on the set of targets and the seed alone, not on the order in which the targets come.
    """
    population = sorted(targets, key=lambda it: (it.candidate_id, it.dimension.value, it.part_id))
    if not population:
        return []
    size = min(size, len(population))
    chance = size / len(population)
    why = f"drawn at random, {size} of {len(population)}"
    drawn = Random(seed).sample(population, size)
    return [Item(target, 0.0, why, inclusion_probability=chance) for target in drawn]


def by_margin(
    rewards: Mapping[str, Mapping[str, Mapping[Dimension, float]]], *, largest: bool, most: float | None = None
) -> list[Item]:
    """Choose for each question its best and worst candidate: largest margins first, or near ties first.

    Args:
        rewards: scores by question, candidate and dimension. Only dimensions scored in all candidates are compared.
        largest: the order.
        most: leave out margins above it.
    """
    found = []
    for candidates in rewards.values():
        shared = set.intersection(*(set(scores) for scores in candidates.values())) if len(candidates) > 1 else set()
        if not shared:
            continue
        mean = {name: sum(scores[it] for it in shared) / len(shared) for name, scores in candidates.items()}
        ranked = sorted(mean, key=lambda name: (-mean[name], name))
        best, worst = (ranked[0], ranked[-1]) if largest else _closest(ranked, mean)
        margin = mean[best] - mean[worst]
        if most is not None and margin > most:
            continue
        target = Target(best, min(shared, key=list(Dimension).index))
        found.append(Item(target, margin, f"rewards {mean[best]:.2f} and {mean[worst]:.2f}", other_id=worst))
    return sorted(found, key=lambda it: -it.weight if largest else it.weight)


def _closest(ranked: Sequence[str], mean: Mapping[str, float]) -> tuple[str, str]:
    """Return the two neighbours whose rewards are closest."""
    return min(pairwise(ranked), key=lambda two: mean[two[0]] - mean[two[1]])


def frame_of(judge: JudgeIdentity, dimensions: Sequence[Dimension], targets: Iterable[Target]) -> str:
    """Name what an audit is drawn from: equal names mean the same judge and the very same items."""
    items = sorted("\x1f".join((it.candidate_id, it.dimension.value, it.part_id)) for it in targets)
    digest = hashlib.sha256("\x1e".join(items).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    words = (judge.judge, judge.model, judge.prompt_pack, *(it.value for it in Dimension if it in dimensions), digest)
    return " ".join(filter(None, words))


def joint_probability(chances: Iterable[float]) -> float:
    """Return the chance of being in at least one of several independent audits of one frame."""
    missed = 1.0
    for chance in chances:
        missed *= 1.0 - chance
    return 1.0 - missed
