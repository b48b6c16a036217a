"""The two files of the LongReward scripts: `scored_responses.jsonl` and `preference_pairs.jsonl`, with their names.

Their ids are whole numbers: a question keeps an id that is one, any other gets the number that its text hashes to, the
same in both files. A candidate is "<question>-<number>", counted within its question from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import content_hash
from lrstudio.domain.verdicts import Claim, Dimension, Judgment, KeyPoint
from lrstudio.formats.columns import Row, writable
from lrstudio.formats.lines import write_lines
from lrstudio.formats.preference import PreferenceRow, ScoredRow
from lrstudio.formats.whole import whole_folder

SCORED_FILE = "scored_responses.jsonl"
PAIRS_FILE = "preference_pairs.jsonl"


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows each file has, and how many candidates were left out of the scores."""

    scored: int
    pairs: int
    left_out: int


def write_longreward(path: Path, *, scored: Iterable[ScoredRow], pairs: Iterable[PreferenceRow]) -> Written:
    """Write both files into a new folder.

    A candidate that is not scored in all four dimensions is left out of the scores, as the scripts leave it out.

    Raises:
        Refused: there is something of that name already, or a pair has no document (`context` must be text).
        Environment: it cannot be written.
    """
    left_out = [0]
    with whole_folder(path) as folder:
        scores = write_lines(folder / SCORED_FILE, _scored_rows(scored, left_out))
        written = write_lines(folder / PAIRS_FILE, (writable(pair_row(pair)) for pair in pairs))
    return Written(scores, written, left_out[0])


def pair_row(pair: PreferenceRow) -> Row:
    """Return a pair as a row of `preference_pairs.jsonl`.

    Raises:
        Refused: its question stands alone.
    """
    if pair.document is None:
        sentence = "LongReward's pairs have a document each, and this one has none; choose another format"
        raise Refused(sentence, where=f"pair '{pair.pair_id}'")
    return {
        "idx": question_number(pair.question_id),
        "context": pair.document,
        "query": pair.question,
        "win_response": pair.chosen.text,
        "lose_response": pair.rejected.text,
    }


def scored_row(row: ScoredRow) -> Row | None:
    """Return a candidate as a row of `scored_responses.jsonl`, None unless all four dimensions are scored.

    `total` is the sum, 0-40. Of the evidence, `content` is the passage and `start_idx` and `end_idx` are code points of
    the document, where the scripts have tokens; `token_ids` is empty and `total_token` null.
    """
    scores = row.candidate.scores
    if not all(dimension in scores for dimension in Dimension):
        return None
    return {
        "idx": f"{question_number(row.question_id)}-{row.number}",
        "query": row.question,
        "answer": row.candidate.text,
        "scores": {
            **{dimension.value: scores[dimension] for dimension in Dimension},
            "total": sum(scores[dimension] for dimension in Dimension),
        },
        "details": _details(row, scores),
    }


def question_number(question_id: str) -> int:
    """Return the whole number under which the scripts know a question."""
    plain = question_id.isascii() and question_id.isdigit() and (question_id == "0" or question_id[0] != "0")
    return int(question_id) if plain else int(content_hash(question_id)[:12], 16)


def _scored_rows(rows: Iterable[ScoredRow], left_out: list[int]) -> Iterator[Row]:
    for row in rows:
        made = scored_row(row)
        if made is None:
            left_out[0] += 1
        else:
            yield writable(made)


def _details(row: ScoredRow, scores: Mapping[Dimension, float]) -> Row:
    judged = {judgment.dimension: judgment for judgment in row.judgments}
    details: Row = {}
    for dimension in (Dimension.HELPFULNESS, Dimension.LOGICALITY, Dimension.COMPLETENESS, Dimension.FAITHFULNESS):
        judgment = judged.get(dimension)
        if dimension is Dimension.FAITHFULNESS:
            details[dimension.value] = _faithfulness(judgment, scores[dimension], row.document or "")
            continue
        details[dimension.value] = {"analysis": judgment.explanation if judgment else "", "score": scores[dimension]}
        if dimension is Dimension.COMPLETENESS:
            points = judgment.key_points if judgment else ()
            details[dimension.value]["info_list"] = _info_list(points, len(row.document or ""))
    return details


def _faithfulness(judgment: Judgment | None, score: float, document: str) -> Row:
    decided = [claim for claim in judgment.claims if claim.support is not None] if judgment else []
    return {
        "score": score,
        "facts": {claim.text: claim.support.value for claim in decided if claim.support is not None},
        "details": [_fact(claim, document) for claim in decided],
    }


def _fact(claim: Claim, document: str) -> Row:
    places = sorted((it.span for it in claim.evidence), key=lambda span: (span.start, span.end))
    return {
        "fact": claim.text,
        "analysis": claim.explanation,
        "score": claim.support.value if claim.support is not None else None,
        "evidences": [
            {
                "c_idx": number,
                "content": document[span.start : span.end],
                "start_idx": span.start,
                "end_idx": span.end,
                "total_token": None,
                "token_ids": [],
            }
            for number, span in enumerate(places)
        ],
    }


def _info_list(points: Iterable[KeyPoint], length: int) -> dict[str, str]:
    """Return key points by the range of the document they were read from, in percent, as the scripts head them."""
    found: dict[str, list[str]] = {}
    for point in points:
        place: Any = point.chunk or point.span
        percent = "0%-100%"
        if place is not None and length:
            percent = f"{round(100 * place.start / length)}%-{round(100 * place.end / length)}%"
        found.setdefault(percent, []).append(point.text)
    return {percent: "\n".join(texts) for percent, texts in found.items()}
