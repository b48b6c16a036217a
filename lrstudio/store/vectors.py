"""The vectors of texts, once for each space and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.dialects import insert

_AT_ONCE = 500  # below the number of variables that every SQLite takes in one statement


class Vectors:
    """Vectors by space (which model, where) and by the SHA-256 of the text. What their bytes mean is not known here."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def load(self, space: str, hashes: Sequence[str]) -> dict[str, bytes]:
        """Return what is known of these."""
        found: dict[str, bytes] = {}
        with self._at.read() as connection:
            for start in range(0, len(hashes), _AT_ONCE):
                wanted = t.vector.c.text_hash.in_(hashes[start : start + _AT_ONCE])
                statement = sa.select(t.vector.c.text_hash, t.vector.c.content).where(t.vector.c.space == space, wanted)
                found.update((row.text_hash, row.content) for row in connection.execute(statement))
        return found

    def save(self, space: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these; one that is known stays as it is, so that what was ranked by it ranks so again."""
        rows = [{"space": space, "text_hash": name, "content": content} for name, content in vectors.items()]
        if rows:
            with self._at.write() as connection:
                connection.execute(insert(t.vector).on_conflict_do_nothing(), rows)
