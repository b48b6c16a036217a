"""The table of pairs with its filters."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lrstudio.domain.pair_lists import PairFilter, PairSort
from lrstudio.domain.pairs import PairState, RuleName
from lrstudio.qt.models.pair_table import CHIP_ROLE, PairTable
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import Words, panel_ground, small, unit
from lrstudio.qt.views.forms import Choice
from lrstudio.qt.views.scroll import QuietHeader, quiet
from lrstudio.qt.views.signs import paint_chip
from lrstudio.viewstate.audit_signs import Chip
from lrstudio.viewstate.pairs_list import COLUMNS

_ALL_STATES = PairFilter().states
_STATES = (
    (_ALL_STATES, "all states"),
    ((PairState.PROPOSED,), "proposed"),
    ((PairState.GOLD,), "gold"),
    ((PairState.REJECTED,), "rejected"),
)
_RULES = (
    (None, "any rule"),
    (RuleName.LONGREWARD, "LongReward's rule"),
    (RuleName.MARGIN, "margin"),
    (RuleName.AGAINST, "against a chosen one"),
    (RuleName.IMPORTED, "imported"),
)
_WIDTHS = (0, 25, 25, 10, 14, 12, 18, 24)
_TYPING_MS = 200

Index = QModelIndex | QPersistentModelIndex


class _PairDelegate(QStyledItemDelegate):
    """Words, or the chip of the state."""

    def __init__(self, view: QTableView, switch: ThemeSwitch) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one cell."""
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        theme, step = self._switch.theme, unit(self._view)
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selection"))
            if index.column() == 0:
                painter.fillRect(
                    QRect(rect.left(), rect.top(), max(3, step // 3), rect.height()), theme.color("accent")
                )
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("line"))
        area = rect.adjusted(step * 3 // 2 if index.column() == 0 else 0, 0, -2 * step, 0)
        chip = index.data(CHIP_ROLE)
        if isinstance(chip, Chip):
            painter.setFont(small(self._view.font()))
            paint_chip(painter, area, chip, theme)
        else:
            painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
            words = " ".join(str(index.data() or "").split())
            text = self._view.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, area.width())
            painter.drawText(area, index.data(Qt.ItemDataRole.TextAlignmentRole), text)
        painter.restore()


class PairsTableView(QTableView):
    """The table; Enter and letters go to the window, where they decide the pair."""

    def __init__(self, model: PairTable, switch: ThemeSwitch) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName("Pairs")
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_PairDelegate(self, switch))
        header = QuietHeader(self)
        header.setSectionsClickable(True)
        self.setHorizontalHeader(header)
        down = self.verticalHeader()
        down.setVisible(False)
        down.setMinimumSectionSize(1)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setDefaultSectionSize(self.fontMetrics().height() + unit(self) * 5 // 4)
        quiet(self)
        wide = self.fontMetrics().averageCharWidth()
        for column, characters in enumerate(_WIDTHS):
            if characters:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
                header.resizeSection(column, characters * wide)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        switch.changed.connect(self.viewport().update)

    def keyboardSearch(self, search: str) -> None:
        """Leave letters to the window."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave Enter to the window."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)


class PairsList(QWidget):
    """The table below a line of filters.

    Signals:
        view_changed: another filter or order is wanted; see `wanted`, `sort` and `descending`.
        row_chosen: the place of the row that is looked at.
    """

    view_changed = Signal()
    row_chosen = Signal(int)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        panel_ground(self)
        self.sort = PairSort.PROJECT
        self.descending = False
        self._column = 0
        self.model = PairTable(self)
        self.table = PairsTableView(self.model, switch)
        self.states = Choice(_STATES, name="State of the pairs")
        self.rules = Choice(_RULES, name="Rule that proposed the pairs")
        self.stale = QCheckBox("stale only")
        self.margin = QDoubleSpinBox()
        self.margin.setRange(0.0, 10.0)
        self.margin.setSingleStep(0.5)
        self.margin.setDecimals(1)
        self.margin.setPrefix("margin ≥ ")
        self.margin.setSpecialValueText("any margin")
        self.margin.setAccessibleName("Least margin")
        self.found = Words("", quiet=True)
        self._soon = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._soon.timeout.connect(self.view_changed)
        self.states.currentIndexChanged.connect(self.view_changed)
        self.rules.currentIndexChanged.connect(self.view_changed)
        self.stale.toggled.connect(self.view_changed)
        self.margin.valueChanged.connect(self._soon.start)
        self.table.horizontalHeader().sectionClicked.connect(self.sort_by)
        self.table.selectionModel().currentRowChanged.connect(self._row_changed)
        self._lay_out()

    @property
    def wanted(self) -> PairFilter:
        """The filter as it is set."""
        return PairFilter(
            states=_STATES[max(0, self.states.currentIndex())][0],
            rule=_RULES[max(0, self.rules.currentIndex())][0],
            stale=True if self.stale.isChecked() else None,
            margin=self.margin.value() or None,
        )

    @property
    def current(self) -> int:
        """The place of the row looked at, -1 for none."""
        return self.table.currentIndex().row()

    def sort_by(self, column: int) -> None:
        """Sort by a column, the other way round when it is pressed again."""
        sort = COLUMNS[column][1]
        if sort is None:
            return
        self.descending = not self.descending if sort is self.sort else sort is not PairSort.PROJECT
        self.sort, self._column = sort, column
        self.view_changed.emit()

    def reset_filters(self) -> None:
        """Want all pairs."""
        self.states.setCurrentIndex(0)
        self.rules.setCurrentIndex(0)
        self.stale.setChecked(False)
        self.margin.setValue(0.0)

    def go_to(self, row: int) -> None:
        """Look at a row, the nearest there is."""
        if self.model.total:
            self.table.setCurrentIndex(self.model.index(max(0, min(row, self.model.total - 1)), 0))

    def mark(self, pair_id: str) -> None:
        """Mark the row of the pair that is on screen, none where it is not among the rows; nothing is chosen by it."""
        at = self.model.find(pair_id) if pair_id else -1
        if at < 0:
            self.table.clearSelection()
        elif at != self.current or not self.table.selectionModel().hasSelection():
            self.blockSignals(True)
            self.go_to(at)
            self.blockSignals(False)

    def show_total(self) -> None:
        """Say how many pairs the list has, and by what it is sorted."""
        order = "" if self.sort is PairSort.PROJECT else f" · by {COLUMNS[self._column][0]}"
        turned = (", highest first" if self.descending else ", lowest first") if order else ""
        noun = "pair" if self.model.total == 1 else "pairs"
        self.found.setText(f"{self.model.total:,} {noun}{order}{turned}")
        self.found.updateGeometry()

    def hold(self, page: QWidget) -> QStackedWidget:
        """Take in a page that is shown in place of the table where it is empty; return what holds both."""
        self._pages.addWidget(page)
        return self._pages

    def _row_changed(self, index: QModelIndex) -> None:
        if index.isValid():
            self.row_chosen.emit(index.row())

    def _lay_out(self) -> None:
        step = unit(self)
        row = QHBoxLayout()
        row.setContentsMargins(step * 3 // 2, step // 2, step * 3 // 2, step // 2)
        row.setSpacing(step)
        for widget in (self.states, self.rules, self.margin, self.stale):
            row.addWidget(widget)
        row.addSpacing(step)
        row.addWidget(self.found, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(row)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        box.addWidget(self._pages, 1)
