"""Faithfulness: list the claims of an answer, retrieve passages for each, check each against its passages."""

from __future__ import annotations

import re
import unicodedata
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
    part_id,
)
from lrstudio.judge.caller import Answer
from lrstudio.judge.material import Material, retrieve
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import Quoted, SupportReply, read_claims, read_support
from lrstudio.judge.placing import place
from lrstudio.judge.protocol import Task
from lrstudio.judge.samples import by_majority, rounds
from lrstudio.judge.session import Session
from lrstudio.judge.sharing import both, concurrently

_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
_FULL_STOP = re.compile(r"(?<![.。])[.。]$")


def canonical(statement: str) -> str:
    """Return the wording under which equal claims are checked once.

    NFC, single spaces, straight quotation marks, no full stop at the end. Case stays: it tells names from words.
    """
    return _FULL_STOP.sub("", " ".join(unicodedata.normalize("NFC", statement).translate(_QUOTES).split()))


async def judge_faithfulness(session: Session, task: Task) -> Judgment:
    """Score how far the document supports the claims of the answer (LongReward, arXiv 2410.21252, section 3.3).

    The evidence of a claim stands in document order, so that "passage 2" of an explanation is its second; the ranks
    put the passages first that the verdict names. Claims are shared by canonical wording and evidence.
    """
    judgment = partial(Judgment, session.run_id, task.candidate.candidate_id, Dimension.FAITHFULNESS)
    text = task.document.text if task.document else None
    if not text:
        return judgment(State.UNSCORED, Reason.NO_DOCUMENT)
    if not task.candidate.text.strip():
        return judgment(State.NOT_CHECKABLE, Reason.NO_CLAIMS)
    # The claims do not need the document, and everything else waits for them.
    listed, material = await both(
        partial(_list, session, task, content_hash(text)), partial(session.shelf.material, text)
    )
    total = len(material.passages)
    if listed.value is None:
        unread = Coverage(0, total, attempts=listed.attempts)
        return judgment(State.UNSCORED, listed.reason, coverage=unread, call_key=listed.call_key)
    wordings = [canonical(item.text) for item in listed.value]
    evidence = await retrieve(material, wordings)
    answers = await concurrently(
        partial(_check, session, material, wording, found) for wording, found in zip(wordings, evidence, strict=True)
    )
    claims = _claims(task, listed.value, evidence=evidence, answers=answers)
    state, reason, score = faithfulness_score(claims)
    return judgment(
        state,
        _cause(reason, claims),
        score,
        aggregated=True,
        claims=claims,
        coverage=Coverage(total, total, attempts=listed.attempts + sum(answer.attempts for answer in answers)),
        call_key=listed.call_key,
        samples=rounds(claims),
    )


def _cause(reason: Reason, claims: Sequence[Claim]) -> Reason:
    """Return why too few claims were decided, where it was one and the same reason for all."""
    causes = {claim.reason for claim in claims if claim.support is None}
    return causes.pop() if reason is Reason.TOO_FEW_DECIDED and len(causes) == 1 else reason


async def _list(session: Session, task: Task, document_hash: str) -> Answer[tuple[Quoted, ...]]:
    return await session.ask(
        CallName.CLAIMS,
        read_claims,
        candidate_id=task.candidate.candidate_id,
        document_hash=document_hash,
        question=task.question.query,
        answer=task.candidate.text,
    )


async def _check(
    session: Session, material: Material, wording: str, evidence: Sequence[Evidence]
) -> Answer[SupportReply]:
    passages = [
        f"[Passage {number}]\n{found.span.of(material.text).strip()}" for number, found in enumerate(evidence, start=1)
    ]
    return await session.ask(
        CallName.SUPPORT,
        read_support,
        document_hash=material.document_hash,
        settle=by_majority,
        passages="\n\n".join(passages) or "(no passage shares a word with the claim)",
        claim=wording,
    )


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
