"""The few things that SQLite and PostgreSQL say in different words, in one form that both are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.ext.compiler import compiles

from lrstudio.store import mapping


class _Nothing(OnConflictDoNothing):
    inherit_cache = True
    constraint_target = None  # all that PostgreSQL's compiler asks for beyond SQLite's


class _Update(OnConflictDoUpdate):
    inherit_cache = True
    constraint_target = None


class Insert(SqliteInsert):
    """An INSERT whose ON CONFLICT both databases understand."""

    inherit_cache = True

    def on_conflict_do_nothing(self, index_elements: Any = None, index_where: Any = None) -> Insert:
        """Leave a row that is known as it is."""
        return self.ext(_Nothing(index_elements, index_where))

    def on_conflict_do_update(
        self, index_elements: Any = None, index_where: Any = None, set_: Any = None, where: Any = None
    ) -> Insert:
        """Change a row that is known."""
        return self.ext(_Update(index_elements, index_where, set_, where))


def insert(table: sa.Table) -> Insert:
    """Begin an INSERT that may have an ON CONFLICT."""
    return Insert(table)


class _Keys(sa.sql.functions.FunctionElement[int]):
    """The whole numbers of a JSON list as rows."""

    name = "keys"
    inherit_cache = True


@compiles(_Keys, "sqlite")
def _keys_sqlite(element: _Keys, compiler: Any, **kw: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **kw)}))"


@compiles(_Keys, "postgresql")
def _keys_postgresql(element: _Keys, compiler: Any, **kw: Any) -> str:
    given = compiler.process(element.clauses, **kw)
    return f"(SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST({given} AS json)))"


def among(column: sa.ColumnElement[Any], keys: Sequence[int]) -> sa.ColumnElement[bool]:
    """Ask for any number of keys with one parameter."""
    return column.bool_op("IN")(_Keys(sa.literal(mapping.to_json(keys), sa.Text)))
