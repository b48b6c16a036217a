"""Full-text search over everything that was read, said and written in a project.

The index is derived: what is missing is added when it is asked for, and what went away is passed over. It holds words
only, normalised by `lrstudio.text.words`, so that every script can be searched; the texts stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.finding import Found
from lrstudio.domain.text import Span
from lrstudio.store import mapping
from lrstudio.store import review_tables as r
from lrstudio.store.connect import Connections
from lrstudio.store.search_index import INDEX, add_lines, folded, last_row, matching
from lrstudio.store.search_sources import SOURCES, Passage, Source, passage_of
from lrstudio.text.queries import Term, passages


@dataclass(frozen=True, slots=True)
class Unit:
    """One indexed passage: `key` and `ordinal` name the row it is from, `span` where it is in that row's text."""

    found: Found
    key: int
    ordinal: int
    span: Span


class Search:
    """The index of one project."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def index(self, *, keep_on: Callable[[], bool] = lambda: True) -> int:
        """Add what is not in the index yet and return how many passages that were.

        Each transaction takes one document or twenty of the smaller things, so that other writers wait but little.

        Args:
            keep_on: asked between transactions; once it says False the rest is left for the next time.
        """
        added = 0
        for source in SOURCES:
            while keep_on():
                with self._at.read() as connection:
                    rows = connection.execute(source.unseen).all()
                if not rows:
                    break
                added += self._add(source, rows)
        return added

    def complete(self) -> bool:
        """Tell whether everything is in the index."""
        with self._at.read() as connection:
            return not any(connection.execute(source.unseen.limit(1)).first() for source in SOURCES)

    def counts(self, wanted: Sequence[Term]) -> Mapping[Found, int]:
        """Count the passages that match, by kind."""
        unit = r.search_unit
        statement = sa.select(unit.c.found, sa.func.count()).select_from(_MATCHED).group_by(unit.c.found)
        with self._at.read() as connection:
            match = matching(connection, wanted)
            if match is None:
                return {}
            return {Found(name): count for name, count in connection.execute(statement.where(match[0]))}

    def units(self, wanted: Sequence[Term], *, kinds: Sequence[Found] = (), most: int = 200) -> tuple[Unit, ...]:
        """Return the passages that match, the best first; of some kinds, or of all where none is named."""
        unit = r.search_unit
        statement = sa.select(unit.c.found, unit.c.key, unit.c.ordinal, unit.c.start, unit.c.end)
        statement = statement.select_from(_MATCHED).limit(most)
        if kinds:
            statement = statement.where(unit.c.found.in_([kind.value for kind in kinds]))
        with self._at.read() as connection:
            match = matching(connection, wanted)
            if match is None:
                return ()
            rows = connection.execute(statement.where(match[0]).order_by(match[1], unit.c.id)).all()
        return tuple(Unit(Found(row.found), row.key, row.ordinal, Span(row.start, row.end)) for row in rows)

    def passage(self, unit: Unit) -> Passage | None:
        """Return what stands at a unit, None where it went away since it was indexed."""
        with self._at.read() as connection:
            found = passage_of(connection, unit.found, key=unit.key, ordinal=unit.ordinal)
        return found if found is not None and unit.span.end <= len(found.text) else None

    def _add(self, source: Source, rows: Sequence[Any]) -> int:
        units: list[dict[str, Any]] = []
        said: list[str] = []
        for key, ordinal, content in rows:
            text = mapping.unsqueeze(content) if source.packed else content
            # A thing without words has a unit, too: what has none is read again and again.
            for span in list(passages(text)) or [Span(0, 0)]:
                place = {"key": key, "ordinal": ordinal, "start": span.start, "end": span.end}
                units.append({"found": source.found.value} | place)
                said.append(folded(span.of(text)))
        with self._at.write() as connection:
            first = last_row(connection) + 1  # an id is never used twice
            connection.execute(r.search_unit.insert(), [{"id": first + n} | unit for n, unit in enumerate(units)])
            add_lines(connection, [{"rowid": first + n, "words": line} for n, line in enumerate(said)])
        return len(units)


_MATCHED = r.search_unit.join(INDEX, INDEX.c.rowid == r.search_unit.c.id)
