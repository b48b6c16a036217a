"""How far a judge agrees with people: claim by claim, key point by key point, score by score."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lrstudio.domain.reports import By, Cell, Figure, JudgeName, Section, Share, Table
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.report_items import About, Item, Level, Stated, consensus, people_of
from lrstudio.services.report_records import figures
from lrstudio.services.report_slices import sliced

if TYPE_CHECKING:
    from lrstudio.analysis.agreement import LabelAgreement
    from lrstudio.analysis.estimates import Result

SUPPORTS = (0.0, 0.5, 1.0)
SUPPORT_WORDS = {0.0: "none", 0.5: "partial", 1.0: "full"}
FULL = ("not full", "full")
SCORES = tuple(range(11))

CLUSTERS = ("document", "question")

LABEL_TITLES = {
    "accuracy": "same verdict",
    "kappa": "Cohen's kappa",
    "kappa_linear": "Cohen's kappa, linear weights",
    "kappa_quadratic": "Cohen's kappa, quadratic weights",
    "alpha_nominal": "Krippendorff's alpha, nominal",
    "alpha_ordinal": "Krippendorff's alpha, ordinal",
    "ac1": "Gwet's AC1",
    "ac2": "Gwet's AC2, quadratic weights",
}
FULL_TITLES = {
    "balanced_accuracy": "balanced accuracy, full or not",
    "rate_full": "of what people call full, the judge too",
    "rate_not_full": "of what people do not call full, the judge neither",
    "matthews": "Matthews' correlation, full or not",
}
SCORE_TITLES = {
    "pearson": "Pearson's correlation",
    "spearman": "Spearman's correlation",
    "bias": "mean bias, judge less people",
    "mean_absolute_error": "mean absolute error",
    "lower_limit": "lower limit of agreement",
    "upper_limit": "upper limit of agreement",
    "alpha_interval": "Krippendorff's alpha, interval",
    "kappa": "Cohen's kappa, whole scores",
    "kappa_linear": "Cohen's kappa, linear weights",
    "kappa_quadratic": "Cohen's kappa, quadratic weights",
}


def _go_on() -> None:
    pass


@dataclass(frozen=True, slots=True)
class How:
    """How figures are made: what items are taken together by, the seed, and how many bootstrap samples.

    `check` is called again and again while they are made; what it raises ends the work.
    """

    cluster: str = "document"
    seed: int = 0
    draws: int = 2000
    check: Callable[[], None] = field(default=_go_on, compare=False)

    def of(self, item: Item) -> str:
        """Return what an item is taken together by."""
        return self.of_about(item.about)

    def of_about(self, about: About) -> str:
        """Return what a candidate is taken together by."""
        return about.question_id if self.cluster == "question" else about.cluster


@dataclass(frozen=True, slots=True)
class Compared:
    """Two columns and the clusters of their rows; None where one of the two said nothing."""

    people: list[float | None]
    other: list[float | None]
    clusters: list[str]


def agreement_sections(
    items: Sequence[Item], judge: JudgeName, *, how: How, by: By | None = None, dimension: Dimension | None = None
) -> tuple[Section, ...]:
    """Return the sections of one judge: dimension by dimension, level by level, blind and revealed apart, by slice."""
    made = []
    for one in Dimension:
        if dimension not in (None, one):
            continue
        for level in Level:
            here = [item for item in items if item.dimension is one and item.level is level]
            for seen, blind in (("blind", True), ("revealed", False)):
                decided = [item for item in here if people_of(item, blind=blind)]
                if not decided:
                    continue
                whole = Section(judge, one.value, level.value, seen)
                sections = {
                    part: measured(replace(whole, part=part), among, blind=blind, how=how)
                    for part, among in ({} if by is None else sliced(decided, by)).items()
                }
                top = measured(whole, decided, blind=blind, how=how)
                made.append(replace(top, tables=(*top.tables, *at_a_glance(sections, by))))
                made += sections.values()
    return tuple(made)


def at_a_glance(sections: Mapping[str, Section], by: By | None) -> tuple[Table, ...]:
    """Return one row per slice: where the judge errs is seen by going down the columns."""
    if by is None or not sections:
        return ()
    labels = next(iter(sections.values())).of != Level.SCORE.value
    rows: list[tuple[Cell, ...]] = []
    for part, section in sections.items():
        decided, right = section.shares[0], section.shares[1]
        it = section.figure("accuracy" if labels else "mean_absolute_error")
        measured_there = (it.low, it.high) if labels else (it.value, it.low, it.high)
        rows.append((part, decided.of, decided.count, right.value, *measured_there))
    right_title = LABEL_TITLES["accuracy"] if labels else "within 1"
    columns = (by.value, "items", "judge decided", right_title, *(() if labels else ("mean error",)), "low", "high")
    return (Table("parts", f"by {by.value}", columns, tuple(rows)),)


def measured(section: Section, items: Sequence[Item], *, blind: bool, how: How) -> Section:
    """Return the section filled with what items on which people decided come to."""
    labels = section.of != Level.SCORE.value
    told = [(item, people_of(item, blind=blind)) for item in items]
    main = Compared(
        [consensus(people, labels=labels) for _, people in told],
        [item.judge for item, _ in told],
        [how.of(item) for item, _ in told],
    )
    reviewers, judges = left_out(told, labels=labels, how=how)
    some = bool(reviewers.people)
    return replace(
        section,
        figures=_figures(main, labels=labels, how=how),
        shares=shares(main, labels=labels),
        ceiling=tuple(it for it in _figures(reviewers, labels=labels, how=how) if it.key != "bias") if some else (),
        against_same=_figures(judges, labels=labels, how=how) if some else (),
        tables=(confusion(main, labels=labels),),
    )


def left_out(told: Iterable[tuple[Item, Sequence[Stated]]], *, labels: bool, how: How) -> tuple[Compared, Compared]:
    """Return every reviewer against what the others say together, and the judge against the same references.

    Items with one reviewer are left out; one with three gives three rows.
    """
    reviewers, judges = Compared([], [], []), Compared([], [], [])
    for item, everybody in told:
        how.check()
        people = [it for it in everybody if not it.adjudicates]
        for at, one in enumerate(people):
            reference = consensus([*people[:at], *people[at + 1 :]], labels=labels)
            if reference is None:
                continue
            for into, value in ((reviewers, one.value), (judges, item.judge)):
                into.people.append(reference)
                into.other.append(value)
                into.clusters.append(how.of(item))
    return reviewers, judges


def shares(compared: Compared, *, labels: bool) -> tuple[Share, ...]:
    """Return the plain counts: how much the judge decided, how much of it as people, undecided as wrong or left out."""
    both = [
        (people, other) for people, other in zip(compared.people, compared.other, strict=True) if people is not None
    ]
    decided = [(people, other) for people, other in both if other is not None]
    found = [Share("decided", "the judge decided", len(decided), len(both))]
    if labels:
        right = sum(people == other for people, other in decided)
        found += [
            Share("right_of_decided", "as people say, of what it decided", right, len(decided)),
            Share("right_of_all", "as people say, undecided as wrong", right, len(both)),
        ]
    else:
        near = sum(abs(people - other) <= 1.0 for people, other in decided)
        found.append(Share("within_one", "within 1 of people's score", near, len(decided)))
    split = sum(people is None for people in compared.people)
    if split:
        found.append(Share("split", "people were divided, left out", split, len(compared.people)))
    return tuple(found)


def confusion(compared: Compared, *, labels: bool) -> Table:
    """Return the table of counts: rows what people say, columns what the judge says, undecided last."""
    levels: Sequence[float] = SUPPORTS if labels else SCORES
    names = [SUPPORT_WORDS[it] for it in SUPPORTS] if labels else [str(it) for it in SCORES]
    counts = [[0] * (len(levels) + 1) for _ in levels]
    for people, other in zip(compared.people, compared.other, strict=True):
        if people is not None:
            row = levels.index(people if labels else whole(people))
            column = len(levels) if other is None else levels.index(other if labels else whole(other))
            counts[row][column] += 1
    rows: tuple[tuple[Cell, ...], ...] = tuple((name, *row) for name, row in zip(names, counts, strict=True))
    return Table("confusion", "people by judge", ("people", *names, "undecided"), rows)


def whole(score: float) -> int:
    """Return the whole score nearest to a score, halves upwards."""
    return min(int(score + 0.5), SCORES[-1])


def _figures(compared: Compared, *, labels: bool, how: How) -> tuple[Figure, ...]:
    return _label_figures(compared, how=how) if labels else _score_figures(compared, how=how)


def _label_figures(compared: Compared, *, how: How) -> tuple[Figure, ...]:
    used = {value for value in (*compared.people, *compared.other) if value is not None}
    labels = tuple(it for it in SUPPORTS if it in used or it != 0.5)  # a label that nobody has would be a third class
    words = tuple(SUPPORT_WORDS[it] for it in labels)
    named = [[None if it is None else SUPPORT_WORDS[it] for it in side] for side in (compared.people, compared.other)]
    agreed = _compare(*named, labels=words, clusters=compared.clusters, how=how)
    is_full = [[None if it is None else FULL[it == "full"] for it in side] for side in named]
    full = _compare(*is_full, labels=FULL, clusters=compared.clusters, how=how)
    of_full: dict[str, Result] = {
        "balanced_accuracy": full.balanced_accuracy,
        "rate_full": full.recalls[1],
        "rate_not_full": full.recalls[0],
        "matthews": full.matthews,
    }
    return (
        *figures({key: getattr(agreed, key) for key in LABEL_TITLES}, LABEL_TITLES),
        *figures(of_full, FULL_TITLES),
    )


def _score_figures(compared: Compared, *, how: How) -> tuple[Figure, ...]:
    from lrstudio.analysis.agreement import compare_scores

    how.check()
    given = [[float("nan") if it is None else it for it in column] for column in (compared.people, compared.other)]
    agreed = compare_scores(*given, documents=compared.clusters, seed=how.seed, draws=how.draws)
    people, other = ([None if it is None else whole(it) for it in side] for side in (compared.people, compared.other))
    labelled = _compare(people, other, labels=SCORES, clusters=compared.clusters, how=how)
    results = {key: getattr(labelled if key.startswith("kappa") else agreed, key) for key in SCORE_TITLES}
    return figures(results, SCORE_TITLES)


def _compare(
    people: Sequence[Hashable],
    other: Sequence[Hashable],
    *,
    labels: Sequence[Hashable],
    clusters: Sequence[str],
    how: How,
) -> LabelAgreement:
    from lrstudio.analysis.agreement import compare_labels

    how.check()
    return compare_labels(people, other, labels=labels, documents=clusters, seed=how.seed, draws=how.draws)
