"""Tabs as words, with a line under the one that is shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QTabBar, QWidget

from lrstudio.qt.views.chrome import accent, bold, muted, paint_focus, unit


class FlatTabs(QTabBar):
    """Flat tabs, painted calmly."""

    def __init__(self, names: Sequence[str], *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for text in names:
            self.addTab(text)

    def tabSizeHint(self, index: int) -> QSize:
        """Ask for room for the words in their strong weight."""
        step, strong = unit(self), QFontMetrics(bold(self.font()))
        return QSize(strong.horizontalAdvance(self.tabText(index)) + 2 * step, strong.height() + step)

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Be never cut."""
        return self.tabSizeHint(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the words and the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        step = unit(self)
        for at in range(self.count()):
            rect = self.tabRect(at)
            selected = at == self.currentIndex()
            painter.setFont(bold(self.font()) if selected else self.font())
            painter.setPen(self.palette().color(QPalette.ColorRole.Text) if selected else muted(self))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self.tabText(at))
            if selected:
                height = max(2, step // 3)
                painter.fillRect(
                    QRect(rect.left() + step // 2, rect.bottom() - height + 1, rect.width() - step, height),
                    accent(self),
                )
                if self.hasFocus():
                    paint_focus(painter, QRectF(rect).adjusted(1, 1, -1, -height - 1), self, radius=4)
