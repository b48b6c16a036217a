"""Faithfulness: list the claims of an answer, retrieve passages for each, check each against its passages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from lrstudio.domain.text import Span, content_hash
from lrstudio.domain.verdicts import (
    Claim,
    Coverage,
    Dimension,
    Evidence,
    Judgment,
    Reason,
    State,
    faithfulness_score,
    mean_support,
    part_id,
)
from lrstudio.judge.caller import Answer
from lrstudio.judge.material import Material, retrieve
from lrstudio.judge.parsing import Quoted, SupportReply
from lrstudio.judge.placing import place
from lrstudio.judge.protocol import Task
from lrstudio.judge.published import with_reference
from lrstudio.judge.samples import by_majority, rounds
from lrstudio.judge.session import Session
from lrstudio.judge.sharing import both, concurrently


async def judge_faithfulness(session: Session, task: Task) -> Judgment:
    """Score how far the document supports the claims of the answer (LongReward, arXiv 2410.21252, section 3.3).

    The evidence of a claim stands in document order, so that "passage 2" of an explanation is its second; the ranks
    put the passages first that the verdict names. Claims are shared by the wording they are checked under and evidence.
    """
    judgment = partial(Judgment, session.run_id, task.candidate.candidate_id, Dimension.FAITHFULNESS)
    text = task.document.text if task.document else None
    if not text:
        return session.manner.unasked(judgment(State.UNSCORED, Reason.NO_DOCUMENT), "would crash: no document")
    if not task.candidate.text.strip():
        return session.manner.unasked(judgment(State.NOT_CHECKABLE, Reason.NO_CLAIMS), "not asked: an empty answer")
    # The claims do not need the document, and everything else waits for them.
    listed, material = await both(
        partial(_list, session, task, content_hash(text)), partial(session.shelf.material, text)
    )
    total = len(material.passages)
    items = listed.taken
    if items is None:
        unread = Coverage(0, total, attempts=listed.attempts)
        unlisted = judgment(State.UNSCORED, listed.reason, coverage=unread, call_key=listed.call_key)
        return _with_reference(unlisted, listed, ())
    wordings = [session.manner.wording(item.text) for item in items]
    retrieved = await retrieve(material, wordings, calls=session.calls)
    evidence = [session.manner.evidence(material, found) for found in retrieved]
    answers = await concurrently(
        partial(_check, session, material, wording, found) for wording, found in zip(wordings, evidence, strict=True)
    )
    claims = _claims(task, items, evidence=evidence, answers=answers)
    state, reason, score = faithfulness_score(claims)
    if listed.value is None:
        state, reason, score = State.UNSCORED, listed.reason, None
    judged = judgment(
        state,
        _cause(reason, claims),
        score,
        aggregated=True,
        claims=claims,
        coverage=Coverage(total, total, attempts=listed.attempts + sum(answer.attempts for answer in answers)),
        call_key=listed.call_key,
        samples=rounds(claims),
    )
    return _with_reference(judged, listed, answers)


def _with_reference(
    judgment: Judgment, listed: Answer[tuple[Quoted, ...]], answers: Sequence[Answer[SupportReply]]
) -> Judgment:
    """Add the script's score: the mean over all statements, one that occurs twice counted twice."""
    parts = [("", listed.published), *((f"claim {n}", it.published) for n, it in enumerate(answers, start=1))]
    said = [answer.taken.support for answer in answers if answer.taken]
    return with_reference(judgment, parts, score=lambda: mean_support(said) or 0.0)


def _cause(reason: Reason, claims: Sequence[Claim]) -> Reason:
    """Return why too few claims were decided, where it was one and the same reason for all."""
    causes = {claim.reason for claim in claims if claim.support is None}
    return causes.pop() if reason is Reason.TOO_FEW_DECIDED and len(causes) == 1 else reason


async def _list(session: Session, task: Task, document_hash: str) -> Answer[tuple[Quoted, ...]]:
    ask = session.manner.claims(question=task.question.query, answer=task.candidate.text)
    return await session.ask(ask, candidate_id=task.candidate.candidate_id, document_hash=document_hash)


async def _check(
    session: Session, material: Material, wording: str, evidence: Sequence[Evidence]
) -> Answer[SupportReply]:
    ask = session.manner.support(claim=wording, material=material, evidence=evidence)
    return await session.ask(ask, document_hash=material.document_hash, settle=by_majority)


def _claims(
    task: Task,
    listed: Sequence[Quoted],
    *,
    evidence: Sequence[tuple[Evidence, ...]],
    answers: Sequence[Answer[SupportReply]],
) -> tuple[Claim, ...]:
    spans = place([(item.quote, item.text) for item in listed], task.candidate.text)
    seen: Counter[str] = Counter()
    claims: list[Claim] = []
    for item, span, found, answer in zip(listed, spans, evidence, answers, strict=True):
        claims.append(_claim(task, item.text, span=span, ordinal=seen[item.text], found=found, answer=answer))
        seen[item.text] += 1
    return tuple(claims)


def _claim(
    task: Task,
    text: str,
    *,
    span: Span | None,
    ordinal: int,
    found: tuple[Evidence, ...],
    answer: Answer[SupportReply],
) -> Claim:
    claim = Claim(
        claim_id=part_id("c", task.candidate.candidate_id, text, span=span, ordinal=ordinal),
        text=text,
        span=span,
        state=State.UNSCORED,
        reason=answer.reason,
        evidence=found,
        call_key=answer.call_key,
        votes=tuple(vote.support if vote else None for vote in answer.samples),
        reference_support=answer.published.value.support if answer.published and answer.published.value else None,
    )
    if answer.value is None:
        return claim
    return replace(
        claim,
        state=State.SCORED,
        support=answer.value.support,
        support_reason=answer.value.reason,
        evidence=_named_first(found, answer.value.passages),
        explanation=answer.value.analysis,
    )


def _named_first(found: tuple[Evidence, ...], named: Sequence[int]) -> tuple[Evidence, ...]:
    """Rank anew: the passages that the verdict names, then the others, each by the retriever's rank."""
    order = sorted(range(len(found)), key=lambda i: (i + 1 not in named, found[i].rank))
    ranks = {index: rank for rank, index in enumerate(order, start=1)}
    return tuple(replace(evidence, rank=ranks[i]) for i, evidence in enumerate(found))
