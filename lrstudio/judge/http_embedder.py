"""Vectors from an OpenAI-compatible endpoint, through `/v1/embeddings`."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import anyio
import numpy as np

from lrstudio.domain.errors import Environment, StudioError
from lrstudio.domain.text import content_hash
from lrstudio.judge.budget import Budget
from lrstudio.judge.embedding import NoVectors
from lrstudio.judge.endpoint import Embedded, Endpoint, NoReply, Trouble
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.protocol import Call, CallLog, ParseState, Reply, write_end
from lrstudio.judge.transport import Transport
from lrstudio.text.vectors import Vectors

CONCURRENCY = 4
"""Requests in flight: a batch keeps a server busier than a chat does, and is done sooner."""

PURPOSE = "embedding"
"""What the call log calls such a request. It holds the texts by their SHA-256; they stand in documents and claims."""

_MAY_FIT_IN_PARTS = (Trouble.REJECTED, Trouble.CONTEXT_OVERFLOW)


class HttpEmbedder:
    """One embedding model of an endpoint. Belongs to one event loop from its first request on."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        limits: Limits,
        price: float | None = None,
        budget: Budget | None = None,
        count: Callable[[str], int] = len,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Ask this endpoint, with the retries and waits of `limits`; see `open`."""
        self._endpoint = endpoint
        self._limits = limits
        self._prices = None if price is None else Prices(input=price, output=0.0)
        self._budget = budget or Budget()
        self._count = count
        self._sleep = sleep
        self._slots = anyio.CapacityLimiter(CONCURRENCY)

    @classmethod
    def open(
        cls,
        *,
        base_url: str,
        model: str,
        api_key: str = "",
        key_source: str = "",
        limits: Limits | None = None,
        transport: Transport | None = None,
        known_as: str = "",
        price: float | None = None,
        budget: Budget | None = None,
        count: Callable[[str], int] = len,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> Self:
        """Make ready to ask; nothing is sent yet. The first arguments are those of `Endpoint.open`.

        Args:
            base_url: see there, as the next ones.
            model: its name there.
            api_key: "" for none.
            key_source: where it was found.
            limits: retries, waits and the time for one request.
            transport: how requests travel.
            known_as: what stands for the address.
            price: of a million tokens, None where it is unknown.
            budget: what may be spent, shared with whoever else spends of it.
            count: counts the tokens of a text beforehand, where the budget is limited.
            sleep: waits between tries.

        Raises:
            Refused: the base URL is none.
        """
        limits = limits or Limits()
        endpoint = Endpoint.open(
            base_url=base_url,
            model=model,
            api_key=api_key,
            key_source=key_source,
            timeout=limits.timeout,
            transport=transport,
            known_as=known_as,
        )
        return cls(endpoint, limits=limits, price=price, budget=budget, count=count, sleep=sleep)

    @property
    def name(self) -> str:
        """The address and the model."""
        return f"{self._endpoint.base_url} {self._endpoint.model}"

    async def embed(self, texts: Sequence[str], *, calls: CallLog) -> Vectors:
        """Return one row for each text; a batch that the endpoint finds too large is sent in halves."""
        try:
            return np.asarray((await self._call(texts, calls)).vectors, dtype=np.float32)
        except NoReply as error:
            if error.trouble not in _MAY_FIT_IN_PARTS or len(texts) == 1:
                raise NoVectors(f"{self._endpoint.base_url} gave no vectors: {error}") from error
        half = len(texts) // 2
        return np.concatenate([await self.embed(part, calls=calls) for part in (texts[:half], texts[half:])])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    async def _call(self, texts: Sequence[str], calls: CallLog) -> Embedded:
        """Write a request down, send it until vectors come back, and write down what they cost."""
        most = self._most(texts)
        call = self._record(texts)
        async with self._budget.room(most):
            await calls.begin(call)
            started = time.monotonic()
            try:
                got = await self._send(texts)
            except (NoReply, StudioError) as error:
                await write_end(calls, call.key, _reply(ParseState.FAILED, None, None, started, str(error)))
                raise
            cost = self._prices.cost(got.tokens, 0) if self._prices else None
            self._budget.spend(most if cost is None else cost)
            await write_end(calls, call.key, _reply(ParseState.PARSED, got.tokens, cost, started))
            return got

    async def _send(self, texts: Sequence[str]) -> Embedded:
        tried = 0
        while True:
            try:
                async with self._slots:
                    return await self._endpoint.embed(texts)
            except NoReply as error:
                tried += 1
                if error.trouble not in (Trouble.AGAIN, Trouble.UNREACHABLE):
                    raise
                if tried > self._limits.retries:
                    if error.trouble is Trouble.UNREACHABLE:
                        sentence = f"the embeddings endpoint cannot be reached: {error}; is the server running?"
                        raise Environment(sentence, where=self._endpoint.base_url) from error
                    raise
                pause = self._limits.wait(tried, asked=error.wait, jitter=random.random())
            await self._sleep(pause)

    def _most(self, texts: Sequence[str]) -> float:
        """Return what the request may cost by our own count; counted only where a limit needs it."""
        if not self._budget.limited or self._prices is None:
            return 0.0
        return self._prices.cost(sum(map(self._count, texts)), 0) or 0.0

    def _record(self, texts: Sequence[str]) -> Call:
        body = json.dumps({"model": self._endpoint.model, "input_sha256": [content_hash(text) for text in texts]})
        key = hashlib.sha256(f"{PURPOSE}\n{self.name}\n{body}".encode()).hexdigest()
        return Call(key, PURPOSE, "", "", self._endpoint.model, "", body)


def _reply(state: ParseState, tokens: int | None, cost: float | None, started: float, error: str = "") -> Reply:
    return Reply("", "", state, tokens, None if tokens is None else 0, cost, time.monotonic() - started, error)
