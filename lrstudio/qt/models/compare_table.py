"""Candidates with what several judges say of them, and a candidate's claims side by side, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lrstudio.viewstate.compare import NO_CLAIM, ClaimRow, CompareRow

CHIP_ROLE = Qt.ItemDataRole.UserRole + 1
"""A `Chip` to be painted in place of words."""
DIFFERS_ROLE = Qt.ItemDataRole.UserRole + 2
ROW_ROLE = Qt.ItemDataRole.UserRole + 3
"""The whole `CompareRow`."""

Index = QModelIndex | QPersistentModelIndex


Row = TypeVar("Row")


class _SideBySide(QAbstractTableModel, Generic[Row]):
    """Rows with one column for each judge between a first column and `_behind`."""

    _first: str
    _behind: tuple[str, ...] = ()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Row, ...] = ()
        self._names: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as they stand."""
        return self._rows

    def set_rows(self, rows: Sequence[Row], names: Sequence[str]) -> None:
        """Show other rows, of judges of these names."""
        self.beginResetModel()
        self._rows, self._names = tuple(rows), tuple(names)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        """Count the rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the columns."""
        return 0 if parent.isValid() else 1 + len(self._names) + len(self._behind)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name the columns."""
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        names = [self._first, *self._names, *self._behind]
        return names[section] if section < len(names) else None


class CompareTable(_SideBySide[CompareRow]):
    """One row a candidate: label and question, the scores of each judge, where they differ most, claims that differ."""

    _first = "candidate"
    _behind = ("widest gap", "claims")

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text for the eye and the ear."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == DIFFERS_ROLE:
            return row.differs
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken if column == 0 else self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(row, column)
        return self._text(row, column) if role == Qt.ItemDataRole.DisplayRole else None

    def _text(self, row: CompareRow, column: int) -> str:
        if column == 0:
            return f"{row.label}   {row.question}"
        if column <= len(self._names):
            return row.cells[column - 1].spoken
        return row.gap_text if column == len(self._names) + 1 else str(row.supports or "–")

    def _tooltip(self, row: CompareRow, column: int) -> str:
        if column == 0:
            return row.question
        if column <= len(self._names):
            return row.cells[column - 1].tooltip
        return "the largest difference in one dimension" if column == len(self._names) + 1 else row.spoken


class ClaimTable(_SideBySide[ClaimRow]):
    """One row a claim, with each judge's support."""

    _first = "claim"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text for the eye and the ear, and the chip for the delegate."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == DIFFERS_ROLE:
            return row.differs
        chip = (row.chips[column - 1] or NO_CLAIM) if column else None
        if role == CHIP_ROLE:
            return chip
        if role == Qt.ItemDataRole.ToolTipRole:
            return chip.tooltip if chip else row.text
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return chip.text if chip else row.text
        return None
