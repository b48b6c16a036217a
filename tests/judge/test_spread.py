"""Requests spread over clients: as many as needed, each with few at once, all closed."""

from __future__ import annotations

import anyio
import httpx2
import pytest

from lrstudio.judge.sharing import concurrently
from lrstudio.judge.spread import FEW, Spread

URL = httpx2.URL("http://127.0.0.1:9/v1/x")


class Makers:
    """Makes clients that answer without a network, and counts what each has under way."""

    def __init__(self) -> None:
        self.made: list[httpx2.AsyncClient] = []
        self.under_way: list[int] = []
        self.most: list[int] = []

    def __call__(self) -> httpx2.AsyncClient:
        at = len(self.made)
        self.under_way.append(0)
        self.most.append(0)

        async def answer(request: httpx2.Request) -> httpx2.Response:
            self.under_way[at] += 1
            self.most[at] = max(self.most[at], self.under_way[at])
            await anyio.sleep(0.01)
            self.under_way[at] -= 1
            if request.content == b"fail":
                raise httpx2.ConnectError("no")
            return httpx2.Response(200, content=request.content, headers={"x": request.headers["x"]})

        self.made.append(httpx2.AsyncClient(transport=httpx2.MockTransport(answer)))
        return self.made[at]


def post(spread: Spread, content: bytes) -> object:
    return spread.post(URL, content=content, headers=httpx2.Headers({"x": "y"}))


def test_each_client_has_few_requests_at_once_and_idle_ones_are_used_again() -> None:
    makers = Makers()

    async def run() -> None:
        spread = Spread(makers)
        assert len(makers.made) == 1, "a bad proxy is told before anything is sent"
        for _ in range(2):
            replies = await concurrently(lambda n=n: post(spread, b"%d" % n) for n in range(3 * FEW + 1))
            assert [reply.content for reply in replies] == [b"%d" % n for n in range(3 * FEW + 1)]
            assert {reply.headers["x"] for reply in replies} == {"y"}
            assert makers.most == [FEW, FEW, FEW, 1]
        await spread.aclose()
        assert all(client.is_closed for client in makers.made)

    anyio.run(run)


def test_a_request_that_fails_makes_room_again() -> None:
    makers = Makers()

    async def run() -> None:
        spread = Spread(makers)
        for _ in range(2 * FEW):
            with pytest.raises(httpx2.ConnectError):
                await post(spread, b"fail")
        await concurrently(lambda: post(spread, b"") for _ in range(FEW))
        assert len(makers.made) == 1
        await spread.aclose()

    anyio.run(run)
