"""Tags, bookmarks, notes and the labelling guideline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.domain.marks import Guideline, Mark, MarkKind, Place, Thing
from lrstudio.domain.text import Span
from lrstudio.store import review_tables as r
from lrstudio.store.connect import Connections
from lrstudio.store.dialects import insert

_STANDS = r.mark.c.removed == ""


class Marks:
    """What people left on things. A mark taken away is kept, with the time, and can be put on again."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def put(self, mark: Mark) -> None:
        """Put a mark on; one that stands already is left as it is, one that was taken away stands again."""
        values = {
            "mark_id": mark.mark_id,
            "kind": mark.what.value,
            "thing": mark.place.thing.value,
            "item_id": mark.place.item_id,
            "part_id": mark.place.part_id,
            "start": mark.place.span.start if mark.place.span else None,
            "end": mark.place.span.end if mark.place.span else None,
            "text": mark.text,
            "reviewer": mark.reviewer,
            "time": mark.time,
            "removed": "",
        }
        again = {"removed": "", "time": sa.case((_STANDS, r.mark.c.time), else_=mark.time)}
        with self._at.write() as connection:
            connection.execute(insert(r.mark).on_conflict_do_update(index_elements=["mark_id"], set_=again), values)

    def take_away(self, mark_id: str, *, time: str) -> Mark:
        """Take a mark away and return it as it was.

        Raises:
            Refused: none of this id stands.
        """
        with self._at.write() as connection:
            row = connection.execute(sa.select(r.mark).where(r.mark.c.mark_id == mark_id, _STANDS)).first()
            if row is None:
                raise Refused(f"there is no mark '{mark_id}' in this project")
            connection.execute(r.mark.update().where(r.mark.c.id == row.id), {"removed": time})
        return _mark(row)

    def marks(
        self, *, kind: MarkKind | None = None, thing: Thing | None = None, item_ids: Sequence[str] | None = None
    ) -> tuple[Mark, ...]:
        """List the marks that stand, in the order in which they were made; of a kind, on a kind of thing, on some."""
        statement = sa.select(r.mark).where(_STANDS).order_by(r.mark.c.id)
        if kind is not None:
            statement = statement.where(r.mark.c.kind == kind.value)
        if thing is not None:
            statement = statement.where(r.mark.c.thing == thing.value)
        if item_ids is not None:
            statement = statement.where(r.mark.c.item_id.in_(item_ids))
        with self._at.read() as connection:
            return tuple(_mark(row) for row in connection.execute(statement))

    def tags(self) -> dict[str, int]:
        """Return the tags in use and on how many things each is, by name."""
        statement = (
            sa.select(r.mark.c.text, sa.func.count())
            .where(_STANDS, r.mark.c.kind == MarkKind.TAG.value)
            .group_by(r.mark.c.text)
            .order_by(r.mark.c.text)
        )
        with self._at.read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def write_guideline(self, text: str, *, reviewer: str, time: str) -> Guideline:
        """Keep a new version of the guideline and return it; the versions before it stay."""
        with self._at.write() as connection:
            last = connection.execute(sa.select(sa.func.max(r.guideline.c.version))).scalar_one()
            new = Guideline((last or 0) + 1, text, reviewer, time)
            values = {"version": new.version, "text": text, "reviewer": reviewer, "time": time}
            connection.execute(r.guideline.insert(), values)
        return new

    def guidelines(self) -> tuple[Guideline, ...]:
        """List the versions of the guideline, the newest first."""
        with self._at.read() as connection:
            rows = connection.execute(sa.select(r.guideline).order_by(r.guideline.c.version.desc()))
            return tuple(Guideline(row.version, row.text, row.reviewer, row.time) for row in rows)


def _mark(row: sa.Row[Any]) -> Mark:
    span = None if row.start is None else Span(row.start, row.end)
    place = Place(Thing(row.thing), row.item_id, row.part_id, span)
    return Mark(row.mark_id, MarkKind(row.kind), place, row.text, row.reviewer, row.time)
