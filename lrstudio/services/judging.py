"""Run a judge over candidates: one at a time per project, resumable, cancellable, everything written down."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
from lrstudio.judge.pipeline import run_judge
from lrstudio.judge.protocol import Call, Emit, Judge, ParseState, Reply, Task
from lrstudio.services.audit import JUDGE_LOCK
from lrstudio.services.consent import Consent, Outgoing
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.serving import served
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.records import CallRow, CallState
from lrstudio.store.store import Store

_DOCUMENTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class JudgeOutcome:
    """What a judge run came to: `states` counts the states of its judgments per dimension."""

    run: JudgeRun
    resumed: bool
    changes: Changes
    states: Mapping[Dimension, Mapping[str, int]]


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

    def outgoing(self, request: JudgeRequest) -> tuple[Outgoing, ...]:
        """Return what the request would send to each other machine."""
        infos = self._store.library.candidate_infos()
        chosen = [it for it in infos if request.candidate_ids is None or it.candidate_id in request.candidate_ids]
        questions = {info.question_id for info in chosen}
        return self._consent.outgoing(request.addresses(), questions=questions, candidates=len(chosen))

    def server_log(self) -> Path:
        """Return the file, beside the project, that a server started for a run writes to."""
        return self._store.path.with_suffix(".serve.log")

    async def run(self, request: JudgeRequest, *, emit: Emit) -> JudgeOutcome:
        """Judge the candidates that the request names, or finish the run of the same judge that was broken off.

        A finished call is never sent again. Cancelling keeps what is finished.

        Raises:
            Refused: there is nothing to judge, the request lacks something, or nobody agreed to what it would send to
                another machine; names the field.
            Environment: another process judges this project, the endpoint cannot be reached, or the disk is full.
        """
        outgoing = await to_thread.run_sync(self.outgoing, request)
        self._consent.check(outgoing, agreed=request.agreed)
        async with self._locked(take_over=request.take_over), served(request, log=self.server_log()) as ready:
            judge = await to_thread.run_sync(self._make_judge, ready)
            try:
                return await self._run_locked(judge, ready, emit)
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

    async def _run_locked(self, judge: Judge, request: JudgeRequest, emit: Emit) -> JudgeOutcome:
        chosen = await to_thread.run_sync(self._chosen, request.candidate_ids)
        run, resumed = await to_thread.run_sync(self._run_record, judge, request)
        await to_thread.run_sync(self._store.locks.describe, JUDGE_LOCK, run.run_id)
        judged: set[str] = set()
        state = RunState.FAILED
        try:
            tasks = await to_thread.run_sync(self._outstanding, run, chosen)
            await run_judge(
                judge,
                tasks,
                run_id=run.run_id,
                calls=StoreCalls(self._store, run.run_id, self._clock),
                sink=_StoreSink(self._store, judged),
                emit=emit,
                concurrency=request.concurrency,
            )
            state = RunState.DONE
        except anyio.get_cancelled_exc_class():
            state = RunState.CANCELLED
            raise
        finally:
            with anyio.CancelScope(shield=True):
                run = await to_thread.run_sync(self._finish, run.run_id, state)
        changes = Changes(judgments=frozenset(judged), runs=frozenset({run.run_id}))
        return JudgeOutcome(run, resumed, changes, await to_thread.run_sync(self._states, run.run_id))

    def _run_record(self, judge: Judge, request: JudgeRequest) -> tuple[JudgeRun, bool]:
        """Return the run to work on and whether it was broken off before; the lock is held, so nobody runs it.

        A few named candidates get a run of their own: finishing them must not pass for finishing a run over all.
        """
        wanted = tuple(dimension for dimension in Dimension if dimension in request.dimensions)
        if not wanted:
            raise Refused("choose at least one dimension to judge")
        earlier = self._store.judging.unfinished_run(judge.identity, wanted) if request.candidate_ids is None else None
        if earlier:
            self._store.judging.set_run_state(earlier.run_id, RunState.RUNNING, finished="")
            return earlier, True
        run = JudgeRun(uuid.uuid4().hex, judge.identity, wanted, RunState.RUNNING, started=self._clock())
        self._store.judging.start_run(run)
        return run, False

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


class _StoreSink:
    """Stores each judgment in a transaction of its own before it is announced."""

    def __init__(self, store: Store, judged: set[str]) -> None:
        self._store = store
        self._judged = judged

    async def judged(self, judgment: Judgment) -> None:
        await to_thread.run_sync(self._store.judging.save_judgment, judgment)
        self._judged.add(judgment.candidate_id)


class StoreCalls:
    """The call log of a judge run or of sampling, kept in the project file."""

    def __init__(self, store: Store, run_id: str, clock: Clock) -> None:
        self._store = store
        self._run_id = run_id
        self._clock = clock

    async def finished(self, key: str) -> Reply | None:
        """Return the reply that the model gave to this call in any run."""
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
        """Write the request down before it is sent."""
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
        """Write down what came back."""
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
