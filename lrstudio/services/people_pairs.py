"""Which candidate of a question people prefer, rebuilt from what each of them said of each candidate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from lrstudio.domain.labels import Label

RANK = "_rank"
"""The end of the name of a label that ranks candidates, 1 being the best; the rest names what they are ranked by."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What reviewers gave the candidates of one question, by candidate and reviewer; of `ranks` the lowest is best."""

    question_id: str
    values: Mapping[str, Mapping[str, float]]
    ranks: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class PeoplePair:
    """Two candidates of which the chosen one has the higher mean over its reviewers.

    `margin` is the difference of the means, above 0, in the unit of the marks. `preferring` counts the reviewers, of
    the `reviewers` who gave marks to both, who put the chosen one first: by rank where they ranked, else by their mark.
    """

    question_id: str
    chosen: str
    rejected: str
    margin: float
    preferring: int
    reviewers: int


def marks_of(labels: Iterable[Label], name: str, question_of: Mapping[str, str]) -> tuple[Marks, ...]:
    """Return, question by question, what the labels of one name say, with the ranks that go with it."""
    values: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    ranks: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for label in labels:
        into = {name: values, name + RANK: ranks}.get(label.name)
        if into is not None and label.value is not None:
            into[question_of[label.candidate_id]][label.candidate_id][label.reviewer] = label.value
    return tuple(
        Marks(question_id, {**by_candidate}, {**ranks.get(question_id, {})})
        for question_id, by_candidate in values.items()
    )


def pairs_of(marks: Marks) -> tuple[PeoplePair, ...]:
    """Return every pair of candidates with different means, in the order of the candidates."""
    found = []
    for one, other in combinations(marks.values, 2):
        difference = _mean(marks.values[one]) - _mean(marks.values[other])
        if difference == 0.0:
            continue
        chosen, rejected = (one, other) if difference > 0 else (other, one)
        both = marks.values[chosen].keys() & marks.values[rejected].keys()
        preferring = sum(prefers(marks, who, chosen, rejected) > 0 for who in both)
        found.append(PeoplePair(marks.question_id, chosen, rejected, abs(difference), preferring, len(both)))
    return tuple(found)


def prefers(marks: Marks, reviewer: str, one: str, other: str) -> int:
    """Return 1 where a reviewer puts `one` before `other`, -1 the other way round, 0 at a tie."""
    first, second = (marks.ranks.get(it, {}).get(reviewer) for it in (one, other))
    if first is None or second is None:
        second, first = marks.values[one][reviewer], marks.values[other][reviewer]
    return (first < second) - (first > second)


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)
