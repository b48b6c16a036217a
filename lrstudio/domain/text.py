"""Documents and spans. Offsets are Python code points, the end is exclusive."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of code points, `0 <= start <= end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        """Refuse a range that could not slice a text."""
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    def of(self, text: str) -> str:
        """Return the text that the span covers.

        Raises:
            ValueError: the span ends beyond the text.
        """
        if self.end > len(text):
            raise ValueError(f"span {self.start}..{self.end} ends beyond a text of {len(text)} code points")
        return text[self.start : self.end]

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two share at least one code point."""
        return self.start < other.end and other.start < self.end

    def __len__(self) -> int:
        """Count the code points."""
        return self.end - self.start

    def __bool__(self) -> bool:
        """Count as there even where it is empty: a place is a place."""
        return True


def content_hash(text: str) -> str:
    """Return the SHA-256 of the text as 64 hexadecimal digits; equal texts are stored once under it.

    Lone surrogates can come out of JSON escapes; they are hashed as they stand.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
_FULL_STOP = re.compile(r"(?<![.。])[.。]$")


def canonical(statement: str) -> str:
    """Return the wording under which equal claims are one: checked once, and matched between two candidates.

    NFC, single spaces, straight quotation marks, no full stop at the end. Case stays: it tells names from words.
    """
    return _FULL_STOP.sub("", " ".join(unicodedata.normalize("NFC", statement).translate(_QUOTES).split()))


class PlaceKind(StrEnum):
    """What a source map counts."""

    PAGE = "page"
    BYTE = "byte"
    LINE = "line"
    PART = "part"


@dataclass(frozen=True, slots=True)
class SourceMap:
    """From an offset of the normalised text back to a place in the file it was read from.

    `offsets` rise strictly from 0; `places[i]` holds for offsets from `offsets[i]` to the next one. A place is a page
    number from 1 (PDF), the byte at which the anchored line starts (txt, md), a line number from 1 (HTML) or the name
    of a part (EPUB spine file, DOCX paragraph).
    """

    kind: PlaceKind
    offsets: tuple[int, ...]
    places: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse maps that could not be searched."""
        if len(self.offsets) != len(self.places) or not self.offsets or self.offsets[0] != 0:
            raise ValueError("a source map needs as many places as offsets, the first at 0")
        if any(a >= b for a, b in zip(self.offsets, self.offsets[1:], strict=False)):
            raise ValueError("the offsets of a source map must rise")

    def place(self, offset: int) -> str:
        """Return the place that holds the code point at `offset`."""
        return self.places[max(0, bisect_right(self.offsets, offset) - 1)]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document came from: file name, format, encoding, licence if stated, and the way back to the file."""

    name: str
    format: str
    encoding: str = ""
    licence: str = ""
    map: SourceMap | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document as imported. `text` is None where the source publishes none: nothing can be checked against it.

    One that is `local_only` is never sent to another machine.
    """

    document_id: str
    text: str | None
    title: str = ""
    source: Source | None = None
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A query put to a document; `document_id` is None where the question stands alone."""

    question_id: str
    document_id: str | None
    query: str
    reference_answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer to a question, with the model that wrote it ("" where unknown)."""

    candidate_id: str
    question_id: str
    text: str
    model: str = ""
