"""The form of a text that the window shows, and the way between its positions and the text's own offsets.

The domain counts code points; a Qt document counts UTF-16 units. Two things set them apart: a character beyond the
Basic Multilingual Plane takes two units, and a paragraph of more than `PARAGRAPH_LIMIT` code points is broken for
display, because Qt lays out a paragraph whole (one line of 4 MB takes seconds). Everything else is made to stay in
step by substituting one character for one character, so that no offset inside the text is ever ambiguous:

- a break at a space stands in the place of that space; only a run without any space gets a break inserted;
- line and paragraph separators (CR, VT, FF, NEL, U+2028, U+2029) become a newline;
- CRLF keeps its two positions: the CR becomes a form feed, which Qt draws with no width;
- what Qt cannot hold or reads as a mark of its own (lone surrogates, U+FDD0, U+FDD1, U+FFFC) becomes U+FFFD, and a
  byte order mark in front, which PySide would drop or obey, a form feed.

The widget's text is therefore for the eye only: copies and matches are taken from the original.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lrstudio.domain.text import Span

PARAGRAPH_LIMIT = 2000
"""Code points of the longest displayed paragraph."""

_LONGEST_WORD = 64
_UTF16 = "utf-16-le"
_SEPARATORS = "\r\v\f\x85\u2028\u2029"
_UNDRAWABLE = re.compile("[\ud800-\udfff\ufdd0\ufdd1\ufffc]")
_BYTE_ORDER_MARKS = "\ufeff\ufffe"
_SPACES = " \t\u3000"
_SENTENCE_ENDS = "\u3002\uff01\uff1f\uff1b"
_CLOSERS = "\u201d\u2019\u300d\u300f\uff09\u300b"
_JOINER = "\u200d"


class SpanMap:
    """Between offsets of the original text and positions (UTF-16 units) of the displayed document.

    For every span within the text, `to_domain(*to_display(span)) == span`. Both directions take O(log n) steps. The map
    keeps sixteen bytes for every thousand code points or so where the text has characters of two units, and next to
    nothing elsewhere.
    """

    __slots__ = ("_before", "_breaks", "_points", "_shown", "_units", "length", "units")

    def __init__(
        self, shown: str, *, breaks: Sequence[int] = (), points: Sequence[int] = (0,), units: Sequence[int] = (0,)
    ) -> None:
        """Map a displayed text into which newlines were inserted before the original offsets `breaks` (rising).

        `units[i]` is the position of the displayed code point `points[i]`; both rise from 0, in steps that bound what a
        look-up costs.
        """
        self._shown = shown
        self._breaks = array("q", breaks)
        self._before = array("q", (offset + count for count, offset in enumerate(breaks)))
        self._points, self._units = array("q", points), array("q", units)
        self.length = len(shown) - len(self._breaks)
        """Code points of the original text."""
        self.units = units[-1] + _width(shown[points[-1] :])
        """UTF-16 units of the displayed text: where its last position lies."""
        if self.units == len(shown):
            self._points = self._units = array("q")

    def to_display(self, span: Span) -> tuple[int, int]:
        """Return the positions between which the span is shown.

        An inserted break at an edge of the span stays outside it.

        Raises:
            ValueError: the span ends beyond the text.
        """
        if span.end > self.length:
            raise ValueError(f"span {span.start}..{span.end} ends beyond a text of {self.length} code points")
        start = self._units_at(span.start + bisect_right(self._breaks, span.start))
        if not len(span):
            return start, start
        return start, self._units_at(span.end + bisect_left(self._breaks, span.end))

    def to_domain(self, start: int, end: int) -> Span:
        """Return the span of the original text that is shown between two positions.

        A position inside a character of two units widens the span to the whole character.

        Raises:
            ValueError: not `0 <= start <= end <= units`.
        """
        if not 0 <= start <= end <= self.units:
            raise ValueError(f"not a range of the displayed text: {start}..{end} of {self.units}")
        first = self._point_at(start, up=False)
        last = self._point_at(end, up=True)
        return Span(first - bisect_left(self._before, first), last - bisect_left(self._before, last))

    def _units_at(self, point: int) -> int:
        """Return the unit at which a code point of the displayed text starts."""
        if not self._points:
            return point
        step = bisect_right(self._points, point) - 1
        return self._units[step] + _width(self._shown[self._points[step] : point])

    def _point_at(self, unit: int, *, up: bool) -> int:
        """Return the code point of the displayed text that starts at a unit, or the nearest one up or down."""
        if not self._points:
            return unit
        step = bisect_right(self._units, unit) - 1
        first, ahead = self._points[step], unit - self._units[step]
        head = self._shown[first : first + ahead].encode(_UTF16)[: 2 * ahead]
        point = first + len(head.decode(_UTF16, "ignore"))
        return point + 1 if up and self._units_at(point) < unit else point


@dataclass(frozen=True, slots=True)
class DisplayText:
    """A text as it is shown: the original, the string handed to Qt, and the map between the two."""

    text: str
    shown: str
    map: SpanMap

    @classmethod
    def build(cls, text: str) -> DisplayText:
        """Make the display form of any string; 5 MB take some twenty milliseconds."""
        # One pass over pieces: a copy of the whole costs more than all that is done to them, and a piece without wide
        # characters takes a quarter of the room that the whole needs for the sake of a single one.
        shown: list[str] = []
        breaks, points, units = array("q"), array("q"), array("q")
        point = unit = 0
        same = True
        for piece in _pieces(text):
            original = text[piece.start : piece.stop]
            drawn = _drawable(original, first=piece.start == 0)
            same = same and drawn is original and not piece.broken
            if piece.broken:
                drawn += "\n"
                if piece.stop == piece.resume:
                    breaks.append(piece.stop)
            shown.append(drawn)
            points.append(point)
            units.append(unit)
            point += len(drawn)
            unit += _width(drawn)
        whole = text if same else "".join(shown)
        return cls(text=text, shown=whole, map=SpanMap(whole, breaks=breaks, points=points, units=units))

    def whole_words(self, span: Span) -> Span | None:
        """Return a span of the original without the spaces at its ends and with the words that it cuts, or None.

        Scripts that put no spaces between words keep the edges as they are.
        """
        start, end = span.start, span.end
        while start < end and self.text[start].isspace():
            start += 1
        while start < end and self.text[end - 1].isspace():
            end -= 1
        if start == end:
            return None
        first, last = max(0, start - _LONGEST_WORD), min(len(self.text), end + _LONGEST_WORD)
        while start > first and _in_word(self.text[start - 1]) and _in_word(self.text[start]):
            start -= 1
        while end < last and _in_word(self.text[end]) and _in_word(self.text[end - 1]):
            end += 1
        return Span(start, end)


class _Piece(NamedTuple):
    """A stretch of the text that is shown in whole paragraphs; `broken` asks for a break before `resume`.

    Where that is not `stop`, the break takes the place of the space between the two.
    """

    start: int
    stop: int
    resume: int
    broken: bool


def _pieces(text: str) -> Iterator[_Piece]:
    """Cut a text into pieces of at most `PARAGRAPH_LIMIT` code points and a newline; an empty one has one piece."""
    start = 0
    while len(text) - start > PARAGRAPH_LIMIT:
        stop = start + PARAGRAPH_LIMIT
        end = text.rfind("\n", start, stop + 1)
        if end < 0:
            # A CR cannot be parted from its newline here: there is none before `stop + 1`.
            end = _last(_SEPARATORS, text, start, stop)
        space = _last(_SPACES, text, start + 1, stop + 1) if end < 0 else -1
        if end >= 0:
            piece = _Piece(start, end + 1, end + 1, broken=False)
        elif space >= 0:
            piece = _Piece(start, space, space + 1, broken=True)
        else:
            cut = _cut(text, start, stop)
            piece = _Piece(start, cut, cut, broken=True)
        yield piece
        start = piece.resume
    yield _Piece(start, len(text), len(text), broken=False)


def _drawable(text: str, *, first: bool) -> str:
    """Put one drawable character in the place of each that Qt would drop, double or misread."""
    if "\r" in text or "\f" in text or "\v" in text:
        # By way of NEL, since a CR and a VT must not become a CRLF.
        text = text.replace("\f", "\x85").replace("\v", "\x85").replace("\r\n", "\f\n").replace("\r", "\n")
        text = text.replace("\x85", "\n")
    if text.isascii():
        return text
    if first and text[0] in _BYTE_ORDER_MARKS:
        text = "\f" + text[1:]
    for separator in "\x85\u2028\u2029":
        text = text.replace(separator, "\n")
    return _UNDRAWABLE.sub("\ufffd", text)


def _in_word(character: str) -> bool:
    letter = character.isalnum() or unicodedata.category(character).startswith("M")
    return letter and unicodedata.east_asian_width(character) not in ("W", "F")


def _width(text: str) -> int:
    """Count the UTF-16 units of a text without lone surrogates."""
    return len(text) if text.isascii() else len(text.encode(_UTF16)) // 2


def _last(characters: str, text: str, start: int, stop: int) -> int:
    """Return where one of the characters stands last in a part of the text, or -1."""
    return max(text.rfind(character, start, stop) for character in characters)


def _cut(text: str, start: int, stop: int) -> int:
    """Return where to break a run without spaces: after a sentence in its second half, else at a whole character."""
    cut = _last(_SENTENCE_ENDS, text, start + PARAGRAPH_LIMIT // 2, stop) + 1 or stop
    while cut < stop and text[cut] in _CLOSERS:
        cut += 1
    # A cluster longer than this is no character that anybody wrote.
    for edge in range(cut, cut - 32, -1):
        if not _continues(text[edge - 1], text[edge]):
            return edge
    return cut


def _continues(before: str, character: str) -> bool:
    """Tell whether a character is drawn as one with the character before it."""
    return (
        unicodedata.category(character).startswith("M")
        or character == _JOINER
        or before == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
