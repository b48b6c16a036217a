"""Candidates from a model: K answers to each question, through the same calls, cache and limits as a judge's."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Question, content_hash
from lrstudio.domain.verdicts import Reason
from lrstudio.judge.budget import Budget, SpendLimitReached
from lrstudio.judge.caller import Answer, Ask, Behalf, Caller
from lrstudio.judge.endpoint import Endpoint
from lrstudio.judge.limits import Limits
from lrstudio.judge.pacing import Gate, Lane
from lrstudio.judge.parsing import Parsed
from lrstudio.judge.protocol import ParseState
from lrstudio.judge.sharing import concurrently
from lrstudio.services.call_log import StoreCalls
from lrstudio.services.consent import Consent, Outgoing
from lrstudio.services.keys import PLACES
from lrstudio.services.sample_request import SampleOutcome, SamplePlan, SampleRequest
from lrstudio.services.serving import NOBODY, ServerCommand, known_as, server_log, serving
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.records import Added
from lrstudio.store.store import Store
from lrstudio.text.tokens import Tokenizer

SAMPLE_LOCK = "sample"
PURPOSE = "answer"
_SURROGATE = re.compile("[\ud800-\udfff]")

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The `number`-th answer of a model to a question; `place` counts the answers to the question, from 0."""

    question: Question
    model: str
    number: int
    place: int


class Sampling:
    """Draws candidates for the questions of one project."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._consent = Consent(store)
        self._clock = clock
        self._text = lru_cache(2)(store.library.text)  # the answers on one document are drawn one after another

    def outgoing(self, request: SampleRequest) -> tuple[Outgoing, ...]:
        """Return what the request would send to each other machine."""
        questions = {question.question_id for question in self._questions(request)}
        return self._consent.outgoing([] if request.serve else [request.base_url], questions=questions)

    def server_log(self) -> Path:
        """Return the file that a server started for the drawing writes to: beside the project, or in the profile."""
        return server_log(self._store.path)

    async def plan(self, request: SampleRequest) -> SamplePlan:
        """Say what the request would take; sends nothing.

        Raises:
            Refused: the request lacks something, or names what is not there.
        """
        request = _unstarted(request)
        wanted, without_text = await to_thread.run_sync(self._wanted, request)
        async with _callers(request) as callers:
            return await to_thread.run_sync(self._plan, request, callers, wanted, without_text)

    async def run(self, request: SampleRequest, *, told: Told = lambda done, total: None) -> SampleOutcome:
        """Draw the answers and store each as a candidate, in order; what is in the log is not asked for again.

        An answer that is empty, cut off at the limit or refused is no candidate; it is counted under its reason.

        Args:
            request: which answers.
            told: told how many of how many are done.

        Raises:
            Refused: the request lacks something, names what is not there, or nobody agreed to what it would send.
            Environment: another process draws candidates, the endpoint cannot be reached, or the disk is full.
        """
        self._consent.check(await to_thread.run_sync(self.outgoing, request), agreed=request.agreed)
        ready = _unstarted(request)
        wanted, without_text = await to_thread.run_sync(self._wanted, ready)
        run = _Run(f"sample-{uuid.uuid4().hex}", total=len(wanted), told=told)
        run.failed[Reason.NO_DOCUMENT] += len(without_text) * len(ready.models) * ready.count
        held = await to_thread.run_sync(partial(self._store.locks.acquire, SAMPLE_LOCK, take_over=request.take_over))
        stopped = ""
        try:
            async with _served(ready, log=self.server_log()) as asked, _callers(asked) as callers:
                waiting = iter(wanted)  # shared, so that whoever is free takes the next one
                draw = partial(self._draw, asked, callers, waiting, run)
                await concurrently(draw for _ in range(asked.concurrency))
        except SpendLimitReached as reached:
            stopped = str(reached)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(held.release)
        totals = await to_thread.run_sync(self._store.calls.totals, run.run_id)
        return SampleOutcome(
            new=len(run.new),
            same=run.same,
            failed={reason: count for reason, count in run.failed.items() if count},
            calls=totals.calls,
            input_tokens=totals.input_tokens,
            output_tokens=totals.output_tokens,
            cost=totals.cost,
            changes=Changes(candidates=frozenset(run.new)),
            stopped=stopped,
        )

    def _questions(self, request: SampleRequest) -> list[Question]:
        """Return the questions asked for, those on one document together.

        Raises:
            Refused: there is no such question.
        """
        if request.question_ids is None:
            found = list(self._store.library.questions())
        else:
            found = [self._store.library.question(name) for name in dict.fromkeys(request.question_ids)]
        return sorted(found, key=lambda question: question.document_id or "")

    def _wanted(self, request: SampleRequest) -> tuple[list[_Wanted], tuple[str, ...]]:
        """Return the answers to draw, and the questions that cannot be asked for want of their document's text."""
        request.check()
        questions = self._questions(request)
        if not questions:
            raise Refused("there is no question to answer: import questions first", where="question")
        textless = {info.document_id for info in self._store.library.documents() if info.length is None}
        asked = [question for question in questions if question.document_id not in textless]
        wanted = [
            _Wanted(question, model, number, place * request.count + number)
            for question in asked
            for place, model in enumerate(request.models)
            for number in range(request.count)
        ]
        return wanted, tuple(it.question_id for it in questions if it.document_id in textless)

    def _ask(self, request: SampleRequest, wanted: _Wanted) -> Ask[str]:
        """Return the call: the document, an empty line and the question as one user message (LongReward's form)."""
        text = self._text(wanted.question.document_id) if wanted.question.document_id else None
        prompt = f"{text}\n\n{wanted.question.query}" if text else wanted.question.query
        messages = [{"role": "system", "content": request.system}] if request.system else []
        messages.append({"role": "user", "content": prompt})
        whole: dict[str, Any] = {
            "messages": [{**it, "content": _SURROGATE.sub("\ufffd", it["content"])} for it in messages],
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "seed": request.seed + wanted.number,
        }
        lane = Lane(wanted.question.document_id or "", wanted.question.question_id)
        return Ask(PURPOSE, "", _read_answer, request.max_tokens, request=whole, behalf=Behalf(lane=lane))

    def _plan(
        self,
        request: SampleRequest,
        callers: Mapping[str, Caller],
        wanted: Sequence[_Wanted],
        without_text: tuple[str, ...],
    ) -> SamplePlan:
        count = lru_cache(4)(Tokenizer.shipped().count)
        logged = tokens = 0
        for it in wanted:
            ask = self._ask(request, it)
            if self._store.calls.finished(callers[it.model].attempt(ask).key):
                logged += 1
            else:
                messages = ask.request["messages"] if ask.request else []
                tokens += sum(count(message["content"]) for message in messages)
        calls = len(wanted) - logged
        most, prices = calls * request.max_tokens, request.prices
        cost = prices.cost(tokens, most) if prices else None
        return SamplePlan(calls, logged, tokens, most, cost, without_text)

    async def _draw(
        self, request: SampleRequest, callers: Mapping[str, Caller], waiting: Iterator[_Wanted], run: _Run
    ) -> None:
        calls = StoreCalls(self._store, run.run_id, self._clock)
        for wanted in waiting:
            ask = await to_thread.run_sync(self._ask, request, wanted)
            answer = await callers[wanted.model].ask(ask, calls=calls)
            async with run.storing:
                for earlier, drawn in run.in_order(wanted, answer):
                    await self._keep(request, earlier, drawn, run)
            run.tell()

    async def _keep(self, request: SampleRequest, wanted: _Wanted, answer: Answer[str], run: _Run) -> None:
        if answer.value is None:
            run.failed[answer.reason] += 1
            return
        store = partial(self._store_candidate, request, wanted, answer.value, answer.call_key)
        name, added = await to_thread.run_sync(store)
        if added is Added.SAME:
            run.same += 1
        else:
            run.new.add(name)

    def _store_candidate(self, request: SampleRequest, wanted: _Wanted, text: str, call_key: str) -> tuple[str, Added]:
        """Store an answer under a name that its call decides: once, however often it is asked for."""
        question_id = wanted.question.question_id
        candidate = Candidate(f"{question_id}-{call_key[:12]}", question_id, text, wanted.model)
        origin = {
            "from": "model",
            "endpoint": request.endpoint,
            "temperature": request.temperature,
            "seed": request.seed + wanted.number,
            "max_tokens": request.max_tokens,
            "system_sha256": content_hash(request.system) if request.system else "",
            "call": call_key,
        }
        return candidate.candidate_id, self._store.library.add_candidate(candidate, origin=json.dumps(origin))


class _Run:
    """Counts while answers come in."""

    def __init__(self, run_id: str, *, total: int, told: Told) -> None:
        self.run_id = run_id
        self.new: set[str] = set()
        self.same = 0
        self.failed: Counter[Reason] = Counter()
        self.storing = anyio.Lock()
        self._early: dict[str, dict[int, tuple[_Wanted, Answer[str]]]] = {}
        self._next: Counter[str] = Counter()
        self._done = 0
        self._total = total
        self._told = told

    def in_order(self, wanted: _Wanted, answer: Answer[str]) -> Iterator[tuple[_Wanted, Answer[str]]]:
        """Take an answer as it comes and give those whose turn it is: the candidates of a question keep their order."""
        name = wanted.question.question_id
        early = self._early.setdefault(name, {})
        early[wanted.place] = (wanted, answer)
        while self._next[name] in early:
            yield early.pop(self._next[name])
            self._next[name] += 1

    def tell(self) -> None:
        """Count one more and say so."""
        self._done += 1
        self._told(self._done, self._total)


def _read_answer(text: str) -> Parsed[str]:
    return Parsed(ParseState.PARSED, text) if text else Parsed(ParseState.UNREADABLE, error="the reply is empty")


def _unstarted(request: SampleRequest) -> SampleRequest:
    """Return the request with what its server's command says, as if it ran."""
    if not request.serve:
        return request
    command = ServerCommand.parse(request.serve, model=request.models[0] if request.models else "")
    models = request.models or (command.model,)
    return replace(request, base_url=NOBODY, models=models, known_as=known_as(request.serve))


@asynccontextmanager
async def _served(request: SampleRequest, *, log: Path) -> AsyncIterator[SampleRequest]:
    """Give the request with the address of its server, if it asks for one."""
    if not request.serve:
        yield request
        return
    command = ServerCommand.parse(request.serve, model=request.models[0])
    async with serving(command, log=log, patience=request.serve_timeout) as base_url:
        yield replace(request, base_url=base_url)


@asynccontextmanager
async def _callers(request: SampleRequest) -> AsyncIterator[dict[str, Caller]]:
    """Make ready to ask each model; they share what an endpoint bears and what may be spent."""
    limits = Limits(
        temperatures=(request.temperature,),  # one attempt: another one would be another answer, the next seed's
        timeout=request.timeout,
        concurrency=request.concurrency,
        requests_per_minute=request.requests_per_minute,
        tokens_per_minute=request.tokens_per_minute,
        spend=request.spend_limit,
    )
    gate, budget = Gate.under(limits), Budget(request.spend_limit)
    count = lru_cache(8)(Tokenizer.shipped().count)

    def caller(model: str) -> Caller:
        endpoint = Endpoint.open(
            base_url=request.base_url,
            model=model,
            api_key=request.api_key.value if request.api_key else "",
            key_source=request.api_key.source if request.api_key else PLACES,
            timeout=request.timeout,
            transport=request.transport,
            known_as=request.known_as,
        )
        return Caller(
            endpoint, prompt_pack="", limits=limits, prices=request.prices, count=count, gate=gate, budget=budget
        )

    async with AsyncExitStack() as stack:
        callers = {}
        for model in request.models:
            callers[model] = await to_thread.run_sync(caller, model)
            stack.push_async_callback(callers[model].aclose)
        yield callers
