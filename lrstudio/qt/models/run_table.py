"""The runs of a project as a table; the latest is the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lrstudio.viewstate.training_runs import COLUMNS, NUMBERS, STATE_COLUMN, RunCells, spoken

CHIP_ROLE = Qt.ItemDataRole.UserRole + 1
"""A `Chip` to be painted in place of words."""

Index = QModelIndex | QPersistentModelIndex


class RunTable(QAbstractTableModel):
    """Immutable rows; the same runs in the same order only change."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[RunCells, ...] = ()

    def set_rows(self, rows: Sequence[RunCells]) -> None:
        """Show other rows."""
        new = tuple(rows)
        if [it.run.run_id for it in new] != [it.run.run_id for it in self.rows]:
            self.beginResetModel()
            self.rows = new
            self.endResetModel()
            return
        old, self.rows = self.rows, new
        for at, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                self.dataChanged.emit(self.index(at, 0), self.index(at, len(COLUMNS) - 1))

    def find(self, run_id: str) -> int:
        """Return the place of a run, -1 where it is not there."""
        return next((at for at, it in enumerate(self.rows) if it.run.run_id == run_id), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        """Count the runs."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section) if section in NUMBERS else None
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text for the eye and the ear, and the chip for the delegate."""
        if not index.isValid():
            return None
        cells, column = self.rows[index.row()], index.column()
        if role == CHIP_ROLE:
            return cells.chip if column == STATE_COLUMN else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == STATE_COLUMN:
                return cells.chip.tooltip or None
            return cells.run.notes or cells.run.model if column == 0 else cells.texts[column]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return spoken(cells) if column == 0 else f"{COLUMNS[column]} {cells.texts[column]}"
        return cells.texts[column] if role == Qt.ItemDataRole.DisplayRole else None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in NUMBERS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
