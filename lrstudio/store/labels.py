"""What came with imported candidates and is no decision: numbers on scales of their own, and remarks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.domain.labels import Label
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.records import Added

_LABEL = sa.select(t.label, t.candidate.c.candidate_id).join_from(t.label, t.candidate)


class Labels:
    """Labels by candidate, in the order in which they came. Only added to."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def add(self, label: Label) -> Added:
        """Add a label; SAME where this reviewer said this of this candidate already.

        Raises:
            Refused: its candidate is not in the project.
        """
        with self._at.write() as connection:
            key = connection.execute(
                sa.select(t.candidate.c.id).where(t.candidate.c.candidate_id == label.candidate_id)
            ).scalar_one_or_none()
            if key is None:
                raise Refused(f"there is no candidate '{label.candidate_id}' in this project")
            values = _values(label) | {"candidate_key": key}
            said = ("candidate_key", "reviewer", "name", "value", "note")
            known = sa.select(t.label.c.id).where(
                *(t.label.c[name].is_not_distinct_from(values[name]) for name in said)
            )
            if connection.execute(known).first() is not None:
                return Added.SAME
            connection.execute(t.label.insert(), values)
            return Added.NEW

    def labels(self, *, name: str | None = None) -> tuple[Label, ...]:
        """List the labels of the project, or those of one name."""
        statement = _LABEL.order_by(t.label.c.id)
        if name is not None:
            statement = statement.where(t.label.c.name == name)
        with self._at.read() as connection:
            return tuple(_label(row) for row in connection.execute(statement))


def _values(label: Label) -> dict[str, Any]:
    names = ("reviewer", "name", "value", "lowest", "highest", "note", "origin")
    return {name: getattr(label, name) for name in names}


def _label(row: Any) -> Label:
    return Label(
        row.candidate_id, row.reviewer, row.name, row.value, row.lowest, row.highest, note=row.note, origin=row.origin
    )
