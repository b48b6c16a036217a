"""The true rate of each model behind a judge that errs: only decisions from a random audit can tell it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from lrstudio.domain.reports import JudgeName, Section, Share
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.report_agreement import How
from lrstudio.services.report_items import Item, Level, consensus, people_of
from lrstudio.services.report_records import figure

ALL_MODELS = "all models"
_COVERED = {Level.CLAIM: "fully supported claims", Level.KEY_POINT: "fully covered key points"}


def corrected_sections(
    items: Sequence[Item], judge: JudgeName, *, how: How, dimension: Dimension | None = None
) -> tuple[Section, ...]:
    """Return, for claims and for key points, the corrected rate of every model and of all together.

    Items on which nobody decided count as judged by the judge alone. Where no person decided any, there is no section.
    """
    made = []
    for level, of in _COVERED.items():
        here = [it for it in items if it.level is level and dimension in (None, it.dimension)]
        if not any(it.people for it in here):
            continue
        by_model: dict[str, list[Item]] = defaultdict(list)
        for it in here:
            by_model[it.about.model or "unknown"].append(it)
        groups = {ALL_MODELS: here, **(by_model if len(by_model) > 1 else {})}
        one = here[0].dimension.value
        made += [_section(Section(judge, one, of, part=name), among, how) for name, among in groups.items()]
    return tuple(made)


def _section(section: Section, items: Sequence[Item], how: How) -> Section:
    from lrstudio.analysis.corrected import prediction_powered, rogan_gladen

    how.check()
    judged = [math.nan if it.judge is None else float(it.judge == 1.0) for it in items]
    reviewed, chances = zip(*(_audited(it) for it in items), strict=True)
    clusters = [how.of(it) for it in items]
    powered = prediction_powered(judged, reviewed, chances, documents=clusters, seed=how.seed, draws=how.draws)
    corrected = rogan_gladen(judged, reviewed, chances, documents=clusters, seed=how.seed, draws=how.draws)
    return replace(
        section,
        figures=(
            figure("prediction_powered", "corrected rate, prediction-powered", powered.rate),
            figure("rogan_gladen", "corrected rate, Rogan and Gladen", corrected.rate),
            figure("judged", "the judge's rate", powered.judged),
            figure("reviewed", "people's rate on what was drawn", powered.reviewed),
        ),
        shares=(Share("audited", "decided after a random draw", powered.audited, powered.audited + powered.refused),),
    )


def _audited(item: Item) -> tuple[float, float]:
    """Return what people say of an item, 1 for full, and with what chance it was drawn; NaN for what is not known.

    Where some decided it from the random audit, only they count.
    """
    people = people_of(item, blind=None)
    drawn = [it for it in people if it.chance is not None]
    said = consensus(drawn or people, labels=True)
    if said is None:
        return math.nan, math.nan
    chance = next((it.chance for it in drawn if it.chance is not None), math.nan)
    return float(said == 1.0), chance
