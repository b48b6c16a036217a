"""What length has to do with it: how far a judge's values, people's choices and sets of pairs go by length alone.

Lengths are tokens at four characters each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from statistics import fmean

from lrstudio.domain.length_choices import LengthChoice, LengthOutcome
from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.reports import Curve, CurvePoint, Figure, JudgeName, Remedy, Section, Share, Table
from lrstudio.services.length_choice import PairLengths, kept, settled_choice, usual_choices
from lrstudio.services.people_pairs import Marks, pairs_of
from lrstudio.services.report_agreement import How
from lrstudio.services.report_items import CHARACTERS_A_TOKEN, About
from lrstudio.services.report_pairs import REWARD, Values
from lrstudio.services.report_records import figure
from lrstudio.services.report_scatter import scatter

MOST_MODELS = 6
"""Of so many models at most, those with the most candidates, every two are compared."""

WARN_FROM = 0.65
"""A set is mostly explained by length when the longer (or the shorter) candidate is chosen at least so often."""

LEAST_LENGTHS = 3
"""Of candidates with fewer different lengths no trend is drawn."""

_NO_GAIN = "reward gain of {new} over {old}"


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


def pair_length_section(
    name: str, pairs: Sequence[PairLengths], *, how: How, wanted: PairFilter | None = None
) -> Section:
    """Return what a set of pairs comes to by length, before and after each mitigation at its usual limit.

    Args:
        name: what the pairs are called.
        pairs: the pairs.
        how: how figures are made; the seed is also that of the lots.
        wanted: which pairs of the project these are; None where they are none of them and cannot be frozen.
    """
    choices = usual_choices(pairs, seed=how.seed)
    rows = [("as it is", *counted_lengths(pairs, how))]
    for choice in choices:
        how.check()
        mask = kept(pairs, choice)
        left = [it for it, keep in zip(pairs, mask, strict=True) if keep]
        rows.append((choice.words, *counted_lengths(left, how)))
    columns = ("set", "pairs", "longer chosen", "low", "high", "mean tokens chosen", "mean tokens rejected")
    return Section(
        JudgeName(),
        name,
        "pairs by length",
        figures=_of_pairs(pairs, how),
        shares=(Share("equal", "pairs of equal length", sum(it.chosen == it.rejected for it in pairs), len(pairs)),),
        tables=(Table("mitigations", "before and after", columns, tuple(rows)),),
        remedies=tuple(Remedy(choice, wanted) for choice in choices) if wanted is not None else (),
    )


def length_outcomes(
    pairs: Sequence[PairLengths], choices: Sequence[LengthChoice] | None, *, how: How
) -> tuple[LengthOutcome, ...]:
    """Return what pairs come to as they are and with each choice (None: the usual ones), each with its limit."""
    usual = usual_choices(pairs, seed=how.seed)
    known = {it.mitigation for it in usual}
    made = [LengthOutcome(None, *counted_lengths(pairs, how)[:4])]
    for choice in (it for it in (usual if choices is None else choices) if it.mitigation in known):
        settled = settled_choice(choice, pairs)
        left = [it for it, keep in zip(pairs, kept(pairs, settled), strict=True) if keep]
        made.append(LengthOutcome(settled, *counted_lengths(left, how)[:4]))
    return tuple(made)


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
        PairLengths(
            _tokens(about[it.chosen]),
            _tokens(about[it.rejected]),
            it.margin,
            about[it.chosen].cluster,
            f"{it.chosen} {it.rejected}",
        )
        for each in marked
        for it in pairs_of(each)
    ]


def _tokens(about: About) -> float:
    return about.length / CHARACTERS_A_TOKEN


def _of_values(section: Section, values: Values, about: Mapping[str, About], how: How) -> Section:
    from lrstudio.analysis.length_bias import within_question

    how.check()
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
        curves=(
            *_trend(section.dimension, values, about),
            *(() if section.part else scatter(section.dimension, values, about)),
        ),
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
        how.check()
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


def counted_lengths(
    pairs: Sequence[PairLengths], how: How
) -> tuple[int, float | None, float | None, float | None, float | None, float | None]:
    """Return how many pairs, the share of longer ones chosen with its interval, and the mean tokens of both sides."""
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
        how.check()
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
