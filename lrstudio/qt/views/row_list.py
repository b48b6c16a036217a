"""A short list with columns."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from lrstudio.qt.views.chrome import unit
from lrstudio.qt.views.scroll import QuietHeader, quiet


class RowList(QTreeWidget):
    """A short list with columns; Enter and a double click take a row.

    Signals:
        taken: the data of the row.
    """

    taken = Signal(object)

    def __init__(self, columns: Sequence[str], *, name: str) -> None:
        super().__init__()
        self.setHeader(QuietHeader(self))
        self.setHeaderLabels(list(columns))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAllColumnsShowFocus(True)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(name)
        self.header().setAccessibleName("Columns")
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.header().setStretchLastSection(False)
        for column in range(1, len(columns)):
            self.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        quiet(self)
        self.itemDoubleClicked.connect(lambda row, _column: self.taken.emit(row.data(0, Qt.ItemDataRole.UserRole)))

    def set_rows(self, rows: Sequence[tuple[object, Sequence[str]]]) -> None:
        """Show rows of data and texts; the row that was current stays so, by its data."""
        before = self.current()
        self.clear()
        chosen = None
        for data, texts in rows:
            row = QTreeWidgetItem(self, list(texts))
            row.setData(0, Qt.ItemDataRole.UserRole, data)
            row.setToolTip(0, texts[0])
            row.setSizeHint(0, QSize(0, self.fontMetrics().height() + unit(self) * 5 // 4))
            if chosen is None or data == before:
                chosen = row
        if chosen is not None:
            self.setCurrentItem(chosen)

    def current(self) -> object:
        """Return the data of the current row, None where there is none."""
        row = self.currentItem()
        return row.data(0, Qt.ItemDataRole.UserRole) if row is not None else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the row with Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current() is not None:
            self.taken.emit(self.current())
        else:
            super().keyPressEvent(event)
