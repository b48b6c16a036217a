"""Vectors from an OpenAI-compatible endpoint, through `/v1/embeddings`."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import anyio
import numpy as np

from lrstudio.domain.errors import Environment
from lrstudio.judge.embedding import NoVectors
from lrstudio.judge.endpoint import Endpoint, NoReply, Trouble
from lrstudio.judge.limits import Limits
from lrstudio.judge.transport import Transport
from lrstudio.text.vectors import Vectors

CONCURRENCY = 4
"""Requests in flight: a batch keeps a server busier than a chat does, and is done sooner."""

_MAY_FIT_IN_PARTS = (Trouble.REJECTED, Trouble.CONTEXT_OVERFLOW)


class HttpEmbedder:
    """One embedding model of an endpoint. Belongs to one event loop from its first request on."""

    def __init__(
        self, endpoint: Endpoint, *, limits: Limits, sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    ) -> None:
        """Ask this endpoint, with the retries and waits of `limits`."""
        self._endpoint = endpoint
        self._limits = limits
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
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> Self:
        """Make ready to ask; nothing is sent yet. The arguments are those of `Endpoint.open`.

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
        return cls(endpoint, limits=limits, sleep=sleep)

    @property
    def name(self) -> str:
        """The address and the model."""
        return f"{self._endpoint.base_url} {self._endpoint.model}"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text; a batch that the endpoint finds too large is sent in halves."""
        try:
            return np.asarray(await self._send(texts), dtype=np.float32)
        except NoReply as error:
            if error.trouble not in _MAY_FIT_IN_PARTS or len(texts) == 1:
                raise NoVectors(f"{self._endpoint.base_url} gave no vectors: {error}") from error
        half = len(texts) // 2
        return np.concatenate([await self.embed(texts[:half]), await self.embed(texts[half:])])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    async def _send(self, texts: Sequence[str]) -> list[list[float]]:
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
