"""A spend limit that is never exceeded, and stops a run only when nothing on its way could still make room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from lrstudio.domain.errors import Refused


class SpendLimitReached(Refused):
    """The next call could cost more than is left. Nothing is on its way when this is raised."""


class Budget:
    """What may be spent, by all that share it, in the currency of the prices. A limit of None never stops anything."""

    def __init__(self, limit: float | None = None) -> None:
        """Start with nothing spent."""
        self._limit = limit
        self._spent = 0.0
        self._promised = 0.0
        self._calls = 0
        self._changed = anyio.Event()
        self._reached = False

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self._limit is not None

    @asynccontextmanager
    async def room(self, most: float) -> AsyncIterator[None]:
        """Keep room for a call that costs `most` at worst, waiting for calls on their way to turn out cheaper.

        Raises:
            SpendLimitReached: it could exceed the limit, and no call is on its way.
        """
        while not self._fits(most):
            if not self._calls:
                self._reached = True  # a smaller call might still fit, but would be cut off with the rest
            if self._reached:
                break
            await self._changed.wait()
        if self._reached:
            raise SpendLimitReached(
                f"the spend limit of {self._limit:g} is reached: {self._spent:.4f} is spent and the next call could "
                f"cost {most:.4f}; what is finished is kept, so raise the limit and run again to go on",
                where="spend limit",
            )
        self._promised += most
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._promised = self._promised - most if self._calls else 0.0  # no rounding left over
            self._changed.set()
            self._changed = anyio.Event()

    def spend(self, cost: float) -> None:
        """Note what a call has cost."""
        self._spent += cost

    def _fits(self, most: float) -> bool:
        return self._limit is None or self._spent + self._promised + most <= self._limit
