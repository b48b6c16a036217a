"""Rows of another project that are told by their content: calls by the hash of the request, vectors by the text.

What is told by ids that people gave, documents and decisions for instance, comes through the rooms' own doors, which
find what differs; see `lrstudio.services.merging`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lrstudio.store import tables as t
from lrstudio.store.dialects import insert
from lrstudio.store.records import CallState

COPIED = (t.vector,)
"""Tables whose primary key says all of a row: one that is known is the same one. A new table of that kind goes here."""

_BATCH = 200
_BETTER = (CallState.PLANNED.value, CallState.FAILED.value, CallState.DONE.value)
_REPLY = tuple(column.name for column in t.call_reply.c if column.name != "id")


@dataclass(frozen=True, slots=True)
class Absorbed:
    """How many rows were new: calls, replies to them, and rows of the tables that are copied as they are."""

    calls: int
    replies: int
    copied: int


def absorb(target: sa.Connection, source: sa.Connection) -> Absorbed:
    """Copy what `target` lacks, inside its open transaction."""
    calls = replies = 0
    for batch in _batches(source, t.call):
        new, answered = _absorb_calls(target, source, batch)
        calls, replies = calls + new, replies + answered
    return Absorbed(calls, replies, sum(_copy(target, source, table) for table in COPIED))


def _absorb_calls(target: sa.Connection, source: sa.Connection, batch: list[dict[str, Any]]) -> tuple[int, int]:
    keys = [row["key"] for row in batch]
    columns = (t.call.c.key, t.call.c.state, t.call.c.attempts)
    known = {row.key: row for row in target.execute(sa.select(*columns).where(t.call.c.key.in_(keys)))}
    new = [row for row in batch if row["key"] not in known]
    if new:
        target.execute(t.call.insert(), new)
    for row in batch:
        here = known.get(row["key"])
        if here is None:
            continue
        state = max(here.state, row["state"], key=_BETTER.index)
        attempts = max(here.attempts, row["attempts"])
        if (state, attempts) != (here.state, here.attempts):
            target.execute(t.call.update().where(t.call.c.key == here.key), {"state": state, "attempts": attempts})
    missing = Counter(_replies(source, keys))
    missing.subtract(_replies(target, keys))
    rows = [dict(zip(_REPLY, reply, strict=True)) for reply, count in missing.items() for _ in range(count)]
    if rows:
        target.execute(t.call_reply.insert(), rows)
    return len(new), len(rows)


def _replies(connection: sa.Connection, keys: list[str]) -> list[tuple[Any, ...]]:
    columns = [t.call_reply.c[name] for name in _REPLY]
    statement = sa.select(*columns).where(t.call_reply.c.call_key.in_(keys)).order_by(t.call_reply.c.id)
    return [tuple(row) for row in connection.execute(statement)]


def _copy(target: sa.Connection, source: sa.Connection, table: sa.Table) -> int:
    before = target.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    for batch in _batches(source, table):
        target.execute(insert(table).on_conflict_do_nothing(), batch)
    return int(target.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() - before)


def _batches(source: sa.Connection, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    """Read a table a few rows at a time, in the order of its key."""
    # Each time anew from the last key: the driver of PostgreSQL reads a whole result into memory.
    key = tuple(table.primary_key.columns)
    statement = sa.select(table).order_by(*key).limit(_BATCH)
    rows = source.execute(statement).mappings().all()
    while rows:
        yield [dict(row) for row in rows]
        last = [sa.literal(rows[-1][column.name], column.type) for column in key]
        rows = source.execute(statement.where(sa.tuple_(*key) > sa.tuple_(*last))).mappings().all()
