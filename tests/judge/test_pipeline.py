from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import anyio
import pytest

from lrstudio.domain.errors import Environment
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment, Reason, State
from lrstudio.judge.pipeline import run_judge
from lrstudio.judge.protocol import Call, CallLog, JudgeEvent, ParseState, Progress, Reply, Task
from tests.doubles.call_log import MemoryCallLog

F, C = Dimension.FAITHFULNESS, Dimension.COMPLETENESS


def task(
    number: int, *, document: str | None = "d1", question: str = "q1", dimensions: tuple[Dimension, ...] = (F, C)
) -> Task:
    return Task(
        Candidate(f"c{number}", question, f"answer {number}"),
        Question(question, document, "why?"),
        Document(document, "text") if document else None,
        dimensions,
    )


def judgment(of: Task, dimension: Dimension, run_id: str) -> Judgment:
    return Judgment(run_id, of.candidate.candidate_id, dimension, State.UNSCORED, Reason.NEAR_CHANCE)


Work = Callable[[Task, Dimension, CallLog], Awaitable[None]]


@dataclass
class TalkingJudge:
    """A judge that does `work` and then says the same of everything."""

    work: Work
    identity: JudgeIdentity = field(default_factory=lambda: JudgeIdentity("talking"))
    started: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def judge(self, task: Task, dimension: Dimension, *, run_id: str, calls: CallLog) -> Judgment:
        self.started.append(task.candidate.candidate_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.work(task, dimension, calls)
        finally:
            self.at_once -= 1
        return judgment(task, dimension, run_id)

    async def aclose(self) -> None:
        pass


@dataclass
class Shelf:
    stored: list[Judgment] = field(default_factory=list)

    async def judged(self, judgment: Judgment) -> None:
        await anyio.sleep(0)
        self.stored.append(judgment)


async def nothing(*_: object) -> None:
    await anyio.sleep(0)


@dataclass
class Bench:
    work: Work = nothing
    tasks: list[Task] = field(default_factory=lambda: [task(n) for n in range(6)])
    concurrency: int = 4
    sink: Shelf = field(default_factory=Shelf)
    events: list[JudgeEvent] = field(default_factory=list)
    log: MemoryCallLog = field(default_factory=MemoryCallLog)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.judge = TalkingJudge(self.work)

    def emit(self, event: JudgeEvent) -> None:
        if event.judgment:
            assert event.judgment in self.sink.stored, "announced before it was stored"
        self.events.append(event)

    async def start(self) -> Progress:
        return await run_judge(
            self.judge,
            self.tasks,
            total=sum(len(it.dimensions) for it in self.tasks),
            run_id="r1",
            calls=self.log,
            sink=self.sink,
            emit=self.emit,
            concurrency=self.concurrency,
            clock=lambda: self.now,
        )

    def run(self) -> Progress:
        return anyio.run(self.start)


def test_every_candidate_is_judged_once_in_every_dimension() -> None:
    bench = Bench()
    progress = bench.run()
    judged = {(it.candidate_id, it.dimension) for it in bench.sink.stored}
    assert judged == {(f"c{n}", dimension) for n in range(6) for dimension in (F, C)}
    assert len(bench.sink.stored) == 12
    assert (progress.done, progress.total) == (12, 12)
    assert [event.progress.done for event in bench.events] == list(range(1, 13))
    assert {it.run_id for it in bench.sink.stored} == {"r1"}


def test_only_what_is_still_due_is_judged() -> None:
    bench = Bench(tasks=[task(1, dimensions=(C,)), task(2, dimensions=()), task(3)])
    assert bench.run().total == 3
    assert {(it.candidate_id, it.dimension) for it in bench.sink.stored} == {("c1", C), ("c3", F), ("c3", C)}


def test_nothing_to_do_is_done_at_once() -> None:
    bench = Bench(tasks=[])
    progress = bench.run()
    assert (progress.done, progress.total, progress.seconds_left) == (0, 0, None)
    assert bench.events == []


def test_tasks_are_taken_in_their_order_and_only_when_somebody_is_free() -> None:
    taken: list[int] = []
    ahead: list[int] = []

    def one_by_one() -> Iterator[Task]:
        for number in range(12):
            taken.append(number)
            yield task(number, dimensions=(F,))

    async def look(*_: object) -> None:
        await anyio.sleep(0.001)
        ahead.append(len(taken) - len(bench.sink.stored))

    bench = Bench(look, concurrency=3)

    async def run() -> Progress:
        return await run_judge(
            bench.judge,
            one_by_one(),
            total=12,
            run_id="r1",
            calls=bench.log,
            sink=bench.sink,
            emit=bench.emit,
            concurrency=3,
        )

    assert anyio.run(run).done == 12
    assert bench.judge.started == [f"c{number}" for number in range(12)]
    assert max(ahead) <= 3


def test_so_many_candidates_are_judged_at_once_and_no_more() -> None:
    async def slow(*_: object) -> None:
        await anyio.sleep(0.01)

    bench = Bench(slow, [task(n, dimensions=(F,)) for n in range(6)], concurrency=3)
    bench.run()
    assert bench.judge.most_at_once == 3


def test_calls_tokens_and_cost_are_counted_as_they_end() -> None:
    async def ask(of: Task, dimension: Dimension, calls: CallLog) -> None:
        key = f"{of.candidate.candidate_id} {dimension}"
        assert await calls.finished(key) is None
        await calls.begin(Call(key, "support", "c1", "h", "m", "p", "{}"))
        counted = of.candidate.candidate_id != "c0"
        tokens, cost = (10, 0.5) if counted else (None, None)
        await calls.end(key, Reply("", "stop", ParseState.PARSED, tokens, tokens, cost, 1.0))
        assert await calls.finished(key) is not None

    bench = Bench(ask)
    progress = bench.run()
    assert (progress.calls, progress.input_tokens, progress.output_tokens, progress.cost) == (12, 100, 100, 5.0)
    assert len(bench.log.replies) == 12
    assert sum(event.judgment is None for event in bench.events) == 12
    again = Bench()
    assert again.run().cost is None


def test_the_time_left_follows_the_pace_of_late_and_forgets_what_came_from_the_log() -> None:
    bench = Bench(tasks=[task(n, dimensions=(F,)) for n in range(200)], concurrency=1)

    async def pace(of: Task, *_: object) -> None:
        bench.now += 0 if int(of.candidate.candidate_id[1:]) < 100 else 2

    bench.judge.work = pace
    bench.run()
    left = [event.progress.seconds_left for event in bench.events]
    assert left[50] == 0
    assert left[149] == pytest.approx(2 * 50)
    assert left[199] == 0
    assert bench.events[-1].progress.seconds == 200


def test_trouble_with_the_world_stops_the_run_and_comes_out_as_itself() -> None:
    async def fail(of: Task, dimension: Dimension, _: CallLog) -> None:
        if of.candidate.candidate_id == "c3" and dimension is C:
            raise Environment("the key is refused") from OSError("because")
        await anyio.sleep(0 if int(of.candidate.candidate_id[1:]) < 3 else 5)

    bench = Bench(fail, concurrency=2)
    with pytest.raises(Environment, match="refused") as caught:
        bench.run()
    assert isinstance(caught.value.__cause__, OSError)
    assert {it.candidate_id for it in bench.sink.stored} == {"c0", "c1", "c2"}
    assert "c5" not in bench.judge.started


def test_a_bug_comes_out_as_itself_too() -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Bench(fail).run()


def test_a_sink_that_fails_stops_the_run() -> None:
    class Full(Shelf):
        async def judged(self, judgment: Judgment) -> None:
            raise Environment("the disk is full")

    bench = Bench(sink=Full())
    with pytest.raises(Environment, match="disk"):
        bench.run()
    assert bench.events == []


def test_cancelling_leaves_what_is_finished() -> None:
    async def slow_from_three(of: Task, *_: object) -> None:
        await anyio.sleep(0 if int(of.candidate.candidate_id[1:]) < 3 else 60)

    bench = Bench(slow_from_three)

    async def cancelled() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(bench.start)
            with anyio.fail_after(30):
                while len(bench.events) < 6:
                    await anyio.sleep(0.01)
            group.cancel_scope.cancel()

    anyio.run(cancelled)
    assert {it.candidate_id for it in bench.sink.stored} == {"c0", "c1", "c2"}
    assert len(bench.events) == 6
    assert bench.judge.at_once == 0
