"""A row of fields, from whatever file, to documents, questions and candidates.

Shapes that are understood, with the usual names of each field:

* document + query + candidates: `{"document_id", "document_text", "query", "candidates": [{"id", "model", "text"}]}`
* one answer a row: `{"id", "source_id", "source_text", "query", "response", "model"}`
* LongReward: `{"idx": 11, "query", "answer", "context"}`, where `answer` is the reference, and its samples
  `{"idx": "11-7", "query", "answer"}`
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lrstudio.domain.text import Document, Source, content_hash
from lrstudio.formats.labels import labels_of
from lrstudio.formats.records import (
    ImportedCandidate,
    ImportedDocument,
    ImportedQuestion,
    ImportItem,
    Mapping,
    RowError,
)
from lrstudio.formats.said import ImportedLabels

# Field by field, the names under which files give it; the first that a row has counts.
USUAL: dict[str, tuple[str, ...]] = {
    "document": ("document_text", "source_text", "context", "document", "source", "passage", "article"),
    "document_id": ("document_id", "source_id", "doc_id"),
    "query": ("query", "question", "prompt", "instruction"),
    "question_id": ("question_id", "query_id"),
    "candidate": ("response", "answer", "candidate", "text", "completion", "output"),
    "candidate_id": ("id", "idx", "candidate_id", "response_id"),
    "model": ("model", "model_name", "generator"),
    "reference_answers": ("reference_answers", "references", "reference_answer", "reference", "gold_answer"),
}
# Read as well where they are there.
ALSO_READ = frozenset(["candidates", "title", "document_title", "meta", "licence", "license"])
_LONGREWARD = frozenset(["idx", "query", "answer"])
_LONGREWARD_MORE = frozenset(["context"])


class BadRow(Exception):
    """Carries the sentence about one row to the place that yields it."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A candidate as the row gives it, not yet checked."""

    candidate_id: str | None
    model: str
    text: Any
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What a row says, whatever its shape."""

    document_id: str | None
    text: str | None
    question_id: str | None
    query: str
    answers: tuple[str, ...]
    given: tuple[_Given, ...]
    title: str = ""
    licence: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


class Rows:
    """Turns the rows of one import into items; knows what earlier rows said.

    A document, question or candidate is yielded once; a document again when a later row has its text, a question again
    when a later row has its reference answers. A row all of whose candidates are bad is left out as a whole.
    """

    def __init__(self, *, file: str, format_name: str, mapping: Mapping | None = None) -> None:
        """Start an import from `file`; `mapping` names fields that have other than the usual names."""
        self.file = file
        self._format = format_name
        self._named = mapping.named() if mapping else {}
        self._documents: dict[str, str | None] = {}
        self._questions: dict[tuple[str | None, str | None, str], tuple[str, ...]] = {}
        self._named_questions: dict[str, tuple[str | None, str]] = {}
        self._candidates: dict[str, str] = {}
        self._made: Counter[str] = Counter()

    @property
    def mapped(self) -> bool:
        """Whether a person said which field holds what."""
        return bool(self._named)

    def field_of(self, field: str, names: Container[str]) -> str | None:
        """Return which of the column names holds a field (a name of `Mapping`); None where none does."""
        usual = (self._named[field],) if field in self._named else USUAL[field]
        return next((name for name in usual if name in names), None)

    def items(self, row: Any, *, where: str) -> Iterator[ImportItem]:
        """Yield what a row holds, or why it holds nothing; never raises for a bad row."""
        try:
            yield from self._imported(self._read(row), where=where)
        except BadRow as error:
            yield RowError(where, str(error))

    def _read(self, row: Any) -> _Row:
        if not isinstance(row, dict):
            raise BadRow(f"a row must be an object with named fields, not {kind_of(row)}")
        if not self._named and row.keys() >= _LONGREWARD and row.keys() <= _LONGREWARD | _LONGREWARD_MORE:
            return self._longreward(row)
        query, text, document_id = self._query(row), self._document_text(row), self._id(row, "document_id")
        if document_id is None and text is not None:
            document_id = f"doc-{content_hash(text)[:12]}"
        return _Row(
            document_id=document_id,
            text=text,
            title=_first_text(row, "title", "document_title"),
            licence=_licence(row),
            question_id=self._id(row, "question_id"),
            query=query,
            answers=_answers(self._value(row, "reference_answers")),
            given=self._given(row),
            fields=row,
        )

    def _longreward(self, row: dict[str, Any]) -> _Row:
        index = self._id(row, "candidate_id") or ""
        has_document = "context" in row
        prompt = index if has_document else index.rpartition("-")[0]
        if not prompt:
            raise BadRow(f"idx is '{index}'; a sample has the prompt's index and its own, such as '11-7'")
        return _Row(
            document_id=prompt,
            text=self._document_text(row) if has_document else None,
            question_id=prompt,
            query=self._query(row),
            answers=_answers(row["answer"]) if has_document else (),
            given=() if has_document else (_Given(index, "", row["answer"]),),
        )

    def _imported(self, row: _Row, *, where: str) -> Iterator[ImportItem]:
        digest = None if row.text is None else content_hash(row.text)
        known = self._documents.get(row.document_id or "")
        if known and digest and known != digest:
            raise BadRow(f"document '{row.document_id}' has another text here than in an earlier row")
        if row.question_id is not None:
            place = (row.document_id, row.query)
            if self._named_questions.setdefault(row.question_id, place) != place:
                raise BadRow(f"question '{row.question_id}' has another query or document here than in an earlier row")
        candidates = [item for given in row.given for item in self._candidate(given, row, where)]
        if not candidates or not all(isinstance(item, RowError) for item in candidates):
            yield from self._document(row, digest, where)
            yield from self._question(row, where)
        yield from candidates

    def _document(self, row: _Row, digest: str | None, where: str) -> Iterator[ImportedDocument]:
        document_id = row.document_id
        if document_id is None or (document_id in self._documents and (digest is None or self._documents[document_id])):
            return
        self._documents[document_id] = digest
        source = Source(self.file, self._format, licence=row.licence)
        yield ImportedDocument(Document(document_id, row.text, row.title, source), where)

    def _question(self, row: _Row, where: str) -> Iterator[ImportedQuestion | RowError]:
        key = (row.question_id, row.document_id, row.query)
        known = self._questions.get(key)
        if known and row.answers and row.answers != known:
            yield RowError(where, "the question has other reference answers in an earlier row; those were kept")
        elif known is None or (row.answers and not known):
            self._questions[key] = row.answers
            yield ImportedQuestion(row.question_id, row.document_id, row.query, row.answers, where)

    def _candidate(
        self, given: _Given, row: _Row, where: str
    ) -> Iterator[ImportedCandidate | ImportedLabels | RowError]:
        name = "the candidate" if given.candidate_id is None else f"candidate '{given.candidate_id}'"
        if not isinstance(given.text, str):
            yield RowError(where, f"{name} must be text, not {kind_of(given.text)}")
            return
        if not given.text.strip():
            yield RowError(where, f"{name} is empty")
            return
        digest = content_hash(repr((row.question_id, row.document_id, row.query, given.model, given.text)))
        candidate_id = given.candidate_id
        if candidate_id is None:
            self._made[digest] += 1
            candidate_id = f"candidate-{digest[:12]}" + (f"-{self._made[digest]}" if self._made[digest] > 1 else "")
        known = self._candidates.setdefault(candidate_id, "")
        if known and known != digest:
            yield RowError(where, f"the id '{candidate_id}' names another candidate in an earlier row")
        elif not known:
            self._candidates[candidate_id] = digest
            yield ImportedCandidate(
                candidate_id, given.text, given.model, row.question_id, row.document_id, row.query, where
            )
            labels = labels_of(row.fields, given.fields, candidate_id=candidate_id, text=given.text, where=where)
            if labels is not None:
                yield labels

    def _given(self, row: dict[str, Any]) -> tuple[_Given, ...]:
        if "candidates" in row and "candidate" not in self._named:
            answers = row["candidates"] or []
            if not isinstance(answers, list):
                raise BadRow(f"candidates must be a list, not {kind_of(answers)}")
            return tuple(self._answer(answer) for answer in answers)
        name = self.field_of("candidate", row)
        if name is None:
            raise self._missing("candidate", row)
        return (_Given(self._id(row, "candidate_id"), self._model(row), row[name], row),)

    def _answer(self, answer: Any) -> _Given:
        if not isinstance(answer, dict):
            return _Given(None, "", answer)
        name = next((name for name in ("text", *USUAL["candidate"]) if name in answer), None)
        return _Given(self._id(answer, "candidate_id"), self._model(answer), answer[name] if name else None, answer)

    def _model(self, row: dict[str, Any]) -> str:
        model = self._value(row, "model")
        return "" if model is None else str(model)

    def _query(self, row: dict[str, Any]) -> str:
        name = self.field_of("query", row)
        if name is None:
            raise self._missing("query", row)
        if not isinstance(row[name], str):
            raise BadRow(f"{name} must be text, not {kind_of(row[name])}")
        if not row[name].strip():
            raise BadRow(f"{name} is empty")
        return str(row[name])

    def _document_text(self, row: dict[str, Any]) -> str | None:
        name = self.field_of("document", row)
        text = None if name is None else row[name]
        if text is None:
            return None
        if not isinstance(text, str):
            raise BadRow(f"{name} must be text or null, not {kind_of(text)}")
        if not text.strip():
            raise BadRow(f"{name} is empty; leave it out or make it null where there is no document")
        return text

    def _id(self, row: dict[str, Any], field: str) -> str | None:
        value = self._value(row, field)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadRow(f"{self.field_of(field, row)} must be text or a number, not {kind_of(value)}")
        return str(value)

    def _value(self, row: dict[str, Any], field: str) -> Any:
        name = self.field_of(field, row)
        return None if name is None else row[name]

    def _missing(self, field: str, row: dict[str, Any]) -> BadRow:
        return BadRow(missing_field(field, row, named=self._named.get(field)))


def missing_field(field: str, names: Iterable[str], *, named: str | None) -> str:
    """Say which field is missing, under which names it was looked for, and what there is instead."""
    what = {"candidate": "the candidate", "query": "the question", "document": "the document"}.get(field, field)
    looked = f"'{named}'" if named else "any of " + ", ".join(USUAL[field])
    return f"{what} is missing: no field is named {looked}; there are: {', '.join(names) or 'none'}"


def _first_text(row: dict[str, Any], *names: str) -> str:
    return next((row[name] for name in names if isinstance(row.get(name), str)), "")


def _licence(row: dict[str, Any]) -> str:
    meta = row.get("meta")
    return (_first_text(meta, "licence", "license") if isinstance(meta, dict) else "") or _first_text(
        row, "licence", "license"
    )


def _answers(value: Any) -> tuple[str, ...]:
    """Read reference answers: a text, a list of texts, or (in a table) a list written as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return (value,)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return tuple(answer for answer in value if isinstance(answer, str) and answer.strip())


def kind_of(value: Any) -> str:
    """Name the kind of a JSON value to a person."""
    names = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)
