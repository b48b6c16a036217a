"""A table of a report on the screen."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from lrstudio.qt.models.report_table import ReportTable
from lrstudio.qt.views.chrome import unit
from lrstudio.qt.views.scroll import QuietHeader, QuietScrollBar, quiet
from lrstudio.viewstate.reports import Grid, tsv


class RoomyCells(QStyledItemDelegate):
    """Cells with air between the columns."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Ask for more than the words take."""
        return super().sizeHint(option, index) + QSize(12, 0)


class TableView(QTableView):
    """A table to read: Ctrl+C copies what is selected, or all of it, for a spreadsheet."""

    def __init__(self) -> None:
        super().__init__()
        self.table = ReportTable(self)
        self.setModel(self.table)
        self.setItemDelegate(RoomyCells(self))
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAlternatingRowColors(True)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + unit(self))
        self.setHorizontalHeader(QuietHeader(self))
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBar(QuietScrollBar(Qt.Orientation.Horizontal, self))
        quiet(self)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        copy.activated.connect(self.copy)

    def show_grid(self, grid: Grid | None) -> None:
        """Show a grid, None for nothing."""
        self.table.show_grid(grid)
        self.horizontalHeader().setStretchLastSection(bool(grid and not grid.numbers[-1]))
        self.setAccessibleName(grid.title if grid else "No table")

    def copy(self) -> None:
        """Put the selected cells, or the whole table where at most one is selected, on the clipboard."""
        grid = self.table.grid
        cells = {(it.row(), it.column()) for it in self.selectionModel().selectedIndexes()}
        rows, columns = sorted({row for row, _ in cells}), sorted({column for _, column in cells})
        if len(cells) <= 1:
            rows, columns = list(range(len(grid.rows))), list(range(len(grid.columns)))
        picked = [[grid.rows[row][column] for column in columns] for row in rows]
        QGuiApplication.clipboard().setText(tsv([grid.columns[it] for it in columns], picked))
