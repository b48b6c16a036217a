"""Questions as headings with their candidates below, for a tree view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from lrstudio.viewstate.audit_list import CandidateRow, QuestionRow

ROW_ROLE = Qt.ItemDataRole.UserRole + 1
"""The whole CandidateRow or QuestionRow, for delegates."""

Index = QModelIndex | QPersistentModelIndex
_TOP = 0
_HEADING_FLAGS = Qt.ItemFlag.ItemIsEnabled
_CANDIDATE_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren


class QuestionTree(QAbstractItemModel):
    """Immutable rows; `set_rows` tells Qt no more than what changed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._groups: tuple[QuestionRow, ...] = ()

    @property
    def groups(self) -> tuple[QuestionRow, ...]:
        """The rows as they stand."""
        return self._groups

    def set_rows(self, groups: Sequence[QuestionRow]) -> bool:
        """Show other rows; return whether the model was reset, since the same rows in the same order only change."""
        new = tuple(groups)
        if _shape(new) != _shape(self._groups):
            self.beginResetModel()
            self._groups = new
            self.endResetModel()
            return True
        old, self._groups = self._groups, new
        for at, (before, after) in enumerate(zip(old, new, strict=True)):
            top = self.index(at, 0)
            if (before.query, before.document_title) != (after.query, after.document_title):
                self.dataChanged.emit(top, top)
            for row, (was, now) in enumerate(zip(before.rows, after.rows, strict=True)):
                if was != now:
                    changed = self.index(row, 0, top)
                    self.dataChanged.emit(changed, changed)
        return False

    def index_of(self, candidate_id: str) -> QModelIndex:
        """Return the index of a candidate, an invalid one where it is not listed."""
        for at, group in enumerate(self._groups):
            for row, candidate in enumerate(group.rows):
                if candidate.candidate_id == candidate_id:
                    return self.index(row, 0, self.index(at, 0))
        return QModelIndex()

    def row_at(self, index: Index) -> CandidateRow | QuestionRow | None:
        """Return what stands at an index."""
        if not index.isValid():
            return None
        if index.internalId() == _TOP:
            return self._groups[index.row()]
        return self._groups[index.internalId() - 1].rows[index.row()]

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008 (Qt's signature)
        """Return the index of a row; candidates carry the number of their question, counted from 1."""
        # hasIndex would come back for rowCount and columnCount; a view asks for every row it has
        if column != 0 or not 0 <= row < self.rowCount(parent):
            return QModelIndex()
        return self.createIndex(row, 0, parent.row() + 1 if parent.isValid() else _TOP)

    def parent(self, index: Index = QModelIndex()) -> Any:  # noqa: B008
        """Return the question of a candidate."""
        if not index.isValid() or index.internalId() == _TOP:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, _TOP)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the questions, or a question's candidates."""
        if not parent.isValid():
            return len(self._groups)
        if parent.internalId() == _TOP and parent.column() == 0:
            return len(self._groups[parent.row()].rows)
        return 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """There is one column; a delegate lays it out."""
        return 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Candidates can be selected, headings only be folded."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return _HEADING_FLAGS if index.internalId() == _TOP else _CANDIDATE_FLAGS

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text for the eye and the ear, and the whole row for the delegate."""
        row = self.row_at(index)
        if row is None:
            return None
        if role == ROW_ROLE:
            return row
        if isinstance(row, QuestionRow):
            if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
                return row.query
            if role == Qt.ItemDataRole.ToolTipRole:
                return f"{row.query}\n{row.document_title}".rstrip()
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.label
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        return row.tooltip if role == Qt.ItemDataRole.ToolTipRole else None


def is_candidate(index: Index) -> bool:
    """Tell whether an index of a `QuestionTree` is a candidate's, without fetching its row."""
    return index.internalId() != _TOP


def _shape(groups: Sequence[QuestionRow]) -> list[tuple[str, tuple[str, ...]]]:
    return [(group.question_id, tuple(row.candidate_id for row in group.rows)) for group in groups]
