"""What a search of the whole project finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.text import Span


class Found(StrEnum):
    """What kind of text was found: where it stands in the project."""

    DOCUMENT = "document"
    QUESTION = "question"
    CANDIDATE = "candidate"
    CLAIM = "claim"
    KEY_POINT = "key_point"
    EXPLANATION = "explanation"
    REASON = "reason"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Hit:
    """One place that a search found.

    `snippet` is the text around the first match on one line, `matches` the matched words in it. `span` is the first
    match in the whole text of a document or candidate, None elsewhere. Ids are "" where there is none.
    """

    found: Found
    snippet: str
    matches: tuple[Span, ...]
    span: Span | None = None
    document_id: str = ""
    question_id: str = ""
    candidate_id: str = ""
    part_id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """The best hits, and how many passages match in all, by kind. `complete` is False where not all is indexed."""

    hits: tuple[Hit, ...]
    counts: Mapping[Found, int]
    complete: bool = True
