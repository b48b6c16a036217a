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

from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.models.compare_table import CHIP_ROLE, DIFFERS_ROLE, ROW_ROLE
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import bold, small, unit
from lrstudio.qt.views.scroll import QuietHeader, quiet
from lrstudio.qt.views.signs import paint_chip
from lrstudio.viewstate.audit_signs import Chip
from lrstudio.viewstate.compare import CompareRow

SLOT = 7
"""Characters that a letter and its score take."""

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
            self._paint_words(painter, area, index)
        painter.restore()

    def _paint_words(self, painter: QPainter, area: QRect, index: Index) -> None:
        """Paint a label before its question, scores in places of their own, or words."""
        font, wide = self._view.font(), self._view.fontMetrics().averageCharWidth()
        row, at = index.data(ROW_ROLE), index.column() - 1
        text = str(index.data())
        painter.setFont(font)
        painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
        if isinstance(row, CompareRow) and 0 <= at < len(row.cells):
            for dimension, score in zip(Dimension, row.cells[at].scores, strict=True):
                widest = row.differs and dimension is row.gap_dimension
                painter.setPen(self._view.palette().color(QPalette.ColorRole.PlaceholderText))
                painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, dimension.letter)
                painter.setFont(bold(font) if widest else font)
                painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
                painter.drawText(area.adjusted(2 * wide, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, score)
                painter.setFont(font)
                area = area.adjusted(SLOT * wide, 0, 0, 0)
            return
        if isinstance(row, CompareRow) and at < 0:
            painter.setFont(bold(font))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, row.label)
            painter.setFont(font)
            area, text = area.adjusted(4 * wide, 0, 0, 0), row.question
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)


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
