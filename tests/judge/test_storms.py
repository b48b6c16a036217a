"""Servers that have too much to do: the caller gives way, loses nothing, and comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio

from lrstudio.judge.caller import Answer as Outcome
from lrstudio.judge.caller import Ask, Caller
from lrstudio.judge.endpoint import Endpoint
from lrstudio.judge.limits import Limits
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import ScoreReply, read_score
from lrstudio.judge.sharing import concurrently
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import Answer, ChatServer, Request, always, busy

GOOD = '{"analysis": "fine", "score": 7}'
ASK = Ask(CallName.HELPFULNESS, "# Task: helpfulness\n", read_score, max_tokens=64)


def ask_all(server: ChatServer, count: int, **limits: Any) -> Sequence[Outcome[ScoreReply]]:
    wanted = replace(Limits(backoff=0.02, timeout=10.0), **limits)

    async def run() -> list[Outcome[ScoreReply]]:
        endpoint = Endpoint.open(
            base_url=server.base_url, model="judge", api_key="", key_source="", timeout=wanted.timeout
        )
        caller, log = Caller(endpoint, prompt_pack="", limits=wanted), MemoryCallLog()
        try:
            return await concurrently(
                lambda n=n: caller.ask(replace(ASK, prompt=f"{ASK.prompt}{n}"), calls=log) for n in range(count)
            )
        finally:
            await caller.aclose()

    return anyio.run(run)


def test_a_storm_ends_well_and_retry_after_holds_everybody_back() -> None:
    asked: list[float] = []

    def policy(_: Request) -> Answer:
        asked.append(time.monotonic())
        return busy(retry_after="0.3") if asked[-1] - asked[0] < 0.7 else Answer(GOOD)

    with ChatServer(policy, latency=0.01) as server:
        answers = ask_all(server, 60, concurrency=32)
        assert all(answer.value for answer in answers)
        assert len({request.sha256 for request in server.requests}) == 60
        refused = len(server.requests) - 60
        # 16, then 8 and 4 after each wait; without the hold all 60 would have come running at once.
        assert 1 <= refused <= 36
        assert server.most_in_flight <= 32


def test_an_endpoint_that_bears_four_is_sent_about_four() -> None:
    at_once: list[int] = []

    with ChatServer(latency=0.02) as server:

        def policy(_: Request) -> Answer:
            at_once.append(server.in_flight)
            return busy() if server.in_flight > 4 else Answer(GOOD)

        server.policy = policy
        answers = ask_all(server, 100, concurrency=32, retries=9)
        assert all(answer.value for answer in answers)
        assert server.most_in_flight <= 32
        later = sorted(at_once[32:])
        assert later[len(later) * 9 // 10] <= 10
        assert len(server.requests) < 180


def test_throughput_recovers_after_a_storm() -> None:
    in_flight: list[int] = []

    with ChatServer(latency=0.1) as server:

        def policy(request: Request) -> Answer:
            in_flight.append(server.in_flight)
            return Answer("overloaded", status=503) if request.number <= 12 else Answer(GOOD)

        server.policy = policy
        answers = ask_all(server, 240, concurrency=16)
        assert all(answer.value for answer in answers)
        assert max(in_flight[12:30]) <= 4
        assert max(in_flight[-60:]) >= 14
        assert server.most_in_flight <= 16


def test_no_answer_in_time_counts_as_overload() -> None:
    with ChatServer() as server:
        server.policy = lambda request: Answer(GOOD, hang=request.number <= 8)
        answers = ask_all(server, 30, concurrency=8, timeout=2.0)
        assert all(answer.value for answer in answers)
        assert len(server.requests) == 38


def test_requests_a_minute_are_kept() -> None:
    with ChatServer(always(GOOD)) as server:

        async def run() -> None:
            endpoint = Endpoint.open(base_url=server.base_url, model="judge", api_key="", key_source="", timeout=5.0)
            caller, log = Caller(endpoint, prompt_pack="", limits=Limits(requests_per_minute=5)), MemoryCallLog()
            asks = [lambda n=n: caller.ask(replace(ASK, prompt=f"{ASK.prompt}{n}"), calls=log) for n in range(9)]
            async with anyio.create_task_group() as group:
                group.start_soon(concurrently, asks)
                with anyio.fail_after(30):
                    while len(server.requests) < 5:
                        await anyio.sleep(0.01)
                await anyio.sleep(0.5)
                group.cancel_scope.cancel()
            await caller.aclose()

        anyio.run(run)
        assert len(server.requests) == 5
