"""The tables of the comparison: quiet, walked by the keyboard, differences marked by more than a colour."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from lrstudio.qt.models.compare_table import CHIP_ROLE, DIFFERS_ROLE
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import bold, small, unit
from lrstudio.qt.views.scroll import QuietHeader, quiet
from lrstudio.qt.views.signs import paint_chip
from lrstudio.viewstate.audit_signs import Chip

Index = QModelIndex | QPersistentModelIndex


class CompareDelegate(QStyledItemDelegate):
    """Words or a chip; a row that differs has a bar at its left and strong words."""

    def __init__(self, view: QTreeView, switch: ThemeSwitch) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Ask for one line."""
        return QSize(0, self._view.fontMetrics().height() + unit(self._view) * 5 // 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one cell."""
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        theme, step = self._switch.theme, unit(self._view)
        differs = bool(index.data(DIFFERS_ROLE))
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selection"))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("line"))
        if differs and index.column() == 0:
            painter.fillRect(QRect(rect.left(), rect.top(), max(3, step // 3), rect.height()), theme.color("partial"))
        area = rect.adjusted(step * 3 // 2 if index.column() == 0 else 0, 0, -step, 0)
        chip = index.data(CHIP_ROLE)
        if isinstance(chip, Chip):
            painter.setFont(small(self._view.font()))
            paint_chip(painter, area, chip, theme)
        else:
            strong = differs and index.column() == 0
            painter.setFont(bold(self._view.font()) if strong else self._view.font())
            painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
            text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, area.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class CompareTree(QTreeView):
    """A table of the comparison.

    Signals:
        row_entered: the index of a row on which Enter was pressed, or which was clicked twice.
    """

    row_entered = Signal(QModelIndex)

    def __init__(self, switch: ThemeSwitch, *, name: str) -> None:
        super().__init__()
        self.setRootIsDecorated(False)
        self.setItemsExpandable(False)
        self.setUniformRowHeights(True)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setAllColumnsShowFocus(True)
        self.setAccessibleName(name)
        self.setItemDelegate(CompareDelegate(self, switch))
        self.setHeader(QuietHeader(self))
        quiet(self)
        self.doubleClicked.connect(self.row_entered)
        switch.changed.connect(self.viewport().update)

    def lay_out_columns(self, widths: list[int]) -> None:
        """Give the first column what the others leave; `widths` are those of the others, in characters."""
        header, wide = self.header(), self.fontMetrics().averageCharWidth()
        header.setMinimumSectionSize(2 * unit(self))
        for column, characters in enumerate(widths, start=1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, characters * wide + 2 * unit(self))
        if header.count():
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the candidate with Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.row_entered.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
