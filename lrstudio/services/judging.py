"""Run a judge over candidates: one at a time per project, resumable, cancellable, everything written down."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, Judgment, RunState
from lrstudio.judge.batch import BYTES, ROWS
from lrstudio.judge.budget import SpendLimitReached
from lrstudio.judge.http import HttpJudge
from lrstudio.judge.pipeline import run_judge
from lrstudio.judge.plan import Plan
from lrstudio.judge.protocol import Emit, Judge, Task
from lrstudio.services.audit import JUDGE_LOCK
from lrstudio.services.batches import BatchRead, BatchReader, BatchWritten, asking, read_results, write_batch
from lrstudio.services.call_log import StoreCalls, StoreSink
from lrstudio.services.consent import Consent, Outgoing
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.outstanding import Outstanding, outstanding
from lrstudio.services.serving import served, server_log, unstarted
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.store import Store


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


GoingOn = Callable[[JudgeIdentity], str]
"""Names the run that a judge goes on with, "" for the one that its request decides. It may refuse."""

_Work = Callable[[JudgeRun, Outstanding, StoreSink], Awaitable[str]]
"""What a judge run does with what is to be judged; returns what stopped it, "" where nothing did."""


@dataclass(frozen=True, slots=True)
class Underway:
    """A judge run whose calls another program answers: the judge, what is to be judged, and where all of it goes."""

    judge: HttpJudge
    run: JudgeRun
    tasks: Outstanding
    sink: StoreSink
    calls: StoreCalls


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The run to work on, whether it was broken off before, and what is to be judged in it."""

    run: JudgeRun
    resumed: bool
    outstanding: Outstanding


@dataclass(frozen=True, slots=True)
class Rated:
    """Answers to be judged beside the project: how many, to which questions, and how many judgments they come to."""

    run_id: str
    tasks: Iterable[Task]
    count: int
    judgments: int
    questions: Set[str]


class _Kept:
    """Keeps judgments in memory."""

    def __init__(self) -> None:
        self.judgments: list[Judgment] = []

    async def judged(self, judgment: Judgment) -> None:
        self.judgments.append(judgment)


class Judging:
    """Starts judge runs. `make_judge` builds a judge from a request; it is called on a worker thread."""

    def __init__(self, store: Store, *, make_judge: Callable[[JudgeRequest], Judge], clock: Clock = utc_now) -> None:
        self._store = store
        self._make_judge = make_judge
        self._consent = Consent(store)
        self._clock = clock

    def holder(self) -> str | None:
        """Say who holds this project's judge lock, None when nobody does."""
        holder = self._store.locks.holder(JUDGE_LOCK)
        if holder is None or holder.alive is False:
            return None
        return f"process {holder.pid} on {holder.host} since {holder.since}"

    def outgoing(self, request: JudgeRequest, *, more: Sequence[str] = ()) -> tuple[Outgoing, ...]:
        """Return what the request would send to each other machine, those at `more` addresses among them."""
        infos = self._store.library.candidate_infos()
        chosen = [it for it in infos if request.candidate_ids is None or it.candidate_id in request.candidate_ids]
        questions = {info.question_id for info in chosen}
        return self._consent.outgoing((*request.addresses(), *more), questions=questions, candidates=len(chosen))

    def server_log(self) -> Path:
        """Return the file that a server started for a run writes to: beside the project, or in the profile."""
        return server_log(self._store.path)

    async def run(self, request: JudgeRequest, *, emit: Emit) -> JudgeOutcome:
        """Judge the candidates that the request names, or finish the run of the same judge that was broken off.

        A finished call is never sent again, so that after a change of prompts, model or document only what that makes
        stale costs anything. Cancelling keeps what is finished, and so does the spend limit.

        Raises:
            Refused: there is nothing to judge, the request lacks something, or nobody agreed to what it would send to
                another machine; names the field.
            Environment: another process judges this project, the endpoint cannot be reached, or the disk is full.
        """
        await self._check_consent(request)
        async with (
            self._locked(take_over=request.take_over),
            served(request, log=self.server_log()) as ready,
            self._judge(ready) as judge,
        ):

            async def work(run: JudgeRun, tasks: Outstanding, sink: StoreSink) -> str:
                try:
                    await run_judge(
                        judge,
                        tasks,
                        total=tasks.judgments,
                        run_id=run.run_id,
                        calls=self._calls(run),
                        sink=sink,
                        emit=emit,
                        concurrency=request.concurrency,
                    )
                except SpendLimitReached as reached:
                    return str(reached)
                return ""

            return await self._work(judge, ready, work)

    async def rate(self, request: JudgeRequest, answers: Rated, *, emit: Emit) -> tuple[JudgeIdentity, list[Judgment]]:
        """Judge answers that are no candidates of the project, and return the judge with what it says of them.

        Calls are kept in the project's log as those of a judge run are, so that a finished one is never sent again; the
        judgments are the caller's.

        Raises:
            Refused: the request lacks something, or nobody agreed to what it would send to another machine.
            Environment: the endpoint cannot be reached, what may be spent is spent, or the disk is full.
        """
        outgoing = partial(self._consent.outgoing, questions=answers.questions, candidates=answers.count)
        sent = await to_thread.run_sync(outgoing, request.addresses())
        self._consent.check(sent, agreed=request.agreed)
        kept = _Kept()
        async with served(request, log=self.server_log()) as ready, self._judge(ready) as judge:
            try:
                await run_judge(
                    judge,
                    answers.tasks,
                    total=answers.judgments,
                    run_id=answers.run_id,
                    calls=StoreCalls(self._store, answers.run_id, self._clock),
                    sink=kept,
                    emit=emit,
                    concurrency=request.concurrency,
                )
            except SpendLimitReached as reached:
                raise Environment(str(reached)) from reached
            return judge.identity, kept.judgments

    async def check(self, request: JudgeRequest) -> None:
        """Refuse what `run` would refuse for a field of the request. Sends nothing, starts nothing.

        Raises:
            Refused: the request lacks something; names the field.
        """
        async with self._judge(unstarted(request)):
            pass

    async def plan(self, request: JudgeRequest) -> Plan:
        """Tell what the same run would take. Sends nothing, starts nothing, changes nothing and needs no lock.

        Raises:
            Refused: the request lacks something, or there is nothing to judge.
        """
        async with self._judge(unstarted(request)) as judge:
            if not isinstance(judge, HttpJudge):
                return Plan()
            ahead = await to_thread.run_sync(self._ahead, judge, request)
            return await judge.plan(ahead.outstanding.first(request.limit), calls=self._calls(ahead.run))

    async def batch_out(self, request: JudgeRequest, out: Path, *, rows: int = ROWS, size: int = BYTES) -> BatchWritten:
        """Write the calls that can be made now as batch files; see `write_batch`.

        The files are for the endpoint that the request names, so the same consent is needed as for a run. Passages are
        retrieved as in a run; nothing else is sent, and no judgment is made.

        Raises:
            Refused: as `run`, or a model server would have to be started for the passages.
            Environment: the files cannot be written, or the embeddings endpoint cannot be reached.
        """
        await self._check_consent(request)
        async with self._judge(_for_batch(request)) as judge:
            asking_judge = asking(judge)
            ahead = await to_thread.run_sync(self._ahead, judge, request)
            tasks = ahead.outstanding.first(request.limit)
            return await write_batch(asking_judge, tasks, out, calls=self._calls(ahead.run), rows=rows, size=size)

    async def batch_in(self, request: JudgeRequest, files: Sequence[Path]) -> tuple[JudgeOutcome, BatchRead]:
        """Take in the results of batch files, and judge as far as they go. Passages are retrieved as in a run.

        Raises:
            Refused: as `batch_out`, or a file is no file of results.
            Environment: another process judges this project, or the disk is full.
        """
        await self._check_consent(request)
        results = await to_thread.run_sync(read_results, files)
        read: list[BatchRead] = []

        async def work(underway: Underway) -> str:
            reader = BatchReader(underway.judge, results, underway.calls)
            async for judgment in reader.judgments(underway.tasks, run_id=underway.run.run_id):
                await underway.sink.judged(judgment)
            read.append(await reader.told())
            return f"{read[0].outstanding} calls are outstanding" if read[0].outstanding else ""

        outcome = await self.answered_elsewhere(_for_batch(request), work)
        return outcome, read[0]

    async def answered_elsewhere(
        self, request: JudgeRequest, work: Callable[[Underway], Awaitable[str]], *, going_on: GoingOn = lambda _: ""
    ) -> JudgeOutcome:
        """Let `work` judge while it holds the run: it sees to it that another program answers the calls.

        Consent is the caller's business. `going_on` names the run to go on with, "" where the request decides. `work`
        returns what stopped it, "" where nothing did.

        Raises:
            Refused: the judge makes no calls, there is nothing to judge, or the request lacks something.
            Environment: another process judges this project, or the disk is full.
        """
        async with self._judge(request) as judge:
            asking_judge = asking(judge)

            async def inside(run: JudgeRun, tasks: Outstanding, sink: StoreSink) -> str:
                return await work(Underway(asking_judge, run, tasks, sink, self._calls(run)))

            async with self._locked(take_over=request.take_over):
                return await self._work(judge, request, inside, going_on=going_on)

    async def _check_consent(self, request: JudgeRequest) -> None:
        self._consent.check(await to_thread.run_sync(self.outgoing, request), agreed=request.agreed)

    @asynccontextmanager
    async def _judge(self, request: JudgeRequest) -> AsyncIterator[Judge]:
        judge = await to_thread.run_sync(self._make_judge, request)
        try:
            yield judge
        finally:
            with anyio.CancelScope(shield=True):
                await judge.aclose()

    @asynccontextmanager
    async def _locked(self, *, take_over: bool) -> AsyncIterator[None]:
        held = await to_thread.run_sync(partial(self._store.locks.acquire, JUDGE_LOCK, take_over=take_over))
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(held.release)

    def _calls(self, run: JudgeRun) -> StoreCalls:
        return StoreCalls(self._store, run.run_id, self._clock)

    async def _work(
        self, judge: Judge, request: JudgeRequest, work: _Work, *, going_on: GoingOn = lambda _: ""
    ) -> JudgeOutcome:
        """Do the work of a judge run between its start and its end; the lock is held, so nobody else runs it."""
        ahead = await to_thread.run_sync(self._ahead, judge, request, going_on)
        run = ahead.run
        await to_thread.run_sync(self._start, ahead)
        now = ahead.outstanding.first(request.limit)
        left = len(ahead.outstanding) - len(now)
        sink = StoreSink(self._store)
        state = RunState.FAILED
        try:
            stopped = await work(run, now, sink)
            state = RunState.CANCELLED if stopped or left else RunState.DONE
        except anyio.get_cancelled_exc_class():
            state = RunState.CANCELLED
            raise
        finally:
            with anyio.CancelScope(shield=True):
                run = await to_thread.run_sync(self._finish, run.run_id, state)
        changes = Changes(judgments=frozenset(sink.candidates), runs=frozenset({run.run_id}))
        states = await to_thread.run_sync(self._states, run.run_id)
        return JudgeOutcome(run, ahead.resumed, changes, states, left=left, stopped=stopped)

    def _ahead(self, judge: Judge, request: JudgeRequest, going_on: GoingOn = lambda _: "") -> _Ahead:
        """Look what is to be done. Changes nothing.

        A few named candidates get a run of their own: finishing them must not pass for finishing a run over all. So
        does a trial.
        """
        wanted = tuple(dimension for dimension in Dimension if dimension in request.dimensions)
        if not wanted:
            raise Refused("choose at least one dimension to judge")
        alone = request.candidate_ids is not None or request.trial
        if known := going_on(judge.identity):
            earlier: JudgeRun | None = self._store.judging.run(known)
        else:
            earlier = None if alone else self._store.judging.unfinished_run(judge.identity, wanted)
        run = earlier or JudgeRun(
            uuid.uuid4().hex,
            judge.identity,
            wanted,
            RunState.RUNNING,
            started=self._clock(),
            trial=request.trial,
        )
        due = outstanding(self._store, run, candidate_ids=request.candidate_ids)
        return _Ahead(run, earlier is not None, due)

    def _start(self, ahead: _Ahead) -> None:
        if ahead.resumed:
            self._store.judging.set_run_state(ahead.run.run_id, RunState.RUNNING, finished="")
        else:
            self._store.judging.start_run(ahead.run)
        self._store.locks.describe(JUDGE_LOCK, ahead.run.run_id)

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


def _for_batch(request: JudgeRequest) -> JudgeRequest:
    """Return the request with a server that need not run: another program sends the calls.

    Raises:
        Refused: it would have to run, because the passages come from it.
    """
    if request.serve and request.asks_embeddings and not request.embedding_base_url:
        sentence = "no server is started for a batch file, and this one would have to embed the passages"
        raise Refused(sentence, where="embedding base URL")
    return unstarted(request)
