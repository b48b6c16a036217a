"""Review queues: their items in order, and every visit to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.decisions import Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.queues import Item, Outcome, Purpose, Queue, Visit
from lrstudio.domain.verdicts import Dimension
from lrstudio.store import review_tables as r
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections

_DONE = r.review_visit.c.outcome != Outcome.LEFT.value


class Queues:
    """What was chosen for review. A queue is never changed; what was done with its items is added beside it."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def add(self, queue: Queue, items: Sequence[Item]) -> None:
        """Keep a queue with its items.

        Raises:
            Refused: one of its candidates is not in the project.
        """
        values = {
            "queue_id": queue.queue_id,
            "purpose": queue.purpose.value,
            "made": queue.made,
            "reviewer": queue.reviewer,
            "population": queue.population,
            "seed": queue.seed,
            "frame": queue.frame,
        }
        with self._at.write(savepoint=True) as connection:
            key = connection.execute(r.review_queue.insert().returning(r.review_queue.c.id), values).scalar_one()
            known = _candidate_keys(connection, items)
            rows = [_row(item, known=known) | {"queue_key": key, "ordinal": n} for n, item in enumerate(items)]
            if rows:
                connection.execute(r.review_item.insert(), rows)

    def queues(self) -> tuple[Queue, ...]:
        """List the queues, the newest first."""
        with self._at.read() as connection:
            rows = connection.execute(sa.select(r.review_queue).order_by(r.review_queue.c.id.desc()))
            return tuple(
                Queue(row.queue_id, Purpose(row.purpose), row.made, row.reviewer, row.population, row.seed, row.frame)
                for row in rows
            )

    def items(self, queue_id: str, *, first: int = 0, most: int | None = None) -> tuple[Item, ...]:
        """Return the items of a queue in order, from an ordinal on.

        Raises:
            Refused: there is no such queue.
        """
        statement = _ITEMS.where(r.review_item.c.ordinal >= first).order_by(r.review_item.c.ordinal)
        with self._at.read() as connection:
            rows = connection.execute(
                statement.where(r.review_item.c.queue_key == _key(connection, queue_id)).limit(most)
            )
            return tuple(_item(row) for row in rows)

    def next_open(self, queue_id: str, *, reviewer: str, after: int = -1) -> int | None:
        """Return the ordinal of the first item behind `after` that this reviewer has not finished, None at the end.

        Raises:
            Refused: there is no such queue.
        """
        item, visit = r.review_item, r.review_visit
        with self._at.read() as connection:
            key = _key(connection, queue_id)
            finished = (
                sa.exists()
                .where(visit.c.queue_key == key, visit.c.ordinal == item.c.ordinal)
                .where(visit.c.reviewer == reviewer, _DONE)
            )
            statement = sa.select(sa.func.min(item.c.ordinal)).where(item.c.queue_key == key, item.c.ordinal > after)
            first: int | None = connection.execute(statement.where(~finished)).scalar_one()
        return first

    def visit(self, queue_id: str, visit: Visit) -> None:
        """Keep a visit.

        Raises:
            Refused: there is no such queue or item.
        """
        with self._at.write(savepoint=True) as connection:
            key = _key(connection, queue_id)
            known = sa.select(r.review_item.c.ordinal).where(
                r.review_item.c.queue_key == key, r.review_item.c.ordinal == visit.ordinal
            )
            if connection.execute(known).first() is None:
                raise Refused(f"queue '{queue_id}' has no item {visit.ordinal}")
            values = {
                "queue_key": key,
                "ordinal": visit.ordinal,
                "reviewer": visit.reviewer,
                "opened": visit.opened,
                "seconds": visit.seconds,
                "outcome": visit.outcome.value,
            }
            connection.execute(r.review_visit.insert(), values)

    def visits(self, queue_id: str) -> tuple[Visit, ...]:
        """List the visits to a queue's items in the order in which they ended.

        Raises:
            Refused: there is no such queue.
        """
        visit = r.review_visit
        with self._at.read() as connection:
            key = _key(connection, queue_id)
            rows = connection.execute(sa.select(visit).where(visit.c.queue_key == key).order_by(visit.c.id))
            return tuple(Visit(it.ordinal, it.reviewer, it.opened, it.seconds, Outcome(it.outcome)) for it in rows)

    def size(self, queue_id: str) -> int:
        """Count the items of a queue.

        Raises:
            Refused: there is no such queue.
        """
        item = r.review_item
        with self._at.read() as connection:
            key = _key(connection, queue_id)
            count: int = connection.execute(sa.select(sa.func.count()).where(item.c.queue_key == key)).scalar_one()
        return count

    def audited(self) -> Mapping[str, Mapping[Target, tuple[float, ...]]]:
        """Return, by frame, every target that a random audit drew, with the chance it had in each audit of the frame.

        A target that one audit of a frame drew has, in another audit of it, the chance that all had there.
        """
        queue = r.review_queue
        drawn = (
            _ITEMS.add_columns(queue.c.frame)
            .join(queue, queue.c.id == r.review_item.c.queue_key)
            .where(queue.c.purpose == Purpose.RANDOM_AUDIT.value)
        )
        each = (
            sa.select(queue.c.frame, r.review_item.c.queue_key, sa.func.max(r.review_item.c.inclusion_probability))
            .join_from(queue, r.review_item, queue.c.id == r.review_item.c.queue_key)
            .where(queue.c.purpose == Purpose.RANDOM_AUDIT.value)
            .group_by(queue.c.frame, r.review_item.c.queue_key)
            .order_by(r.review_item.c.queue_key)
        )
        with self._at.read() as connection:
            chances: dict[str, list[float]] = {}
            for frame, _, chance in connection.execute(each):
                chances.setdefault(frame, []).append(chance)
            found: dict[str, dict[Target, tuple[float, ...]]] = {}
            for row in connection.execute(drawn):
                found.setdefault(row.frame, {})[_item(row).target] = tuple(chances[row.frame])
        return found


_OTHER = t.candidate.alias()
_ITEMS = (
    sa.select(r.review_item, t.candidate.c.candidate_id, _OTHER.c.candidate_id.label("other_id"))
    .join_from(r.review_item, t.candidate, t.candidate.c.id == r.review_item.c.candidate_key)
    .outerjoin(_OTHER, _OTHER.c.id == r.review_item.c.other_key)
)


def _key(connection: sa.Connection, queue_id: str) -> int:
    statement = sa.select(r.review_queue.c.id).where(r.review_queue.c.queue_id == queue_id)
    key: int | None = connection.execute(statement).scalar_one_or_none()
    if key is None:
        raise Refused(f"there is no queue '{queue_id}' in this project")
    return key


def _candidate_keys(connection: sa.Connection, items: Sequence[Item]) -> dict[str, int]:
    if not items:
        return {}
    rows = connection.execute(sa.select(t.candidate.c.candidate_id, t.candidate.c.id))
    return {row.candidate_id: row.id for row in rows}


def _row(item: Item, *, known: Mapping[str, int]) -> dict[str, Any]:
    for name in filter(None, (item.target.candidate_id, item.other_id)):
        if name not in known:
            raise Refused(f"there is no candidate '{name}' in this project")
    return {
        "candidate_key": known[item.target.candidate_id],
        "other_key": known.get(item.other_id),
        "dimension": item.target.dimension.value,
        "part_id": item.target.part_id,
        "weight": item.weight,
        "why": item.why,
        "inclusion_probability": item.inclusion_probability,
    }


def _item(row: sa.Row[Any]) -> Item:
    target = Target(row.candidate_id, Dimension(row.dimension), row.part_id)
    return Item(target, row.weight, row.why, row.other_id or "", row.inclusion_probability)
