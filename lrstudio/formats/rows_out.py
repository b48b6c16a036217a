"""Judgments and decisions as flat rows with stable field names, for other programs to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrstudio.domain.decisions import Decision, Value, Wording
from lrstudio.domain.text import Candidate, Question, Span
from lrstudio.domain.verdicts import Claim, JudgeRun, Judgment, KeyPoint


def judgment_row(
    judgment: Judgment, *, run: JudgeRun, question: Question, candidate: Candidate, text: str | None
) -> dict[str, Any]:
    """Return one candidate, dimension and judge run as a row, with the ids of the imported file.

    `text` is the document's, from which evidence is quoted; None where there is none.
    `start` and `end` are code points, null where a claim is not verbatim in the candidate; `support` is 1, 0.5, 0 or
    null; `support_probability` is the probability that the document fully supports the claim, null where the judge
    gives none. `samples` of a judgment and `votes` of a claim are there where calls were repeated. `reference_score`,
    `reference_note` and `reference_support` are what the published LongReward script makes of the same replies, null or
    "" for a judge that does not follow it. `trial` marks what was said while a judge was tried out.
    """
    return {
        "run_id": run.run_id,
        "judge": run.identity.judge,
        "model": run.identity.model,
        "prompt_pack": run.identity.prompt_pack,
        "trial": run.trial,
        "document_id": question.document_id,
        "question_id": question.question_id,
        "candidate_id": judgment.candidate_id,
        "dimension": judgment.dimension.value,
        "state": judgment.state.value,
        "reason": judgment.reason.value,
        "score": judgment.score,
        "reference_score": judgment.reference_score,
        "reference_note": judgment.reference_note,
        "claims": [_claim_row(claim, candidate.text, text or "") for claim in judgment.claims],
        "key_points": [_key_point_row(point) for point in judgment.key_points],
        "explanation": judgment.explanation,
        "coverage": {
            "chunks_read": judgment.coverage.chunks_read,
            "chunks_total": judgment.coverage.chunks_total,
            "tokens_cut": judgment.coverage.tokens_cut,
            "attempts": judgment.coverage.attempts,
        },
        **({"samples": list(judgment.samples)} if judgment.samples else {}),
    }


def decision_row(decision: Decision) -> dict[str, Any]:
    """Return one entry of the journal as a row.

    `before` and `after` hold the fields that the act concerns: `wordings` where claims or key points were made anew,
    `evidence` where it was marked, else `state` with `support` and `support_reason` of a part or with the `score` of a
    dimension. An undo or redo has those of the decision that it undoes.
    """
    fields = _concerned(decision)
    return {
        "decision_id": decision.decision_id,
        "reviewer": decision.reviewer,
        "time": decision.time,
        "act": decision.act.value,
        "candidate_id": decision.target.candidate_id,
        "dimension": decision.target.dimension.value,
        "claim_id": decision.target.part_id or None,
        "before": _value_row(decision.before, fields),
        "after": _value_row(decision.after, fields),
        "reason": decision.reason,
        "blind": decision.blind,
        "shown": {
            "run_id": decision.shown.run_id,
            "judge_visible": decision.shown.judge_visible,
            "evidence": [_span_row(span) for span in decision.shown.evidence],
            "surface": decision.shown.surface,
            "inclusion_probability": decision.shown.inclusion_probability,
        },
        "undoes": decision.undoes,
        "adjudicates": list(decision.adjudicates),
    }


def _claim_row(claim: Claim, answer: str, document: str) -> dict[str, Any]:
    verbatim = claim.span if claim.span and claim.span.of(answer) == claim.text else None
    evidence = sorted(claim.evidence, key=lambda item: item.rank)
    return {
        "claim_id": claim.claim_id,
        "start": verbatim.start if verbatim else None,
        "end": verbatim.end if verbatim else None,
        "text": claim.text,
        "state": claim.state.value,
        "reason": claim.reason.value,
        "support": claim.support.value if claim.support else None,
        "support_reason": claim.support_reason.value,
        "support_probability": claim.support_probability,
        "reference_support": claim.reference_support.value if claim.reference_support else None,
        "evidence": [{**_span_row(item.span), "text": item.span.of(document), "rank": item.rank} for item in evidence],
        "explanation": claim.explanation,
        **({"votes": [vote.value if vote else None for vote in claim.votes]} if claim.votes else {}),
    }


def _key_point_row(point: KeyPoint) -> dict[str, Any]:
    return {
        "key_point_id": point.key_point_id,
        "text": point.text,
        "covered": point.covered.value if point.covered else None,
        "chunk": _span_row(point.chunk) if point.chunk else None,
        "start": point.span.start if point.span else None,
        "end": point.span.end if point.span else None,
    }


def _span_row(span: Span) -> dict[str, int]:
    return {"start": span.start, "end": span.end}


def _concerned(decision: Decision) -> tuple[str, ...]:
    for field in ("wordings", "evidence"):
        if getattr(decision.before, field) or getattr(decision.after, field):
            return (field,)
    return ("state", "support", "support_reason") if decision.target.part_id else ("state", "score")


def _value_row(value: Value, fields: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "state": value.state.value,
        "support": value.support.value if value.support else None,
        "support_reason": value.support_reason.value,
        "score": value.score,
        "wordings": [_wording_row(wording) for wording in value.wordings],
        "evidence": [_span_row(span) for span in value.evidence],
    }
    return {field: row[field] for field in fields}


def _wording_row(wording: Wording) -> dict[str, Any]:
    return {
        "claim_id": wording.part_id,
        "text": wording.text,
        "start": wording.span.start if wording.span else None,
        "end": wording.span.end if wording.span else None,
    }
