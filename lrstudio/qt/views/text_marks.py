"""What is marked in a text, and which marks a stretch of it shows."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from lrstudio.domain.text import Span
from lrstudio.viewstate.audit_signs import Sign


class Line(Enum):
    """How a mark is underlined; told apart without colour."""

    NONE = "none"
    SOLID = "solid"
    DASHED = "dashed"
    WAVY = "wavy"
    DOTTED = "dotted"


class MarkStyle(StrEnum):
    """What a mark says. The value is the theme token; see `lrstudio.qt.theme.tokens` for its `_mark` and `_tint`."""

    FULL = "full"
    PARTIAL = "partial"
    CONTRADICTED = "contradicted"
    NOT_FOUND = "not_found"
    UNCHECKED = "unchecked"
    EVIDENCE = "evidence"
    FOUND = "found"
    FOUND_CURRENT = "found_current"

    @classmethod
    def of(cls, sign: Sign) -> MarkStyle:
        """Return the style of a claim or key point with that sign."""
        return _STYLES.get(sign, cls.UNCHECKED)

    @property
    def line(self) -> Line:
        """The underline."""
        return _LINES.get(self, Line.NONE)

    @property
    def filled(self) -> bool:
        """Whether the ground of the text is tinted even where the mark is not in focus."""
        return self in _FILLED


_STYLES = {
    Sign.FULL: MarkStyle.FULL,
    Sign.PARTIAL: MarkStyle.PARTIAL,
    Sign.CONTRADICTED: MarkStyle.CONTRADICTED,
    Sign.NOT_FOUND: MarkStyle.NOT_FOUND,
    Sign.NONE: MarkStyle.NOT_FOUND,
}
_LINES = {
    MarkStyle.FULL: Line.SOLID,
    MarkStyle.PARTIAL: Line.DASHED,
    MarkStyle.CONTRADICTED: Line.WAVY,
    MarkStyle.NOT_FOUND: Line.DOTTED,
}
_FILLED = frozenset({MarkStyle.EVIDENCE, MarkStyle.FOUND, MarkStyle.FOUND_CURRENT})


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked span of a text.

    `group` is what the mark stands for, a claim id for instance, and comes back when it is clicked. A focused claim is
    filled with its tint; focused evidence is outlined too, in the colours of `tone`, the support of the claim it is
    shown for, where that is given. What a person decided is tinted lightly.
    """

    span: Span
    style: MarkStyle
    group: str = ""
    focused: bool = False
    decided: bool = False
    tone: MarkStyle | None = None

    @property
    def colour(self) -> MarkStyle:
        """The style whose colours the mark wears."""
        return self.tone if self.tone is not None and self.focused else self.style


class MarkIndex:
    """Marks by place. Overlapping and nested marks are all found, in O(log n) steps for each."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        """Sort the marks; of two that start together the longer comes first."""
        self.marks: Sequence[Mark] = sorted(marks, key=lambda mark: (mark.span.start, -mark.span.end))
        self._starts = array("q", (mark.span.start for mark in self.marks))
        self._size = 1 << max(0, len(self.marks) - 1).bit_length()
        # A tree of maxima over the ends: node i covers nodes 2i and 2i + 1, the leaves follow from `_size`.
        self._latest = array("q", [-1]) * (2 * self._size)
        self._latest[self._size : self._size + len(self.marks)] = array("q", (mark.span.end for mark in self.marks))
        for node in range(self._size - 1, 0, -1):
            self._latest[node] = max(self._latest[2 * node], self._latest[2 * node + 1])

    def within(self, span: Span) -> list[Mark]:
        """Return the marks that share a code point with the span, in the order of the text."""
        return [self.marks[number] for number in self._reaching(bisect_left(self._starts, span.end), span.start)]

    def _reaching(self, before: int, offset: int) -> Iterator[int]:
        """Yield the numbers below `before` of the marks that end after `offset`."""
        pending = [(1, 0, self._size)]
        while pending:
            node, low, high = pending.pop()
            if low >= before or self._latest[node] <= offset:
                continue
            if node >= self._size:
                yield low
                continue
            middle = (low + high) // 2
            pending.append((2 * node + 1, middle, high))
            pending.append((2 * node, low, middle))
