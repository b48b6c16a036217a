"""Completeness: take the key points out of every chunk, then see how many of them the answer covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Coverage, Dimension, Judgment, KeyPoint, Reason, State, part_id
from lrstudio.judge.caller import Answer
from lrstudio.judge.manner import Findings, Point
from lrstudio.judge.material import Material
from lrstudio.judge.parsing import CompletenessReply
from lrstudio.judge.placing import place
from lrstudio.judge.protocol import Task
from lrstudio.judge.published import with_reference
from lrstudio.judge.samples import by_mean_cover, scores_of
from lrstudio.judge.session import Session
from lrstudio.judge.sharing import concurrently


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
        return session.manner.unasked(judgment(State.UNSCORED, Reason.NO_DOCUMENT), "would crash: no document")
    material = await session.shelf.material(text)
    found = await concurrently(partial(_extract, session, material, task, chunk) for chunk in material.chunks)
    kept = session.manner.kept(material)
    points = _points(material, found, kept)
    unread = [answer for answer in found if answer.value is None]
    coverage = Coverage(
        chunks_read=sum(answer.value is not None for index, answer in enumerate(found) if index in kept),
        chunks_total=len(found),
        attempts=sum(answer.attempts for answer in found),
    )
    findings = [answer.taken for answer in found if answer.taken is not None]
    answer = await _cover(session, material, task, points, findings) if len(findings) == len(found) else None
    judgment = partial(
        judgment,
        key_points=_key_points(task, points, answer=answer),
        coverage=replace(coverage, attempts=coverage.attempts + (answer.attempts if answer else 0)),
        call_key=answer.call_key if answer else (unread or found)[0].call_key,
    )
    if unread:
        judged = judgment(State.UNSCORED, unread[0].reason)
    elif not points or answer is None:
        judged = judgment(State.UNSCORED, Reason.NO_KEY_POINTS)
    elif answer.value is None:
        judged = judgment(State.UNSCORED, answer.reason)
    else:
        value = answer.value
        judged = judgment(State.SCORED, score=value.score, explanation=value.analysis, samples=scores_of(answer))
    parts = [(f"chunk {number}", it.published) for number, it in enumerate(found, start=1)]
    said = answer.taken if answer else None
    return with_reference(
        judged, [*parts, *([("", answer.published)] if answer else [])], score=lambda: said.score if said else 0.0
    )


async def _extract(session: Session, material: Material, task: Task, chunk: Span) -> Answer[Findings]:
    ask = session.manner.key_points(question=task.question.query, material=material, chunk=chunk)
    return await session.ask(ask, document_hash=material.document_hash)


async def _cover(
    session: Session, material: Material, task: Task, points: Sequence[Point], findings: Sequence[Findings]
) -> Answer[CompletenessReply] | None:
    ask = session.manner.completeness(
        question=task.question.query,
        answer=task.candidate.text,
        material=material,
        points=points,
        findings=findings,
    )
    if ask is None:
        return None
    name = task.candidate.candidate_id
    return await session.ask(ask, candidate_id=name, document_hash=material.document_hash, settle=by_mean_cover)


def _points(material: Material, found: Sequence[Answer[Findings]], kept: frozenset[int]) -> list[Point]:
    """Return what was found in document order of the chunks, each point once per chunk, on one line each."""
    points: dict[tuple[Span, str], Point] = {}
    for index, (chunk, answer) in enumerate(zip(material.chunks, found, strict=True)):
        items = answer.taken.points if answer.taken and index in kept else ()
        spans = place([(item.quote,) for item in items], chunk.of(material.text))
        for item, span in zip(items, spans, strict=True):
            text = " ".join(item.text.split())
            in_document = Span(chunk.start + span.start, chunk.start + span.end) if span else None
            points.setdefault((chunk, text), Point(text, chunk, in_document, answer.call_key))
    return list(points.values())


def _key_point(task: Task, point: Point) -> KeyPoint:
    return KeyPoint(
        key_point_id=part_id("k", task.candidate.candidate_id, point.text, span=point.span or point.chunk),
        text=point.text,
        chunk=point.chunk,
        span=point.span,
        call_key=point.call_key,
    )


def _key_points(
    task: Task, points: Sequence[Point], *, answer: Answer[CompletenessReply] | None
) -> tuple[KeyPoint, ...]:
    """Return the key points with their covers; one that the reply passed over is unscored, as unreadable.

    Where nobody asked for covers they stay not checked.
    """
    parts: list[KeyPoint] = []
    for number, point in enumerate(points, start=1):
        part = _key_point(task, point)
        if answer is None or (answer.value and answer.value.covers is None):
            parts.append(part)
            continue
        cover = answer.value.covers.get(number) if answer.value and answer.value.covers else None
        if cover:
            parts.append(replace(part, state=State.SCORED, covered=cover.support, explanation=cover.note))
        else:
            reason = Reason.UNREADABLE if answer.value else answer.reason
            parts.append(replace(part, state=State.UNSCORED, reason=reason))
    return tuple(parts)
