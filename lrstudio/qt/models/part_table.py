"""Claims or key points as a table."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.audit_parts import PartRow, evidence_text

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
FOCUS_ROLE = Qt.ItemDataRole.UserRole + 2
USES_ROLE = Qt.ItemDataRole.UserRole + 3

Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    """The columns."""

    NUMBER = 0
    TEXT = 1
    JUDGE = 2
    YOU = 3
    EVIDENCE = 4


class PartTable(QAbstractTableModel):
    """Immutable rows, the focused one among them, and those that use the passage that was clicked.

    Signals:
        reworded: `(part_id, text)` when a person typed another wording into the table.
    """

    reworded = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[PartRow, ...] = ()
        self._focused = ""
        self._passage = 0
        self._users: frozenset[str] = frozenset()
        self._noun = "claim"

    @property
    def rows(self) -> tuple[PartRow, ...]:
        """The rows as they stand."""
        return self._rows

    def set_rows(self, rows: Sequence[PartRow], *, focused: str, passage: int) -> None:
        """Show other rows; the same parts in the same order only change."""
        new = tuple(rows)
        old = self._rows
        if [it.target for it in new] != [it.target for it in old]:
            self.beginResetModel()
            self._rows, self._focused, self._passage, self._users = new, focused, passage, frozenset()
            self._noun = "key point" if new and new[0].target.dimension is Dimension.COMPLETENESS else "claim"
            self.endResetModel()
            return
        stale = {focused, self._focused} if (focused, passage) != (self._focused, self._passage) else set()
        self._rows, self._focused, self._passage = new, focused, passage
        for at, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after or after.part_id in stale:
                self._announce(at)

    def set_users(self, part_ids: frozenset[str]) -> None:
        """Mark the rows that use a passage."""
        stale = self._users ^ part_ids
        self._users = part_ids
        for at, row in enumerate(self._rows):
            if row.part_id in stale:
                self._announce(at)

    def index_of(self, part_id: str, column: Column = Column.TEXT) -> QModelIndex:
        """Return the index of a part, an invalid one where it is not listed."""
        for at, row in enumerate(self._rows):
            if row.part_id == part_id:
                return self.index(at, column)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        """Count the parts."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the columns."""
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name the columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("#", self._noun, "judge", "you", "evidence")[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rows can be selected, wordings edited."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == Column.TEXT else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text for the eye and the ear, and the whole row for the delegates."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        focused = row.part_id == self._focused
        if role == ROW_ROLE:
            return row
        if role == FOCUS_ROLE:
            return focused
        if role == USES_ROLE:
            return row.part_id in self._users
        if role == Qt.ItemDataRole.EditRole:
            return row.text if index.column() == Column.TEXT else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(row, index.column(), focused=focused)
        return _tooltip(row, index.column()) if role == Qt.ItemDataRole.ToolTipRole else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Pass a new wording on; the row changes when the decision is stored."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        row = self._rows[index.row()]
        text = str(value).strip()
        if not text or text == row.text:
            return False
        self.reworded.emit(row.part_id, text)
        return True

    def _text(self, row: PartRow, column: int, *, focused: bool) -> str:
        if column == Column.NUMBER:
            return str(row.number)
        if column == Column.TEXT:
            return row.text
        if column == Column.JUDGE:
            return row.judge.text
        if column == Column.YOU:
            return row.you.text
        return evidence_text(row, passage=self._passage, focused=focused)

    def _announce(self, at: int) -> None:
        self.dataChanged.emit(self.index(at, 0), self.index(at, len(Column) - 1))


def _tooltip(row: PartRow, column: int) -> str | None:
    if column == Column.TEXT:
        return f"{row.text}\n\n{row.explanation}".strip()
    if column == Column.JUDGE:
        return row.judge.tooltip or None
    if column == Column.YOU:
        return row.you.tooltip or None
    return None
