"""The embedded judge: no network, no language model. It goes by words, and says when words decide nothing."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Self, TypeVar

import anyio.to_thread

from lrstudio.domain.text import Span, content_hash
from lrstudio.domain.verdicts import (
    Claim,
    Coverage,
    Dimension,
    Evidence,
    JudgeIdentity,
    Judgment,
    KeyPoint,
    Reason,
    State,
    Support,
    faithfulness_score,
    mean_support,
    part_id,
)
from lrstudio.judge import lexical_key_points as points
from lrstudio.judge.claims import Statement, statements
from lrstudio.judge.lexical_features import TOP_K, LexicalDocument
from lrstudio.judge.lexical_model import LexicalModel
from lrstudio.judge.lexical_verdict import Verdict, decide
from lrstudio.judge.protocol import CallLog, Task
from lrstudio.judge.sharing import SingleFlight
from lrstudio.text.chunks import EXTRACTION_TOKENS, RETRIEVAL_TOKENS
from lrstudio.text.tokens import Tokenizer

T = TypeVar("T")

# Raised when verdicts change without the coefficients: two runs with different rules are told apart.
_RULES = 1
_NO_MODEL = "Words alone do not tell how helpful or logical an answer is."
_NO_DOCUMENT = "There is no document to hold the answer against."


class LexicalJudge:
    """Scores faithfulness and completeness by words; helpfulness and logicality stay unscored.

    Equal input gives equal judgments. Work is done in threads, once per document and question, and the last few
    documents are kept.
    """

    def __init__(self, model: LexicalModel, tokenizer: Tokenizer, *, documents: int = 4) -> None:
        """Judge with these coefficients and chunks of this tokenizer; keep `documents` documents ready."""
        self._model = model
        self._tokenizer = tokenizer
        self._documents: _Recent[LexicalDocument] = _Recent(documents)
        self._points: _Recent[tuple[points.Point, ...]] = _Recent(64)

    @classmethod
    def default(cls, tokenizer: Tokenizer | None = None) -> Self:
        """Make the judge that ships with the studio."""
        return cls(LexicalModel.shipped(), tokenizer or Tokenizer.shipped())

    @property
    def identity(self) -> JudgeIdentity:
        """Coefficients by hash, tokenizer by hash, thresholds and sizes."""
        parameters = {
            "chunk_tokens": RETRIEVAL_TOKENS,
            "extraction_tokens": EXTRACTION_TOKENS,
            "key_points_per_chunk": points.PER_CHUNK,
            "rules": _RULES,
            "cover": {"full": points.FULL_FROM, "partial": points.PARTIAL_FROM},
            "thresholds": self._model.limits,
            "top_k": TOP_K,
        }
        return JudgeIdentity(
            judge="lexical",
            model=f"lexical-{self._model.digest}",
            tokenizer=self._tokenizer.name,
            parameters=json.dumps(parameters, sort_keys=True),
        )

    async def judge(self, task: Task, dimension: Dimension, *, run_id: str, calls: CallLog) -> Judgment:
        """Judge one candidate in one dimension; there are no calls to log."""
        unscored = partial(Judgment, run_id, task.candidate.candidate_id, dimension, State.UNSCORED)
        if dimension in (Dimension.HELPFULNESS, Dimension.LOGICALITY):
            return unscored(Reason.NEEDS_LANGUAGE_MODEL, explanation=_NO_MODEL)
        text = task.document.text if task.document else None
        if text is None or not text.strip():
            return unscored(Reason.NO_DOCUMENT, explanation=_NO_DOCUMENT)
        key = content_hash(text)
        document = await self._documents.get(key, partial(LexicalDocument, text, tokenizer=self._tokenizer))
        if dimension is Dimension.FAITHFULNESS:
            return await _in_thread(partial(self._faithfulness, task, document, run_id))
        query = task.question.query
        found = await self._points.get(content_hash(f"{key}\n{query}"), partial(points.key_points, document, query))
        return await _in_thread(partial(self._completeness, task, document, found, run_id))

    async def aclose(self) -> None:
        """Forget the documents."""
        self._documents.clear()
        self._points.clear()

    def _faithfulness(self, task: Task, document: LexicalDocument, run_id: str) -> Judgment:
        candidate = task.candidate
        claims = tuple(
            _claim(candidate.candidate_id, statement, decide(document, statement, self._model), document)
            for statement in statements(candidate.text)
        )
        state, reason, score = faithfulness_score(claims)
        return Judgment(
            run_id,
            candidate.candidate_id,
            Dimension.FAITHFULNESS,
            state,
            reason,
            score,
            aggregated=True,
            claims=claims,
            explanation=_tally(claims),
            coverage=Coverage(chunks_read=len(document.chunks), chunks_total=len(document.chunks)),
        )

    def _completeness(
        self, task: Task, document: LexicalDocument, found: Sequence[points.Point], run_id: str
    ) -> Judgment:
        candidate, query = task.candidate, task.question.query
        answer = points.sentence_stems(candidate.text)
        parts = []
        for point in found:
            text = point.span.of(document.text)
            covered, share = points.cover(document, text, query, answer)
            parts.append(
                KeyPoint(
                    part_id("k", candidate.candidate_id, text, span=point.span),
                    text,
                    point.chunk,
                    point.span,
                    State.SCORED,
                    covered=covered,
                    explanation=f"The closest sentence of the answer has {share:.0%} of its words, by rarity.",
                )
            )
        score = mean_support(part.covered for part in parts if part.covered)
        chunks = len(points.extraction_chunks(document))
        return Judgment(
            run_id,
            candidate.candidate_id,
            Dimension.COMPLETENESS,
            State.UNSCORED if score is None else State.SCORED,
            Reason.NO_KEY_POINTS if score is None else Reason.NONE,
            score,
            aggregated=True,
            key_points=tuple(parts),
            explanation=_covered(parts),
            coverage=Coverage(chunks_read=chunks, chunks_total=chunks),
        )


def _claim(candidate_id: str, statement: Statement, verdict: Verdict, document: LexicalDocument) -> Claim:
    evidence = tuple(
        Evidence(_trimmed(document.chunks[hit.index], document.text), rank, hit.score)
        for rank, hit in enumerate(verdict.match.passages.hits, start=1)
    )
    return Claim(
        claim_id=part_id("c", candidate_id, statement.text, span=statement.span),
        text=statement.text,
        span=statement.span,
        state=verdict.state,
        reason=verdict.reason,
        support=verdict.support,
        support_reason=verdict.support_reason,
        support_probability=verdict.probability,
        evidence=evidence,
        explanation=verdict.explanation,
    )


def _trimmed(span: Span, text: str) -> Span:
    """Leave white space at the borders of a chunk out of what is shown as evidence."""
    inside = span.of(text)
    start = span.start + len(inside) - len(inside.lstrip())
    return Span(start, start + len(inside.strip()))


def _tally(claims: Sequence[Claim]) -> str:
    words: Counter[str] = Counter()
    for claim in claims:
        if claim.support is not None:
            words[claim.support_reason.value.replace("_", " ") or claim.support.word] += 1
        else:
            words[claim.reason.words] += 1
    listed = ", ".join(f"{count} {word}" for word, count in words.items())
    return f"{len(claims)} sentences: {listed}." if claims else "The answer has no sentences."


def _covered(parts: Sequence[KeyPoint]) -> str:
    if not parts:
        return "No sentence of the document speaks of the question in its own words."
    full = sum(part.covered is Support.FULL for part in parts)
    half = sum(part.covered is Support.PARTIAL for part in parts)
    return f"Of {len(parts)} key points {full} are covered and {half} in part."


async def _in_thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


class _Recent(Generic[T]):
    """Keeps the last few results of costly work, each worked out once and in a thread, however many wait for it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._flights = SingleFlight()

    async def get(self, key: str, work: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = await self._flights.run(key, partial(_in_thread, work))
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return self._kept[key]

    def clear(self) -> None:
        self._kept.clear()
