"""The strip beside a text: where in the whole of it the marks are, and which part is on the screen."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.theme.tokens import blend
from lrstudio.qt.views.text_marks import Mark, MarkStyle

TICKED = frozenset(MarkStyle) - {MarkStyle.UNCHECKED}
"""The styles that have ticks unless others are asked for."""

_WIDTH = 14
_TICK = 3
_THUMB = 16
# Finer than any screen is high: a resize sorts these into rows, not the marks.
_BINS = 4096
# Where two ticks fall on one row the one that asks more of the reader is seen; a focused one always is.
_WEIGHT = {
    MarkStyle.UNCHECKED: 0,
    MarkStyle.FULL: 1,
    MarkStyle.EVIDENCE: 2,
    MarkStyle.PARTIAL: 3,
    MarkStyle.NOT_FOUND: 4,
    MarkStyle.CONTRADICTED: 5,
    MarkStyle.FOUND: 6,
    MarkStyle.FOUND_CURRENT: 7,
}
_FOCUS = len(_WEIGHT)

_Ticks = dict[int, tuple[int, MarkStyle]]


class Minimap(QWidget):
    """Ticks by place in the text, and a thumb to scroll by. Painting costs its height, not the number of marks.

    A place is a fraction of the text's code points. The scroll bar's own value would not do: it counts a paragraph that
    was not laid out yet as one line, so that places would shift while one reads.
    """

    pointed = Signal(float)
    """A place, 0 to 1, that should come to the middle of the screen."""
    dragged = Signal(float)
    """A place that should come to its top."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget) -> None:
        """Stand beside a text."""
        super().__init__(parent)
        self._switch = switch
        self._marked: _Ticks = {}
        self._found: _Ticks = {}
        self._rows: _Ticks = {}
        self._strip: QPixmap | None = None
        self._shown = (0.0, 1.0)
        self._held = (0.0, 0.0)
        self.setAccessibleName("Overview of the marks")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        switch.changed.connect(self._redraw)

    def sizeHint(self) -> QSize:
        """Return the width of the strip."""
        return QSize(_WIDTH, 0)

    def set_marks(self, marks: Iterable[Mark], *, length: int, styles: frozenset[MarkStyle] = TICKED) -> None:
        """Show a tick for every mark of the given styles in a text of `length` code points."""
        self._marked = _ticks((mark for mark in marks if mark.style in styles), length)
        self._sort()

    def set_found(self, hits: Iterable[Mark], *, length: int) -> None:
        """Show a tick for every hit of a search, over the marks."""
        self._found = _ticks(hits, length)
        self._sort()

    def set_shown(self, first: float, last: float) -> None:
        """Show which part of the text, between two places, is on the screen."""
        if (first, last) != self._shown:
            self._shown = (first, last)
            self.update()

    def ticks(self) -> list[tuple[int, MarkStyle]]:
        """Return the rows (y in pixels) that carry a tick, and the style that is seen there."""
        return [(row, style) for row, (_, style) in sorted(self._rows.items())]

    def _sort(self) -> None:
        height = max(1, self.height() - _TICK)
        self._rows = {}
        for ticks in (self._marked, self._found):
            for number, (weight, style) in ticks.items():
                row = number * height // _BINS
                if weight >= self._rows.get(row, (weight, style))[0]:
                    self._rows[row] = (weight, style)
        self._redraw()

    def _thumb(self) -> QRectF:
        first, last = self._shown
        height = max(_THUMB, (last - first) * self.height())
        top = (first + last) / 2 * self.height() - height / 2
        return QRectF(0, min(max(0.0, top), self.height() - height), self.width(), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Sort the ticks into the new rows."""
        super().resizeEvent(event)
        self._sort()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground, the thumb and the ticks."""
        theme = self._switch.theme
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.color("panel"))
        # Where all of the text is on the screen there is nothing to look out for.
        if self._shown != (0.0, 1.0):
            painter.fillRect(self._thumb(), blend(theme.color("muted"), theme.color("panel"), share=0.22))
            if self._strip is None:
                self._strip = self._draw()
            painter.drawPixmap(0, 0, self._strip)
        painter.end()

    def _draw(self) -> QPixmap:
        """Draw the ticks once for all the times that the thumb moves over them."""
        theme, ratio = self._switch.theme, self.devicePixelRatioF()
        strip = QPixmap(self.size() * ratio)
        strip.setDevicePixelRatio(ratio)
        strip.fill(Qt.GlobalColor.transparent)
        painter = QPainter(strip)
        colours = {style: theme.color(f"{style}_mark") for style in MarkStyle}
        for row, (weight, style) in sorted(self._rows.items(), key=lambda item: item[1][0] >= _FOCUS):
            focused = weight >= _FOCUS
            inset = 2 if focused else 4
            painter.fillRect(inset, row, self.width() - 2 * inset, _TICK + focused, colours[style])
        painter.end()
        return strip

    def changeEvent(self, event: QEvent) -> None:
        """Draw the ticks again for a screen of another density."""
        if event.type() is QEvent.Type.DevicePixelRatioChange:
            self._redraw()
        super().changeEvent(event)

    def _redraw(self) -> None:
        self._strip = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the thumb, or bring the place under the mouse to the screen."""
        if event.button() is not Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        if not self._thumb().contains(event.position()):
            self.pointed.emit(min(1.0, max(0.0, event.position().y() / max(1, self.height() - 1))))
        self._held = (event.position().y(), self._shown[0])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scroll by the thumb."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            y, first = self._held
            share = self._shown[1] - self._shown[0]
            way = max(1.0, self.height() - self._thumb().height())
            self.dragged.emit(min(1.0, max(0.0, first + (event.position().y() - y) / way * (1 - share))))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of the thumb."""
        event.accept()


def _ticks(marks: Iterable[Mark], length: int) -> _Ticks:
    ticks: _Ticks = {}
    for mark in marks:
        number = mark.span.start * _BINS // max(1, length)
        weight = _WEIGHT[mark.style] + _FOCUS * mark.focused
        if weight >= ticks.get(number, (weight, mark.style))[0]:
            ticks[number] = (weight, mark.colour)
    return ticks
