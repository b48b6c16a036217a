"""What the readers of other programs' rows share: checked fields, prompts taken apart, items that belong together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrstudio.domain.text import Document, Source, content_hash
from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.records import ImportedCandidate, ImportedDocument, ImportedQuestion
from lrstudio.formats.rows import BadRow, kind_of

SHORTEST_DOCUMENT = 2000
"""A prompt without marks is taken for document, blank line, question when what comes before has these characters."""


@dataclass(frozen=True, slots=True)
class Place:
    """The row being read: its file, the name of its format, and where it stands."""

    file: str
    format: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A document and a question on it, as a row gives them. Ids are None where it gives none."""

    query: str
    document: str | None = None
    document_id: str | None = None
    question_id: str | None = None
    answers: tuple[str, ...] = ()
    title: str = ""
    licence: str = ""

    @property
    def on(self) -> str | None:
        """The id of the document; one made from its content where the row gives none."""
        if self.document_id is not None or self.document is None:
            return self.document_id
        return f"doc-{content_hash(self.document)[:12]}"

    def items(self, place: Place) -> Iterator[ImportedDocument | ImportedQuestion]:
        """Yield document and question."""
        if self.on is not None:
            source = Source(place.file, place.format, licence=self.licence)
            yield ImportedDocument(Document(self.on, self.document, self.title, source), place.where)
        yield ImportedQuestion(self.question_id, self.on, self.query, self.answers, place.where)

    def candidate(self, content: str, place: Place, *, model: str = "", candidate_id: str = "") -> ImportedCandidate:
        """Return an answer to this question; without an id it gets one made from its content."""
        digest = content_hash(repr((self.question_id, self.on, self.query, model, content)))
        name = candidate_id or f"candidate-{digest[:12]}"
        named = bool(candidate_id)
        return ImportedCandidate(name, content, model, self.question_id, self.on, self.query, place.where, named)


def text(row: Mapping[str, Any], name: str) -> str:
    """Return a field that must be a text with something in it.

    Raises:
        BadRow: it is not.
    """
    if name not in row:
        raise BadRow(f"{name} is missing; there are: {', '.join(map(str, row)) or 'none'}")
    value = row[name]
    if not isinstance(value, str):
        raise BadRow(f"{name} must be text, not {kind_of(value)}")
    if not value.strip():
        raise BadRow(f"{name} is empty")
    return value


def optional_text(row: Mapping[str, Any], name: str) -> str:
    """Return a field that may be missing or null, "" then; a number is taken as text.

    Raises:
        BadRow: it is something else.
    """
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRow(f"{name} must be text or a number, not {kind_of(value)}")
    return str(value)


def record(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a field that must be an object; an empty one where it is missing or null.

    Raises:
        BadRow: it is something else.
    """
    value = row.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRow(f"{name} must be an object, not {kind_of(value)}")
    return value


def records(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a field that must be a list of objects; an empty one where it is missing or null.

    Raises:
        BadRow: it is something else.
    """
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRow(f"{name} must be a list of objects, not {kind_of(value)}")
    return value


def number(value: Any, name: str) -> float:
    """Return a number, given as one or as text.

    Raises:
        BadRow: it is none, or not finite.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise BadRow(f"{name} must be a number, not {repr(value) if isinstance(value, str) else kind_of(value)}")
    return found


def stars(value: Any, name: str) -> float:
    """Return a rating of 1 to 5 on the scale of scores: 1 is 0, 5 is 10.

    Raises:
        BadRow: it is no such rating.
    """
    rating = number(value, name)
    if not 1.0 <= rating <= 5.0:
        raise BadRow(f"{name} is {rating:g}, and ratings are read on a scale of 1 to 5")
    return (rating - 1.0) * 2.5


def dimension_in(name: str) -> Dimension | None:
    """Return the dimension that a name speaks of ("answer_helpfulness", "Faithfulness"), None for none or several."""
    found = [dimension for dimension in Dimension if dimension.value in name.lower()]
    return found[0] if len(found) == 1 else None


def split_prompt(prompt: str, *, question: str = "") -> tuple[str | None, str]:
    """Take a prompt apart into document and question, as LongReward lays it out: document, blank line, question.

    Args:
        prompt: what a model was sent; blank lines at its end are left out.
        question: where it is known, the end of the prompt; what comes before is the document.

    Returns:
        document and question; the document is None where the prompt has no part before its last blank line of at least
        `SHORTEST_DOCUMENT` characters.
    """
    whole = prompt.rstrip("\n") if prompt.strip() else prompt
    if question and whole == question.rstrip("\n"):
        return None, question
    if question and whole.endswith("\n\n" + question.rstrip("\n")):
        return whole[: -len(question.rstrip("\n")) - 2], question
    document, blank, last = whole.rpartition("\n\n")
    if blank and len(document) >= SHORTEST_DOCUMENT and last.strip():
        return document, last
    return None, whole


Message = tuple[str, str]
"""Role and text of a turn."""


def messages(value: Any, name: str) -> list[Message]:
    """Return a conversation; content may be a text or a list of parts, of which those without text are passed over.

    Raises:
        BadRow: it is no list of messages, or an empty one.
    """
    if not isinstance(value, list) or not value:
        raise BadRow(f"{name} must be text or a list of messages, not {kind_of(value)}")
    return [_message(turn, name) for turn in value]


def transcript(turns: Sequence[Message]) -> str:
    """Return the text of one message, or of several with their roles before each; a system message needs no role."""
    if len([role for role, _ in turns if role != "system"]) <= 1:
        return "\n\n".join(content for _, content in turns if content)
    return "\n\n".join(content if role == "system" else f"{role}: {content}" for role, content in turns)


def _message(turn: Any, name: str) -> Message:
    content = turn.get("content") if isinstance(turn, dict) else None
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise BadRow(f"{name} has a message without text in 'content'")
    return str(turn.get("role", "")), content
