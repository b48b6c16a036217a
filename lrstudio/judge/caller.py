"""One call of a judge: looked up before it is sent, written down before and after, repeated until it can be read."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import anyio

from lrstudio.domain.errors import Environment, StudioError
from lrstudio.domain.verdicts import Reason
from lrstudio.judge.endpoint import Completion, Dialect, Endpoint, NoReply, Trouble
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import REFUSING, Parsed, Reader, read_reply
from lrstudio.judge.protocol import Call, CallLog, ParseState, Reply
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
class Ask(Generic[T]):
    """A prompt and how its reply is read. `candidate_id` is "" where candidates share the call."""

    call: CallName
    prompt: str
    reader: Reader[T]
    max_tokens: int
    candidate_id: str = ""
    document_hash: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What became of an ask: a value, or the reason why there is none.

    `call_key` is that of the attempt that decided it, `attempts` counts those made, replies read earlier among them.
    """

    value: T | None
    reason: Reason
    call_key: str
    attempts: int


class Caller:
    """Asks one endpoint. Equal asks in flight are one call; at most `limits.concurrency` are in flight."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        prompt_pack: str,
        limits: Limits,
        prices: Prices | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Wrap an endpoint; `sleep` waits between tries."""
        self._endpoint = endpoint
        self._prompt_pack = prompt_pack
        self._limits = limits
        self._prices = prices
        self._sleep = sleep
        self._slots = anyio.CapacityLimiter(limits.concurrency)
        self._flights = SingleFlight()

    @property
    def limits(self) -> Limits:
        """The limits it keeps."""
        return self._limits

    async def ask(self, ask: Ask[T], *, calls: CallLog) -> Answer[T]:
        """Get a readable reply, from the log where it is there, else from the endpoint.

        Raises:
            Environment: the endpoint cannot be reached, or refuses the key.
            Refused: the endpoint does not know the model.
        """
        return await self._flights.run(self._key(self._wanted(ask, 0), 0), lambda: self._answer(ask, calls))

    async def aclose(self) -> None:
        """Close the endpoint's connections."""
        await self._endpoint.aclose()

    async def _answer(self, ask: Ask[T], calls: CallLog) -> Answer[T]:
        answer: Answer[T] = Answer(None, Reason.CALL_FAILED, "", 0)
        for attempt in range(len(self._limits.temperatures)):
            wanted = self._wanted(ask, attempt)
            key = self._key(wanted, attempt)
            reply = await calls.finished(key)
            if reply is None:
                reply, parsed = await self._call(ask, wanted, key, calls)
            else:
                parsed = _read(ask, reply)
            answer = Answer(parsed.value, _REASONS[parsed.state], key, attempt + 1)
            # A refusal by the endpoint itself, not guessed from the words, is as final as a reply: asking again costs.
            if parsed.state in _FINAL or reply.finish_reason in REFUSING:
                break
        return answer

    def _wanted(self, ask: Ask[T], attempt: int) -> dict[str, Any]:
        """Return the request for an endpoint that understands everything.

        Later attempts carry a seed, so that they differ from each other and can be repeated.
        """
        wanted: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": [{"role": "user", "content": ask.prompt}],
            "temperature": self._limits.temperatures[attempt],
            "max_tokens": ask.max_tokens,
            "response_format": response_format(ask.call),
        }
        return {**wanted, "seed": attempt} if attempt else wanted

    def _key(self, wanted: Mapping[str, Any], attempt: int) -> str:
        """Return the key of a call: of what is asked, not of the dialect it is asked in, which an endpoint decides.

        So a new run finds the replies of an earlier one before it has learned the endpoint's dialect again.
        """
        parts = [self._endpoint.base_url, self._endpoint.model, self._prompt_pack, wanted, attempt]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()

    async def _call(self, ask: Ask[T], wanted: Mapping[str, Any], key: str, calls: CallLog) -> tuple[Reply, Parsed[T]]:
        """Write the request down, send it, read the reply and write that down; again where the dialect was wrong."""
        async with self._slots:
            while True:
                sent = self._endpoint.dialect
                body = sent.body(wanted)
                await calls.begin(self._record(ask, key, body))
                started = time.monotonic()
                try:
                    reply = self._kept(await self._send(body), seconds=time.monotonic() - started)
                except StudioError as error:
                    await _end(calls, key, _failed(ParseState.FAILED, str(error), seconds=time.monotonic() - started))
                    raise
                except NoReply as error:
                    if error.trouble is Trouble.REJECTED and self._learned(sent, str(error)):
                        continue
                    state = _TROUBLES.get(error.trouble, ParseState.FAILED)
                    reply = _failed(state, str(error), seconds=time.monotonic() - started)
                parsed = _read(ask, reply)
                await _end(calls, key, replace(reply, parse_state=parsed.state, error=parsed.error))
                return reply, parsed

    async def _send(self, body: str) -> Completion:
        tried = 0
        while True:
            try:
                return await self._endpoint.send(body)
            except NoReply as error:
                tried += 1
                if error.trouble not in (Trouble.AGAIN, Trouble.UNREACHABLE):
                    raise
                if tried > self._limits.retries:
                    if error.trouble is Trouble.UNREACHABLE:
                        sentence = f"the endpoint cannot be reached: {error}; is the server running?"
                        raise Environment(sentence, where=self._endpoint.base_url) from error
                    raise
                pause = self._limits.wait(tried, asked=error.wait, jitter=random.random())
                _log.info("try %d brought no reply (%s); next in %.1f s", tried, error, pause)
            await self._sleep(pause)

    def _learned(self, sent: Dialect, complaint: str) -> bool:
        """Tell whether the request would now be another one; another call may have learned it meanwhile."""
        if self._endpoint.dialect == sent:
            self._endpoint.dialect = sent.after(complaint)
            if self._endpoint.dialect != sent:
                _log.warning("%s is asked without what it refused: %s", self._endpoint.base_url, complaint)
        return self._endpoint.dialect != sent

    def _record(self, ask: Ask[T], key: str, body: str) -> Call:
        return Call(
            key=key,
            purpose=ask.call.value,
            candidate_id=ask.candidate_id,
            document_hash=ask.document_hash,
            model=self._endpoint.model,
            prompt_pack=self._prompt_pack,
            request=body,
        )

    def _kept(self, got: Completion, *, seconds: float) -> Reply:
        return Reply(
            text=got.text,
            finish_reason=got.finish_reason,
            parse_state=ParseState.PENDING,
            input_tokens=got.input_tokens,
            output_tokens=got.output_tokens,
            cost=self._prices.cost(got.input_tokens, got.output_tokens) if self._prices else None,
            seconds=seconds,
        )


def _failed(state: ParseState, error: str, *, seconds: float) -> Reply:
    finish_reason = "content_filter" if state is ParseState.REFUSED else ""
    return Reply("", finish_reason, state, None, None, None, seconds, error)


def _read(ask: Ask[T], reply: Reply) -> Parsed[T]:
    if reply.parse_state in _NO_TEXT:
        return Parsed(reply.parse_state, error=reply.error)
    parsed = read_reply(without_quotes(reply.text, ask.prompt), reply.finish_reason, ask.reader)
    # What the endpoint said when it filtered the request tells more than that it did.
    return replace(parsed, error=reply.error) if reply.error and parsed.value is None else parsed


async def _end(calls: CallLog, key: str, reply: Reply) -> None:
    """Write a reply down even while the run is being cancelled: it has been paid for."""
    with anyio.CancelScope(shield=True):
        await calls.end(key, reply)
