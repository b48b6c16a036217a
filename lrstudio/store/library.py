"""Documents, questions and candidates. Texts are stored once by content hash."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn

import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.domain.summaries import DocumentSummary
from lrstudio.domain.text import Candidate, Document, Question, content_hash
from lrstudio.store import mapping
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.dialects import Insert, insert
from lrstudio.store.records import Added, CandidateInfo

_QUESTION = sa.select(
    t.question.c.question_id, t.document.c.document_id, t.question.c.query, t.question.c.reference_answers
).select_from(t.question.outerjoin(t.document))
_CANDIDATE = sa.select(
    t.candidate.c.candidate_id, t.question.c.question_id, t.candidate.c.text, t.candidate.c.model
).select_from(t.candidate.join(t.question))
_CANDIDATE_ORDER = (t.candidate.c.question_key, t.candidate.c.ordinal)


def _given(*names: str) -> list[sa.BindParameter[str]]:
    return [sa.bindparam(name, type_=t.AnyText) for name in names]


def _next_ordinal(table: sa.Table, parent: str, key: Any) -> sa.ScalarSelect[int]:
    siblings = table.alias()
    last = sa.func.coalesce(sa.func.max(siblings.c.ordinal), 0)
    return sa.select(last + 1).where(siblings.c[parent].is_not_distinct_from(key)).scalar_subquery()


def _question_insert(document_key: Any, where: sa.ColumnElement[bool]) -> Insert:
    names = ["question_id", "query", "query_hash", "reference_answers", "document_key", "ordinal"]
    values = [*_given(*names[:4]), document_key, _next_ordinal(t.question, "document_key", document_key)]
    return insert(t.question).from_select(names, sa.select(*values).where(where)).on_conflict_do_nothing()


def _candidate_insert() -> Insert:
    names = ["candidate_id", "model", "text", "origin", "characters", "question_key", "ordinal"]
    key = t.question.c.id
    values = [*_given(*names[:4]), sa.bindparam("characters"), key, _next_ordinal(t.candidate, "question_key", key)]
    where = t.question.c.question_id == _given("of")[0]
    return insert(t.candidate).from_select(names, sa.select(*values).where(where)).on_conflict_do_nothing()


# One statement for each record finds the parent, numbers it among its siblings and leaves a known id alone, so that
# ten thousand candidates in one `writing()` take 0.3 s.
_INSERT_QUESTION = _question_insert(t.document.c.id, t.document.c.document_id == _given("of")[0])
_INSERT_LONE_QUESTION = _question_insert(sa.null(), sa.true())
_INSERT_CANDIDATE = _candidate_insert()


class Library:
    """What was imported. Everything comes back in the order in which it was added."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def add_document(self, document: Document) -> Added:
        """Add a document; FILLED where it was known without text and now has one, or becomes local only.

        Raises:
            Refused: the id names a different text already.
        """
        with self._at.write(savepoint=True) as connection:
            text_hash = None if document.text is None else content_hash(document.text)
            known = connection.execute(
                sa.select(t.document).where(t.document.c.document_id == document.document_id)
            ).first()
            if known is not None and (text_hash is None or text_hash == known.text_hash):
                if known.local_only or not document.local_only:
                    return Added.SAME
                connection.execute(t.document.update().where(t.document.c.id == known.id), {"local_only": True})
                return Added.FILLED
            if known is not None and known.text_hash is not None:
                raise Refused(f"document id '{document.document_id}' already names a different text in this project")
            if document.text is not None:
                _add_text(connection, document.text, text_hash)
            if known is None:
                values = {
                    "document_id": document.document_id,
                    "title": document.title,
                    "text_hash": text_hash,
                    "local_only": document.local_only,
                }
                connection.execute(t.document.insert(), values | mapping.source_values(document.source))
                return Added.NEW
            changes: dict[str, Any] = {
                "text_hash": text_hash,
                "title": document.title or known.title,
                "local_only": known.local_only or document.local_only,
            }
            if document.source is not None:
                changes |= mapping.source_values(document.source)
            connection.execute(t.document.update().where(t.document.c.id == known.id), changes)
            return Added.FILLED

    def set_local_only(self, document_id: str, local_only: bool) -> None:
        """Say whether a document may leave this machine.

        Raises:
            Refused: there is no document of this id.
        """
        statement = t.document.update().where(t.document.c.document_id == document_id)
        with self._at.write() as connection:
            if not connection.execute(statement, {"local_only": local_only}).rowcount:
                _refuse("document", document_id)

    def add_question(self, question: Question) -> Added:
        """Add a question; FILLED where it was known without reference answers and now has some.

        Raises:
            Refused: its document is not in the project, or the id names a different question already.
        """
        with self._at.write() as connection:
            answers = mapping.to_json(question.reference_answers)
            if self._insert_question(connection, question, answers):
                return Added.NEW
            known = connection.execute(_QUESTION.where(t.question.c.question_id == question.question_id)).first()
            if known is None:
                _refuse("document", question.document_id)
            if (known.document_id, known.query) != (question.document_id, question.query):
                raise Refused(
                    f"question id '{question.question_id}' already names a different question in this project"
                )
            if not question.reference_answers or answers == known.reference_answers:
                return Added.SAME
            if known.reference_answers != "[]":
                raise Refused(f"question '{question.question_id}' already has other reference answers in this project")
            connection.execute(
                t.question.update().where(t.question.c.question_id == question.question_id),
                {"reference_answers": answers},
            )
            return Added.FILLED

    def _insert_question(self, connection: sa.Connection, question: Question, answers: str) -> bool:
        """Insert, unless the id is taken or the document is missing."""
        new = {
            "question_id": question.question_id,
            "query": question.query,
            "query_hash": content_hash(question.query),
            "reference_answers": answers,
        }
        if question.document_id is None:
            return connection.execute(_INSERT_LONE_QUESTION, new).rowcount == 1
        return connection.execute(_INSERT_QUESTION, new | {"of": question.document_id}).rowcount == 1

    def add_candidate(self, candidate: Candidate, *, origin: str = "") -> Added:
        """Add a candidate; FILLED where it was known without its model and now has it.

        Args:
            candidate: the candidate.
            origin: where it came from, a file name for instance.

        Raises:
            Refused: its question is not in the project, or the id names a different answer already.
        """
        with self._at.write() as connection:
            new = {
                "candidate_id": candidate.candidate_id,
                "of": candidate.question_id,
                "model": candidate.model,
                "text": candidate.text,
                "characters": len(candidate.text),
                "origin": origin,
            }
            if connection.execute(_INSERT_CANDIDATE, new).rowcount == 1:
                return Added.NEW
            known = connection.execute(_CANDIDATE.where(t.candidate.c.candidate_id == candidate.candidate_id)).first()
            if known is None:
                _refuse("question", candidate.question_id)
            same = (known.question_id, known.text) == (candidate.question_id, candidate.text)
            if not same or (candidate.model and known.model and candidate.model != known.model):
                raise Refused(
                    f"candidate id '{candidate.candidate_id}' already names a different answer in this project"
                )
            if known.model or not candidate.model:
                return Added.SAME
            connection.execute(
                t.candidate.update().where(t.candidate.c.candidate_id == candidate.candidate_id),
                {"model": candidate.model},
            )
            return Added.FILLED

    def documents(self, document_id: str | None = None) -> tuple[DocumentSummary, ...]:
        """List the documents, or the one of this id if there is one, without their texts."""
        wanted = [] if document_id is None else [t.document.c.document_id == document_id]
        held = (
            sa.select(
                t.question.c.document_key,
                sa.func.count(t.question.c.id.distinct()).label("questions"),
                sa.func.count(t.candidate.c.id).label("candidates"),
            )
            .select_from(t.question.outerjoin(t.candidate))
            .where(t.question.c.document_key.in_(sa.select(t.document.c.id).where(*wanted)))
            .group_by(t.question.c.document_key)
            .subquery()
        )
        statement = (
            sa.select(
                t.document.c.document_id,
                t.document.c.title,
                t.document_text.c.code_points,
                sa.func.coalesce(t.document.c.text_hash, sa.literal("")),
                sa.func.coalesce(held.c.questions, 0),
                sa.func.coalesce(held.c.candidates, 0),
                t.document.c.local_only,
            )
            .select_from(t.document.outerjoin(t.document_text).outerjoin(held, held.c.document_key == t.document.c.id))
            .where(*wanted)
            .order_by(t.document.c.id)
        )
        with self._at.read() as connection:
            return tuple(DocumentSummary(*row) for row in connection.execute(statement))

    def document(self, document_id: str, *, with_text: bool = True) -> Document:
        """Return a document; without its text, `text` is None.

        Raises:
            Refused: there is no document of this id.
        """
        with self._at.read() as connection:
            row = connection.execute(sa.select(t.document).where(t.document.c.document_id == document_id)).first()
        if row is None:
            _refuse("document", document_id)
        text = self.text(document_id) if with_text else None
        return mapping.document_of(row, text=text)

    def text(self, document_id: str) -> str | None:
        """Return the text of a document, None where its source publishes none.

        Raises:
            Refused: there is no document of this id.
        """
        statement = (
            sa.select(t.document_text.c.content)
            .select_from(t.document.outerjoin(t.document_text))
            .where(t.document.c.document_id == document_id)
        )
        with self._at.read() as connection:
            row = connection.execute(statement).first()
        if row is None:
            _refuse("document", document_id)
        return None if row.content is None else mapping.unsqueeze(row.content)

    def questions(self, document_id: str | None = None) -> tuple[Question, ...]:
        """List the questions, of one document or of the whole project."""
        statement = _QUESTION.order_by(t.question.c.id)
        if document_id is not None:
            statement = statement.where(t.document.c.document_id == document_id)
        with self._at.read() as connection:
            return tuple(mapping.question_of(row) for row in connection.execute(statement))

    def question(self, question_id: str) -> Question:
        """Return a question.

        Raises:
            Refused: there is no question of this id.
        """
        with self._at.read() as connection:
            row = connection.execute(_QUESTION.where(t.question.c.question_id == question_id)).first()
        if row is None:
            _refuse("question", question_id)
        return mapping.question_of(row)

    def find_question(self, document_id: str | None, query: str) -> Question | None:
        """Return the first question with this query on this document (None: on no document)."""
        statement = _QUESTION.where(t.question.c.query_hash == content_hash(query), t.question.c.query == query)
        if document_id is None:
            statement = statement.where(t.question.c.document_key.is_(None))
        else:
            document_key = sa.select(t.document.c.id).where(t.document.c.document_id == document_id)
            statement = statement.where(t.question.c.document_key == document_key.scalar_subquery())
        with self._at.read() as connection:
            row = connection.execute(statement.order_by(t.question.c.id)).first()
        return None if row is None else mapping.question_of(row)

    def next_question_number(self, document_id: str | None) -> int:
        """Return the number, from 1, of the next question on this document (None: on no document)."""
        statement = sa.select(sa.func.coalesce(sa.func.max(t.question.c.ordinal), 0) + 1)
        if document_id is None:
            statement = statement.where(t.question.c.document_key.is_(None))
        else:
            statement = statement.select_from(t.question.join(t.document)).where(
                t.document.c.document_id == document_id
            )
        with self._at.read() as connection:
            return int(connection.execute(statement).scalar_one())

    def candidates(self, question_id: str | None = None) -> tuple[Candidate, ...]:
        """List the candidates with their texts, of one question or of the whole project."""
        statement = _CANDIDATE.order_by(*_CANDIDATE_ORDER)
        if question_id is not None:
            statement = statement.where(t.question.c.question_id == question_id)
        with self._at.read() as connection:
            return tuple(mapping.candidate_of(row) for row in connection.execute(statement))

    def candidates_of(self, question_ids: Collection[str]) -> tuple[Candidate, ...]:
        """List the candidates, with their texts, of some hundred questions."""
        statement = _CANDIDATE.where(t.question.c.question_id.in_(question_ids)).order_by(*_CANDIDATE_ORDER)
        with self._at.read() as connection:
            return tuple(mapping.candidate_of(row) for row in connection.execute(statement))

    def known_candidates(self, candidate_ids: Collection[str]) -> dict[str, Candidate]:
        """Return those of some hundred candidates that are in the project, with their texts."""
        statement = _CANDIDATE.where(t.candidate.c.candidate_id.in_(candidate_ids))
        with self._at.read() as connection:
            return {row.candidate_id: mapping.candidate_of(row) for row in connection.execute(statement)}

    def existing_candidates(self, candidate_ids: Collection[str]) -> frozenset[str]:
        """Return those of some hundred candidates that are in the project."""
        statement = sa.select(t.candidate.c.candidate_id).where(t.candidate.c.candidate_id.in_(candidate_ids))
        with self._at.read() as connection:
            return frozenset(connection.execute(statement).scalars())

    def candidate(self, candidate_id: str) -> Candidate:
        """Return a candidate.

        Raises:
            Refused: there is no candidate of this id.
        """
        with self._at.read() as connection:
            row = connection.execute(_CANDIDATE.where(t.candidate.c.candidate_id == candidate_id)).first()
        if row is None:
            _refuse("candidate", candidate_id)
        return mapping.candidate_of(row)

    def candidate_infos(self) -> tuple[CandidateInfo, ...]:
        """List the candidates without their texts."""
        statement = (
            sa.select(
                t.candidate.c.candidate_id,
                t.question.c.question_id,
                t.candidate.c.ordinal,
                t.candidate.c.model,
                t.candidate.c.characters,
                t.candidate.c.origin,
            )
            .join_from(t.candidate, t.question)
            .order_by(*_CANDIDATE_ORDER)
        )
        with self._at.read() as connection:
            return tuple(CandidateInfo(*row) for row in connection.execute(statement))


def _add_text(connection: sa.Connection, text: str, text_hash: str | None) -> None:
    known = connection.execute(sa.select(t.document_text.c.hash).where(t.document_text.c.hash == text_hash)).first()
    if known is None:
        connection.execute(
            t.document_text.insert(),
            {"hash": text_hash, "code_points": len(text), "content": mapping.squeeze(text)},
        )


def _refuse(kind: str, identifier: str | None) -> NoReturn:
    raise Refused(f"there is no {kind} '{identifier}' in this project")
