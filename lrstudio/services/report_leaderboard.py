"""Which model does best: reward and every dimension with intervals, paired tests, and the corrected rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lrstudio.domain.reports import JudgeName, Section, Table
from lrstudio.services.report_agreement import How
from lrstudio.services.report_items import About
from lrstudio.services.report_pairs import Values
from lrstudio.services.report_records import figure

EFFECTIVE = JudgeName("effective values")
"""What stands: the latest decision, else the latest judgment of any judge."""


def leaderboard_sections(
    judged: Mapping[str, Values], about: Mapping[str, About], judge: JudgeName, *, how: How, part: str = ""
) -> tuple[Section, ...]:
    """Return a ranking of the models by each value, highest mean first; every question weighs alike."""
    made = []
    for measure, values in judged.items():
        here = {name: value for name, value in values.items() if name in about}
        if here:
            made.append(_ranked(Section(judge, measure, "models", part=part), here, about, how))
    return tuple(made)


def _ranked(section: Section, values: Values, about: Mapping[str, About], how: How) -> Section:
    from lrstudio.analysis.ranking import leaderboard

    how.check()
    names = list(values)
    found = leaderboard(
        [about[it].model or "unknown" for it in names],
        [values[it] for it in names],
        questions=[about[it].question_id for it in names],
        documents=[how.of_about(about[it]) for it in names],
        seed=how.seed,
        draws=how.draws,
    )
    standings = tuple(figure(it.model, it.model, it.mean) for it in found.standings)
    counts = Table(
        "standings",
        "models",
        ("model", "mean", "low", "high", "questions", "candidates"),
        tuple(
            (it.model, _mean(values, about, it.model), shown.low, shown.high, it.questions, it.candidates)
            for it, shown in zip(found.standings, standings, strict=True)
        ),
    )
    tests = []
    for it in found.comparisons:
        apart = figure("", "", it.difference)
        tests.append(
            (f"{it.first} over {it.second}", it.questions, apart.value, apart.low, apart.high, it.p, it.p_holm)
        )
    columns = ("models", "questions", "difference", "low", "high", "p", "p, all comparisons")
    compared = Table("comparisons", "paired by question", columns, tuple(tests))
    return replace(section, figures=standings, tables=(counts, compared) if tests else (counts,))


def _mean(values: Values, about: Mapping[str, About], model: str) -> float:
    """Return the plain mean over questions, which is there even where it has no interval."""
    by_question: dict[str, list[float]] = {}
    for name, value in values.items():
        if (about[name].model or "unknown") == model:
            by_question.setdefault(about[name].question_id, []).append(value)
    return _average(_average(each) for each in by_question.values())


def _average(values: Iterable[float]) -> float:
    each = list(values)
    return sum(each) / len(each)
