"""A judge that says what a script tells it to: for tests, for the tour, and to try the window without a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import anyio

from lrstudio.domain.errors import Refused
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
from lrstudio.judge import script_rule as rule
from lrstudio.judge.protocol import Call, CallLog, ParseState, Reply, Task
from lrstudio.judge.script import Script, ScriptedClaim, ScriptedScore

__all__ = ["Script", "ScriptedJudge"]


class ScriptedJudge:
    """Equal input gives equal judgments. Each candidate and dimension is one call, logged like a model's.

    A call that the log holds as finished is not made again: no second entry, no delay.
    """

    def __init__(self, script: Script, *, delay: float = 0.0) -> None:
        """Follow `script`; every call takes `delay` seconds and can be cancelled meanwhile."""
        self._script = script
        self._delay = delay

    @property
    def identity(self) -> JudgeIdentity:
        """The script by name and hash."""
        parameters = json.dumps({"script": self._script.digest}, sort_keys=True)
        return JudgeIdentity(judge="scripted", model=self._script.name, parameters=parameters)

    async def judge(self, task: Task, dimension: Dimension, *, run_id: str, calls: CallLog) -> Judgment:
        """Judge one candidate in one dimension.

        Raises:
            Refused: the script quotes what the document does not have; names candidate and quote.
        """
        text = task.document.text if task.document else None
        grounded = dimension in (Dimension.FAITHFULNESS, Dimension.COMPLETENESS)
        if grounded and (text is None or not text.strip()):
            reason = Reason.NO_DOCUMENT
            return Judgment(run_id, task.candidate.candidate_id, dimension, State.UNSCORED, reason)
        call = self._call(task, dimension, text or "")
        if dimension is Dimension.FAITHFULNESS:
            judgment = self._faithfulness(task, text or "", run_id, call.key)
        elif dimension is Dimension.COMPLETENESS:
            judgment = self._completeness(task, text or "", run_id, call.key)
        else:
            judgment = self._score(task, dimension, run_id, call.key)
        if await calls.finished(call.key) is None:
            await calls.begin(call)
            await anyio.sleep(self._delay)
            await calls.end(call.key, self._reply(call, judgment))
        return judgment

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _call(self, task: Task, dimension: Dimension, text: str) -> Call:
        document = content_hash(text)
        request = json.dumps(
            {
                "answer": content_hash(task.candidate.text),
                "candidate": task.candidate.candidate_id,
                "dimension": dimension.value,
                "document": document,
                "question": task.question.query,
                "script": self._script.digest,
            },
            sort_keys=True,
        )
        return Call(
            key=hashlib.sha256(request.encode()).hexdigest(),
            purpose=dimension.value,
            candidate_id=task.candidate.candidate_id,
            document_hash=document,
            model=self._script.name,
            prompt_pack="",
            request=request,
        )

    def _reply(self, call: Call, judgment: Judgment) -> Reply:
        said = {
            "claims": [{"support": claim.support and claim.support.value} for claim in judgment.claims],
            "key_points": [point.covered and point.covered.value for point in judgment.key_points],
            "reason": judgment.reason.value,
            "score": judgment.score,
        }
        answer = json.dumps(said, sort_keys=True)
        return Reply(
            answer, "stop", ParseState.PARSED, len(call.request) // 4, len(answer) // 4, cost=0.0, seconds=self._delay
        )

    def _stated(self, candidate_id: str, dimension: Dimension) -> ScriptedScore | None:
        return self._script.scores.get(candidate_id, {}).get(dimension)

    def _score(self, task: Task, dimension: Dimension, run_id: str, key: str) -> Judgment:
        candidate = task.candidate
        stated = self._stated(candidate.candidate_id, dimension) or rule.score(candidate.text, dimension)
        return Judgment(
            run_id,
            candidate.candidate_id,
            dimension,
            State.UNSCORED if stated.score is None else State.SCORED,
            stated.unscored or Reason.NONE,
            stated.score,
            explanation=stated.explanation,
            coverage=Coverage(attempts=1),
            call_key=key,
        )

    def _faithfulness(self, task: Task, text: str, run_id: str, key: str) -> Judgment:
        candidate = task.candidate
        scripted = self._script.claims.get(candidate.candidate_id)
        claims: dict[str, Claim] = {}
        at = 0
        for number, entry in enumerate(rule.claims(candidate.text) if scripted is None else scripted):
            span = _find(candidate.text, entry.text, at)
            at = span.end if span else at
            spans = (
                rule.passages(text, entry.text)
                if scripted is None
                else _quotes(text, entry.evidence, candidate.candidate_id)
            )
            claim = _claim(candidate.candidate_id, number, entry, span, spans, key)
            claims.setdefault(claim.claim_id, claim)
        stated = self._stated(candidate.candidate_id, Dimension.FAITHFULNESS)
        state, reason, score = _outcome(stated) if stated else faithfulness_score(tuple(claims.values()))
        return Judgment(
            run_id,
            candidate.candidate_id,
            Dimension.FAITHFULNESS,
            state,
            reason,
            score,
            aggregated=stated is None,
            claims=tuple(claims.values()),
            explanation=stated.explanation if stated else "",
            coverage=Coverage(1, 1, attempts=1),
            call_key=key,
        )

    def _completeness(self, task: Task, text: str, run_id: str, key: str) -> Judgment:
        candidate = task.candidate
        points = self._points(task, text, key)
        stated = self._stated(candidate.candidate_id, Dimension.COMPLETENESS)
        score = mean_support(point.covered for point in points if point.covered)
        found = (State.UNSCORED, Reason.NO_KEY_POINTS, None) if score is None else (State.SCORED, Reason.NONE, score)
        state, reason, score = _outcome(stated) if stated else found
        return Judgment(
            run_id,
            candidate.candidate_id,
            Dimension.COMPLETENESS,
            state,
            reason,
            score,
            aggregated=stated is None,
            key_points=points,
            explanation=stated.explanation if stated else "",
            coverage=Coverage(1, 1, attempts=1),
            call_key=key,
        )

    def _points(self, task: Task, text: str, key: str) -> tuple[KeyPoint, ...]:
        candidate_id = task.candidate.candidate_id
        scripted = self._script.key_points.get(task.question.question_id)
        drawn: list[tuple[str, Span | None, Span | None, Support | None]]
        if scripted is None:
            drawn = [
                (span.of(text), chunk, span, rule.covers(task.candidate.text, span.of(text)))
                for span, chunk in rule.points(text, task.question.query)
            ]
        else:
            quoted = [_quotes(text, [entry.quote] if entry.quote else [], candidate_id) for entry in scripted]
            drawn = [
                (entry.text, spans[0] if spans else None, spans[0] if spans else None, entry.covered.get(candidate_id))
                for entry, spans in zip(scripted, quoted, strict=True)
            ]
        return tuple(
            KeyPoint(
                part_id("k", candidate_id, words, span=span, ordinal=number),
                words,
                chunk,
                span,
                State.NOT_CHECKED if covered is None else State.SCORED,
                covered=covered,
                call_key=key,
            )
            for number, (words, chunk, span, covered) in enumerate(drawn)
        )


def _claim(
    candidate_id: str, number: int, entry: ScriptedClaim, span: Span | None, spans: Sequence[Span], key: str
) -> Claim:
    said = entry.support
    return Claim(
        part_id("c", candidate_id, entry.text, span=span, ordinal=number),
        entry.text,
        span,
        said.state,
        said.reason,
        said.support,
        said.support_reason,
        entry.probability,
        tuple(Evidence(place, rank) for rank, place in enumerate(spans, start=1)),
        entry.explanation,
        key,
    )


def _find(text: str, words: str, at: int) -> Span | None:
    """Return the next place of these words, from the start again where there is none left."""
    start = text.find(words, at)
    start = text.find(words) if start < 0 else start
    return Span(start, start + len(words)) if start >= 0 else None


def _quotes(text: str, quotes: Sequence[str], candidate_id: str) -> list[Span]:
    spans = []
    for quote in quotes:
        span = _find(text, quote, 0)
        if span is None:
            raise Refused(f"the script quotes what the document does not have: {quote[:80]!r}", where=candidate_id)
        spans.append(span)
    return spans


def _outcome(stated: ScriptedScore) -> tuple[State, Reason, float | None]:
    state = State.UNSCORED if stated.score is None else State.SCORED
    return state, stated.unscored or Reason.NONE, stated.score
