"""Telling pairs that something they may rest on has changed."""

from __future__ import annotations

import sqlalchemy as sa

from lrstudio.store.tables import AnyText

# Named here alone, not taken from pair_tables.py: every change of a judgment comes by, and the first screen needs none
# of the tables of pairs, whose classes take 20 ms to make.
_PAIR = sa.table(
    "pair", sa.column("chosen_id", AnyText), sa.column("rejected_id", AnyText), sa.column("suspect", sa.Boolean)
)

_CHANGED = sa.bindparam("changed", type_=AnyText)
# Put together once: it goes with every decision and judgment, some ten thousand in an import.
_SUSPECT = (
    _PAIR.update().where(sa.or_(_PAIR.c.chosen_id == _CHANGED, _PAIR.c.rejected_id == _CHANGED)).values(suspect=True)
)


def suspect_pairs_of(connection: sa.Connection, candidate_id: str) -> None:
    """Mark the pairs of a candidate, in the transaction that changes what stands of it."""
    connection.execute(_SUSPECT, {"changed": candidate_id})
