"""Tags, bookmarks and notes: what people leave on things to find them again. They decide nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.text import Span


class MarkKind(StrEnum):
    """What a mark is."""

    TAG = "tag"
    BOOKMARK = "bookmark"
    NOTE = "note"


class Thing(StrEnum):
    """What a mark can be put on, and what a search can find. A claim or key point is a PART of a candidate."""

    DOCUMENT = "document"
    QUESTION = "question"
    CANDIDATE = "candidate"
    PART = "part"
    PAIR = "pair"


@dataclass(frozen=True, slots=True)
class Place:
    """One thing of a project: `part_id` with a PART only (`item_id` is its candidate), `span` where it is a passage."""

    thing: Thing
    item_id: str
    part_id: str = ""
    span: Span | None = None

    def __post_init__(self) -> None:
        """A part needs its id, and nothing else has one."""
        if (self.thing is Thing.PART) != bool(self.part_id):
            raise ValueError(f"a {self.thing.value} does not go with the part {self.part_id!r}")


@dataclass(frozen=True, slots=True)
class Mark:
    """One tag, bookmark or note, `what` says which. `text` is the tag's name or the note; a bookmark may have none."""

    mark_id: str
    what: MarkKind
    place: Place
    text: str
    reviewer: str
    time: str


def mark_id(kind: MarkKind, place: Place, text: str, *, reviewer: str) -> str:
    """Return the id of a mark: equal content has an equal id in every project, so that projects can be merged."""
    span = f"{place.span.start}:{place.span.end}" if place.span else ""
    said = (kind.value, place.thing.value, place.item_id, place.part_id, span, text, reviewer)
    return "m" + hashlib.sha256("\x1f".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Guideline:
    """One version of the labelling guideline, in Markdown; versions count from 1 and are never changed."""

    version: int
    text: str
    reviewer: str
    time: str
