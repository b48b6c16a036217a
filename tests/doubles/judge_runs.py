"""The http judge on a scripted server, run and planned in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio

from lrstudio.domain.verdicts import Dimension, Judgment
from lrstudio.judge.http import HttpJudge
from lrstudio.judge.limits import Prices
from lrstudio.judge.packs import PromptPack
from lrstudio.judge.pipeline import run_judge
from lrstudio.judge.plan import Plan
from lrstudio.judge.protocol import Task
from lrstudio.text.resources import resource
from lrstudio.text.tokens import Tokenizer
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import ChatServer
from tests.doubles.ten_answers import tasks

PACK = PromptPack.load(resource("prompts", "longreward-studio"))
TOKENIZER = Tokenizer.shipped()
PRICES = Prices(input=1.0, output=3.0)


class Sink:
    def __init__(self) -> None:
        self.judgments: dict[tuple[str, Dimension], Judgment] = {}

    async def judged(self, judgment: Judgment) -> None:
        self.judgments[judgment.candidate_id, judgment.dimension] = judgment


def make(server: ChatServer, **more: Any) -> HttpJudge:
    given: dict[str, Any] = {"model": "judge", "api_key": "", "pack": PACK, "tokenizer": TOKENIZER, "prices": PRICES}
    return HttpJudge.create(base_url=server.base_url, **{**given, **more})


def run(server: ChatServer, log: MemoryCallLog, of: Sequence[Task] = (), **more: Any) -> Sink:
    sink = Sink()

    async def work() -> None:
        judge = make(server, **more)
        try:
            wanted = of or tasks()
            total = sum(len(task.dimensions) for task in wanted)
            await run_judge(
                judge, wanted, total=total, run_id="r", calls=log, sink=sink, emit=lambda _: None, concurrency=16
            )
        finally:
            await judge.aclose()

    anyio.run(work)
    return sink


def plan(server: ChatServer, log: MemoryCallLog, of: Sequence[Task] = (), **more: Any) -> Plan:
    async def work() -> Plan:
        judge = make(server, **more)
        try:
            return await judge.plan(of or tasks(), calls=log)
        finally:
            await judge.aclose()

    return anyio.run(work)
