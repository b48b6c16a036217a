"""The journal of decisions: append-only, by triggers in the database itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa

from lrstudio.domain.decisions import Decision
from lrstudio.domain.errors import Refused
from lrstudio.store import mapping
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.suspects import suspect_pairs_of

_DECISION = (
    sa.select(t.decision, t.candidate.c.candidate_id)
    .join_from(t.decision, t.candidate)
    .order_by(t.decision.c.placed, t.decision.c.id)
)

_KEY = sa.select(t.candidate.c.id).where(t.candidate.c.candidate_id == sa.bindparam("named"))
_LAST = sa.select(sa.func.max(t.decision.c.placed))
_NEW = t.decision.insert().returning(t.decision.c.id)


class Journal:
    """What people decided, in the order in which they did; what was merged in stands at its time."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def append(self, decision: Decision, *, placed: str | None = None) -> Decision:
        """Add a decision and return it with its id; the id it came with is not used.

        Args:
            decision: the decision.
            placed: its place in the order of the journal, a time; else its own time, or the last place where its clock
                is behind: who decides now comes after all others.

        Raises:
            Refused: its candidate, or the decision it undoes, is not in the project.
        """
        target = decision.target.candidate_id
        with self._at.write() as connection:
            candidate_key = connection.execute(_KEY, {"named": target}).scalar_one_or_none()
            if candidate_key is None:
                raise Refused(f"there is no candidate '{target}' in this project")
            if decision.undoes is not None and not self._known(connection, decision.undoes):
                raise Refused(f"there is no decision {decision.undoes} in this project")
            if placed is None:
                last = connection.execute(_LAST).scalar_one()
                placed = max(decision.time, last or "")
            values = mapping.decision_values(decision) | {"candidate_key": candidate_key, "placed": placed}
            new = connection.execute(_NEW, values).scalar_one()
            suspect_pairs_of(connection, target)
            return replace(decision, decision_id=new)

    def decisions(self, candidate_id: str | None = None, *, after: int = 0) -> tuple[Decision, ...]:
        """List the decisions with an id above `after`, of one candidate or of the whole project."""
        statement = _DECISION.where(t.decision.c.id > after)
        if candidate_id is not None:
            statement = statement.where(t.candidate.c.candidate_id == candidate_id)
        with self._at.read() as connection:
            return tuple(mapping.decision_of(row) for row in connection.execute(statement))

    def by_candidate(self, candidate_ids: Collection[str] | None = None) -> dict[str, tuple[Decision, ...]]:
        """Return the decisions on every candidate that has some, or on those of some hundred named ones."""
        statement = _DECISION
        if candidate_ids is not None:
            statement = statement.where(t.candidate.c.candidate_id.in_(candidate_ids))
        found: dict[str, list[Decision]] = defaultdict(list)
        with self._at.read() as connection:
            for row in connection.execute(statement):
                found[row.candidate_id].append(mapping.decision_of(row))
        return {candidate_id: tuple(decisions) for candidate_id, decisions in found.items()}

    def _known(self, connection: sa.Connection, decision_id: int) -> bool:
        return connection.execute(sa.select(t.decision.c.id).where(t.decision.c.id == decision_id)).first() is not None
