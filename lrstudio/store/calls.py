"""Every request to a model, written before it is sent, and every reply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from lrstudio.store import mapping
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.dialects import insert
from lrstudio.store.records import CallRow, CallState, CallTotals

_LAST = sa.select(sa.func.max(t.call_reply.c.id)).where(t.call_reply.c.call_key == t.call.c.key).correlate(t.call)
# The last one that ended as the call stands: a log that was merged in may bring a failure after a success.
_LAST_REPLY = sa.func.coalesce(
    _LAST.where(t.call_reply.c.state == t.call.c.state).scalar_subquery(), _LAST.scalar_subquery()
)
_REPLY_COLUMNS = (
    "reply",
    "finish_reason",
    "parse_state",
    "input_tokens",
    "output_tokens",
    "cost",
    "seconds",
    "error",
    "finished",
)
_CALL = sa.select(t.call, *(t.call_reply.c[name] for name in _REPLY_COLUMNS)).select_from(
    t.call.outerjoin(t.call_reply, t.call_reply.c.id == _LAST_REPLY)
)

_BATCH = 200


class Calls:
    """The log of calls. Every method has written through to the file when it returns."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def finished(self, key: str) -> CallRow | None:
        """Return the call if it is done, in whatever run that was; one that failed or never ended is not."""
        row = self.get(key)
        return row if row is not None and row.state is CallState.DONE else None

    def get(self, key: str) -> CallRow | None:
        """Return the call with the last reply to it, however it ended."""
        with self._at.read() as connection:
            row = connection.execute(_CALL.where(t.call.c.key == key)).first()
        return None if row is None else _call_of(row)

    def begin(self, row: CallRow) -> None:
        """Write down that a request is about to be sent; a call that was begun before counts one attempt more.

        Only the fields that describe the request are taken from `row`; earlier replies are kept.
        """
        new = {
            "key": row.key,
            "purpose": row.purpose,
            "run_id": row.run_id,
            "candidate_id": row.candidate_id,
            "document_hash": row.document_hash,
            "model": row.model,
            "prompt_pack": row.prompt_pack,
            "request": mapping.squeeze(row.request),
            "state": CallState.PLANNED.value,
            "created": row.created,
            "attempts": 1,
        }
        again = {
            "run_id": row.run_id,
            "request": new["request"],  # an endpoint that refused a field is asked without it
            "state": CallState.PLANNED.value,
            "attempts": t.call.c.attempts + 1,
        }
        with self._at.write() as connection:
            connection.execute(insert(t.call).on_conflict_do_update(index_elements=["key"], set_=again), new)

    def end(
        self,
        key: str,
        *,
        state: CallState,
        reply: str,
        finish_reason: str,
        parse_state: str,
        input_tokens: int | None,
        output_tokens: int | None,
        cost: float | None,
        seconds: float | None,
        error: str = "",
        finished: str,
    ) -> None:
        """Write down how a call that was begun ended, whatever the reply was worth.

        Raises:
            KeyError: the call was never begun.
        """
        values = {
            "call_key": key,
            "state": state.value,
            "reply": reply,
            "finish_reason": finish_reason,
            "parse_state": parse_state,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cost": cost,
            "seconds": seconds,
            "error": error,
            "finished": finished,
        }
        with self._at.write(savepoint=True) as connection:
            run_id = connection.execute(sa.select(t.call.c.run_id).where(t.call.c.key == key)).scalar_one_or_none()
            if run_id is None:
                raise KeyError(f"no call {key} was begun")
            connection.execute(t.call_reply.insert(), values | {"run_id": run_id})
            connection.execute(t.call.update().where(t.call.c.key == key), {"state": state.value})

    def for_candidate(self, candidate_id: str) -> tuple[CallRow, ...]:
        """List the calls made for a candidate, in the order in which they were first begun."""
        statement = _CALL.where(t.call.c.candidate_id == candidate_id).order_by(t.call.c.created, t.call.c.key)
        with self._at.read() as connection:
            return tuple(_call_of(row) for row in connection.execute(statement))

    def all(self) -> Iterator[CallRow]:
        """Stream the calls of the project, each with the last reply to it, in the order in which they were begun."""
        order = (t.call.c.created, t.call.c.key)
        with self._at.read() as connection:
            keys = connection.execute(sa.select(t.call.c.key).order_by(*order)).scalars().all()
        for start in range(0, len(keys), _BATCH):
            with self._at.read() as connection:
                wanted = t.call.c.key.in_(keys[start : start + _BATCH])
                rows = connection.execute(_CALL.where(wanted).order_by(*order)).all()
            yield from map(_call_of, rows)

    def totals(self, run_id: str) -> CallTotals:
        """Add up the replies of a judge run."""
        reply = t.call_reply.c

        def total(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
            return sa.func.coalesce(sa.func.sum(column), 0)

        statement = sa.select(
            sa.func.count(),
            total(reply.input_tokens),
            total(reply.output_tokens),
            sa.func.sum(reply.cost),
        ).where(reply.run_id == run_id)
        with self._at.read() as connection:
            return CallTotals(*connection.execute(statement).one())


def _call_of(row: Any) -> CallRow:
    replied = row.finished is not None
    return CallRow(
        key=row.key,
        purpose=row.purpose,
        run_id=row.run_id,
        candidate_id=row.candidate_id,
        document_hash=row.document_hash,
        model=row.model,
        prompt_pack=row.prompt_pack,
        request=mapping.unsqueeze(row.request),
        state=CallState(row.state),
        reply=row.reply if replied else "",
        finish_reason=row.finish_reason if replied else "",
        parse_state=row.parse_state if replied else "pending",
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=row.cost,
        seconds=row.seconds,
        error=row.error if replied else "",
        created=row.created,
        finished=row.finished if replied else "",
        attempts=row.attempts,
    )
