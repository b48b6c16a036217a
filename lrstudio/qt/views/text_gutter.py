"""The numbers in the margin of a text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from lrstudio.domain.text import Span
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.text_marks import MarkStyle

_PADDING = 6
_SHARE = 0.82


@dataclass(frozen=True, slots=True)
class GutterLabel:
    """A short text beside the line in which `offset` stands; with a style it is a chip, and wins the line."""

    offset: int
    text: str
    style: MarkStyle | None = None


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where a line is on the screen: its top and height in pixels."""

    top: float
    height: float


class Gutter(QWidget):
    """Paints the labels whose lines are on the screen."""

    def __init__(
        self,
        switch: ThemeSwitch,
        *,
        places: Callable[[Sequence[int]], Sequence[LinePlace]],
        shown: Callable[[], Span],
        parent: QWidget,
    ) -> None:
        """Stand beside a text, which says what part of it is shown and where offsets of that part are."""
        super().__init__(parent)
        self._switch = switch
        self._beside = parent
        self._places = places
        self._span = shown
        self._labels: Sequence[GutterLabel] = ()
        self._offsets: Sequence[int] = ()
        self._longest: Sequence[str] = ()

    def set_labels(self, labels: Iterable[GutterLabel]) -> None:
        """Show these labels in place of all others."""
        self._labels = sorted(labels, key=lambda label: label.offset)
        self._offsets = [label.offset for label in self._labels]
        # Digits are equally wide in nearly every font: the longest texts are the widest.
        self._longest = sorted({label.text for label in self._labels}, key=len)[-3:]
        self.update()

    def label_font(self) -> QFont:
        """Return the font of the labels, a little smaller than the text's."""
        font = QFont(self._beside.font())
        font.setPointSizeF(font.pointSizeF() * _SHARE)
        return font

    def sizeHint(self) -> QSize:
        """Return the width that the widest label takes, 0 without labels."""
        metrics = QFontMetricsF(self.label_font())
        widths = (round(metrics.horizontalAdvance(text)) + 2 * _PADDING for text in self._longest)
        return QSize(max(widths, default=0), 0)

    def visible(self) -> list[tuple[LinePlace, GutterLabel]]:
        """Return the labels on the screen, at most one for each line."""
        span = self._span()
        first, last = bisect_left(self._offsets, span.start), bisect_left(self._offsets, span.end)
        chosen: dict[float, tuple[LinePlace, GutterLabel]] = {}
        places = self._places(self._offsets[first:last])
        for place, label in zip(places, self._labels[first:last], strict=True):
            if place.top not in chosen or (label.style is not None and chosen[place.top][1].style is None):
                chosen[place.top] = (place, label)
        return list(chosen.values())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint numbers in grey at the right edge, chips in the colours of their style."""
        theme = self._switch.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), theme.color("panel"))
        painter.setFont(self.label_font())
        for place, label in self.visible():
            row = QRectF(0, place.top, self.width(), place.height)
            if label.style is None:
                painter.setPen(theme.color("muted"))
                painter.drawText(row.adjusted(0, 0, -_PADDING, 0), _RIGHT, label.text)
                continue
            width = max(place.height, painter.fontMetrics().horizontalAdvance(label.text) + 1.5 * _PADDING)
            chip = QRectF(self.width() - width - 1, place.top, width, place.height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(f"{label.style}_tint"))
            painter.drawRoundedRect(chip, place.height / 2, place.height / 2)
            painter.setPen(theme.color(label.style))
            painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, label.text)
        painter.end()


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
