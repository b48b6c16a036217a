"""The gate: fair turns, a window that follows what the endpoint bears, and limits a minute that hold in any minute."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.judge.pacing import Gate, Lane, Rate, Turn

A, B, OTHER = Lane("d1", "a"), Lane("d1", "b"), Lane("d2", "c")


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await anyio.sleep(0)


async def settle() -> None:
    for _ in range(20):
        await anyio.sleep(0)


class Crowd:
    """Requests that stay on their way until they are let go."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.order: list[str] = []
        self._turns: dict[str, tuple[Turn, anyio.Event]] = {}

    async def go(self, name: str, lane: Lane) -> None:
        async with self.gate.turn(lane) as turn:
            self.order.append(name)
            self._turns[name] = (turn, anyio.Event())
            await self._turns[name][1].wait()
            del self._turns[name]

    @property
    def under_way(self) -> set[str]:
        return set(self._turns)

    def ends(self, name: str, how: Callable[[Turn], None] = lambda turn: turn.came_back(None)) -> None:
        turn, event = self._turns[name]
        how(turn)
        event.set()


def test_candidates_of_a_document_take_turns_and_the_next_document_waits() -> None:
    async def run() -> list[str]:
        crowd = Crowd(Gate(most=1))
        async with anyio.create_task_group() as group:
            group.start_soon(crowd.go, "first", Lane("d1", "z"))
            await settle()
            for name, lane in [
                *((f"other{n}", OTHER) for n in range(2)),
                *((f"a{n}", A) for n in range(3)),
                *((f"b{n}", B) for n in range(2)),
            ]:
                group.start_soon(crowd.go, name, lane)
            await settle()
            for _ in range(8):
                crowd.ends(crowd.under_way.pop())
                await settle()
        return crowd.order

    assert anyio.run(run) == ["first", "a0", "b0", "a1", "b1", "a2", "other0", "other1"]


@pytest.mark.parametrize(("most", "start"), [(1, 1), (5, 5), (8, 8), (10, 8), (16, 8), (17, 8), (18, 9), (64, 32)])
def test_the_window_starts_at_half_and_with_a_few_at_least(most: int, start: int) -> None:
    assert Gate(most=most).window == start


def test_the_window_grows_with_answers_up_to_the_most() -> None:
    async def run() -> None:
        gate = Gate(most=20)
        crowd = Crowd(gate)
        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(crowd.go, str(number), A)
            await settle()
            assert len(crowd.under_way) == gate.window == 10, "half of what it may"
            for name in sorted(crowd.under_way)[:3]:
                crowd.ends(name)
            await settle()
            assert len(crowd.under_way) == gate.window == 16
            while crowd.under_way:
                for name in crowd.under_way:
                    crowd.ends(name)
                await settle()
                assert len(crowd.under_way) <= 20
            assert gate.window == 20

    anyio.run(run)


def test_one_overload_halves_once_however_many_fail_and_growth_is_slower_from_then_on() -> None:
    async def run() -> None:
        gate = Gate(most=8)
        crowd = Crowd(gate)
        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(crowd.go, f"{number:02}", A)
            await settle()
            for name in sorted(crowd.under_way):
                crowd.ends(name, Turn.overloaded)
            await settle()
            assert gate.window == 4
            assert len(crowd.under_way) == 4
            one, *rest = sorted(crowd.under_way)
            crowd.ends(one, Turn.overloaded)
            await settle()
            assert gate.window == 2, "those were let in after the halving, so this is news"
            for name in rest:
                crowd.ends(name, Turn.overloaded)
            await settle()
            assert gate.window == 2
            answers = 0
            while crowd.under_way:
                for name in crowd.under_way:
                    crowd.ends(name)
                    answers += 1
                await settle()
            assert gate.window == int(2 + answers / 8)

    anyio.run(run)


def test_it_never_closes_altogether() -> None:
    gate = Gate(most=8)
    for halvings in range(20):
        gate.shrink(halvings)
    assert gate.window == 1


def test_while_one_is_told_to_wait_nobody_is_let_through() -> None:
    async def run() -> None:
        woken, gate = anyio.Event(), Gate(most=4, sleep=lambda _: woken.wait())
        crowd = Crowd(gate)
        async with anyio.create_task_group() as group:
            group.start_soon(gate.hold, 17.0)
            await settle()
            group.start_soon(crowd.go, "a", A)
            await settle()
            assert crowd.under_way == set()
            woken.set()
            await settle()
            assert crowd.under_way == {"a"}
            crowd.ends("a")

    anyio.run(run)


@pytest.mark.parametrize("admitted", [True, False])
def test_who_is_cancelled_leaves_the_place_to_the_next(admitted: bool) -> None:
    async def run() -> None:
        crowd = Crowd(Gate(most=1))
        async with anyio.create_task_group() as group:
            doomed, kept = anyio.CancelScope(), "z"

            async def go() -> None:
                with doomed:
                    await crowd.go("doomed", A)

            first, second = (go, None) if admitted else (None, go)
            if first:
                group.start_soon(first)
                await settle()
            group.start_soon(crowd.go, kept, B)
            await settle()
            if second:
                group.start_soon(second)
                await settle()
            doomed.cancel()
            await settle()
            assert crowd.under_way - {"doomed"} == {kept}
            crowd.ends(kept)
            await settle()
            group.start_soon(crowd.go, "later", A)
            await settle()
            assert "later" in crowd.under_way
            crowd.ends("later")

    anyio.run(run)


@given(
    limit=st.integers(1, 5),
    tokens=st.integers(10, 40),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=40),
    gaps=st.lists(st.floats(0, 30), min_size=40, max_size=40),
)
def test_no_minute_holds_more_than_the_limits(limit: int, tokens: int, sizes: list[int], gaps: list[float]) -> None:
    rate, now = Rate(requests=limit, tokens=tokens), 0.0
    went: list[tuple[float, int]] = []
    for size, gap in zip(sizes, gaps, strict=False):
        now += gap
        while (pause := rate.wait(size, now=now)) > 0:
            now += pause
        rate.sent(size, now=now)
        went.append((now, size))
    for start, _ in went:
        minute = [size for time, size in went if start <= time < start + 59.999]
        assert len(minute) <= limit
        assert sum(minute) <= tokens or len(minute) == 1


def test_what_a_request_really_used_is_what_counts() -> None:
    rate = Rate(tokens=100)
    correct = rate.sent(90, now=0)
    assert rate.wait(50, now=1) == 59
    correct(20)
    assert rate.wait(50, now=1) == 0
    assert rate.wait(50, now=61) == 0
    correct(1000)
    assert rate.wait(100, now=61) == 0, "it no longer counts at all"


def test_requests_wait_for_their_minute() -> None:
    async def run() -> Clock:
        clock = Clock()
        gate = Gate(most=8, rate=Rate(requests=3), sleep=clock.sleep, clock=lambda: clock.now)
        crowd = Crowd(gate)
        async with anyio.create_task_group() as group:
            for number in range(7):
                group.start_soon(crowd.go, str(number), A)
            await settle()
            assert clock.slept == [60, 60]
            assert len(crowd.under_way) == 7
            for name in crowd.under_way:
                crowd.ends(name)
        return clock

    anyio.run(run)
