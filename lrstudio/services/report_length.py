"""What length has to do with it: how far a judge's values, people's choices and sets of pairs go by length alone.

Lengths are tokens at four characters each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, pairwise
from statistics import fmean

from lrstudio.domain.pair_lists import PairRow
from lrstudio.domain.reports import Curve, CurvePoint, Figure, JudgeName, Section, Share, Table
from lrstudio.domain.sets import FrozenPair
from lrstudio.services.people_pairs import Marks, pairs_of
from lrstudio.services.report_agreement import How
from lrstudio.services.report_items import CHARACTERS_A_TOKEN, About
from lrstudio.services.report_pairs import REWARD, Values
from lrstudio.services.report_records import figure

MOST_MODELS = 6
"""Of so many models at most, those with the most candidates, every two are compared."""

WARN_FROM = 0.65
"""A set is mostly explained by length when the longer (or the shorter) candidate is chosen at least so often."""

LEAST_LENGTHS = 3
"""Of candidates with fewer different lengths no trend is drawn."""

_NO_GAIN = "reward gain of {new} over {old}"


@dataclass(frozen=True, slots=True)
class PairLengths:
    """A pair as far as length goes: tokens of both, the margin on any scale (None: not known), what it belongs to."""

    chosen: float
    rejected: float
    margin: float | None
    cluster: str


class Mitigation(StrEnum):
    """What can be done about a set that goes by length; the last two take a limit.

    BALANCED keeps, at every difference of length, as many pairs with the longer as with the shorter one chosen.
    RATIO keeps pairs whose longer candidate is at most `limit` times as long as the other.
    TRUNCATED leaves out pairs with a margin above `limit`: the surest go most by length.
    """

    BALANCED = "balanced"
    RATIO = "ratio"
    TRUNCATED = "truncated"


def length_sections(
    judged: Mapping[str, Values], about: Mapping[str, About], judge: JudgeName, *, how: How, part: str = ""
) -> tuple[Section, ...]:
    """Return, for the reward and each dimension of a judge, what goes with length; and what models gain beyond it."""
    made = []
    for measure, values in judged.items():
        here = {name: value for name, value in values.items() if name in about}
        if here:
            section = Section(judge, measure, "length", part=part)
            made.append(_of_values(section, here, about, how))
    values = {name: value for name, value in judged.get(REWARD, {}).items() if name in about}
    return (*made, *_gains(values, about, judge, how, part))


def pair_length_section(name: str, pairs: Sequence[PairLengths], *, how: How) -> Section:
    """Return what a set of pairs comes to by length, before and after each mitigation at its usual limit."""
    section = Section(JudgeName(), name, "pairs by length")
    usual: tuple[tuple[Mitigation, float], ...] = ((Mitigation.BALANCED, 0.0), (Mitigation.RATIO, 1.5))
    margins = sorted(it.margin for it in pairs if it.margin is not None)
    if margins:
        usual = (*usual, (Mitigation.TRUNCATED, margins[int(0.75 * (len(margins) - 1))]))
    rows = [("as it is", *_counted(pairs, how))]
    for mitigation, limit in usual:
        mask = kept(pairs, mitigation, limit=limit, seed=how.seed)
        words = mitigation.value if mitigation is Mitigation.BALANCED else f"{mitigation.value} {limit:.3g}"
        rows.append((words, *_counted([it for it, keep in zip(pairs, mask, strict=True) if keep], how)))
    columns = ("set", "pairs", "longer chosen", "low", "high", "mean tokens chosen", "mean tokens rejected")
    table = Table("mitigations", "before and after", columns, tuple(rows))
    return replace(
        section,
        figures=_of_pairs(pairs, how),
        shares=(Share("equal", "pairs of equal length", sum(it.chosen == it.rejected for it in pairs), len(pairs)),),
        tables=(table,),
    )


def kept(pairs: Sequence[PairLengths], mitigation: Mitigation, *, limit: float = 0.0, seed: int = 0) -> list[bool]:
    """Tell of each pair whether a mitigation keeps it; a pair without a margin is not kept by TRUNCATED."""
    from lrstudio.analysis import length_bias

    chosen, rejected = [it.chosen for it in pairs], [it.rejected for it in pairs]
    if mitigation is Mitigation.BALANCED:
        mask = length_bias.balanced(chosen, rejected, seed=seed)
    elif mitigation is Mitigation.RATIO:
        mask = length_bias.within_ratio(chosen, rejected, most=limit)
    else:
        margins = [float("nan") if it.margin is None else it.margin for it in pairs]
        mask = length_bias.below_margin(margins, most=limit)
    return [bool(it) for it in mask]


def length_warning(pairs: Sequence[PairLengths], *, how: How | None = None) -> str:
    """Return what to tell a person who is about to export a set that length mostly explains; "" where it does not.

    Nothing is said of a set too small for an interval, nor where the interval of the share has one half in it.
    """
    share = _of_pairs(pairs, how or How())[0]
    if share.value is None or share.low is None or share.high is None:
        return ""
    longer = share.value >= WARN_FROM and share.low > 0.5
    if not longer and not (share.value <= 1.0 - WARN_FROM and share.high < 0.5):
        return ""
    value = share.value if longer else 1.0 - share.value
    which = "longer" if longer else "shorter"
    return f"in {value:.0%} of the pairs the {which} candidate is chosen: a model may learn length and nothing else"


def people_pair_lengths(marked: Iterable[Marks], about: Mapping[str, About]) -> list[PairLengths]:
    """Return the pairs that people's marks make, as far as length goes."""
    return [
        PairLengths(_tokens(about[it.chosen]), _tokens(about[it.rejected]), it.margin, about[it.chosen].cluster)
        for each in marked
        for it in pairs_of(each)
    ]


def set_lengths(pairs: Iterable[FrozenPair]) -> list[PairLengths]:
    """Return the pairs of a set as far as length goes."""
    return [
        PairLengths(
            it.chosen.length / CHARACTERS_A_TOKEN,
            it.rejected.length / CHARACTERS_A_TOKEN,
            it.margin,
            it.document_id or it.question_id,
        )
        for it in pairs
    ]


def row_lengths(rows: Iterable[PairRow]) -> list[PairLengths]:
    """Return the pairs of a list as far as length goes."""
    return [
        PairLengths(
            it.chosen_length / CHARACTERS_A_TOKEN,
            it.rejected_length / CHARACTERS_A_TOKEN,
            it.pair.margin,
            it.document_id or it.pair.question_id,
        )
        for it in rows
    ]


def _tokens(about: About) -> float:
    return about.length / CHARACTERS_A_TOKEN


def _of_values(section: Section, values: Values, about: Mapping[str, About], how: How) -> Section:
    from lrstudio.analysis.length_bias import within_question

    names = list(values)
    found = within_question(
        [_tokens(about[it]) for it in names],
        [values[it] for it in names],
        questions=[about[it].question_id for it in names],
        documents=[how.of_about(about[it]) for it in names],
        seed=how.seed,
        draws=how.draws,
    )
    preferred = _preferred(values, about, how)
    return replace(
        section,
        figures=(
            figure("within_question", "mean correlation with length within a question", found.correlation),
            *_of_pairs(preferred, how),
        ),
        shares=(
            Share(
                "questions",
                "questions with three candidates that differ",
                found.questions,
                found.questions + found.flat,
            ),
        ),
        curves=_trend(section.dimension, values, about),
    )


def _trend(measure: str, values: Values, about: Mapping[str, About]) -> tuple[Curve, ...]:
    """Return the mean value of the candidates in tenths by length, as many in each; nothing of one length alone."""
    ordered = sorted((_tokens(about[name]), value) for name, value in values.items())
    if len({length for length, _ in ordered}) < LEAST_LENGTHS:
        return ()
    parts = min(10, len(ordered))
    bounds = [at * len(ordered) // parts for at in range(parts + 1)]
    points = []
    for start, end in pairwise(bounds):
        here = ordered[start:end]
        points.append(CurvePoint(fmean(it for it, _ in here), fmean(it for _, it in here), n=len(here)))
    return (Curve("by_length", f"{measure} by length", "tokens of the candidate", f"mean {measure}", tuple(points)),)


def _preferred(values: Values, about: Mapping[str, About], how: How) -> list[PairLengths]:
    """Return the pairs of candidates of one question to which the judge gives different values."""
    by_question: dict[str, list[str]] = defaultdict(list)
    for name in values:
        by_question[about[name].question_id].append(name)
    found = []
    for names in by_question.values():
        for one, other in combinations(names, 2):
            apart = values[one] - values[other]
            if abs(apart) > 1e-9:
                first, second = (one, other) if apart > 0 else (other, one)
                tokens = _tokens(about[first]), _tokens(about[second])
                found.append(PairLengths(*tokens, abs(apart), how.of_about(about[one])))
    return found


def _of_pairs(pairs: Sequence[PairLengths], how: How) -> tuple[Figure, ...]:
    from lrstudio.analysis.length_bias import length_only_accuracy, longer_is_chosen

    chosen, rejected = [it.chosen for it in pairs], [it.rejected for it in pairs]
    documents = [it.cluster for it in pairs]
    longer = longer_is_chosen(chosen, rejected, documents=documents, seed=how.seed, draws=how.draws)
    target = fmean(chosen) if chosen else 1.0
    near = length_only_accuracy(chosen, rejected, documents=documents, target=target, seed=how.seed, draws=how.draws)
    return (
        figure("longer_chosen", "the longer candidate is preferred", longer.share),
        figure("length_only", f"a reward of length alone, best at {target:.0f} tokens, prefers the same", near),
    )


def _counted(
    pairs: Sequence[PairLengths], how: How
) -> tuple[int, float | None, float | None, float | None, float | None, float | None]:
    share = _of_pairs(pairs, how)[0]
    unequal = [it.chosen > it.rejected for it in pairs if it.chosen != it.rejected]
    plain = sum(unequal) / len(unequal) if unequal else None
    means = (fmean(it.chosen for it in pairs), fmean(it.rejected for it in pairs)) if pairs else (None, None)
    return (len(pairs), plain, share.low, share.high, *means)


def _gains(values: Values, about: Mapping[str, About], judge: JudgeName, how: How, part: str) -> tuple[Section, ...]:
    """Return for every two models what one gains over the other in reward, and what of it length does not explain."""
    from lrstudio.analysis.length_bias import reward_gain

    by_model: dict[str, list[str]] = defaultdict(list)
    for name in values:
        by_model[about[name].model or "unknown"].append(name)
    most = sorted(by_model, key=lambda model: -len(by_model[model]))[:MOST_MODELS]
    ranked = sorted(most, key=lambda model: fmean(values[it] for it in by_model[model]))
    made = []
    for old, new in combinations(ranked, 2):
        sides = [by_model[old], by_model[new]]
        columns = [([_tokens(about[it]) for it in side], [values[it] for it in side]) for side in sides]
        found = reward_gain(
            columns[0],
            columns[1],
            documents=([how.of_about(about[it]) for it in sides[0]], [how.of_about(about[it]) for it in sides[1]]),
            seed=how.seed,
            draws=how.draws,
        )
        made.append(
            Section(
                judge,
                REWARD,
                _NO_GAIN.format(new=new, old=old),
                part=part,
                figures=(
                    figure("gain", "gain in mean reward", found.total),
                    figure("beyond_length", "gain among candidates of like length", found.beyond_length),
                    figure("part", "part of the gain that length does not explain", found.part),
                    Figure(
                        "covered",
                        "candidates in lengths that both have",
                        found.covered,
                        None,
                        None,
                        len(sides[0]) + len(sides[1]),
                        0,
                    ),
                ),
            )
        )
    return tuple(made)
