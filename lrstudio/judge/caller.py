"""One call of a judge: looked up before it is sent, written down before and after, repeated until it can be read."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar, cast

import anyio

from lrstudio.domain.errors import Environment, StudioError
from lrstudio.domain.verdicts import Reason
from lrstudio.judge.budget import Budget
from lrstudio.judge.endpoint import Completion, Dialect, Endpoint, NoReply, Trouble
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.pacing import Gate, Lane, Turn
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import REFUSING, Parsed, Reader, read_reply
from lrstudio.judge.protocol import Call, CallLog, ParseState, Reply, write_end
from lrstudio.judge.published import NO_CONTENT, Publish, Published
from lrstudio.judge.quotes import without_quotes
from lrstudio.judge.schemas import response_format
from lrstudio.judge.sharing import SingleFlight

T = TypeVar("T")

_log = logging.getLogger(__name__)

_REASONS: Mapping[ParseState, Reason] = {
    ParseState.PARSED: Reason.NONE,
    ParseState.UNREADABLE: Reason.UNREADABLE,
    ParseState.OUT_OF_RANGE: Reason.OUT_OF_RANGE,
    ParseState.TRUNCATED: Reason.TRUNCATED,
    ParseState.REFUSED: Reason.REFUSED,
    ParseState.CONTEXT_OVERFLOW: Reason.CONTEXT_OVERFLOW,
    ParseState.FAILED: Reason.CALL_FAILED,
    ParseState.PENDING: Reason.CALL_FAILED,
}
_TROUBLES: Mapping[Trouble, ParseState] = {
    Trouble.CONTEXT_OVERFLOW: ParseState.CONTEXT_OVERFLOW,
    Trouble.FILTERED: ParseState.REFUSED,
}
_NO_TEXT = (ParseState.FAILED, ParseState.CONTEXT_OVERFLOW)
_FINAL = (ParseState.PARSED, *_NO_TEXT)


@dataclass(frozen=True, slots=True)
class Script(Generic[T]):
    """How the published script goes on: what it takes a reply for, and what is odd about the prompt it would send."""

    publish: Publish[T]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Behalf:
    """Whom a call is made for. `candidate_id` is "" where candidates share it, `lane` says whose turn it takes."""

    candidate_id: str = ""
    document_hash: str = ""
    lane: Lane = field(default_factory=Lane)


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A prompt and how its reply is read.

    An ask with a `script` carries neither a response format nor a seed; the script decides how often to ask.

    `call` is a `CallName`, or a name of its own where `request` gives the whole request but the model; prompt and
    `max_tokens` are then not looked at.

    `answer` is the text whose claims a call lists. `sample` tells the repeats of one call apart, from 0.
    """

    call: str
    prompt: str
    reader: Reader[T]
    max_tokens: int
    script: Script[T] | None = None
    request: Mapping[str, Any] | None = None
    answer: str = ""
    behalf: Behalf = field(default_factory=Behalf)
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Unsent(Generic[T]):
    """One attempt at an ask: its key, and the request that it is or would be."""

    ask: Ask[T]
    key: str
    wanted: Mapping[str, Any]

    @property
    def body(self) -> str:
        """The request as JSON, for an endpoint that understands everything."""
        return Dialect().body(self.wanted)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What became of an ask: a value, or the reason why there is none.

    `call_key` is that of the attempt that decided it, `attempts` counts those made, replies read earlier among them.
    `published` is what the published script takes it for, None where the ask does not follow the script. `samples` are
    the values of the repeats that it was settled from, None for an unreadable one; empty for a call made once.
    """

    value: T | None
    reason: Reason
    call_key: str
    attempts: int
    published: Published[T] | None = None
    samples: tuple[T | None, ...] = ()

    @property
    def taken(self) -> T | None:
        """What the next call builds on: what the script goes on with, else the value."""
        return self.value if self.published is None or self.published.value is None else self.published.value


class Caller:
    """Asks one endpoint, within its limits. Equal asks in flight are one call."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        prompt_pack: str,
        limits: Limits,
        prices: Prices | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        count: Callable[[str], int] = len,
        gate: Gate | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Wrap an endpoint; `sleep` waits between tries, `count` counts the tokens of a prompt beforehand.

        `gate` and `budget` are shared with those who ask the same endpoint or spend of the same limit; without them
        they are made by `limits`.
        """
        self._endpoint = endpoint
        self._prompt_pack = prompt_pack
        self._limits = limits
        self._prices = prices
        self._sleep = sleep
        self._count = count
        self._gate = gate or Gate.under(limits, sleep=sleep)
        self._budget = budget or Budget(limits.spend if prices else None)
        self._flights = SingleFlight()

    @property
    def limits(self) -> Limits:
        """The limits it keeps."""
        return self._limits

    @property
    def prices(self) -> Prices | None:
        """What its calls cost, where that is known."""
        return self._prices

    async def ask(self, ask: Ask[T], *, calls: CallLog) -> Answer[T]:
        """Get a readable reply, from the log where it is there, else from the endpoint.

        Raises:
            Environment: the endpoint cannot be reached, or refuses the key.
            Refused: the endpoint does not know the model, or the spend limit is reached.
        """
        first = self.attempt(ask)

        async def work() -> Answer[T]:
            send = partial(self._call, calls=calls)
            return cast("Answer[T]", await self.answer(first, calls=calls, call=send))

        return await self._flights.run(first.key, work)

    async def answer(
        self, first: Unsent[T], *, calls: CallLog, call: Callable[[Unsent[T]], Awaitable[Reply | None]]
    ) -> Answer[T] | Unsent[T]:
        """Get a readable reply from the log and, where that has none, from `call`; the call for which it has none.

        `first` is the first attempt; the next ones are made where it cannot be read.
        """
        ask = first.ask
        answer: Answer[T] = Answer(None, Reason.CALL_FAILED, "", 0)
        for attempt in range(len(self._limits.temperatures)):
            unsent = self.attempt(ask, attempt) if attempt else first
            key = unsent.key
            reply = await calls.finished(key)
            if reply is None:
                reply = await call(unsent)
                if reply is None:
                    return unsent
            parsed = _read(ask, reply)
            published = ask.script.publish(reply, parsed, answer.published) if ask.script else None
            answer = Answer(parsed.value, _REASONS[parsed.state], key, attempt + 1, published)
            if _settled(reply, parsed, published):
                break
        if answer.published and ask.script and ask.script.note:
            return replace(answer, published=answer.published.noting(ask.script.note))
        return answer

    def attempt(self, ask: Ask[T], attempt: int = 0) -> Unsent[T]:
        """Return an attempt, from 0; the key of the first tells asks apart."""
        wanted = self._wanted(ask, attempt)
        return Unsent(ask, self._key(wanted, ask, attempt), wanted)

    async def keep(self, unsent: Unsent[T], outcome: Completion | NoReply, *, calls: CallLog) -> Reply:
        """Write down what came back by another way than this caller, as if it had been sent here."""
        await calls.begin(self.record(unsent))
        return await self._end(unsent, outcome, calls, seconds=0.0)

    def record(self, unsent: Unsent[T], body: str = "") -> Call:
        """Return a call as it is written down; `body` is what is sent where that is not all of it."""
        return Call(
            key=unsent.key,
            purpose=str(unsent.ask.call),
            candidate_id=unsent.ask.behalf.candidate_id,
            document_hash=unsent.ask.behalf.document_hash,
            model=self._endpoint.model,
            prompt_pack=self._prompt_pack,
            request=body or unsent.body,
        )

    async def aclose(self) -> None:
        """Close the endpoint's connections."""
        await self._endpoint.aclose()

    def _wanted(self, ask: Ask[T], attempt: int) -> dict[str, Any]:
        """Return the request for an endpoint that understands everything.

        Later attempts and repeats carry a seed, so that they differ from each other and can be repeated. A repeat is
        drawn at the last temperature: near 0, where first attempts are made, all repeats would say the same.
        """
        if ask.request is not None:
            return {"model": self._endpoint.model, **ask.request}
        temperatures = self._limits.temperatures
        wanted: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": [{"role": "user", "content": ask.prompt}],
            "temperature": temperatures[-1 if ask.sample else attempt],
            "max_tokens": ask.max_tokens,
        }
        if ask.script:
            return wanted
        wanted["response_format"] = response_format(CallName(ask.call))
        seed = ask.sample * len(temperatures) + attempt
        return {**wanted, "seed": seed} if seed else wanted

    def _key(self, wanted: Mapping[str, Any], ask: Ask[T], attempt: int) -> str:
        """Return the key of a call: of what is asked, not of the dialect it is asked in, which an endpoint decides.

        So a new run finds the replies of an earlier one before it has learned the endpoint's dialect again. The prompt
        pack counts by the prompt that it makes: changing one template leaves the replies to the others valid.
        """
        parts = [self._endpoint.base_url, self._endpoint.model, wanted, attempt]
        if ask.sample:
            parts.append(ask.sample)
        return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()

    async def _call(self, unsent: Unsent[T], calls: CallLog) -> Reply:
        """Write the request down, send it until something comes back, and write that down.

        A request that is tried again waits for a new turn; one that was put in the wrong dialect is written down anew.
        """
        tokens, most = self._forecast(unsent)
        tried, started, sent, body = 0, 0.0, None, ""
        async with self._budget.room(most):
            while True:
                async with self._gate.turn(unsent.ask.behalf.lane, tokens=tokens) as turn:
                    if sent != self._endpoint.dialect:
                        sent = self._endpoint.dialect
                        body = sent.body(unsent.wanted)
                        await calls.begin(self.record(unsent, body))
                        started = started or time.monotonic()
                    outcome = await self._send(unsent, body, calls, turn=turn, started=started)
                    tried += isinstance(outcome, NoReply) and outcome.trouble is not Trouble.REJECTED
                    if isinstance(outcome, Completion) or not self._again(outcome, tried, sent):
                        return await self._end(unsent, outcome, calls, seconds=time.monotonic() - started)
                await self._pause(outcome, tried)

    async def _send(
        self, unsent: Unsent[T], body: str, calls: CallLog, *, turn: Turn, started: float
    ) -> Completion | NoReply:
        try:
            completion = await self._endpoint.send(body)
        except NoReply as error:
            if error.busy:
                turn.overloaded()
            return error
        except StudioError as error:
            reply = _failed(ParseState.FAILED, str(error), seconds=time.monotonic() - started)
            await write_end(calls, unsent.key, reply)
            raise
        turn.came_back(_sum(completion.input_tokens, completion.output_tokens))
        return completion

    def _again(self, error: NoReply, tried: int, sent: Dialect) -> bool:
        """Tell whether the request is worth another try, as it is or in a dialect learned from the refusal."""
        if error.trouble is Trouble.REJECTED:
            return self._learned(sent, str(error))
        return error.trouble in (Trouble.AGAIN, Trouble.UNREACHABLE) and tried <= self._limits.retries

    async def _pause(self, error: NoReply, tried: int) -> None:
        """Wait before the next try; for as long as the endpoint asks to be left alone, everybody waits."""
        if error.trouble is Trouble.REJECTED:
            return
        pause = self._limits.wait(tried, asked=error.wait, jitter=random.random())
        _log.info("try %d brought no reply (%s); next in %.1f s", tried, error, pause)
        asked = min(error.wait or 0.0, pause)
        if asked:
            await self._gate.hold(asked)
        if pause > asked:
            await self._sleep(pause - asked)

    async def _end(self, unsent: Unsent[T], outcome: Completion | NoReply, calls: CallLog, *, seconds: float) -> Reply:
        """Write down what came of a call, and count what it cost.

        Raises:
            Environment: the endpoint could not be reached.
        """
        if isinstance(outcome, NoReply):
            reply = _failed(_TROUBLES.get(outcome.trouble, ParseState.FAILED), str(outcome), seconds=seconds)
        else:
            reply = self._kept(outcome, seconds=seconds)
        parsed = _read(unsent.ask, reply)
        reply = replace(reply, parse_state=parsed.state, error=parsed.error)
        if isinstance(outcome, Completion):
            self._budget.spend(self._forecast(unsent)[1] if reply.cost is None else reply.cost)
        await write_end(calls, unsent.key, reply)
        if isinstance(outcome, NoReply) and outcome.trouble is Trouble.UNREACHABLE:
            sentence = f"the endpoint cannot be reached: {outcome}; is the server running?"
            raise Environment(sentence, where=self._endpoint.base_url) from outcome
        return reply

    def _forecast(self, unsent: Unsent[T]) -> tuple[int, float]:
        """Return the tokens and the cost of a call at most; counted only where a limit needs them."""
        if not self._limits.tokens_per_minute and not self._budget.limited:
            return 0, 0.0
        prompt = sum(self._count(message["content"]) for message in unsent.wanted["messages"])
        most = unsent.wanted["max_tokens"]
        cost = self._prices.cost(prompt, most) if self._prices else None
        return prompt + most, cost or 0.0

    def _learned(self, sent: Dialect, complaint: str) -> bool:
        """Tell whether the request would now be another one; another call may have learned it meanwhile."""
        if self._endpoint.dialect == sent:
            self._endpoint.dialect = sent.after(complaint)
            if self._endpoint.dialect != sent:
                _log.warning("%s is asked without what it refused: %s", self._endpoint.base_url, complaint)
        return self._endpoint.dialect != sent

    def _kept(self, got: Completion, *, seconds: float) -> Reply:
        return Reply(
            text=got.text,
            finish_reason=got.finish_reason,
            parse_state=ParseState.PENDING,
            input_tokens=got.input_tokens,
            output_tokens=got.output_tokens,
            cost=self._prices.cost(got.input_tokens, got.output_tokens) if self._prices else None,
            seconds=seconds,
            error=NO_CONTENT if got.empty else "",
        )


def _settled(reply: Reply, parsed: Parsed[T], published: Published[T] | None) -> bool:
    """Tell whether there is nothing more to ask.

    A refusal by the endpoint itself, not guessed from the words, is as final as a reply: asking again costs. The script
    asks again all the same; over what it crashes on, the studio goes on for itself.
    """
    if published is None or parsed.state in _NO_TEXT:
        return parsed.state in _FINAL or reply.finish_reason in REFUSING
    return published.value is not None or (published.crashed and parsed.value is not None)


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _failed(state: ParseState, error: str, *, seconds: float) -> Reply:
    return Reply("", "content_filter" if state is ParseState.REFUSED else "", state, None, None, None, seconds, error)


def _read(ask: Ask[T], reply: Reply) -> Parsed[T]:
    if reply.parse_state in _NO_TEXT:
        return Parsed(reply.parse_state, error=reply.error)
    # A published script reads what it repeats of its prompt, too, and is read as it reads.
    text = reply.text if ask.script else without_quotes(reply.text, ask.prompt)
    parsed = read_reply(text, reply.finish_reason, ask.reader)
    # What the endpoint said when it filtered the request tells more than that it did.
    return replace(parsed, error=reply.error) if reply.error and parsed.value is None else parsed
