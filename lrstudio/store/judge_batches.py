"""Which calls of a judge were sent to which host as files, and how far they got."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.records import BatchFile, BatchState, JudgeBatch


class JudgeBatches:
    """The batches. Every method has written through to the file when it returns."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def add(self, batch: JudgeBatch) -> None:
        """Write a batch down."""
        row = asdict(batch) | {
            "files": json.dumps([asdict(file) for file in batch.files]),
            "state": batch.state.value,
        }
        with self._at.write() as connection:
            connection.execute(t.judge_batch.insert(), row)

    def move(self, batch_id: str, state: BatchState, *, handle: str | None = None, why: str = "") -> None:
        """Write down how far a batch got; a `handle` stays where none is given."""
        values: dict[str, Any] = {"state": state.value, "why": why}
        if handle is not None:
            values["handle"] = handle
        with self._at.write() as connection:
            connection.execute(t.judge_batch.update().where(t.judge_batch.c.batch_id == batch_id), values)

    def listed(self, states: Collection[BatchState] = tuple(BatchState)) -> tuple[JudgeBatch, ...]:
        """List the batches in these states, in the order in which they were written."""
        statement = (
            sa.select(t.judge_batch)
            .where(t.judge_batch.c.state.in_([state.value for state in states]))
            .order_by(t.judge_batch.c.created, t.judge_batch.c.wave, t.judge_batch.c.batch_id)
        )
        with self._at.read() as connection:
            return tuple(_batch_of(row) for row in connection.execute(statement))


def _batch_of(row: Any) -> JudgeBatch:
    if not str(row.batch_id).isalnum():  # folders are called so, here and on hosts, and are removed
        raise Refused("a batch is called by letters and digits; this project was not written by the studio", where="id")
    return JudgeBatch(
        batch_id=row.batch_id,
        run_id=row.run_id,
        scope=row.scope,
        host=row.host,
        described=row.described,
        model=row.model,
        wave=row.wave,
        files=tuple(BatchFile(**file) for file in json.loads(row.files)),
        created=row.created,
        handle=row.handle,
        state=BatchState(row.state),
        why=row.why,
    )
