"""Is a judge as sure as it is right, how much may it decide alone, and how its scores fare by EvalYaks' measures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lrstudio.domain.reports import Curve, CurvePoint, Figure, JudgeName, Section, Share, Table
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.report_agreement import SCORES, How, whole
from lrstudio.services.report_items import Item, Level, consensus, people_of
from lrstudio.services.report_records import figure

ERRORS = (0.01, 0.05, 0.1)
"""The shares of errors among accepted items for which the report says how much could be accepted."""

_WHOLE = 0.95
_CHOSEN = (
    "The {decided} decided of {all} items were chosen and not drawn at random, so that nothing can be promised of the "
    "others: decide items from the random audit queue."
)


def probability_sections(
    items: Sequence[Item], judge: JudgeName, *, how: How, dimension: Dimension | None = None
) -> tuple[Section, ...]:
    """Return what the probabilities that a judge states for its claims are worth; nothing where it states none."""
    stated = [it for it in items if it.probability is not None and dimension in (None, it.dimension)]
    told = [(it, consensus(people_of(it, blind=None), labels=True)) for it in stated]
    decided = [(it, people) for it, people in told if people is not None]
    if not decided:
        return ()
    section = Section(judge, decided[0][0].dimension.value, "stated probability")
    return (_calibrated(section, decided, how), _accepted(replace(section, of="auto-accept"), stated, decided, how))


def _calibrated(section: Section, decided: Sequence[tuple[Item, float]], how: How) -> Section:
    from lrstudio.analysis.calibration import compare_probabilities
    from lrstudio.analysis.estimates import NotEnough

    how.check()
    found = compare_probabilities(
        [math.nan if it.probability is None else it.probability for it, _ in decided],
        [people == 1.0 for _, people in decided],
        documents=[how.of(it) for it, _ in decided],
        seed=how.seed,
        draws=how.draws,
    )
    title = "expected calibration error"
    if isinstance(found, NotEnough):
        return replace(section, figures=(figure("calibration_error", title, found),))
    clusters = len({how.of(it) for it, _ in decided})
    points = tuple(CurvePoint(it.stated, it.observed, n=it.n) for it in found.curve)
    return replace(
        section,
        figures=(
            Figure("calibration_error", title, found.error, None, None, found.n, clusters),
            Figure("calibration_floor", "what chance alone gives", found.floor, None, None, found.n, clusters),
            figure("probability_bias", "mean of stated less observed", found.bias),
            figure("brier", "Brier score", found.brier),
            figure("brier_skill", "better than the base rate by", found.skill),
        ),
        curves=(Curve("calibration", "calibration", "stated probability", "share fully supported", points),),
    )


def _accepted(section: Section, stated: Sequence[Item], decided: Sequence[tuple[Item, float]], how: How) -> Section:
    """Fill the section on how much a judge may decide alone, for each of `ERRORS`."""
    from lrstudio.analysis.conformal import auto_accept
    from lrstudio.analysis.estimates import NotEnough

    drawn = [(it, people) for it, people in decided if any(said.chance is not None for said in it.people)]
    if not drawn and len(decided) < _WHOLE * len(stated):
        sentence = _CHOSEN.format(decided=len(decided), all=len(stated))
        return replace(section, figures=(Figure("accepted", _accepted_title(0.05), None, None, None, 0, 0, sentence),))
    among = [(it, people) for it, people in drawn or decided if it.judge is not None]
    figures: list[Figure] = []
    rows: list[tuple[str, float, float, float]] = []
    for error in ERRORS:
        how.check()
        found = auto_accept(
            [confidence(it) for it, _ in among],
            [(it.judge == 1.0) == (people == 1.0) for it, people in among],
            documents=[how.of(it) for it, _ in among],
            max_error=error,
        )
        key = f"accepted_{error:g}"
        if isinstance(found, NotEnough):
            figures.append(figure(key, _accepted_title(error), found))
            continue
        made = Figure(key, _accepted_title(error), found.accepted, None, None, found.n, found.documents)
        figures.append(made)
        rows.append((f"at most {error:.0%}", found.threshold, found.accepted, found.wrong))
    table = Table("accepted", "auto-accept", ("errors", "confidence from", "accepted", "wrong here"), tuple(rows))
    return replace(section, figures=tuple(figures), tables=(table,) if rows else ())


def _accepted_title(error: float) -> str:
    return f"can be accepted with at most {error:.0%} errors"


def confidence(item: Item) -> float:
    """Return how sure a judge is of its own verdict, full or not: from the probability that it states."""
    if item.probability is None or item.judge is None:
        return math.nan
    return item.probability if item.judge == 1.0 else 1.0 - item.probability


def rubric_sections(items: Iterable[Item], judge: JudgeName, *, how: How) -> tuple[Section, ...]:
    """Return EvalYaks' measures over the dimensions that both people and the judge score; nothing where there are none.

    Scores are taken to the nearest whole one; a candidate counts where people scored all these dimensions.
    """
    from lrstudio.analysis.estimates import NotEnough
    from lrstudio.analysis.rubric import compare_rubric

    scored = _scored(items)
    dimensions = [one for one in Dimension if _both(scored.values(), one)]
    rows = [each for each in scored.values() if all(one in each and each[one][1] is not None for one in dimensions)]
    if not dimensions or not rows:
        return ()
    how.check()
    found = compare_rubric(
        [[whole(each[one][1] or 0.0) for one in dimensions] for each in rows],
        [
            [math.nan if each[one][0].judge is None else whole(each[one][0].judge or 0.0) for one in dimensions]
            for each in rows
        ],
        levels=SCORES,
        documents=[how.of(each[dimensions[0]][0]) for each in rows],
        seed=how.seed,
        draws=how.draws,
    )
    section = Section(judge, " and ".join(one.value for one in dimensions), "scores together")
    if isinstance(found, NotEnough):
        return (replace(section, figures=(figure("acceptable", "acceptable accuracy", found),)),)
    baselines = tuple(
        (name, it.acceptable, it.variation, it.level)
        for name, it in (("random", found.random), ("best constant", found.constant))
    )
    return (
        replace(
            section,
            figures=(
                figure("acceptable", "acceptable accuracy", found.acceptable),
                figure("variation", "degree of variation, points", found.variation),
            ),
            shares=tuple(
                Share(f"grade_{it.name.lower()}", it.value, count, found.n) for it, count in found.grades.items()
            ),
            tables=(Table("baselines", "without reading", ("scorer", "acceptable", "variation", "score"), baselines),),
        ),
    )


_Scored = dict[Dimension, tuple[Item, float | None]]


def _scored(items: Iterable[Item]) -> dict[str, _Scored]:
    found: dict[str, _Scored] = defaultdict(dict)
    for it in items:
        if it.level is Level.SCORE:
            found[it.about.candidate_id][it.dimension] = (it, consensus(people_of(it, blind=None), labels=False))
    return found


def _both(scored: Iterable[_Scored], one: Dimension) -> bool:
    """Tell whether people score a dimension, and the judge some candidate there."""
    here = [each[one] for each in scored if one in each]
    return any(people is not None for _, people in here) and any(it.judge is not None for it, _ in here)
