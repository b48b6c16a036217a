"""Proposing pairs: pure rules over the effective scores of the candidates of one question.

The order in which the candidates come changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from lrstudio.domain.pairs import Ground, PairRule, RuleName, difference, mean_over
from lrstudio.domain.verdicts import Dimension


@dataclass(frozen=True, slots=True)
class Rated:
    """A candidate as a rule sees it: its length in code points, the hash of its text, and its effective scores."""

    candidate_id: str
    model: str
    length: int
    text_hash: str
    grounds: Mapping[Dimension, Ground] = field(default_factory=dict)

    @property
    def scores(self) -> dict[Dimension, float]:
        """The effective scores."""
        return {dimension: ground.score for dimension, ground in self.grounds.items()}


class Why(StrEnum):
    """Why a rule proposes no pair, or what there is to know of one that it proposes (`tied_place`)."""

    TOO_FEW = "too_few"
    NOT_SCORED = "not_scored"
    TIE = "tie"
    TIED_PLACE = "tied_place"
    IDENTICAL = "identical"
    MARGIN = "margin"
    DIMENSION = "dimension"
    LENGTH = "length"
    NOT_THERE = "not_there"
    NOT_BETTER = "not_better"

    @property
    def words(self) -> str:
        """Say it to a person."""
        return _WORDS[self]


_WORDS = {
    Why.TOO_FEW: "too few candidates are scored in every dimension that the rule asks for",
    Why.NOT_SCORED: "no dimension that the rule compares is scored in all candidates",
    Why.TIE: "equal rewards",
    Why.TIED_PLACE: "several share the place; the first by id was taken",
    Why.IDENTICAL: "the texts are identical",
    Why.MARGIN: "the rewards differ by less than the margin",
    Why.DIMENSION: "a dimension differs by less than asked for",
    Why.LENGTH: "the lengths differ by more than the ratio",
    Why.NOT_THERE: "the candidate to compare with is not among those scored",
    Why.NOT_BETTER: "no candidate is better than the one to compare with",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """What a rule passed over in a question, and why."""

    question_id: str
    why: Why
    candidate_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """A pair that a rule proposes, with the scores of both sides and the dimensions compared."""

    question_id: str
    chosen_id: str
    rejected_id: str
    dimensions: tuple[Dimension, ...]
    grounds: tuple[Ground, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a rule makes of one question: pairs by falling margin, and what it passed over."""

    pairs: tuple[Proposed, ...] = ()
    listed: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ranked:
    of: Rated
    reward: float


def common_dimensions(candidates: Iterable[Rated]) -> tuple[Dimension, ...]:
    """Return the dimensions that are scored in all of these candidates, in the order of the method."""
    all_of_them = list(candidates)
    return tuple(
        dimension for dimension in Dimension if all_of_them and all(dimension in it.grounds for it in all_of_them)
    )


def grounds_of(*candidates: Rated) -> tuple[Ground, ...]:
    """Return all effective scores of these candidates, in order."""
    return tuple(it.grounds[dimension] for it in candidates for dimension in Dimension if dimension in it.grounds)


def propose(question_id: str, candidates: Sequence[Rated], rule: PairRule) -> Proposal:
    """Apply a rule to the candidates of one question."""
    eligible = list(candidates)
    dimensions = rule.demanded
    if rule.name is RuleName.LONGREWARD:
        eligible = [it for it in candidates if all(dimension in it.grounds for dimension in dimensions)]
        if len(eligible) < rule.fewest:
            return _nothing(question_id, Why.TOO_FEW, eligible)
    else:
        common = common_dimensions(candidates)
        if not common or not set(dimensions) <= set(common):
            return _nothing(question_id, Why.NOT_SCORED, candidates)
        dimensions = dimensions or common
    ranked = [_Ranked(it, reward) for it in eligible if (reward := mean_over(dimensions, it.scores)) is not None]
    ranked.sort(key=lambda it: (-it.reward, it.of.candidate_id))
    if rule.name is RuleName.MARGIN:
        return _every_two(question_id, ranked, dimensions, rule)
    if rule.name is RuleName.AGAINST:
        return _against(question_id, ranked, dimensions, rule)
    return _extremes(question_id, ranked, dimensions, rule)


def _extremes(
    question_id: str, ranked: Sequence[_Ranked], dimensions: tuple[Dimension, ...], rule: PairRule
) -> Proposal:
    if len(ranked) < 2:
        return _nothing(question_id, Why.TOO_FEW, [it.of for it in ranked])
    best = ranked[0]
    lowest = [it for it in ranked if it.reward == ranked[-1].reward]
    worst = lowest[0]
    if best.reward == worst.reward:
        return _nothing(question_id, Why.TIE, [it.of for it in ranked])
    if why := _refused(best, worst, rule):
        return _nothing(question_id, why, [best.of, worst.of])
    highest = [it for it in ranked if it.reward == best.reward]
    places = [_listed(question_id, Why.TIED_PLACE, [it.of for it in tied]) for tied in (highest, lowest) if tied[1:]]
    return Proposal((_pair(question_id, best, worst, dimensions),), tuple(places))


def _every_two(
    question_id: str, ranked: Sequence[_Ranked], dimensions: tuple[Dimension, ...], rule: PairRule
) -> Proposal:
    """Take every two candidates; those below the margin are what the rule is there to leave out, so they go unnamed."""
    pairs: list[tuple[float, Proposed]] = []
    out: dict[Why, dict[str, Rated]] = defaultdict(dict)
    for better, worse in combinations(ranked, 2):
        why = _refused(better, worse, rule)
        if why is None:
            pairs.append((better.reward - worse.reward, _pair(question_id, better, worse, dimensions)))
        elif why is not Why.MARGIN:
            out[why] |= {better.of.candidate_id: better.of, worse.of.candidate_id: worse.of}
    pairs.sort(key=lambda it: (-it[0], it[1].chosen_id, it[1].rejected_id))
    listed = tuple(_listed(question_id, why, out[why].values()) for why in Why if why in out)
    return Proposal(tuple(pair for _, pair in pairs), listed)


def _against(
    question_id: str, ranked: Sequence[_Ranked], dimensions: tuple[Dimension, ...], rule: PairRule
) -> Proposal:
    named = [it for it in ranked if _is_named(it.of, rule)]
    others = [it for it in ranked if not _is_named(it.of, rule)]
    if not named or not others:
        return _nothing(question_id, Why.NOT_THERE, ())
    best = others[0]
    pairs: list[Proposed] = []
    listed: list[Listed] = []
    for target in named:
        why = Why.NOT_BETTER if best.reward < target.reward else _refused(best, target, rule)
        if why is None:
            pairs.append(_pair(question_id, best, target, dimensions))
        else:
            listed.append(_listed(question_id, why, [best.of, target.of]))
    tied = [it.of for it in others if it.reward == best.reward]
    if pairs and tied[1:]:
        listed.append(_listed(question_id, Why.TIED_PLACE, tied))
    pairs.sort(key=lambda it: it.rejected_id)
    listed.sort(key=lambda it: (it.why, it.candidate_ids))
    return Proposal(tuple(pairs), tuple(listed))


def _is_named(candidate: Rated, rule: PairRule) -> bool:
    if rule.against:
        return candidate.candidate_id == rule.against
    return bool(rule.against_model) and candidate.model == rule.against_model


def _refused(better: _Ranked, worse: _Ranked, rule: PairRule) -> Why | None:
    """Return why two candidates, the first at least as good as the second, make no pair under a rule."""
    if better.of.text_hash == worse.of.text_hash:
        return Why.IDENTICAL
    margin = difference(better.reward, worse.reward) or 0.0
    if margin == 0.0:
        return Why.TIE
    if margin < rule.margin:
        return Why.MARGIN
    for dimension, least in rule.least:
        by = difference(better.of.scores.get(dimension), worse.of.scores.get(dimension))
        if by is None or by < least:
            return Why.DIMENSION
    if rule.length_ratio is not None:
        short, long = sorted((better.of.length, worse.of.length))
        if long > rule.length_ratio * short:
            return Why.LENGTH
    return None


def _pair(question_id: str, better: _Ranked, worse: _Ranked, dimensions: tuple[Dimension, ...]) -> Proposed:
    return Proposed(
        question_id,
        better.of.candidate_id,
        worse.of.candidate_id,
        dimensions,
        grounds_of(better.of, worse.of),
    )


def _listed(question_id: str, why: Why, candidates: Iterable[Rated]) -> Listed:
    return Listed(question_id, why, tuple(sorted(it.candidate_id for it in candidates)))


def _nothing(question_id: str, why: Why, candidates: Iterable[Rated]) -> Proposal:
    return Proposal((), (_listed(question_id, why, candidates),))
