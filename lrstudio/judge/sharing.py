"""Doing a thing once for everyone who wants it, and several things at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")
U = TypeVar("U")


class _Flight:
    __slots__ = ("landed", "result")

    def __init__(self) -> None:
        self.landed = anyio.Event()
        self.result: tuple[Any] | None = None


class SingleFlight:
    """Shares work in progress: who asks for a key while it is being worked on waits for that work.

    Where the one at work is cancelled or fails, the next in line does the work itself. Nothing is kept afterwards.
    """

    def __init__(self) -> None:
        """Start with nothing in the air."""
        self._flights: dict[str, _Flight] = {}

    async def run(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns, or what another one at work under this key does."""
        while (flight := self._flights.get(key)) is not None:
            await flight.landed.wait()
            if flight.result is not None:
                shared: T = flight.result[0]
                return shared
        flight = self._flights[key] = _Flight()
        try:
            result = await work()
            flight.result = (result,)
            return result
        finally:
            del self._flights[key]
            flight.landed.set()


async def concurrently(works: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Do all at once and return the results in order. The first error cancels the rest and is raised as itself."""
    jobs = list(works)
    results: dict[int, T] = {}

    async def do(index: int) -> None:
        results[index] = await jobs[index]()

    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            for index in range(len(jobs)):
                group.start_soon(do, index)
    except BaseExceptionGroup as failures:
        failure = _first(failures)
    if failure is not None:
        raise failure
    return [results[index] for index in range(len(jobs))]


class Feed(Generic[T]):
    """Hands out the items of an iterable one by one; making one may take a while, so a worker thread does it."""

    def __init__(self, items: Iterable[T]) -> None:
        """Start before the first one; whoever asks gets the next."""
        self._items = iter(items)
        self._in_turn = anyio.Lock()

    async def take(self) -> T | None:
        """Return the next item, None when there is none left."""
        async with self._in_turn:
            return await anyio.to_thread.run_sync(next, self._items, None)


async def both(one: Callable[[], Awaitable[T]], other: Callable[[], Awaitable[U]]) -> tuple[T, U]:
    """Do two different things at once; errors as in `concurrently`."""
    works: list[Callable[[], Awaitable[Any]]] = [one, other]
    first, second = await concurrently(works)
    return first, second


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
