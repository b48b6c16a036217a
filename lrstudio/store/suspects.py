"""Telling pairs that something they may rest on has changed."""

from __future__ import annotations

import sqlalchemy as sa

from lrstudio.store import pair_tables as t


def suspect_pairs_of(connection: sa.Connection, candidate_id: str) -> None:
    """Mark the pairs of a candidate, in the transaction that changes what stands of it."""
    touched = sa.or_(t.pair.c.chosen_id == candidate_id, t.pair.c.rejected_id == candidate_id)
    connection.execute(t.pair.update().where(touched).values(suspect=True))
