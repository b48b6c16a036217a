"""How many calls an endpoint is sent at once and a minute: as many as it bears, in fair turns."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import anyio

from lrstudio.judge.limits import Limits

_FEW = 8
_START = 0.5
_MINUTE = 60.0
# By how much the window grows with every answer: it triples each round trip until the first overload, and after that
# takes six to double, so that it overloads rarely again.
_FAST, _SLOW = 2.0, 0.125


@dataclass(frozen=True, slots=True)
class Lane:
    """Whose call it is. Documents are served one after another, the candidates of one document in turns."""

    document: str = ""
    candidate: str = ""


@dataclass(slots=True)
class _Sent:
    time: float
    tokens: int
    counts: bool = True


class Rate:
    """Limits on requests and tokens in any 60 seconds; 0 is no limit. A request above the limit goes alone."""

    def __init__(self, *, requests: int = 0, tokens: int = 0) -> None:
        """Start with nothing sent."""
        self._requests = requests
        self._tokens = tokens
        self._sent: deque[_Sent] = deque()
        self._total = 0

    def wait(self, tokens: int, *, now: float) -> float:
        """Return the seconds until a request of so many tokens may go; 0 for now."""
        while self._sent and self._sent[0].time + _MINUTE <= now:
            old = self._sent.popleft()
            old.counts = False
            self._total -= old.tokens
        too_many = self._requests and len(self._sent) >= self._requests
        too_much = self._tokens and self._sent and self._total + tokens > self._tokens
        if not too_many and not too_much:
            return 0.0
        return self._sent[0].time + _MINUTE - now

    def sent(self, tokens: int, *, now: float) -> Callable[[int], None]:
        """Note that a request goes now; what is returned takes its real number of tokens once that is known."""
        if not self._requests and not self._tokens:
            return lambda _: None
        entry = _Sent(now, tokens)
        self._sent.append(entry)
        self._total += tokens

        def correct(real: int) -> None:
            if entry.counts:
                self._total += real - entry.tokens
                entry.tokens = real

        return correct


class _Waiting:
    """Who waits, in the order of turns."""

    def __init__(self) -> None:
        self._rank: dict[str, int] = {}
        self._queues: dict[str, OrderedDict[str, deque[anyio.Event]]] = {}

    def __bool__(self) -> bool:
        return bool(self._queues)

    def push(self, lane: Lane, waiter: anyio.Event) -> None:
        self._rank.setdefault(lane.document, len(self._rank))
        self._queues.setdefault(lane.document, OrderedDict()).setdefault(lane.candidate, deque()).append(waiter)

    def pop(self) -> anyio.Event:
        document = min(self._queues, key=self._rank.__getitem__)
        turns = self._queues[document]
        candidate, queue = turns.popitem(last=False)
        waiter = queue.popleft()
        if queue:
            turns[candidate] = queue  # behind the others
        elif not turns:
            del self._queues[document]
        return waiter

    def drop(self, lane: Lane, waiter: anyio.Event) -> bool:
        """Take one out who no longer wants to wait; False where it was let in already."""
        turns = self._queues.get(lane.document, OrderedDict())
        queue = turns.get(lane.candidate, deque())
        if waiter not in queue:
            return False
        queue.remove(waiter)
        if not queue:
            del turns[lane.candidate]
        if not turns:
            del self._queues[lane.document]
        return True


class Turn:
    """One request on its way. Say how it went, so that the gate learns."""

    def __init__(self, gate: Gate, *, halvings: int, correct: Callable[[int], None]) -> None:
        """Remember when it was let in."""
        self._gate = gate
        self._halvings = halvings
        self._correct = correct

    def came_back(self, tokens: int | None) -> None:
        """The endpoint answered, with so many tokens in all."""
        if tokens is not None:
            self._correct(tokens)
        self._gate.grow()

    def overloaded(self) -> None:
        """The endpoint had too much to do (429, 5xx, no answer in time)."""
        self._gate.shrink(self._halvings)


class Gate:
    """Lets the requests to one endpoint through.

    It starts with half of what it may, and with a few at least, lets in more with every answer, up to `most`, and
    halves at an overload: once for all requests that were on their way at the time, however many of them fail. From
    then on it grows more slowly.
    """

    def __init__(
        self,
        *,
        most: int,
        rate: Rate | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open a gate for at most `most` requests at once."""
        self._most = most
        self._window = min(float(most), max(_FEW, _START * most))
        self._growth = _FAST
        self._halvings = 0
        self._in_flight = 0
        self._rate = rate or Rate()
        self._sleep = sleep
        self._clock = clock
        self._waiting = _Waiting()
        self._one_by_one = anyio.Lock()
        self._holds = 0
        self._reopened = anyio.Event()

    @classmethod
    def under(cls, limits: Limits, *, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> Self:
        """Open the gate that these limits make."""
        rate = Rate(requests=limits.requests_per_minute, tokens=limits.tokens_per_minute)
        return cls(most=limits.concurrency, rate=rate, sleep=sleep)

    @property
    def window(self) -> int:
        """How many requests may be on their way now."""
        return int(self._window)

    @asynccontextmanager
    async def turn(self, lane: Lane, *, tokens: int = 0) -> AsyncIterator[Turn]:
        """Wait for a turn and keep it; `tokens` is what the request is expected to use."""
        await self._enter(lane)
        try:
            async with self._one_by_one:
                while self._holds:
                    await self._reopened.wait()
                while (pause := self._rate.wait(tokens, now=self._clock())) > 0:
                    await self._sleep(pause)
                correct = self._rate.sent(tokens, now=self._clock())
            yield Turn(self, halvings=self._halvings, correct=correct)
        finally:
            self._in_flight -= 1
            self._admit()

    async def hold(self, seconds: float) -> None:
        """Send nothing for so long, whoever asks: the endpoint wants to be left alone (`Retry-After`)."""
        if not self._holds:
            self._reopened = anyio.Event()
        self._holds += 1
        try:
            await self._sleep(seconds)
        finally:
            self._holds -= 1
            if not self._holds:
                self._reopened.set()

    def grow(self) -> None:
        """Let in a little more."""
        self._window = min(float(self._most), self._window + self._growth)
        self._admit()

    def shrink(self, halvings: int) -> None:
        """Halve, unless that has been done since the request that failed was let in."""
        if halvings == self._halvings:
            self._halvings += 1
            self._window = max(1.0, self._window / 2)
            self._growth = _SLOW

    async def _enter(self, lane: Lane) -> None:
        waiter = anyio.Event()
        self._waiting.push(lane, waiter)
        self._admit()
        entered = False
        try:
            await waiter.wait()
            entered = True
        finally:
            if not entered and not self._waiting.drop(lane, waiter):  # let in and cancelled at once
                self._in_flight -= 1
                self._admit()

    def _admit(self) -> None:
        while self._waiting and self._in_flight < self.window:
            self._in_flight += 1
            self._waiting.pop().set()
