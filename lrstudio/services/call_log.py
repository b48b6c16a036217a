"""The judge's call log and its judgments, kept in the project file."""

from __future__ import annotations

from functools import partial

from anyio import to_thread

from lrstudio.domain.verdicts import Judgment
from lrstudio.judge.protocol import Call, ParseState, Reply
from lrstudio.services.who_when import Clock
from lrstudio.store.records import CallRow, CallState
from lrstudio.store.store import Store


class StoreSink:
    """Stores each judgment in a transaction of its own before it is announced."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.candidates: set[str] = set()

    async def judged(self, judgment: Judgment) -> None:
        """Store it, and remember which candidate it is on."""
        await to_thread.run_sync(self._store.judging.save_judgment, judgment)
        self.candidates.add(judgment.candidate_id)


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
