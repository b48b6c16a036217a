"""What the search reads: for each kind of text, which of it is not indexed yet and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.finding import Found
from lrstudio.store import mapping
from lrstudio.store import review_tables as r
from lrstudio.store import tables as t

_THINGS = 20  # candidates, claims ... read at once


@dataclass(frozen=True, slots=True)
class Passage:
    """The whole text that a unit is from, and the ids of what it belongs to or, as a note, is on; "" for none."""

    text: str
    document_id: str = ""
    question_id: str = ""
    candidate_id: str = ""
    part_id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of text. `unseen` gives (key, ordinal, text) of what has no unit; packed texts are compressed."""

    found: Found
    unseen: sa.Select[Any]
    packed: bool = False


def _no_unit(found: Found, key: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    unit = r.search_unit.alias()
    return ~sa.exists().where(unit.c.found == found.value, unit.c.key == key)


def _rows(table: sa.Table, found: Found, column: str, *, where: sa.ColumnElement[bool] | None = None) -> Source:
    key = table.c.id
    unseen = sa.select(key, sa.literal(0), table.c[column]).where(_no_unit(found, key))
    unseen = unseen if where is None else unseen.where(where)
    return Source(found, unseen.order_by(key).limit(_THINGS))


def _parts(table: sa.Table, found: Found) -> Source:
    """Claims or key points: those of a judgment come together, because its units are made together."""
    key = table.c.judgment_key
    some = sa.select(key).where(_no_unit(found, key)).distinct().order_by(key).limit(_THINGS).subquery()
    unseen = sa.select(key, table.c.ordinal, table.c.text).join_from(table, some, some.c[0] == key)
    return Source(found, unseen.order_by(key, table.c.ordinal))


def _texts() -> Source:
    key = t.document.c.id
    unseen = sa.select(key, sa.literal(0), t.document_text.c.content).join_from(t.document, t.document_text)
    return Source(Found.DOCUMENT, unseen.where(_no_unit(Found.DOCUMENT, key)).order_by(key).limit(1), packed=True)


SOURCES = (
    _rows(t.question, Found.QUESTION, "query"),
    _rows(t.candidate, Found.CANDIDATE, "text"),
    _parts(t.claim, Found.CLAIM),
    _parts(t.key_point, Found.KEY_POINT),
    _rows(t.judgment, Found.EXPLANATION, "explanation", where=t.judgment.c.explanation != ""),
    _rows(t.decision, Found.REASON, "reason", where=t.decision.c.reason != ""),
    _rows(r.mark, Found.NOTE, "text", where=r.mark.c.text != ""),
    _texts(),
)
"""The quick ones first, so that a search cut short by its caller has everything but long documents."""

_KEY = sa.bindparam("key", type_=sa.Integer)
_OWNERS = (t.candidate.c.candidate_id, t.question.c.question_id, t.document.c.document_id, t.document.c.title)
_LINEAGE = t.candidate.join(t.question).outerjoin(t.document)


def _of_judgment(text: sa.ColumnElement[str], part_id: sa.ColumnElement[str], parts: sa.Table | None) -> sa.Select[Any]:
    start = t.judgment.join(_LINEAGE, t.judgment.c.candidate_key == t.candidate.c.id)
    if parts is not None:
        own = (parts.c.judgment_key == t.judgment.c.id) & (parts.c.ordinal == sa.bindparam("ordinal", type_=sa.Integer))
        start = start.join(parts, own)
    statement = sa.select(text.label("text"), part_id.label("part_id"), *_OWNERS)
    return statement.select_from(start).where(t.judgment.c.id == _KEY)


_NO_PART = sa.literal("")
_PASSAGES: dict[Found, sa.Select[Any]] = {
    Found.DOCUMENT: sa.select(t.document_text.c.content.label("text"), *_OWNERS[2:])
    .join_from(t.document, t.document_text)
    .where(t.document.c.id == _KEY),
    Found.QUESTION: sa.select(t.question.c.query.label("text"), *_OWNERS[1:])
    .select_from(t.question.outerjoin(t.document))
    .where(t.question.c.id == _KEY),
    Found.CANDIDATE: sa.select(t.candidate.c.text.label("text"), *_OWNERS)
    .select_from(_LINEAGE)
    .where(t.candidate.c.id == _KEY),
    Found.CLAIM: _of_judgment(t.claim.c.text, t.claim.c.claim_id, t.claim),
    Found.KEY_POINT: _of_judgment(t.key_point.c.text, t.key_point.c.key_point_id, t.key_point),
    Found.EXPLANATION: _of_judgment(t.judgment.c.explanation, _NO_PART, None),
    Found.REASON: sa.select(t.decision.c.reason.label("text"), t.decision.c.part_id, *_OWNERS)
    .select_from(t.decision.join(_LINEAGE, t.decision.c.candidate_key == t.candidate.c.id))
    .where(t.decision.c.id == _KEY),
}


def passage_of(connection: sa.Connection, found: Found, *, key: int, ordinal: int) -> Passage | None:
    """Return the text of a thing with its owners, None where there is no such thing now."""
    if found is Found.NOTE:
        return _note(connection, key)
    row = connection.execute(_PASSAGES[found], {"key": key, "ordinal": ordinal}).mappings().first()
    if row is None:
        return None
    text = mapping.unsqueeze(row["text"]) if found is Found.DOCUMENT else row["text"]
    names = ("document_id", "question_id", "candidate_id", "part_id", "title")
    return Passage(text, **{name: row.get(name) or "" for name in names})


def _note(connection: sa.Connection, key: int) -> Passage | None:
    """A note's owners are looked up from what it is on, which may be of any kind."""
    row = connection.execute(sa.select(r.mark).where(r.mark.c.id == key, r.mark.c.removed == "")).first()
    if row is None:
        return None
    tables = {"document": t.document, "question": t.question, "candidate": t.candidate, "part": t.candidate}
    table = tables.get(row.thing)
    if table is None:
        return Passage(row.text)
    name = f"{table.name}_id"
    columns = _OWNERS[[t.candidate, t.question, t.document].index(table) :]
    start = {t.candidate: _LINEAGE, t.question: t.question.outerjoin(t.document)}.get(table, table)
    owner = connection.execute(sa.select(*columns).select_from(start).where(table.c[name] == row.item_id)).mappings()
    ids = {name: value or "" for name, value in (owner.first() or {}).items()}
    return Passage(row.text, part_id=row.part_id, **ids)
