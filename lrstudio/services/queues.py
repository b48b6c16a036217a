"""Review queues: made for a purpose, worked through item by item, with the time that each took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom
from statistics import median
from uuid import uuid4

from lrstudio.domain import queues as choose
from lrstudio.domain.changes import Changes
from lrstudio.domain.decisions import Target, standing
from lrstudio.domain.errors import Refused
from lrstudio.domain.queues import Item, Outcome, Purpose, Queue, Visit
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment
from lrstudio.services.who_when import Clock, ReviewerName, utc_now
from lrstudio.store.store import Store

_SIZE = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What a queue should be made of.

    `judge` None takes the latest verdicts; `other` is the second judge of JUDGES_DISAGREE. `seed` None draws one, which
    is kept with the queue.
    """

    purpose: Purpose
    judge: JudgeIdentity | None = None
    other: JudgeIdentity | None = None
    dimensions: tuple[Dimension, ...] = tuple(Dimension)
    size: int = _SIZE
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is for this reviewer; `seconds` is the median time of a finished item, None before the first."""

    queue: Queue
    items: int
    finished: int
    seconds: float | None


class Queues:
    """Queues of a project. Reads are safe from any thread; each change is one transaction."""

    def __init__(self, store: Store, *, reviewer: ReviewerName, clock: Clock = utc_now) -> None:
        self._store = store
        self._reviewer = reviewer
        self._clock = clock

    def make(self, wish: Wish) -> Queue:
        """Choose the items of a new queue and keep it.

        Raises:
            Refused: nothing in the project fits, or the wish lacks something; the message says what to do.
        """
        if wish.size < 1:
            raise Refused(f"a queue needs at least one item, not {wish.size}")
        seed = wish.seed if wish.seed is not None else SystemRandom().randrange(2**31)
        with self._store.reading():
            items, population, frame = self._choose(wish, seed=seed)
        if not items:
            raise Refused(_NOTHING[wish.purpose])
        queue = Queue(
            queue_id=uuid4().hex,
            purpose=wish.purpose,
            made=self._clock(),
            reviewer=self._reviewer(),
            population=population,
            seed=seed if frame else None,
            frame=frame,
        )
        self._store.queues.add(queue, items[: wish.size])
        return queue

    def queues(self) -> tuple[Progress, ...]:
        """Return the queues and how far this reviewer is with each, the newest first."""
        with self._store.reading():
            return tuple(self._progress(queue) for queue in self._store.queues.queues())

    def progress(self, queue_id: str) -> Progress:
        """Return how far this reviewer is with one queue.

        Raises:
            Refused: there is no such queue.
        """
        for queue in self._store.queues.queues():
            if queue.queue_id == queue_id:
                return self._progress(queue)
        raise Refused(f"there is no queue '{queue_id}' in this project")

    def items(self, queue_id: str, *, first: int = 0, most: int | None = None) -> tuple[Item, ...]:
        """Return the items of a queue in order, from the ordinal `first` on."""
        return self._store.queues.items(queue_id, first=first, most=most)

    def finished(self, queue_id: str) -> frozenset[int]:
        """Return the ordinals of the items that this reviewer has decided or passed over."""
        me = self._reviewer()
        visits = self._store.queues.visits(queue_id)
        return frozenset(it.ordinal for it in visits if it.reviewer == me and it.outcome is not Outcome.LEFT)

    def next_open(self, queue_id: str, *, after: int = -1) -> int | None:
        """Return the ordinal of the next item that this reviewer has not finished, None when all is done.

        Behind the last one it starts again from the first: what was passed over is still open.
        """
        reviewer = self._reviewer()
        found = self._store.queues.next_open(queue_id, reviewer=reviewer, after=after)
        return found if found is not None else self._store.queues.next_open(queue_id, reviewer=reviewer)

    def visited(self, queue_id: str, ordinal: int, *, opened: str, seconds: float, outcome: Outcome) -> Changes:
        """Keep how long an item was looked at and how that ended.

        Raises:
            Refused: there is no such queue or item, or the time is negative.
        """
        if not seconds >= 0:
            raise Refused(f"a visit takes no {seconds} seconds")
        self._store.queues.visit(queue_id, Visit(ordinal, self._reviewer(), opened, seconds, outcome))
        return Changes(queues=frozenset({queue_id}))

    def inclusion_probabilities(self, frame: str) -> Mapping[Target, float]:
        """Return, for everything that random audits of a frame drew, the chance to be drawn by at least one of them.

        An estimate that weighs each decided item by the inverse of it is unbiased (Horvitz and Thompson, 1952).
        """
        drawn = self._store.queues.audited().get(frame, {})
        return {target: choose.joint_probability(chances) for target, chances in drawn.items()}

    def frames(self) -> tuple[str, ...]:
        """Name what random audits were drawn from."""
        return tuple(sorted(self._store.queues.audited()))

    def _progress(self, queue: Queue) -> Progress:
        me = self._reviewer()
        mine = [visit for visit in self._store.queues.visits(queue.queue_id) if visit.reviewer == me]
        finished = {visit.ordinal for visit in mine if visit.outcome is not Outcome.LEFT}
        spent: dict[int, float] = defaultdict(float)
        for visit in mine:
            spent[visit.ordinal] += visit.seconds
        times = [spent[ordinal] for ordinal in finished]
        size = self._store.queues.size(queue.queue_id)
        return Progress(queue, size, len(finished), median(times) if times else None)

    def _choose(self, wish: Wish, *, seed: int) -> tuple[list[Item], int, str]:
        """Return what fits, the most urgent first, how many items were looked through, and an audit's frame."""
        if wish.purpose is Purpose.SECOND_OPINION:
            found = choose.second_opinion(self._store.journal.by_candidate(), reviewer=self._reviewer())
            return [it for it in found if it.target.dimension in wish.dimensions], len(found), ""
        if wish.purpose in (Purpose.LARGEST_MARGIN, Purpose.NEAR_TIES):
            scores = self._effective_scores(wish)
            return choose.by_margin(scores, largest=wish.purpose is Purpose.LARGEST_MARGIN), len(scores), ""
        judgments = self._judgments(wish.judge, wish.dimensions)
        if wish.purpose is Purpose.RANDOM_AUDIT:
            return self._draw(wish, judgments, seed=seed)
        if wish.purpose is Purpose.JUDGES_DISAGREE:
            if wish.other is None or wish.judge is None or wish.other == wish.judge:
                raise Refused("choose two different judges to compare")
            other = self._judgments(wish.other, wish.dimensions)
            return choose.judges_disagree(judgments, other), len(judgments), ""
        if wish.purpose is Purpose.LOW_CONFIDENCE:
            return choose.low_confidence(judgments), sum(len(choose.parts_of(it)) for it in judgments), ""
        return choose.judge_failed(judgments), len(judgments), ""

    def _draw(self, wish: Wish, judgments: Sequence[Judgment], *, seed: int) -> tuple[list[Item], int, str]:
        if wish.judge is None:
            raise Refused("choose the judge whose verdicts the audit is to measure")
        targets = [target for judgment in judgments for target, _ in choose.parts_of(judgment)]
        frame = choose.frame_of(wish.judge, wish.dimensions, targets)
        return choose.random_audit(targets, size=wish.size, seed=seed), len(targets), frame

    def _judgments(self, judge: JudgeIdentity | None, dimensions: Sequence[Dimension]) -> list[Judgment]:
        found = self._store.judging.judgments(identity=judge)
        return [judgment for judgment in found if judgment.dimension in dimensions]

    def _effective_scores(self, wish: Wish) -> dict[str, dict[str, dict[Dimension, float]]]:
        journal = self._store.journal.by_candidate()
        said = {(it.candidate_id, it.dimension): it for it in self._judgments(wish.judge, wish.dimensions)}
        scores: dict[str, dict[str, dict[Dimension, float]]] = defaultdict(dict)
        for info in self._store.library.candidate_infos():
            own = scores[info.question_id].setdefault(info.candidate_id, {})
            for dimension in wish.dimensions:
                judgment = said.get((info.candidate_id, dimension))
                now = standing(dimension, judgment, journal.get(info.candidate_id, ()))
                if now.score.score is not None:
                    own[dimension] = now.score.score
        return scores


_NOTHING = {
    Purpose.JUDGES_DISAGREE: "the two judges are nowhere 2 points apart; compare other judges",
    Purpose.LOW_CONFIDENCE: "the judge says of no claim that it is unsure; run it with repeats to see a spread",
    Purpose.SECOND_OPINION: "no other reviewer has decided anything blind that waits for a second opinion",
    Purpose.JUDGE_FAILED: "the judge left nothing unscored",
    Purpose.RANDOM_AUDIT: "the judge has decided no claims or key points yet; run it first",
    Purpose.LARGEST_MARGIN: "no question has two candidates with a score in a common dimension",
    Purpose.NEAR_TIES: "no question has two candidates with a score in a common dimension",
}
