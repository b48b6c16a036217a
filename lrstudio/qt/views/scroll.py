"""Quiet scroll bars and column headings for lists."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QAbstractScrollArea, QHeaderView, QScrollBar, QStyle, QStyleOptionSlider, QWidget

from lrstudio.qt.views.chrome import line_color, muted, small, unit


class QuietScrollBar(QScrollBar):
    """A thumb without a groove or arrows; it darkens under the mouse."""

    def sizeHint(self) -> QSize:
        """Ask for one and a half units across."""
        across = unit(self) * 3 // 2
        return QSize(across, 6 * across) if self.orientation() is Qt.Orientation.Vertical else QSize(6 * across, across)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the thumb."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        if self.maximum() <= self.minimum():
            return
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        thumb = self.style().subControlRect(
            QStyle.ComplexControl.CC_ScrollBar, option, QStyle.SubControl.SC_ScrollBarSlider, self
        )
        color = muted(self) if self.underMouse() or self.isSliderDown() else line_color(self).darker(115)
        color.setAlphaF(0.7)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        across, along = max(2, unit(self) // 3), 1
        upright = self.orientation() is Qt.Orientation.Vertical
        left, top = (across, along) if upright else (along, across)
        box = QRectF(thumb).adjusted(left, top, -left, -top)
        radius = min(box.width(), box.height()) / 2
        painter.drawRoundedRect(box, radius, radius)


def quiet(area: QAbstractScrollArea) -> None:
    """Give an area the quiet scroll bar."""
    area.setVerticalScrollBar(QuietScrollBar(Qt.Orientation.Vertical, area))


class QuietHeader(QHeaderView):
    """Column names in grey, with a line below and none between."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setStretchLastSection(False)
        self.setSectionsMovable(False)
        self.setSectionsClickable(False)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(2 * unit(self))
        self.setAccessibleName("Columns")
        self.setFont(small(self.font()))
        self.setFixedHeight(self.fontMetrics().height() + unit(self))

    def paintSection(self, painter: QPainter, rect: QRect, index: int) -> None:
        """Paint one name."""
        painter.save()
        painter.fillRect(rect, self.palette().color(QPalette.ColorRole.Base))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), line_color(self))
        painter.setFont(self.font())
        painter.setPen(muted(self))
        left = unit(self) * 3 // 2 if index == 0 else 0
        words = str(self.model().headerData(index, Qt.Orientation.Horizontal) or "")
        aligned = self.model().headerData(index, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole)
        if aligned is not None:
            painter.drawText(rect.adjusted(3, 0, -3, 0), aligned, words)
        else:
            painter.drawText(rect.adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line beyond the last column, too."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        rest = self.viewport().rect()
        rest.setLeft(self.length() - self.offset())
        painter.fillRect(rest, self.palette().color(QPalette.ColorRole.Base))
        painter.fillRect(QRect(rest.left(), rest.bottom(), rest.width(), 1), line_color(self))
