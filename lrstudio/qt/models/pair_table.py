"""The pairs of a project as a table that holds only the pages looked at: its length does not matter."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from lrstudio.viewstate.pairs_list import COLUMNS, PairCells

CHIP_ROLE = Qt.ItemDataRole.UserRole + 1
"""A `Chip` to be painted in place of words."""
PAGE = 200
"""Rows read at once."""

_PAGES_KEPT = 20
_STATE_COLUMN = [name for name, _ in COLUMNS].index("state")
_NUMBERS = frozenset(at for at, (name, _) in enumerate(COLUMNS) if name in ("margin", "length ratio"))

Index = QModelIndex | QPersistentModelIndex


class PairTable(QAbstractTableModel):
    """Rows that are not there yet are asked for once and are empty until they come.

    Signals:
        wanted: the number of a page, counted from 0, that is looked at and not there.
    """

    wanted = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._total = 0
        self._pages: OrderedDict[int, tuple[PairCells, ...]] = OrderedDict()
        self._asked: set[int] = set()

    @property
    def total(self) -> int:
        """How long the whole list is."""
        return self._total

    def start(self, total: int, first: Sequence[PairCells], *, page: int = 0) -> None:
        """Show another list, of which one page is there."""
        self._asked.clear()
        if total == self._total:  # the same length keeps the place in the list
            self._pages.clear()
            self._pages[page] = tuple(first)
            if total:
                self.dataChanged.emit(self.index(0, 0), self.index(total - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self._total = total
        self._pages.clear()
        self._pages[page] = tuple(first)
        self.endResetModel()

    def put(self, page: int, rows: Sequence[PairCells]) -> None:
        """Take a page that was wanted."""
        self._asked.discard(page)
        self._pages[page] = tuple(rows)
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)
        first = page * PAGE
        last = min(self._total, first + len(rows)) - 1
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))

    def row(self, at: int) -> PairCells | None:
        """Return a row, None where it is not there or not there yet."""
        if not 0 <= at < self._total:
            return None
        number, place = divmod(at, PAGE)
        page = self._pages.get(number)
        if page is None:
            if number not in self._asked:
                self._asked.add(number)
                self.wanted.emit(number)
            return None
        return page[place] if place < len(page) else None

    def find(self, pair_id: str) -> int:
        """Return the place of a pair among the rows that are there, -1 where it is not."""
        for number, page in self._pages.items():
            for place, cells in enumerate(page):
                if cells.pair.pair_id == pair_id:
                    return number * PAGE + place
        return -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        """Count the pairs."""
        return 0 if parent.isValid() else self._total

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name the columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text for the eye and the ear, and the chip for the delegate."""
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if index.column() in _NUMBERS else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, CHIP_ROLE):
            return None
        cells = self.row(index.row())
        if cells is None:
            return None
        if role == CHIP_ROLE:
            return cells.chip if index.column() == _STATE_COLUMN else None
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == _STATE_COLUMN:
            return cells.chip.tooltip or None
        return cells.texts[index.column()]
