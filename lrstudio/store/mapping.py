"""Domain records to rows and back. Reading goes through the records' own validators; both ways are exact."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from typing import Any

import zstandard

from lrstudio.domain.decisions import Act, Decision, Shown, Target, Value, Wording
from lrstudio.domain.text import Candidate, Document, PlaceKind, Question, Source, SourceMap, Span
from lrstudio.domain.verdicts import (
    Claim,
    Coverage,
    Dimension,
    Evidence,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    KeyPoint,
    Reason,
    RunState,
    State,
    Support,
    SupportReason,
)

Values = dict[str, Any]
"""Column name to value, ready to be bound."""


def to_json(value: Any) -> str:
    """Write compact JSON. Not escaped to ASCII: two lone surrogates side by side would come back as one character."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def squeeze(text: str) -> bytes:
    """Compress a text; lone surrogates survive."""
    return zstandard.ZstdCompressor().compress(text.encode("utf-8", "surrogatepass"))


def unsqueeze(blob: bytes) -> str:
    """Give back what `squeeze` was given."""
    return zstandard.ZstdDecompressor().decompress(blob).decode("utf-8", "surrogatepass")


def _span(start: int | None, end: int | None) -> Span | None:
    return None if start is None or end is None else Span(start, end)


def _edges(span: Span | None) -> tuple[int | None, int | None]:
    # Not by truth: an empty span has length 0 and is a place all the same.
    return (None, None) if span is None else (span.start, span.end)


def _spans(pairs: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in pairs)


# Documents, questions, candidates


def source_values(source: Source | None) -> Values:
    """Return the source columns of a document."""
    return {
        "source_name": source.name if source else None,
        "source_format": source.format if source else "",
        "source_encoding": source.encoding if source else "",
        "source_licence": source.licence if source else "",
        "source_map": pack_source_map(source.map) if source and source.map else None,
    }


def document_of(row: Any, *, text: str | None) -> Document:
    """Build a document from its row and its text."""
    source = None
    if row.source_name is not None:
        packed = row.source_map
        source = Source(
            name=row.source_name,
            format=row.source_format,
            encoding=row.source_encoding,
            licence=row.source_licence,
            map=unpack_source_map(packed) if packed is not None else None,
        )
    return Document(row.document_id, text, title=row.title, source=source, local_only=row.local_only)


def pack_source_map(source_map: SourceMap) -> bytes:
    """Write a source map small: offsets as steps, and places as steps too where all of them are whole numbers."""
    places: list[int] | list[str] = list(source_map.places)
    if all(place.isascii() and place.isdecimal() and str(int(place)) == place for place in source_map.places):
        places = _steps([int(place) for place in source_map.places])
    return squeeze(to_json([source_map.kind.value, _steps(source_map.offsets), places]))


def unpack_source_map(blob: bytes) -> SourceMap:
    """Read what `pack_source_map` wrote."""
    kind, offsets, places = json.loads(unsqueeze(blob))
    if isinstance(places[0], int):
        places = [str(place) for place in accumulate(places)]
    return SourceMap(PlaceKind(kind), tuple(accumulate(offsets)), tuple(places))


def _steps(numbers: Iterable[int]) -> list[int]:
    return [after - before for before, after in pairwise([0, *numbers])]


def question_of(row: Any) -> Question:
    """Build a question from its row, joined with the document's external id."""
    return Question(row.question_id, row.document_id, row.query, tuple(json.loads(row.reference_answers)))


def candidate_of(row: Any) -> Candidate:
    """Build a candidate from its row, joined with the question's external id."""
    return Candidate(row.candidate_id, row.question_id, row.text, row.model)


# Judge runs and judgments


def run_values(run: JudgeRun) -> Values:
    """Return the columns of a judge run."""
    return identity_values(run.identity) | {
        "run_id": run.run_id,
        "dimensions": dimensions_json(run.dimensions),
        "state": run.state.value,
        "started": run.started,
        "finished": run.finished,
        "calls": run.calls,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "cost": run.cost,
        "trial": run.trial,
    }


def identity_values(identity: JudgeIdentity) -> Values:
    """Return the columns that tell one judge from another."""
    return {
        "judge": identity.judge,
        "model": identity.model,
        "prompt_pack": identity.prompt_pack,
        "tokenizer": identity.tokenizer,
        "parameters": identity.parameters,
    }


def dimensions_json(dimensions: Iterable[Dimension]) -> str:
    """Write dimensions in the order of the method, so that equal sets are equal strings."""
    wanted = set(dimensions)
    return to_json([dimension.value for dimension in Dimension if dimension in wanted])


def run_of(row: Any) -> JudgeRun:
    """Build a judge run from its row."""
    return JudgeRun(
        run_id=row.run_id,
        identity=JudgeIdentity(row.judge, row.model, row.prompt_pack, row.tokenizer, row.parameters),
        dimensions=tuple(Dimension(name) for name in json.loads(row.dimensions)),
        state=RunState(row.state),
        started=row.started,
        finished=row.finished,
        calls=row.calls,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=row.cost,
        trial=row.trial,
    )


def judgment_values(judgment: Judgment) -> Values:
    """Return the columns of a judgment, without the keys of its run and candidate and without its parts."""
    return {
        "dimension": judgment.dimension.value,
        "state": judgment.state.value,
        "reason": judgment.reason.value,
        "score": judgment.score,
        "aggregated": judgment.aggregated,
        "explanation": judgment.explanation,
        "chunks_read": judgment.coverage.chunks_read,
        "chunks_total": judgment.coverage.chunks_total,
        "tokens_cut": judgment.coverage.tokens_cut,
        "attempts": judgment.coverage.attempts,
        "call_key": judgment.call_key,
        "reference_score": judgment.reference_score,
        "reference_note": judgment.reference_note,
        "samples": to_json(judgment.samples),
    }


def judgment_of(row: Any, *, claims: tuple[Claim, ...], key_points: tuple[KeyPoint, ...]) -> Judgment:
    """Build a judgment from its row, joined with the external ids of run and candidate, and its parts."""
    return Judgment(
        run_id=row.run_id,
        candidate_id=row.candidate_id,
        dimension=Dimension(row.dimension),
        state=State(row.state),
        reason=Reason(row.reason),
        score=row.score,
        aggregated=row.aggregated,
        claims=claims,
        key_points=key_points,
        explanation=row.explanation,
        coverage=Coverage(row.chunks_read, row.chunks_total, row.tokens_cut, row.attempts),
        call_key=row.call_key,
        reference_score=row.reference_score,
        reference_note=row.reference_note,
        samples=tuple(json.loads(row.samples)),
    )


def claim_values(claim: Claim, *, ordinal: int) -> Values:
    """Return the columns of a claim, without the key of its judgment."""
    start, end = _edges(claim.span)
    return {
        "ordinal": ordinal,
        "claim_id": claim.claim_id,
        "text": claim.text,
        "start": start,
        "end": end,
        "state": claim.state.value,
        "reason": claim.reason.value,
        "support": claim.support.value if claim.support else None,
        "support_reason": claim.support_reason.value,
        "support_probability": claim.support_probability,
        "evidence": to_json([[e.span.start, e.span.end, e.rank, e.score, int(e.by_person)] for e in claim.evidence]),
        "explanation": claim.explanation,
        "call_key": claim.call_key,
        "reference_support": claim.reference_support.value if claim.reference_support else None,
        "votes": to_json([vote.value if vote else None for vote in claim.votes]),
    }


def claim_of(row: Any) -> Claim:
    """Build a claim from its row."""
    return Claim(
        claim_id=row.claim_id,
        text=row.text,
        span=_span(row.start, row.end),
        state=State(row.state),
        reason=Reason(row.reason),
        support=support_of(row.support),
        support_reason=SupportReason(row.support_reason),
        support_probability=row.support_probability,
        evidence=tuple(
            Evidence(Span(start, end), rank, score, bool(by_person))
            for start, end, rank, score, by_person in json.loads(row.evidence)
        ),
        explanation=row.explanation,
        call_key=row.call_key,
        reference_support=support_of(row.reference_support),
        votes=tuple(map(support_of, json.loads(row.votes))),
    )


def key_point_values(point: KeyPoint, *, ordinal: int) -> Values:
    """Return the columns of a key point, without the key of its judgment."""
    chunk_start, chunk_end = _edges(point.chunk)
    span_start, span_end = _edges(point.span)
    return {
        "ordinal": ordinal,
        "key_point_id": point.key_point_id,
        "text": point.text,
        "chunk_start": chunk_start,
        "chunk_end": chunk_end,
        "span_start": span_start,
        "span_end": span_end,
        "state": point.state.value,
        "reason": point.reason.value,
        "covered": point.covered.value if point.covered else None,
        "explanation": point.explanation,
        "call_key": point.call_key,
    }


def key_point_of(row: Any) -> KeyPoint:
    """Build a key point from its row."""
    return KeyPoint(
        key_point_id=row.key_point_id,
        text=row.text,
        chunk=_span(row.chunk_start, row.chunk_end),
        span=_span(row.span_start, row.span_end),
        state=State(row.state),
        reason=Reason(row.reason),
        covered=support_of(row.covered),
        explanation=row.explanation,
        call_key=row.call_key,
    )


def support_of(number: float | None) -> Support | None:
    """Read a support column."""
    return None if number is None else Support(number)


# The journal


def decision_values(decision: Decision) -> Values:
    """Return the columns of a decision, without its id and the key of its candidate."""
    return {
        "reviewer": decision.reviewer,
        "time": decision.time,
        "act": decision.act.value,
        "dimension": decision.target.dimension.value,
        "part_id": decision.target.part_id,
        "before": to_json(value_fields(decision.before)),
        "after": to_json(value_fields(decision.after)),
        "shown": to_json(shown_fields(decision.shown)),
        "reason": decision.reason,
        "blind": decision.blind,
        "undoes": decision.undoes,
        "adjudicates": to_json(decision.adjudicates),
    }


def decision_of(row: Any) -> Decision:
    """Build a decision from its row, joined with the candidate's external id."""
    return Decision(
        decision_id=row.id,
        reviewer=row.reviewer,
        time=row.time,
        act=Act(row.act),
        target=Target(row.candidate_id, Dimension(row.dimension), row.part_id),
        before=value_of(json.loads(row.before)),
        after=value_of(json.loads(row.after)),
        reason=row.reason,
        blind=row.blind,
        shown=shown_of(json.loads(row.shown)),
        undoes=row.undoes,
        adjudicates=tuple(json.loads(row.adjudicates)),
    )


def value_fields(value: Value) -> Values:
    """Return the fields of a value that are set, as JSON types."""
    fields: Values = {"state": value.state.value}
    if value.support is not None:
        fields["support"] = value.support.value
    if value.support_reason is not SupportReason.UNSTATED:
        fields["support_reason"] = value.support_reason.value
    if value.score is not None:
        fields["score"] = value.score
    if value.wordings:
        fields["wordings"] = [
            {"part_id": it.part_id, "text": it.text, "span": None if it.span is None else _edges(it.span)}
            for it in value.wordings
        ]
    if value.evidence:
        fields["evidence"] = [_edges(span) for span in value.evidence]
    return fields


def value_of(fields: Mapping[str, Any]) -> Value:
    """Build a value from what `value_fields` returned."""
    score = fields.get("score")
    return Value(
        state=State(fields["state"]),
        support=support_of(fields.get("support")),
        support_reason=SupportReason(fields.get("support_reason", "")),
        score=None if score is None else float(score),
        wordings=tuple(
            Wording(it["part_id"], it["text"], None if it["span"] is None else Span(*it["span"]))
            for it in fields.get("wordings", ())
        ),
        evidence=_spans(fields.get("evidence", ())),
    )


def shown_fields(shown: Shown) -> Values:
    """Return what was shown as JSON types."""
    chance = shown.inclusion_probability
    return {
        "run_id": shown.run_id,
        "judge_visible": shown.judge_visible,
        "evidence": [_edges(span) for span in shown.evidence],
        "surface": shown.surface,
        **({} if chance is None else {"inclusion_probability": chance}),
    }


def shown_of(fields: Mapping[str, Any]) -> Shown:
    """Build what was shown from what `shown_fields` returned."""
    return Shown(
        fields["run_id"],
        fields["judge_visible"],
        _spans(fields["evidence"]),
        fields["surface"],
        fields.get("inclusion_probability"),
    )
