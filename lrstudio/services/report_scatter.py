"""Every candidate as a dot: how far its length, and what it is worth, lie from the means of its question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean

from lrstudio.domain.lots import lot
from lrstudio.domain.reports import Curve, CurvePoint
from lrstudio.services.report_items import CHARACTERS_A_TOKEN, About
from lrstudio.services.report_pairs import Values

SCATTER = "scatter"
"""The key of such a curve, whose points are joined by nothing."""

MOST_DOTS = 1000
"""Of more candidates so many are drawn, by lot."""


def scatter(measure: str, values: Values, about: Mapping[str, About]) -> tuple[Curve, ...]:
    """Return the dots in order of length, named by candidate; nothing where no question has two candidates.

    x is the length in tokens, y the value, each less its mean among the candidates of the question: what is left is
    not how hard a question is.
    """
    by_question: dict[str, list[str]] = defaultdict(list)
    for name in values:
        by_question[about[name].question_id].append(name)
    points = []
    for names in by_question.values():
        if len(names) < 2:
            continue
        lengths = {name: about[name].length / CHARACTERS_A_TOKEN for name in names}
        long, worth = fmean(lengths.values()), fmean(values[name] for name in names)
        points += [CurvePoint(lengths[name] - long, values[name] - worth, n=1, name=name) for name in names]
    if not points:
        return ()
    shown = sorted(points, key=lambda it: (lot(0, it.name), it.name))[:MOST_DOTS]
    shown.sort(key=lambda it: (it.x, it.y, it.name))
    some = f", {len(shown):,} of {len(points):,} candidates by lot" if len(shown) < len(points) else ""
    return (
        Curve(
            SCATTER,
            f"{measure} against length within a question{some}",
            "tokens above the question's mean",
            "points above its mean",
            tuple(shown),
        ),
    )
