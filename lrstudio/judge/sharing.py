"""Doing a thing once for everyone who wants it, and several things at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

_QUICK = 0.005

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
    if len(results) < len(jobs):
        await anyio.lowlevel.checkpoint()  # cancelled from outside: the group, which was not, says nothing of it
    return [results[index] for index in range(len(jobs))]


class Feed(Generic[T]):
    """Hands out the items of an iterable one by one; making one may take a while, so a worker thread does it.

    It makes none before somebody is free for it. Those who ask at the same time are served by one visit to the thread,
    as far as items come quickly: each visit waits for whatever else the threads are at.
    """

    def __init__(self, items: Iterable[T]) -> None:
        """Start before the first one; whoever asks gets the next."""
        self._items = iter(items)
        self._in_turn = anyio.Lock()
        self._asking = 0
        self._made: deque[T] = deque()
        self._ended = False

    async def take(self) -> T | None:
        """Return the next item, None when there is none left."""
        self._asking += 1
        try:
            async with self._in_turn:
                if not self._made and not self._ended:
                    await anyio.to_thread.run_sync(self._make, self._asking)
                return self._made.popleft() if self._made else None
        finally:
            self._asking -= 1

    def _make(self, most: int) -> None:
        until = time.monotonic() + _QUICK
        for item in self._items:
            self._made.append(item)
            if len(self._made) >= most or time.monotonic() > until:
                return
        self._ended = True


async def both(one: Callable[[], Awaitable[T]], other: Callable[[], Awaitable[U]]) -> tuple[T, U]:
    """Do two different things at once; errors as in `concurrently`. `one` starts now, not when its turn comes."""
    second: list[U] = []

    async def rest() -> None:
        second.append(await other())

    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(rest)
            first = await one()
    except BaseExceptionGroup as failures:
        failure = _first(failures)
    if failure is not None:
        raise failure
    if not second:
        await anyio.lowlevel.checkpoint()  # as in `concurrently`
    return first, second[0]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
