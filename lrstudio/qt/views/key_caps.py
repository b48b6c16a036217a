"""Keys as they look on the keyboard."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from lrstudio.qt.views.chrome import Words, muted, small, unit


class KeyCap(QWidget):
    """A key as it looks on the keyboard."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self.setFont(small(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Ask for room for the key's name."""
        metrics = self.fontMetrics()
        return QSize(max(metrics.horizontalAdvance(self._text), unit(self)) + unit(self) + 2, metrics.height() + 5)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cap."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, height = self.sizeHint().width(), self.sizeHint().height()
        box = QRectF(0.5, (self.height() - height) / 2 + 0.5, width - 1, height - 1)
        edge = muted(self)
        edge.setAlphaF(0.45)
        painter.setPen(QPen(edge, 1))
        painter.setBrush(self.palette().color(QPalette.ColorRole.Window))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._text)


class KeyHints(QWidget):
    """A line of keys with the word for what they do; where room is short, whole hints are left out."""

    def __init__(self, hints: Sequence[tuple[tuple[str, ...], str]], parent: QWidget | None = None) -> None:
        """Make the line; the first and the last hint are the last to go."""
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._groups = [_group(keys, word) for keys, word in hints]
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(unit(self) * 3 // 2)
        row.addStretch(1)
        for group in self._groups:
            row.addWidget(group)

    def minimumSizeHint(self) -> QSize:
        """Ask for no width: what does not fit is left out."""
        return QSize(0, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the hints that fit."""
        super().resizeEvent(event)
        room, gap = event.size().width(), self._row.spacing()
        first, *others = self._groups
        shown = []
        for group in (first, *others[-1:], *others[:-1]):
            room -= group.sizeHint().width() + gap
            if room < 0:
                break
            shown.append(group)
        for group in self._groups:
            group.setVisible(group in shown)


def _group(keys: Sequence[str], word: str) -> QWidget:
    group = QWidget()
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(unit(group) // 2)
    for key in keys:
        row.addWidget(KeyCap(key))
    words = Words(word, quiet=True, whole=True)
    words.setFont(small(words.font()))
    row.addWidget(words)
    return group
