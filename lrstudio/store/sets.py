"""Sets: made in batches, then sealed; from then on triggers in the file itself refuse every change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.domain.sets import FrozenPair, FrozenSet, frozen_pair_of
from lrstudio.store import pair_mapping as mapping
from lrstudio.store import pair_tables as p
from lrstudio.store.connect import Connections

_BATCH = 400


class Sets:
    """Frozen sets by name. One that is being made is not seen by any reading method."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def start(self, name: str) -> None:
        """Begin a set; what an earlier attempt under this name left unfinished goes.

        Raises:
            Refused: there is a set of this name.
        """
        with self._at.write() as connection:
            if _key(connection, name, sealed=True) is not None:
                raise Refused(f"there is a set '{name}' already, and a set never changes: choose another name")
            self.drop(name)
            values = {"name": name, "content_hash": "", "reviewer": "", "time": "", "card": "", "sealed": False}
            connection.execute(p.pair_set.insert(), values)

    def add(self, name: str, pairs: Sequence[FrozenPair]) -> None:
        """Put pairs into a set that is being made, after those already in it.

        Raises:
            Refused: no set of this name is being made.
        """
        with self._at.write() as connection:
            key = self._being_made(connection, name)
            last = sa.select(sa.func.coalesce(sa.func.max(p.frozen_pair.c.ordinal), -1))
            first = connection.execute(last.where(p.frozen_pair.c.set_key == key)).scalar_one() + 1
            rows = [
                {"set_key": key, "ordinal": number, "content": pair.canonical()}
                for number, pair in enumerate(pairs, start=first)
            ]
            if rows:
                connection.execute(p.frozen_pair.insert(), rows)

    def seal(self, frozen: FrozenSet) -> None:
        """Finish a set: from now on it is there, and stays as it is.

        Raises:
            Refused: no set of this name is being made.
        """
        values = {
            "content_hash": frozen.content_hash,
            "reviewer": frozen.reviewer,
            "time": frozen.time,
            "card": mapping.card_json(frozen.card),
            "sealed": True,
        }
        with self._at.write() as connection:
            key = self._being_made(connection, frozen.name)
            connection.execute(p.pair_set.update().where(p.pair_set.c.id == key), values)

    def drop(self, name: str) -> None:
        """Forget a set that is being made; a finished one stays."""
        with self._at.write() as connection:
            key = _key(connection, name, sealed=False)
            if key is not None:
                connection.execute(p.frozen_pair.delete().where(p.frozen_pair.c.set_key == key))
                connection.execute(p.pair_set.delete().where(p.pair_set.c.id == key))

    def all(self) -> tuple[FrozenSet, ...]:
        """List the sets, the one frozen first first."""
        statement = sa.select(p.pair_set).where(p.pair_set.c.sealed).order_by(p.pair_set.c.id)
        with self._at.read() as connection:
            return tuple(mapping.set_of(row) for row in connection.execute(statement))

    def get(self, name: str) -> FrozenSet:
        """Return a set.

        Raises:
            Refused: there is no set of this name.
        """
        found = self.find(name)
        if found is None:
            raise Refused(f"there is no set '{name}' in this project")
        return found

    def find(self, name: str) -> FrozenSet | None:
        """Return a set, None where there is none of this name."""
        statement = sa.select(p.pair_set).where(p.pair_set.c.sealed, p.pair_set.c.name == name)
        with self._at.read() as connection:
            row = connection.execute(statement).first()
        return None if row is None else mapping.set_of(row)

    def pairs(self, name: str) -> Iterator[FrozenPair]:
        """Stream the pairs of a set in the order in which they were put in, a batch at a time.

        Raises:
            Refused: there is no set of this name.
        """
        for content in self.contents(name):
            yield frozen_pair_of(name, content)

    def contents(self, name: str) -> Iterator[str]:
        """Stream the pairs of a set as they are kept, one line of JSON each; the rest is as in `pairs`."""
        self.get(name)
        with self._at.read() as connection:
            key = _key(connection, name, sealed=True)
        after = -1
        while True:
            statement = (
                sa.select(p.frozen_pair.c.ordinal, p.frozen_pair.c.content)
                .where(p.frozen_pair.c.set_key == key, p.frozen_pair.c.ordinal > after)
                .order_by(p.frozen_pair.c.ordinal)
                .limit(_BATCH)
            )
            with self._at.read() as connection:
                rows = connection.execute(statement).all()
            for row in rows:
                yield row.content
            if len(rows) < _BATCH:
                return
            after = rows[-1].ordinal

    def _being_made(self, connection: sa.Connection, name: str) -> int:
        key = _key(connection, name, sealed=False)
        if key is None:
            raise Refused(f"no set '{name}' is being made")
        return key


def _key(connection: sa.Connection, name: str, *, sealed: bool) -> int | None:
    statement = sa.select(p.pair_set.c.id).where(p.pair_set.c.name == name, p.pair_set.c.sealed == sealed)
    return connection.execute(statement).scalar_one_or_none()
