"""The dimensions as tabs: a name, how much is decided, a line under the one that is shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QTabBar, QWidget

from lrstudio.qt.views.chrome import accent, bold, muted, paint_focus, unit
from lrstudio.viewstate.audit_headers import Tab


class DimensionTabs(QTabBar):
    """Flat tabs, painted calmly.

    Signals:
        picked: the Dimension a person chose.
    """

    picked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tabs: tuple[Tab, ...] = ()
        self._setting = False
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setAccessibleName("Dimensions")
        self.currentChanged.connect(self._changed)

    def set_tabs(self, tabs: Sequence[Tab]) -> None:
        """Show these dimensions."""
        self._setting = True
        while self.count() < len(tabs):
            self.addTab("")
        while self.count() > len(tabs):
            self.removeTab(self.count() - 1)
        self._tabs = tuple(tabs)
        for at, tab in enumerate(tabs):
            text = f"{tab.title} {tab.count}".rstrip()
            if self.tabText(at) != text:
                self.setTabText(at, text)
                self.setAccessibleTabName(at, text)
            if tab.selected and self.currentIndex() != at:
                self.setCurrentIndex(at)
        self._setting = False
        self.update()

    def tabSizeHint(self, index: int) -> QSize:
        """Ask for room for the name in its strong weight, and the count."""
        step = unit(self)
        strong = QFontMetrics(bold(self.font()))
        if index >= len(self._tabs):
            return QSize(4 * step, 4 * step)
        tab = self._tabs[index]
        width = strong.horizontalAdvance(tab.title) + 3 * step
        if tab.count:
            width += self.fontMetrics().horizontalAdvance(tab.count) + step
        return QSize(width, strong.height() + 2 * step)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint names, counts and the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        step = unit(self)
        for at, tab in enumerate(self._tabs):
            rect = self.tabRect(at)
            selected = at == self.currentIndex()
            font = bold(self.font()) if selected else self.font()
            painter.setFont(font)
            painter.setPen(self.palette().color(QPalette.ColorRole.Text) if selected else muted(self))
            area = rect.adjusted(step * 3 // 2, 0, -step, 0)
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, tab.title)
            if tab.count:
                left = area.left() + QFontMetrics(font).horizontalAdvance(tab.title) + step
                painter.setFont(self.font())
                rest = QRect(left, rect.top(), rect.right() - left + step, rect.height())
                painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, tab.count)
            if selected:
                height = max(2, step // 3)
                painter.fillRect(QRect(rect.left(), rect.bottom() - height + 1, rect.width(), height), accent(self))
                if self.hasFocus():
                    paint_focus(painter, QRectF(rect).adjusted(2, 4, -2, -height - 2), self, radius=4)

    def _changed(self, at: int) -> None:
        if not self._setting and 0 <= at < len(self._tabs):
            self.picked.emit(self._tabs[at].dimension)
