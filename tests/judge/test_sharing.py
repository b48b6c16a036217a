"""Doing things at once: who starts first, who shares a visit to a thread, and whose error counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import anyio
import pytest

from lrstudio.judge.sharing import Feed, both, concurrently


def test_of_two_things_the_first_has_begun_before_the_other() -> None:
    order: list[str] = []

    async def one() -> str:
        order.append("one begins")
        await anyio.sleep(0)
        order.append("one ends")
        return "one"

    async def other() -> int:
        order.append("other begins")
        await anyio.sleep(0.02)
        order.append("other ends")
        return 2

    async def later() -> None:
        order.append("later")

    async def run() -> tuple[str, int]:
        async with anyio.create_task_group() as group:
            group.start_soon(later)
            return await both(one, other)

    assert anyio.run(run) == ("one", 2)
    assert order == ["one begins", "later", "other begins", "one ends", "other ends"]


@pytest.mark.parametrize("failing", [0, 1])
def test_the_error_of_one_of_two_things_ends_the_other_and_is_raised_as_itself(failing: int) -> None:
    ended: list[int] = []

    async def work(number: int) -> int:
        if number == failing:
            await anyio.sleep(0.01)
            raise ZeroDivisionError
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(number)

    async def run() -> None:
        with anyio.fail_after(10):
            await both(partial(work, 0), partial(work, 1))

    with pytest.raises(ZeroDivisionError):
        anyio.run(run)
    assert ended == [1 - failing]


@pytest.mark.parametrize("quick_first", [True, False])
def test_what_is_cancelled_from_outside_ends_as_cancelled_and_not_in_an_error(quick_first: bool) -> None:
    """One part is done and the other at work when the whole is cancelled, at any of its steps."""

    async def quick() -> int:
        return 1

    async def slow() -> int:
        await anyio.sleep_forever()
        return 2

    async def until(steps: int) -> bool:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def cancel() -> None:
                    for _ in range(steps):
                        await anyio.sleep(0)
                    scope.cancel()

                group.start_soon(cancel)
                await (both(quick, slow) if quick_first else concurrently([quick, slow]))
        return scope.cancelled_caught

    assert all(anyio.run(until, steps) for steps in range(6))


class Items:
    """Numbers, with how many were made and in how many stretches by which thread."""

    def __init__(self, count: int, *, seconds: float = 0.0, fail_at: int | None = None) -> None:
        self.made = 0
        self.threads: set[int] = set()
        self._count, self._seconds, self._fail_at = count, seconds, fail_at

    def __iter__(self) -> Iterator[int]:
        for number in range(self._count):
            if number == self._fail_at:
                raise ZeroDivisionError
            time.sleep(self._seconds)
            self.made += 1
            self.threads.add(threading.get_ident())
            yield number


def test_items_are_made_in_a_thread_and_only_for_those_who_ask() -> None:
    items = Items(9)

    async def run() -> list[list[int | None]]:
        feed = Feed(items)
        first = await concurrently([feed.take] * 4)
        assert items.made == 4
        second = [await feed.take()]
        assert items.made == 5
        return [first, second, await concurrently([feed.take] * 6), [await feed.take()]]

    assert anyio.run(run) == [[0, 1, 2, 3], [4], [5, 6, 7, 8, None, None], [None]]
    assert threading.get_ident() not in items.threads


def test_who_comes_first_does_not_wait_for_slow_items_of_others() -> None:
    items = Items(6, seconds=0.05)

    async def run() -> list[int]:
        feed, when = Feed(items), []

        async def take() -> None:
            await feed.take()
            when.append(items.made)

        await concurrently([take] * 6)
        return when

    when = anyio.run(run)
    assert len(when) == 6
    assert when[0] < 6


def test_an_error_of_the_iterable_is_raised_where_it_is_asked_for() -> None:
    async def run() -> None:
        feed = Feed(Items(9, fail_at=2))
        assert [await feed.take(), await feed.take()] == [0, 1]
        await feed.take()

    with pytest.raises(ZeroDivisionError):
        anyio.run(run)
