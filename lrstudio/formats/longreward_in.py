"""What the LongReward scripts make, row by row: scored answers, preference pairs, and the published LongReward-10k.

* `scored_responses.jsonl`: `idx` "<prompt>-<sample>", `query`, `answer`, `scores`, `details`
* `preference_pairs.jsonl`: `idx`, `context`, `query`, `win_response`, `lose_response`
* LongReward-10k: both kinds of rows in one schema, where a field that a row does not have holds the word "none"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrstudio.domain.verdicts import Dimension, Reason, Support
from lrstudio.formats.given import Asked, Place, number, optional_text, record, records, text
from lrstudio.formats.records import ImportedClaim, ImportedJudgment, ImportedPair, ImportItem
from lrstudio.formats.rows import BadRow

JUDGE = "longreward"
NOTHING = "none"

_SCORED = frozenset(["idx", "query", "answer", "scores"])
_PAIR = frozenset(["win_response", "lose_response", "query", "context"])
_SUPPORTS = {support.value: support for support in Support}


def fits_scored(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is a scored answer."""
    return row.keys() >= _SCORED


def read_scored(row: Mapping[str, Any], place: Place) -> Iterator[ImportItem]:
    """Yield the question, the answer, and what the judge said of it in each dimension that has a score.

    The document is that of the same prompt in `sft.jsonl`, read before or after.

    Raises:
        BadRow: a field is missing, empty or of another kind.
    """
    index = optional_text(row, "idx")
    prompt = index.rpartition("-")[0]
    if not prompt:
        raise BadRow(f"idx is '{index}'; a sample has the prompt's index and its own, such as '11-7'")
    asked = Asked(query=text(row, "query"), document_id=prompt, question_id=prompt)
    answer = asked.candidate(text(row, "answer"), place, candidate_id=index)
    scores, details = record(row, "scores"), record(row, "details")
    judged = [
        _judgment(dimension, scores, record(details, dimension.value), answer.candidate_id, place)
        for dimension in Dimension
        if scores.get(dimension.value) is not None
    ]
    yield from asked.items(place)
    yield answer
    yield from judged


def fits_pair(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is a pair, or a row of LongReward-10k."""
    return row.keys() >= _PAIR


def read_pair(row: Mapping[str, Any], place: Place) -> Iterator[ImportItem]:
    """Yield document and question with the reference answer, if there is one, and the pair, if there is one.

    Raises:
        BadRow: a field is missing, empty or of another kind, or there is neither an answer nor a whole pair.
    """
    index = optional_text(row, "idx") or None
    answer, better, worse = (_said(row, name) for name in ("answer", "win_response", "lose_response"))
    asked = Asked(
        query=text(row, "query"),
        document=text(row, "context"),
        document_id=index,
        question_id=index,
        answers=(answer,) if answer else (),
    )
    if bool(better) != bool(worse):
        missing = "win_response" if worse else "lose_response"
        raise BadRow(f"{missing} is missing, and the other side of the pair is there")
    if not answer and not better:
        raise BadRow("there is neither an answer nor a pair")
    if better and better == worse:
        raise BadRow("win_response and lose_response are the same text")
    yield from asked.items(place)
    if better:
        chosen, rejected = asked.candidate(better, place), asked.candidate(worse, place)
        yield chosen
        yield rejected
        yield ImportedPair(chosen_id=chosen.candidate_id, rejected_id=rejected.candidate_id, where=place.where)


def _said(row: Mapping[str, Any], name: str) -> str:
    said = optional_text(row, name)
    return "" if said == NOTHING or not said.strip() else said


def _judgment(
    dimension: Dimension, scores: Mapping[str, Any], details: Mapping[str, Any], candidate_id: str, place: Place
) -> ImportedJudgment:
    """Take over a score; one that is not on 0-10, which the scripts let pass, is kept beside an unscored judgment."""
    score = number(scores[dimension.value], f"scores.{dimension.value}")
    on_scale = 0.0 <= score <= 10.0
    points = record(details, "info_list") if dimension is Dimension.COMPLETENESS else {}
    return ImportedJudgment(
        candidate_id=candidate_id,
        dimension=dimension,
        score=score if on_scale else None,
        reason=Reason.NONE if on_scale else Reason.OUT_OF_RANGE,
        reference_score=None if on_scale else score,
        judge=JUDGE,
        where=place.where,
        file=place.file,
        explanation=optional_text(details, "analysis"),
        claims=_claims(details) if dimension is Dimension.FAITHFULNESS else (),
        key_points=tuple(optional_text(points, name) for name in points if optional_text(points, name).strip()),
    )


def _claims(details: Mapping[str, Any]) -> tuple[ImportedClaim, ...]:
    return tuple(
        ImportedClaim(
            text(entry, "fact"),
            _support(entry),
            optional_text(entry, "analysis"),
            tuple(optional_text(passage, "content") for passage in records(entry, "evidences")),
        )
        for entry in records(details, "details")
    )


def _support(entry: Mapping[str, Any]) -> Support:
    value = number(entry.get("score"), "the score of a fact")
    if value not in _SUPPORTS:
        raise BadRow(f"the score of a fact is {value:g}; it is 1, 0.5 or 0")
    return _SUPPORTS[value]
