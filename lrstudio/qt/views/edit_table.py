"""A small table to type in, with rows to add and to take away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import unit

_ROWS_SHOWN = 4


class EditTable(QWidget):
    """Rows of texts; the first column takes what the others leave.

    Signals:
        changed: something was typed, added or taken away.
    """

    changed = Signal()

    def __init__(self, columns: Sequence[str], *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, len(columns))
        self.table.setHorizontalHeaderLabels(list(columns))
        self.table.setAccessibleName(name)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setAccessibleName("Rows")
        self.table.horizontalHeader().setAccessibleName("Columns")
        for corner in self.table.findChildren(QAbstractButton):
            corner.setAccessibleName("All rows")
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        step = unit(self)
        for column in range(1, len(columns)):
            header.resizeSection(column, 14 * step if len(columns) > 2 else 26 * step)
        line = 3 * step
        self.table.verticalHeader().setDefaultSectionSize(line)
        self.table.setFixedHeight((_ROWS_SHOWN + 1) * line + 4)
        self.add = Button("Add")
        self.remove = Button("Remove")
        for button, words in ((self.add, "a row"), (self.remove, "the row")):
            button.setAccessibleName(f"{button.text()} {words} of {name}")
        buttons = QVBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(step)
        across.addWidget(self.table, 1)
        across.addLayout(buttons)
        self.add.clicked.connect(self._add)
        self.remove.clicked.connect(self._remove)
        self.table.itemChanged.connect(lambda _item: self.changed.emit())
        self.setFocusProxy(self.table)

    def rows(self) -> list[tuple[str, ...]]:
        """Return what stands in it."""
        return [
            tuple(item.text() if (item := self.table.item(row, column)) else "" for column in range(self._columns()))
            for row in range(self.table.rowCount())
        ]

    def set_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Fill it."""
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            for column, text in enumerate(row):
                self.table.setItem(at, column, QTableWidgetItem(text))

    def go_to(self, row: int) -> None:
        """Put the keyboard to a row."""
        self.table.setCurrentCell(row, 0)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _columns(self) -> int:
        return self.table.columnCount()

    def _add(self) -> None:
        at = self.table.rowCount()
        self.table.insertRow(at)
        cells = [QTableWidgetItem("") for _ in range(self._columns())]
        for column, cell in enumerate(cells):
            self.table.setItem(at, column, cell)
        self.go_to(at)
        self.table.editItem(cells[0])

    def _remove(self) -> None:
        at = self.table.currentRow()
        if at >= 0:
            self.table.removeRow(at)
            self.changed.emit()
