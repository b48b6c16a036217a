"""Completeness: take the key points out of every chunk, then see how many of them the answer covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Coverage, Dimension, Judgment, KeyPoint, Reason, State, part_id
from lrstudio.judge.caller import Answer
from lrstudio.judge.material import Material
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import CompletenessReply, Quoted, read_completeness, read_key_points
from lrstudio.judge.placing import place
from lrstudio.judge.protocol import Task
from lrstudio.judge.samples import by_mean_cover, scores_of
from lrstudio.judge.session import Session
from lrstudio.judge.sharing import concurrently


@dataclass(frozen=True, slots=True)
class _Point:
    """A key point found in a chunk, before anyone has asked whether it is covered."""

    text: str
    chunk: Span
    span: Span | None
    call_key: str


async def judge_completeness(session: Session, task: Task) -> Judgment:
    """Score how much of what the document says on the question the answer covers.

    LongReward, arXiv 2410.21252, section 3.4: key points per 4096-token chunk, which all candidates of a question
    share, then one call that sees all of them and the answer. The score is the model's own, not a mean of the parts.
    A judgment leads to the call that gave the score, a key point to the call that found it. Where a chunk could not be
    read the answer is not scored, for nobody knows what it may have left out.
    """
    judgment = partial(Judgment, session.run_id, task.candidate.candidate_id, Dimension.COMPLETENESS)
    text = task.document.text if task.document else None
    if not text:
        return judgment(State.UNSCORED, Reason.NO_DOCUMENT)
    material = await session.shelf.material(text)
    found = await concurrently(partial(_extract, session, material, task, chunk) for chunk in material.chunks)
    points = _points(material, found)
    unread = [answer for answer in found if answer.value is None]
    coverage = Coverage(
        chunks_read=len(found) - len(unread),
        chunks_total=len(found),
        attempts=sum(answer.attempts for answer in found),
    )
    if unread:
        parts = tuple(_key_point(task, point) for point in points)
        call_key = unread[0].call_key
        return judgment(State.UNSCORED, unread[0].reason, key_points=parts, coverage=coverage, call_key=call_key)
    if not points:
        return judgment(State.UNSCORED, Reason.NO_KEY_POINTS, coverage=coverage, call_key=found[0].call_key)
    answer = await _cover(session, material, task, points)
    judgment = partial(
        judgment,
        key_points=_key_points(task, points, answer=answer),
        coverage=replace(coverage, attempts=coverage.attempts + answer.attempts),
        call_key=answer.call_key,
    )
    if answer.value is None:
        return judgment(State.UNSCORED, answer.reason)
    value = answer.value
    return judgment(State.SCORED, score=value.score, explanation=value.analysis, samples=scores_of(answer))


async def _extract(session: Session, material: Material, task: Task, chunk: Span) -> Answer[tuple[Quoted, ...]]:
    return await session.ask(
        CallName.KEY_POINTS,
        read_key_points,
        document_hash=material.document_hash,
        chunk=chunk.of(material.text),
        question=task.question.query,
    )


async def _cover(
    session: Session, material: Material, task: Task, points: Sequence[_Point]
) -> Answer[CompletenessReply]:
    length = len(material.text)
    lines = [
        f"{number}. [{100 * point.chunk.start // length}-{100 * point.chunk.end // length}%] {point.text}"
        for number, point in enumerate(points, start=1)
    ]
    return await session.ask(
        CallName.COMPLETENESS,
        read_completeness,
        candidate_id=task.candidate.candidate_id,
        document_hash=material.document_hash,
        more_tokens=session.caller.limits.completeness_tokens_per_key_point * len(points),
        settle=by_mean_cover,
        question=task.question.query,
        key_points="\n".join(lines),
        answer=task.candidate.text,
    )


def _points(material: Material, found: Sequence[Answer[tuple[Quoted, ...]]]) -> list[_Point]:
    """Return what was found in document order of the chunks, each point once per chunk, on one line each."""
    points: dict[tuple[Span, str], _Point] = {}
    for chunk, answer in zip(material.chunks, found, strict=True):
        items = answer.value or ()
        spans = place([(item.quote,) for item in items], chunk.of(material.text))
        for item, span in zip(items, spans, strict=True):
            text = " ".join(item.text.split())
            in_document = Span(chunk.start + span.start, chunk.start + span.end) if span else None
            points.setdefault((chunk, text), _Point(text, chunk, in_document, answer.call_key))
    return list(points.values())


def _key_point(task: Task, point: _Point) -> KeyPoint:
    return KeyPoint(
        key_point_id=part_id("k", task.candidate.candidate_id, point.text, span=point.span or point.chunk),
        text=point.text,
        chunk=point.chunk,
        span=point.span,
        call_key=point.call_key,
    )


def _key_points(task: Task, points: Sequence[_Point], *, answer: Answer[CompletenessReply]) -> tuple[KeyPoint, ...]:
    """Return the key points with their covers; one that the reply passed over is unscored, as unreadable."""
    parts: list[KeyPoint] = []
    for number, point in enumerate(points, start=1):
        part = _key_point(task, point)
        cover = answer.value.covers.get(number) if answer.value else None
        if cover:
            parts.append(replace(part, state=State.SCORED, covered=cover.support, explanation=cover.note))
        else:
            reason = Reason.UNREADABLE if answer.value else answer.reason
            parts.append(replace(part, state=State.UNSCORED, reason=reason))
    return tuple(parts)
