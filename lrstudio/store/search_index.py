"""The words of the search, as the database below keeps them: SQLite's FTS5 or PostgreSQL's tsvector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import sqlalchemy as sa

from lrstudio.text.queries import Term, bare
from lrstudio.text.words import words

INDEX = sa.table("search_index", sa.column("rowid", sa.Integer), sa.column("words"), sa.column("rank"))
"""In PostgreSQL an ordinary table without `rank`."""

_PLAIN = "simple"
"""PostgreSQL's configuration that knows no language: what is folded was folded here."""


def folded(text: str) -> str:
    """Return the words of a passage as they are indexed: normalised, without accents, one space between two."""
    return " ".join(bare(word) for word in words(text))


def add_lines(connection: sa.Connection, lines: Sequence[dict[str, Any]]) -> None:
    """Index folded passages; each line has `rowid` and `words`."""
    if connection.dialect.name == "postgresql":
        said = sa.func.to_tsvector(_PLAIN, sa.bindparam("words", type_=sa.Text))
        connection.execute(sa.insert(INDEX).values(rowid=sa.bindparam("rowid"), words=said), lines)
    else:
        connection.execute(sa.insert(INDEX), lines)


def last_row(connection: sa.Connection) -> int:
    """Return the highest id that was ever indexed, 0 before the first: the index forgets nothing."""
    newest = sa.select(INDEX.c.rowid).order_by(INDEX.c.rowid.desc()).limit(1)
    return connection.execute(newest).scalar() or 0


def matching(
    connection: sa.Connection, wanted: Sequence[Term]
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[Any]] | None:
    """Return what a row of the index must fulfil, and what the best come first by; None where nothing is asked for."""
    if not any(not term.no for term in wanted):
        return None
    if connection.dialect.name == "postgresql":
        query = _tsquery(wanted)
        return INDEX.c.words.bool_op("@@")(query), sa.func.ts_rank(INDEX.c.words, query).desc()
    return sa.literal_column("search_index").bool_op("MATCH")(_fts5(wanted)), INDEX.c.rank


def _fts5(wanted: Sequence[Term]) -> str:
    """Write the terms as FTS5 reads them; words hold no quotes."""

    def one(term: Term) -> str:
        return '"' + " ".join(map(bare, term.words)) + '"' + (" *" if term.prefix else "")

    some = " AND ".join(one(term) for term in wanted if not term.no)
    return f"({some})" + "".join(f" NOT {one(term)}" for term in wanted if term.no)


def _tsquery(wanted: Sequence[Term]) -> sa.ColumnElement[Any]:
    def phrase(said: Sequence[str]) -> sa.ColumnElement[Any]:
        return sa.func.phraseto_tsquery(_PLAIN, " ".join(map(bare, said)))

    def one(term: Term) -> sa.ColumnElement[Any]:
        if not term.prefix:
            query = phrase(term.words)
        else:
            # Quoted twice, for the query and for its word: an apostrophe ends neither.
            last = bare(term.words[-1]).replace("'", " ").split()
            begun = sa.func.to_tsquery(_PLAIN, f"'{last[-1]}':*")
            before = [*term.words[:-1], *last[:-1]]
            query = sa.func.tsquery_phrase(phrase(before), begun) if before else begun
        return sa.func.tsquery_not(query) if term.no else query

    return reduce(lambda left, right: sa.func.tsquery_and(left, right), map(one, wanted))
