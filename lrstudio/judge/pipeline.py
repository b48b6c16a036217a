"""Running a judge over candidates: several at once, each judgment stored before it is told."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from lrstudio.domain.verdicts import Dimension, Judgment
from lrstudio.judge.protocol import Call, CallLog, Emit, Judge, JudgeEvent, JudgmentSink, Progress, Reply, Task
from lrstudio.judge.sharing import Feed, concurrently

# The time left is reckoned from this many judgments, so that those that came from the log at the start are forgotten.
_WINDOW = 32
# Claims and key points lead to further calls, so they are asked for before the scores that stand alone.
_LONGEST_FIRST = (Dimension.FAITHFULNESS, Dimension.COMPLETENESS, Dimension.HELPFULNESS, Dimension.LOGICALITY)


async def run_judge(
    judge: Judge,
    tasks: Iterable[Task],
    *,
    total: int,
    run_id: str,
    calls: CallLog,
    sink: JudgmentSink,
    emit: Emit,
    concurrency: int = 4,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Judge every task in the dimensions that it still needs, and return the final counts.

    The tasks are taken in their order, on a worker thread and only when somebody is free for the next, `concurrency` of
    them at once. Those of one document should follow each other, so that a server's prefix cache and the judge's own
    find what they need. Cancelled or failed at any await, it leaves every finished judgment in the sink and every reply
    in the log.

    Args:
        judge: the judge.
        tasks: what is to be judged.
        total: how many judgments that will be.
        run_id: the judge run that they belong to.
        calls: where calls are kept.
        sink: where judgments go.
        emit: told of each judgment and call.
        concurrency: how many candidates are judged at once.
        clock: seconds.

    Raises:
        Environment: going on is useless; raised as itself. So is any other error of the judge or the sink.
    """
    tally = _Tally(total=total, emit=emit, clock=clock)
    feed = Feed(tasks)
    counted = _CountingCallLog(calls, tally)

    async def one(task: Task, dimension: Dimension) -> None:
        judgment = await judge.judge(task, dimension, run_id=run_id, calls=counted)
        await sink.judged(judgment)
        tally.judged(judgment)

    async def work() -> None:
        while (task := await feed.take()) is not None:
            longest_first = sorted(task.dimensions, key=_LONGEST_FIRST.index)
            await concurrently(partial(one, task, dimension) for dimension in longest_first)

    await concurrently(work for _ in range(max(1, concurrency)))
    return tally.progress()


class _Tally:
    """Counts what has been done and says so."""

    def __init__(self, *, total: int, emit: Emit, clock: Callable[[], float]) -> None:
        self._total = total
        self._emit = emit
        self._clock = clock
        self._started = clock()
        self._done = 0
        self._finished: deque[float] = deque([self._started], maxlen=_WINDOW + 1)
        self._calls = self._input_tokens = self._output_tokens = 0
        self._cost: float | None = None

    def judged(self, judgment: Judgment) -> None:
        self._done += 1
        self._finished.append(self._clock())
        self._emit(JudgeEvent(self.progress(), judgment))

    def called(self, reply: Reply) -> None:
        self._calls += 1
        self._input_tokens += reply.input_tokens or 0
        self._output_tokens += reply.output_tokens or 0
        if reply.cost is not None:
            self._cost = (self._cost or 0.0) + reply.cost
        self._emit(JudgeEvent(self.progress()))

    def progress(self) -> Progress:
        now = self._clock()
        pace = (now - self._finished[0]) / (len(self._finished) - 1) if self._done else None
        return Progress(
            done=self._done,
            total=self._total,
            calls=self._calls,
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
            cost=self._cost,
            seconds=now - self._started,
            seconds_left=None if pace is None else pace * (self._total - self._done),
        )


class _CountingCallLog:
    """Counts the calls that end on their way into the log, so that every judge is counted alike."""

    def __init__(self, calls: CallLog, tally: _Tally) -> None:
        self._calls = calls
        self._tally = tally

    async def finished(self, key: str) -> Reply | None:
        return await self._calls.finished(key)

    async def begin(self, call: Call) -> None:
        await self._calls.begin(call)

    async def end(self, key: str, reply: Reply) -> None:
        await self._calls.end(key, reply)
        self._tally.called(reply)
