"""Run a judge over candidates: one at a time per project, resumable, cancellable, everything written down."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import anyio
from anyio import to_thread

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Document
from lrstudio.domain.verdicts import Dimension, JudgeRun, Judgment, RunState
from lrstudio.judge.batch import BYTES, ROWS
from lrstudio.judge.budget import SpendLimitReached
from lrstudio.judge.http import HttpJudge
from lrstudio.judge.pipeline import run_judge
from lrstudio.judge.plan import Plan
from lrstudio.judge.protocol import Call, Emit, Judge, ParseState, Reply, Task
from lrstudio.services.audit import JUDGE_LOCK
from lrstudio.services.batches import BatchRead, BatchReader, BatchWritten, asking, read_results, write_batch
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.records import CallRow, CallState
from lrstudio.store.store import Store

_DOCUMENTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class JudgeOutcome:
    """What a judge run came to: `states` counts the states of its judgments per dimension.

    `left` candidates were not taken up, because only so many were to be. `stopped` says what ended it before its time,
    "" where nothing did; it can be carried on.
    """

    run: JudgeRun
    resumed: bool
    changes: Changes
    states: Mapping[Dimension, Mapping[str, int]]
    left: int = 0
    stopped: str = ""


_Work = Callable[[JudgeRun, list[Task], "_StoreSink"], Awaitable[str]]
"""What a judge run does with what is to be judged; returns what stopped it, "" where nothing did."""


class Judging:
    """Starts judge runs. `make_judge` builds a judge from a request; it is called on a worker thread."""

    def __init__(self, store: Store, *, make_judge: Callable[[JudgeRequest], Judge], clock: Clock = utc_now) -> None:
        self._store = store
        self._make_judge = make_judge
        self._clock = clock

    def holder(self) -> str | None:
        """Say who holds this project's judge lock, None when nobody does."""
        holder = self._store.locks.holder(JUDGE_LOCK)
        if holder is None or holder.alive is False:
            return None
        return f"process {holder.pid} on {holder.host} since {holder.since}"

    async def run(self, request: JudgeRequest, *, emit: Emit) -> JudgeOutcome:
        """Judge the candidates that the request names, or finish the run of the same judge that was broken off.

        A finished call is never sent again, so that after a change of prompts, model or document only what that makes
        stale costs anything. Cancelling keeps what is finished, and so does the spend limit.

        Raises:
            Refused: there is nothing to judge, or the request lacks something; names the field.
            Environment: another process judges this project, the endpoint cannot be reached, or the disk is full.
        """
        async with self._judge(request) as judge, self._locked():

            async def work(run: JudgeRun, tasks: list[Task], sink: _StoreSink) -> str:
                calls = _StoreCalls(self._store, run.run_id, self._clock)
                try:
                    await run_judge(
                        judge,
                        tasks,
                        run_id=run.run_id,
                        calls=calls,
                        sink=sink,
                        emit=emit,
                        concurrency=request.concurrency,
                    )
                except SpendLimitReached as reached:
                    return str(reached)
                return ""

            return await self._work(judge, request, work)

    async def plan(self, request: JudgeRequest) -> Plan:
        """Tell what the same run would take. Sends nothing, changes nothing and needs no lock.

        Raises:
            Refused: as `run`.
        """
        async with self._judge(request) as judge:
            if not isinstance(judge, HttpJudge):
                return Plan()
            run, _, tasks = await to_thread.run_sync(self._ahead, judge, request)
            return await judge.plan(
                _first(tasks, request.limit), calls=_StoreCalls(self._store, run.run_id, self._clock)
            )

    async def batch_out(self, request: JudgeRequest, out: Path, *, rows: int = ROWS, size: int = BYTES) -> BatchWritten:
        """Write the calls that can be made now as batch files; see `write_batch`. Changes nothing in the project."""
        async with self._judge(request) as judge:
            asking_judge = asking(judge)
            run, _, tasks = await to_thread.run_sync(self._ahead, judge, request)
            calls = _StoreCalls(self._store, run.run_id, self._clock)
            return await write_batch(asking_judge, _first(tasks, request.limit), out, calls=calls, rows=rows, size=size)

    async def batch_in(self, request: JudgeRequest, files: Sequence[Path]) -> tuple[JudgeOutcome, BatchRead]:
        """Take in the results of batch files, and judge as far as they go.

        Raises:
            Refused: as `run`, or a file is no file of results.
            Environment: another process judges this project, or the disk is full.
        """
        async with self._judge(request) as judge:
            asking_judge = asking(judge)
            results = await to_thread.run_sync(read_results, files)
            async with self._locked():
                read: list[BatchRead] = []

                async def work(run: JudgeRun, tasks: list[Task], sink: _StoreSink) -> str:
                    calls = _StoreCalls(self._store, run.run_id, self._clock)
                    reader = BatchReader(asking_judge, results, calls)
                    async for judgment in reader.judgments(tasks, run_id=run.run_id):
                        await sink.judged(judgment)
                    read.append(await reader.told())
                    return f"{read[0].outstanding} calls are outstanding" if read[0].outstanding else ""

                outcome = await self._work(judge, request, work)
                return outcome, read[0]

    @asynccontextmanager
    async def _judge(self, request: JudgeRequest) -> AsyncIterator[Judge]:
        judge = await to_thread.run_sync(self._make_judge, request)
        try:
            yield judge
        finally:
            with anyio.CancelScope(shield=True):
                await judge.aclose()

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        held = await to_thread.run_sync(self._store.locks.acquire, JUDGE_LOCK)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(held.release)

    async def _work(self, judge: Judge, request: JudgeRequest, work: _Work) -> JudgeOutcome:
        """Do the work of a judge run between its start and its end; the lock is held, so nobody else runs it."""
        run, resumed, tasks = await to_thread.run_sync(self._ahead, judge, request)
        await to_thread.run_sync(self._start, run, resumed)
        now = _first(tasks, request.limit)
        sink = _StoreSink(self._store)
        state = RunState.FAILED
        try:
            stopped = await work(run, now, sink)
            state = RunState.CANCELLED if stopped or len(now) < len(tasks) else RunState.DONE
        except anyio.get_cancelled_exc_class():
            state = RunState.CANCELLED
            raise
        finally:
            with anyio.CancelScope(shield=True):
                run = await to_thread.run_sync(self._finish, run.run_id, state)
        changes = Changes(judgments=frozenset(sink.candidates), runs=frozenset({run.run_id}))
        states = await to_thread.run_sync(self._states, run.run_id)
        return JudgeOutcome(run, resumed, changes, states, left=len(tasks) - len(now), stopped=stopped)

    def _ahead(self, judge: Judge, request: JudgeRequest) -> tuple[JudgeRun, bool, list[Task]]:
        """Return the run to work on, whether it was broken off before, and what is to be judged. Changes nothing."""
        chosen = self._chosen(request.candidate_ids)
        wanted = tuple(dimension for dimension in Dimension if dimension in request.dimensions)
        if not wanted:
            raise Refused("choose at least one dimension to judge")
        earlier = self._store.judging.unfinished_run(judge.identity, wanted)
        run = earlier or JudgeRun(uuid.uuid4().hex, judge.identity, wanted, RunState.RUNNING, started=self._clock())
        return run, earlier is not None, self._outstanding(run, chosen)

    def _start(self, run: JudgeRun, resumed: bool) -> None:
        if resumed:
            self._store.judging.set_run_state(run.run_id, RunState.RUNNING)
        else:
            self._store.judging.start_run(run)

    def _chosen(self, candidate_ids: Sequence[str] | None) -> set[str]:
        known = {info.candidate_id for info in self._store.library.candidate_infos()}
        missing = [name for name in candidate_ids or () if name not in known]
        if missing:
            raise Refused(f"there is no candidate {missing[0]!r} in this project")
        if not known:
            raise Refused("there is nothing to judge: import questions with candidates first")
        return known if candidate_ids is None else set(candidate_ids)

    def _outstanding(self, run: JudgeRun, chosen: set[str]) -> list[Task]:
        """Return the candidates still to be judged in this run, those of one document together."""
        judged = self._store.judging.judged_pairs(run.run_id)
        load = lru_cache(_DOCUMENTS_KEPT)(self._document)
        tasks = []
        for question in sorted(self._store.library.questions(), key=lambda it: it.document_id or ""):
            for candidate in self._store.library.candidates(question.question_id):
                due = tuple(it for it in run.dimensions if (candidate.candidate_id, it) not in judged)
                if due and candidate.candidate_id in chosen:
                    tasks.append(Task(candidate, question, load(question.document_id), due))
        return tasks

    def _document(self, document_id: str | None) -> Document | None:
        return self._store.library.document(document_id) if document_id else None

    def _finish(self, run_id: str, state: RunState) -> JudgeRun:
        totals = self._store.calls.totals(run_id)
        self._store.judging.set_run_state(
            run_id,
            state,
            finished=self._clock(),
            calls=totals.calls,
            input_tokens=totals.input_tokens,
            output_tokens=totals.output_tokens,
            cost=totals.cost,
        )
        return self._store.judging.run(run_id)

    def _states(self, run_id: str) -> dict[Dimension, dict[str, int]]:
        counts: dict[Dimension, Counter[str]] = {}
        for summary in self._store.judging.summaries(run_id=run_id):
            name = f"{summary.state.value}: {summary.reason.value}" if summary.reason.value else summary.state.value
            counts.setdefault(summary.dimension, Counter())[name] += 1
        return {dimension: dict(counter) for dimension, counter in counts.items()}


def _first(tasks: list[Task], limit: int | None) -> list[Task]:
    return tasks if limit is None else tasks[:limit]


class _StoreSink:
    """Stores each judgment in a transaction of its own before it is announced."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.candidates: set[str] = set()

    async def judged(self, judgment: Judgment) -> None:
        await to_thread.run_sync(self._store.judging.save_judgment, judgment)
        self.candidates.add(judgment.candidate_id)


class _StoreCalls:
    """The judge's call log, kept in the project file."""

    def __init__(self, store: Store, run_id: str, clock: Clock) -> None:
        self._store = store
        self._run_id = run_id
        self._clock = clock

    async def finished(self, key: str) -> Reply | None:
        row = await to_thread.run_sync(self._store.calls.finished, key)
        if row is None:
            return None
        return Reply(
            text=row.reply,
            finish_reason=row.finish_reason,
            parse_state=ParseState(row.parse_state),
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost=row.cost,
            seconds=row.seconds or 0.0,
            error=row.error,
        )

    async def begin(self, call: Call) -> None:
        row = CallRow(
            key=call.key,
            purpose=call.purpose,
            run_id=self._run_id,
            candidate_id=call.candidate_id,
            document_hash=call.document_hash,
            model=call.model,
            prompt_pack=call.prompt_pack,
            request=call.request,
            created=self._clock(),
        )
        await to_thread.run_sync(self._store.calls.begin, row)

    async def end(self, key: str, reply: Reply) -> None:
        failed = reply.parse_state in (ParseState.FAILED, ParseState.CONTEXT_OVERFLOW)
        end = partial(
            self._store.calls.end,
            key,
            state=CallState.FAILED if failed else CallState.DONE,
            reply=reply.text,
            finish_reason=reply.finish_reason,
            parse_state=reply.parse_state.value,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost=reply.cost,
            seconds=reply.seconds,
            error=reply.error,
            finished=self._clock(),
        )
        await to_thread.run_sync(end)
