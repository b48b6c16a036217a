"""One answer of several repeats of the same call: the mean of scores, the majority of verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TypeVar

from lrstudio.domain.verdicts import Claim, Support, mean_support
from lrstudio.judge.caller import Answer, T
from lrstudio.judge.parsing import CompletenessReply, Cover, ScoreReply, SupportReply

S = TypeVar("S", ScoreReply, CompletenessReply)


def by_mean(answers: Sequence[Answer[S]]) -> Answer[S]:
    """Settle repeats of a score: the mean of the readable ones, with the analysis of the repeat nearest to it."""
    read = [(answer, answer.value) for answer in answers if answer.value is not None]
    if not read:
        return _of(answers, answers[0], None)
    mean = fmean(value.score for _, value in read)
    nearest, value = min(read, key=lambda it: abs(it[1].score - mean))
    return _of(answers, nearest, replace(value, score=mean))


def by_majority(answers: Sequence[Answer[SupportReply]]) -> Answer[SupportReply]:
    """Settle repeats of a check: the support that most of the readable ones name, of equally many the lower.

    Reason, passages and analysis are those of the first repeat that says so.
    """
    verdict = majority(answer.value.support for answer in answers if answer.value is not None)
    for answer in answers:
        if answer.value is not None and answer.value.support is verdict:
            return _of(answers, answer, answer.value)
    return _of(answers, answers[0], None)


def by_mean_cover(answers: Sequence[Answer[CompletenessReply]]) -> Answer[CompletenessReply]:
    """Settle repeats of completeness: the score as by `by_mean`, each key point's cover by the majority."""
    settled = by_mean(answers)
    if settled.value is None:
        return settled
    if settled.value.covers is None:
        return settled
    told: dict[int, list[Cover]] = {}
    for answer in answers:
        for number, cover in ((answer.value and answer.value.covers) or {}).items():
            told.setdefault(number, []).append(cover)
    return replace(settled, value=replace(settled.value, covers={it: _agreed(covers) for it, covers in told.items()}))


def majority(supports: Iterable[Support]) -> Support | None:
    """Return the support named most often, of equally many the lower; None for none at all."""
    counts = Counter(supports)
    return max(counts, key=lambda it: (counts[it], -it.value), default=None)


def scores_of(answer: Answer[ScoreReply] | Answer[CompletenessReply]) -> tuple[float, ...]:
    """Return the scores of the repeats that could be read; none for a call made once."""
    return tuple(value.score for value in answer.samples if value is not None)


def rounds(claims: Sequence[Claim]) -> tuple[float, ...]:
    """Return the faithfulness that each round of checks alone would give, where it decided at least half the claims."""
    scores: list[float] = []
    for votes in zip(*(claim.votes for claim in claims), strict=True):
        decided = [vote for vote in votes if vote is not None]
        score = mean_support(decided)
        if score is not None and 2 * len(decided) >= len(votes):
            scores.append(score)
    return tuple(scores)


def _of(answers: Sequence[Answer[T]], chosen: Answer[T], value: T | None) -> Answer[T]:
    """Return `chosen` on behalf of all; the published script, which asks once, takes the first repeat."""
    return replace(
        chosen,
        value=value,
        attempts=sum(answer.attempts for answer in answers),
        published=answers[0].published,
        samples=tuple(answer.value for answer in answers),
    )


def _agreed(covers: Sequence[Cover]) -> Cover:
    support = majority(cover.support for cover in covers)
    return next(cover for cover in covers if cover.support is support)
