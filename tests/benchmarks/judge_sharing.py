"""Ten candidates on a 32k-token document: the shared pipeline beside the same work done the reference's way.

The reference shares the extraction; everything else it does for each candidate anew: it makes the document ready, and
asks for one thing after another, the claims of an answer one by one. Both sides are made of the studio's own parts and
talk to the same server process, which answers after 50 ms.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from lrstudio.domain.verdicts import Dimension, Judgment
from lrstudio.judge.caller import Caller
from lrstudio.judge.endpoint import Endpoint
from lrstudio.judge.http import HttpJudge, manner_of
from lrstudio.judge.limits import Limits
from lrstudio.judge.material import Shelf
from lrstudio.judge.pacing import Lane
from lrstudio.judge.packs import PromptPack
from lrstudio.judge.pipeline import run_judge
from lrstudio.judge.protocol import Task
from lrstudio.judge.session import Session
from lrstudio.judge.sharing import concurrently
from lrstudio.text.resources import resource
from lrstudio.text.tokens import Tokenizer
from tests.benchmarks import Ratio
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.ten_answers import ANSWERS, tasks

LATENCY = 0.05
ROUNDS = {8: 3, 16: 3, 64: 9}
"""By concurrency: more where a bound stands that other work on the machine could spoil."""

_SERVER = Path(__file__).parents[1] / "doubles" / "chat_server.py"
_PACK = PromptPack.load(resource("prompts", "longreward-studio"))
_TOKENIZER = Tokenizer.shipped()


@dataclass(frozen=True, slots=True)
class Work:
    """What one side took: seconds, calls by purpose, and tokens sent and received as the server counts them."""

    seconds: float
    calls: Counter[str]
    tokens: int


class _Sink:
    def __init__(self) -> None:
        self.judgments: list[Judgment] = []

    async def judged(self, judgment: Judgment) -> None:
        self.judgments.append(judgment)


def shared(base_url: str, *, concurrency: int, of: Sequence[Task]) -> Work:
    """Judge as the studio does."""
    judge, log, sink = _judge(base_url, concurrency), MemoryCallLog(), _Sink()

    async def run() -> float:
        started = time.perf_counter()
        total = sum(len(task.dimensions) for task in of)
        await run_judge(
            judge, of, total=total, run_id="r", calls=log, sink=sink, emit=lambda _: None, concurrency=concurrency
        )
        spent = time.perf_counter() - started
        await judge.aclose()
        return spent

    return _work(anyio.run(run), [log])


def reference(base_url: str, *, candidates_at_once: int, of: Sequence[Task]) -> Work:
    """Judge as the published scripts do: first all extractions, then each candidate by itself, call after call."""
    endpoint = Endpoint.open(base_url=base_url, model="judge", api_key="", key_source="", timeout=60.0)
    limits = Limits(concurrency=100)
    extractor, manner = Caller(endpoint, prompt_pack=_PACK.version, limits=limits), manner_of(_PACK, limits)
    extractions = MemoryCallLog()
    judges = [_judge(base_url, 1) for _ in of]
    logs = [MemoryCallLog() for _ in of]
    sink = _Sink()

    async def extract() -> None:
        session = Session(extractor, manner, Shelf(tokenizer=_TOKENIZER), run_id="r", calls=extractions, lane=Lane())
        document = of[0].document
        material = await session.shelf.material((document.text or "") if document else "")
        asks = [
            manner.key_points(question=of[0].question.query, material=material, chunk=chunk)
            for chunk in material.chunks
        ]
        await concurrently(partial(session.ask, ask, document_hash=material.document_hash) for ask in asks)

    async def one(judge: HttpJudge, log: MemoryCallLog, task: Task) -> None:
        log.replies.update(extractions.replies)
        for dimension in Dimension:
            await sink.judged(await judge.judge(task, dimension, run_id="r", calls=log))

    async def run() -> float:
        slots = anyio.CapacityLimiter(candidates_at_once)

        async def in_turn(judge: HttpJudge, log: MemoryCallLog, task: Task) -> None:
            async with slots:
                await one(judge, log, task)

        started = time.perf_counter()
        await extract()
        await concurrently(partial(in_turn, *it) for it in zip(judges, logs, of, strict=True))
        spent = time.perf_counter() - started
        for it in (extractor, *judges):
            await it.aclose()
        return spent

    return _work(anyio.run(run), [extractions, *logs])


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a process of its own, as a judge's endpoint is."""
    words = [sys.executable, str(_SERVER), "--latency", str(LATENCY)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        finally:
            server.terminate()
            server.wait(10)


def judge_sharing() -> Sequence[Ratio]:
    """Calls and tokens against the reference; wall time at three concurrencies, and against one after another."""
    with serving() as url:
        shared(url, concurrency=64, of=tasks())  # warms up imports and the server
        found: list[Ratio] = []
        for concurrency, count in ROUNDS.items():
            rounds = [
                (
                    shared(url, concurrency=concurrency, of=tasks()),
                    reference(url, candidates_at_once=min(concurrency, ANSWERS), of=tasks()),
                )
                for _ in range(count)
            ]
            # The fastest of each side: the work is the same every time, and what else runs here only adds to it.
            ours, theirs = (min(it.seconds for it in side) for side in zip(*rounds, strict=True))
            detail = f"{ours:.2f} s against {theirs:.2f} s"
            bound = 0.3 if concurrency == 64 else 1.0
            found.append(Ratio(f"judge_wall_time_{concurrency}", ours / theirs, bound, detail))
        one, other = rounds[-1]
        one_by_one = reference(url, candidates_at_once=1, of=tasks())
    return [
        _ratio("judge_calls", sum(one.calls.values()), sum(other.calls.values()), bound=118 / 148),
        _ratio("judge_tokens", one.tokens, other.tokens, bound=0.85),
        *found,
        Ratio(
            "judge_wall_time_one_by_one",
            ours / one_by_one.seconds,
            0.1,
            f"{ours:.2f} s at 64 against {one_by_one.seconds:.2f} s, one candidate after another",
        ),
    ]


def _ratio(name: str, ours: int, theirs: int, *, bound: float) -> Ratio:
    return Ratio(name, ours / theirs, bound, f"{ours} against {theirs}")


def _judge(base_url: str, concurrency: int) -> HttpJudge:
    return HttpJudge.create(
        base_url=base_url,
        model="judge",
        api_key="",
        pack=_PACK,
        tokenizer=_TOKENIZER,
        concurrency=concurrency,
    )


def _work(seconds: float, logs: Sequence[MemoryCallLog]) -> Work:
    made = [(log, key) for log in logs for key in log.calls]
    return Work(
        seconds,
        Counter(log.calls[key].purpose for log, key in made),
        sum((log.replies[key].input_tokens or 0) + (log.replies[key].output_tokens or 0) for log, key in made),
    )


BENCHMARKS = (judge_sharing,)
