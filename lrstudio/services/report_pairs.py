"""Does a judge prefer the candidates that people prefer? Accuracy on decided pairs, coverage and ties, side by side."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from lrstudio.domain.labels import Label
from lrstudio.domain.pairs import Pair
from lrstudio.domain.reports import Figure, JudgeName, Section, Share
from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.said import SCORED_AS_WELL
from lrstudio.services.people_pairs import RANK, Marks, marks_of, prefers
from lrstudio.services.report_agreement import How
from lrstudio.services.report_items import About, Item, Level, Stated
from lrstudio.services.report_records import figure

REWARD = "reward"
TITLES = {
    "accuracy": "prefers whom people prefer, of pairs decided",
    "coverage": "decides, of all pairs",
    "tie_rate": "ties, of pairs with both values",
    "strict_accuracy": "prefers whom people prefer, undecided as wrong",
}
_DIGITS = 9
"""Values are compared after rounding to so many digits: means of the same scores must be equal."""

Values = Mapping[str, float]


@dataclass(slots=True)
class _Outcomes:
    """One entry per pair that people decided: 1 right, -1 wrong, 0 a tie, None not covered; and its cluster."""

    signs: list[int | None] = field(default_factory=list)
    clusters: list[str] = field(default_factory=list)

    def add(self, sign: int | None, cluster: str) -> None:
        self.signs.append(sign)
        self.clusters.append(cluster)


def pair_sections(
    judged: Mapping[str, Values],
    marked: Mapping[str, Sequence[Marks]],
    about: Mapping[str, About],
    judge: JudgeName,
    how: How,
) -> tuple[Section, ...]:
    """Return a section for each kind of marks and each value of the judge: the reward, and each dimension it scores.

    Args:
        judged: the judge's values of candidates, by "reward" and by dimension.
        marked: people's marks, by what they are ("overall", "faithfulness score", ...).
        about: the candidates.
        judge: who judged.
        how: how intervals are made.
    """
    made = []
    for name, marks in marked.items():
        own = name.removesuffix(SCORES_OF) if name.endswith(SCORES_OF) else ""
        for measure, values in judged.items():
            if not values or own not in ("", measure):
                continue
            made.append(_measured(Section(judge, measure, f"pairs by {name}"), marks, values, about, how))
    return tuple(made)


SCORES_OF = " score"
"""The end of the name of marks that are people's scores of a dimension; only that dimension is compared with them."""


def gold_sections(
    judged: Mapping[str, Values], gold: Sequence[Pair], about: Mapping[str, About], judge: JudgeName, how: How
) -> tuple[Section, ...]:
    """Return how the judge's reward fares on the pairs that a person approved, blind ones and others apart."""
    made = []
    values = judged.get(REWARD, {})
    for seen, blind in (("blind", True), ("revealed", False)):
        outcomes = _Outcomes()
        for pair in gold:
            if pair.blind is blind and pair.chosen_id in about:
                sign = _sign(values.get(pair.chosen_id), values.get(pair.rejected_id))
                outcomes.add(sign, how.of_about(about[pair.chosen_id]))
        if outcomes.signs and values:
            section = Section(judge, REWARD, "gold pairs", seen)
            shares = tuple(_shares(outcomes, "", "the judge"))
            made.append(replace(section, figures=_figures(outcomes, how), shares=shares))
    return tuple(made)


def rewards(items: Iterable[Item]) -> dict[str, dict[str, float]]:
    """Return a judge's values of candidates: by dimension its scores, by "reward" their mean.

    The reward takes, question by question, the dimensions that are scored in all candidates the judge has seen there.
    """
    scores: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    by_dimension: dict[str, dict[str, float]] = {}
    for item in items:
        if item.level is Level.SCORE:
            into = scores[item.about.question_id][item.about.candidate_id]
            if item.judge is not None:
                into[item.dimension.value] = item.judge
                by_dimension.setdefault(item.dimension.value, {})[item.about.candidate_id] = item.judge
    total: dict[str, float] = {}
    for candidates in scores.values():
        shared = set.intersection(*(set(each) for each in candidates.values()))
        if shared:
            total |= {name: sum(each[it] for it in shared) / len(shared) for name, each in candidates.items()}
    return {REWARD: total, **{it.value: by_dimension[it.value] for it in Dimension if it.value in by_dimension}}


def people_marks(
    labels: Sequence[Label], scored: Mapping[tuple[str, Dimension], Sequence[Stated]], question_of: Mapping[str, str]
) -> dict[str, tuple[Marks, ...]]:
    """Return all that people's preferences can be rebuilt from: labels that are numbers, and scores of dimensions."""
    numbers = [it.name for it in labels if it.value is not None and not it.name.endswith(RANK)]
    names = dict.fromkeys(name for name in numbers if name not in SCORED_AS_WELL)
    found = {name: marks_of(labels, name, question_of) for name in names}
    for dimension in Dimension:
        values: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for (candidate_id, of), people in scored.items():
            for it in people:
                if of is dimension:
                    values[question_of[candidate_id]][candidate_id][it.reviewer] = it.value
        if values:
            found[dimension.value + SCORES_OF] = tuple(Marks(name, each, {}) for name, each in values.items())
    return found


def _measured(
    section: Section, marks: Iterable[Marks], values: Values, about: Mapping[str, About], how: How
) -> Section:
    main, people, same = _Outcomes(), _Outcomes(), _Outcomes()
    for each in marks:
        how.check()
        for one, other in combinations(each.values, 2):
            cluster = how.of_about(about[one])
            judged = _sign(values.get(one), values.get(other))
            _decide(main, _difference(each, one, other), judged, cluster)
            for who in sorted(each.values[one].keys() & each.values[other].keys()):
                reference = _difference(each, one, other, without=who)
                _decide(people, reference, prefers(each, who, one, other), cluster)
                _decide(same, reference, judged, cluster)
    some = bool(people.signs)
    return replace(
        section,
        figures=_figures(main, how),
        shares=(*_shares(main, "", "the judge"), *_shares(people, "people_", "a reviewer against the others")),
        ceiling=_figures(people, how) if some else (),
        against_same=_figures(same, how) if some else (),
    )


def _decide(into: _Outcomes, people: int | None, judged: int | None, cluster: str) -> None:
    if people:
        into.add(None if judged is None else people * judged, cluster)


def _difference(marks: Marks, one: str, other: str, *, without: str = "") -> int | None:
    """Return which of two candidates the reviewers' means put first, 0 at a tie, None where nobody is left."""
    first, second = ([v for who, v in marks.values[it].items() if who != without] for it in (one, other))
    if not first or not second:
        return None
    return _sign(sum(first) / len(first), sum(second) / len(second))


def _sign(first: float | None, second: float | None) -> int | None:
    if first is None or second is None:
        return None
    difference = round(first - second, _DIGITS)
    return (difference > 0) - (difference < 0)


def _figures(outcomes: _Outcomes, how: How) -> tuple[Figure, ...]:
    from lrstudio.analysis.pairwise import compare_pairs

    how.check()
    found = compare_pairs(
        [1.0] * len(outcomes.signs),
        [math.nan if sign is None else float(sign) for sign in outcomes.signs],
        documents=outcomes.clusters,
        seed=how.seed,
        draws=how.draws,
    )
    return tuple(figure(f"pair_{key}", title, getattr(found, key)) for key, title in TITLES.items())


def _shares(outcomes: _Outcomes, prefix: str, who: str) -> Iterator[Share]:
    covered = [sign for sign in outcomes.signs if sign is not None]
    decided = [sign for sign in covered if sign]
    if not outcomes.signs:
        return
    yield Share(f"{prefix}covered", f"pairs with both values, {who}", len(covered), len(outcomes.signs))
    yield Share(f"{prefix}tied", f"ties among these, {who}", len(covered) - len(decided), len(covered))
    yield Share(f"{prefix}right", f"as people prefer, of those decided, {who}", decided.count(1), len(decided))
