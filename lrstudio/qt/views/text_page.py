"""How a long text is laid out and where on the screen its characters are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QTextBlock, QTextDocument, QTextLayout, QTextLine
from PySide6.QtWidgets import QPlainTextDocumentLayout

_LEADING = 0.34
_BLANK = 0.6


class PageLayout(QPlainTextDocumentLayout):
    """The lazy layout of QPlainTextEdit with air between lines, and half a line for a blank one.

    Qt has no line height for plain text. It does ask for a block's rectangle before it paints or measures the block, so
    that the lines can be moved apart there, once for each block that is laid out.
    """

    def __init__(self, document: QTextDocument) -> None:
        """Lay out the document."""
        super().__init__(document)
        self.leading = 0.0
        """Pixels between two lines."""
        self.follow(document.defaultFont())

    def follow(self, font: QFont) -> None:
        """Take the air between lines from a font; the document is given the same font next."""
        self.leading = float(round(QFontMetricsF(font).height() * _LEADING))

    def blockBoundingRect(self, block: QTextBlock) -> QRectF:
        """Return the rectangle of a block, its lines moved apart."""
        rect = super().blockBoundingRect(block)
        layout = block.layout() if block.isValid() else None
        count = layout.lineCount() if layout is not None else 0
        if layout is None or not count:
            return rect
        above = self.leading / 2
        if layout.lineAt(0).y() != above:
            _spread(layout, above=above, leading=self.leading)
        last = layout.lineAt(count - 1)
        bottom = last.y() + last.height() + self.leading - above
        if block.length() <= 2 and block.text() in ("", "\f"):
            bottom = float(round(bottom * _BLANK))
        if not block.next().isValid():
            bottom += self.document().documentMargin()
        return QRectF(0, 0, rect.width(), bottom)


def _spread(layout: QTextLayout, *, above: float, leading: float) -> None:
    y = above
    for number in range(layout.lineCount()):
        line = layout.lineAt(number)
        line.setPosition(QPointF(line.x(), y))
        y += line.height() + leading


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph on the screen: its positions in the document, its layout, and the viewport's y of its top."""

    start: int
    end: int
    top: float
    bottom: float
    layout: QTextLayout

    def line_at(self, y: float) -> QTextLine:
        """Return the line nearest to the viewport's `y`."""
        for number in range(self.layout.lineCount() - 1):
            line, following = self.layout.lineAt(number), self.layout.lineAt(number + 1)
            if y - self.top < (line.y() + line.height() + following.y()) / 2:
                return line
        return self.layout.lineAt(self.layout.lineCount() - 1)


@dataclass(frozen=True, slots=True)
class Box:
    """One line's share of a marked range, in the viewport: the rectangle of its characters."""

    left: float
    top: float
    right: float
    bottom: float


def boxes(block: Block, *, start: int, end: int) -> Iterator[Box]:
    """Yield where the characters between two positions of the document are, line by line.

    A line of both directions yields a box for every stretch: neighbours in the text may lie apart on the screen. The
    space at which a line wraps is left out.
    """
    first, last = max(start, block.start) - block.start, min(end, block.end) - block.start
    if first >= last:
        return
    for number in range(block.layout.lineForTextPosition(first).lineNumber(), block.layout.lineCount()):
        line = block.layout.lineAt(number)
        opening = line.textStart()
        if opening >= last:
            return
        low, high = max(first, opening), min(last, opening + line.textLength())
        top = block.top + line.y()
        for left, right in _stretches(line, low, high):
            yield Box(left, top, right, top + line.height())


def _stretches(line: QTextLine, low: int, high: int) -> list[tuple[float, float]]:
    # cursorToX knows no width for the first character of a run against the direction of its line; glyph runs do.
    rects = [run.boundingRect() for run in line.glyphRuns(low, high - low)]
    if len(rects) == 1:
        return [(rects[0].left(), rects[0].right())]
    joined: list[tuple[float, float]] = []
    for left, right in sorted((rect.left(), rect.right()) for rect in rects):
        if joined and left - joined[-1][1] < 1:
            joined[-1] = (joined[-1][0], max(right, joined[-1][1]))
        else:
            joined.append((left, right))
    return joined
