"""Review queues in words, the course of a person through one, and how long an item was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lrstudio.domain.queues import Item, Purpose, Queue
from lrstudio.viewstate.audit_signs import counted

SIZE = 100
"""Items of a queue where nothing else is said."""


@dataclass(frozen=True, slots=True)
class PurposeWords:
    """A purpose as it is offered: its name, what it collects, and whether a judge, or two, must be chosen."""

    purpose: Purpose
    name: str
    meaning: str
    judge: bool = False
    other: bool = False


PURPOSES: tuple[PurposeWords, ...] = (
    PurposeWords(
        Purpose.JUDGES_DISAGREE,
        "Judges disagree",
        "Scores on which two judges are at least 2 points apart, the farthest apart first.",
        judge=True,
        other=True,
    ),
    PurposeWords(
        Purpose.LOW_CONFIDENCE,
        "Low confidence",
        "Claims and key points of whose verdict the judge is least sure, the least sure first.",
    ),
    PurposeWords(
        Purpose.SECOND_OPINION,
        "Second opinion",
        "What exactly one other reviewer decided blind, the oldest first.",
    ),
    PurposeWords(
        Purpose.JUDGE_FAILED,
        "Judge failed",
        "What the judge left unscored, whole dimensions first.",
    ),
    PurposeWords(
        Purpose.RANDOM_AUDIT,
        "Random audit",
        "Claims and key points drawn at random. The chance of each is kept, so that rates estimated from it are fair.",
        judge=True,
    ),
    PurposeWords(
        Purpose.LARGEST_MARGIN,
        "Largest margin",
        "The best and the worst candidate of each question, the farthest apart first.",
    ),
    PurposeWords(
        Purpose.NEAR_TIES,
        "Near ties",
        "The two candidates of each question whose rewards are closest, the closest first.",
    ),
)

_TELLS_NOTHING = frozenset({Purpose.RANDOM_AUDIT, Purpose.SECOND_OPINION})
"""Purposes whose reasons say nothing of what the judge found."""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue in a list."""

    queue_id: str
    name: str
    done: str
    time: str
    made: str


@dataclass(frozen=True, slots=True)
class QueueBarText:
    """What stands above the list while a queue is worked through."""

    title: str
    count: str
    why: str
    tooltip: str


@dataclass(frozen=True, slots=True)
class Course:
    """Where a person is in a queue: its items in order, those finished, and the ordinal on screen (-1 before all)."""

    queue: Queue
    items: tuple[Item, ...]
    finished: frozenset[int] = frozenset()
    at: int = -1

    @property
    def item(self) -> Item | None:
        """The item on screen."""
        return self.items[self.at] if 0 <= self.at < len(self.items) else None

    @property
    def left(self) -> int:
        """How many items are not finished."""
        return len(self.items) - len(self.finished)

    def next_open(self) -> int | None:
        """Return the next item that is not finished, round at the end; None when there is no other."""
        count = len(self.items)
        order = ((self.at + step) % count for step in range(1, count + 1)) if count else iter(())
        return next((it for it in order if it not in self.finished and it != self.at), None)

    def previous(self) -> int | None:
        """Return the item before this one, finished or not; None at the first."""
        return self.at - 1 if self.at > 0 else None

    def go(self, at: int) -> Course:
        """Return the course with another item on screen."""
        return replace(self, at=at)

    def finish(self, at: int) -> Course:
        """Return the course with an item finished."""
        return replace(self, finished=self.finished | {at})

    def reopen(self, at: int) -> Course:
        """Return the course with an item open again, and on screen."""
        return replace(self, finished=self.finished - {at}, at=at)


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Seconds that something was on screen while the window was active; `since` is None while it stands still."""

    seconds: float = 0.0
    since: float | None = None

    def run(self, now: float) -> Stopwatch:
        """Go on, from `now` on."""
        return self if self.since is not None else replace(self, since=now)

    def halt(self, now: float) -> Stopwatch:
        """Stand still."""
        return Stopwatch(self.read(now))

    def read(self, now: float) -> float:
        """Return the seconds until `now`."""
        return self.seconds + (now - self.since if self.since is not None else 0.0)


def words_of(purpose: Purpose) -> PurposeWords:
    """Return how a purpose is offered."""
    return next(it for it in PURPOSES if it.purpose is purpose)


def queue_line(queue: Queue, *, items: int, finished: int, seconds: float | None) -> QueueLine:
    """Return a queue as a line of the list; `seconds` is the median time of a finished item."""
    return QueueLine(
        queue.queue_id,
        words_of(queue.purpose).name,
        f"{finished:,} of {items:,}",
        "" if seconds is None else seconds_words(seconds),
        queue.made[:16].replace("T", " "),
    )


def seconds_words(seconds: float) -> str:
    """Return a time that an item took: "38 s", "2 min 05 s"."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"


def bar_text(course: Course, *, blind: bool) -> QueueBarText:
    """Return the words above the list; to a blind person nothing is said of what the judge found."""
    words = words_of(course.queue.purpose)
    done = f"{len(course.finished):,} of {len(course.items):,}"
    item = course.item
    hidden = blind and course.queue.purpose not in _TELLS_NOTHING
    why = "" if item is None else "Why it is here is hidden while you decide blind." if hidden else item.why
    if course.left == 0:
        why = "All done. Choose another queue, or leave this one."
    tooltip = f"{words.meaning} {counted(course.left, 'item')} left."
    return QueueBarText(words.name, done, why, tooltip)


def missing(wish: PurposeWords, *, judge: object, other: object, dimensions: Sequence[object]) -> str:
    """Return what a wish for a queue still lacks, as a sentence; "" for nothing."""
    if not dimensions:
        return "Choose at least one dimension."
    if wish.judge and judge is None:
        return "Choose the judge whose verdicts it is about."
    if wish.other and (other is None or other == judge):
        return "Choose two different judges."
    return ""
