"""Below the plots: the table of runs, the log and the answers of the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from lrstudio.qt.actions import Actions
from lrstudio.qt.models.run_table import CHIP_ROLE, RunTable
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.action_row import ActionRow
from lrstudio.qt.views.chrome import Words, panel_ground, small, unit
from lrstudio.qt.views.dialogs.base import reading_view
from lrstudio.qt.views.flat_tabs import FlatTabs
from lrstudio.qt.views.scroll import QuietHeader, quiet
from lrstudio.qt.views.signs import paint_chip
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.viewstate.audit_signs import Chip
from lrstudio.viewstate.display_text import DisplayText
from lrstudio.viewstate.training_runs import COLUMNS, STATE_COLUMN, RunCells, SampleCells
from lrstudio.viewstate.training_watch import LOG_LINES, RunScreen

_WIDTHS = {"run": 18, "recipe": 9, "set": 13, "host": 12, "step": 12, "loss": 9, "held-out reward": 16, "s/pair": 9}
_LAST_WIDTH = 14
_STATE_WIDTH = 22
"""Widths are in characters; the state takes what is left, at least these: "unknown since 14:42" with its sign."""
_SPARED = ("s/pair", "set", "held-out reward", "recipe", "host")
"""Columns that are left out where the state has less, this one first."""
RUNS, LOG, SAMPLES = range(3)

Index = QModelIndex | QPersistentModelIndex


class _RunDelegate(QStyledItemDelegate):
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
        area = rect.adjusted(step * 3 // 2 if index.column() == 0 else 0, 0, -step, 0)
        chip = index.data(CHIP_ROLE)
        if isinstance(chip, Chip):
            painter.setFont(small(self._view.font()))
            paint_chip(painter, area, chip, theme)
        else:
            painter.setPen(self._view.palette().color(QPalette.ColorRole.Text))
            text = self._view.fontMetrics().elidedText(
                str(index.data() or ""), Qt.TextElideMode.ElideRight, area.width()
            )
            painter.drawText(area, index.data(Qt.ItemDataRole.TextAlignmentRole), text)
        painter.restore()


class RunsTableView(QTableView):
    """The table; letters go to the window, where they do something with the run."""

    def __init__(self, model: RunTable, switch: ThemeSwitch) -> None:
        super().__init__()
        self.setModel(model)
        self.setAccessibleName("Runs")
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(_RunDelegate(self, switch))
        header = QuietHeader(self)
        self.setHorizontalHeader(header)
        down = self.verticalHeader()
        down.setVisible(False)
        down.setAccessibleName("Rows")
        down.setMinimumSectionSize(1)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setDefaultSectionSize(self.fontMetrics().height() + unit(self) * 5 // 4)
        for corner in self.findChildren(QAbstractButton):
            corner.setAccessibleName("Corner")
        quiet(self)
        wide = self.fontMetrics().averageCharWidth()
        for column, name in enumerate(COLUMNS):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, _WIDTHS.get(name, _LAST_WIDTH) * wide)
        header.setSectionResizeMode(STATE_COLUMN, QHeaderView.ResizeMode.Stretch)
        switch.changed.connect(self.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for the word of a state: what matters less than it gives way."""
        super().resizeEvent(event)
        wide = self.fontMetrics().averageCharWidth()
        widths = {name: _WIDTHS.get(name, _LAST_WIDTH) * wide for name in COLUMNS if name != COLUMNS[STATE_COLUMN]}
        room = self.viewport().width() - sum(widths.values())
        for name in _SPARED:
            hidden = room < _STATE_WIDTH * wide
            self.setColumnHidden(COLUMNS.index(name), hidden)
            room += widths[name] if hidden else 0

    def keyboardSearch(self, search: str) -> None:
        """Leave letters to the window."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave Enter to the window."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)


class RunsPanel(QWidget):
    """The table and the pages beside it, with what can be done with a run above.

    Signals:
        run_chosen: the id of the run that is looked at.
    """

    run_chosen = Signal(str)

    def __init__(self, switch: ThemeSwitch, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        panel_ground(self)
        self.model = RunTable(self)
        self.table = RunsTableView(self.model, switch)
        self.tabs = FlatTabs(("Runs", "Log", "Samples"), name="Runs, log and samples")
        self.log = reading_view("", name="Log", fixed=True)
        self.log.setMaximumBlockCount(LOG_LINES)
        self.samples = reading_view("", name="Samples", fixed=False)
        for text in (self.log, self.samples):
            text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
            text.document().setDocumentMargin(unit(self) * 3 // 2)
        self.nothing = EmptyState("", "")
        self.engine = Words("", quiet=True)
        self._shown: tuple[str, int] = ("", 0)
        self._samples: tuple[SampleCells, ...] = ()
        words = {
            "stop": "Stop and save",
            "kill": "Stop now…",
            "resume": "Resume",
            "fetch": "Fetch the adapter",
            "judge": "Judge its answers",
            "compare": "Compare…",
            "notes": "Notes…",
            "folder": "Folder",
            "remove": "Remove…",
        }
        self.deeds = ActionRow({text: actions[f"training.{name}"] for name, text in words.items()})
        self._lay_out()
        self.tabs.currentChanged.connect(self._pages.setCurrentIndex)
        self.table.selectionModel().currentRowChanged.connect(self._row_changed)

    @property
    def current(self) -> RunCells | None:
        """The run that is looked at."""
        at = self.table.currentIndex().row()
        return self.model.rows[at] if 0 <= at < len(self.model.rows) else None

    def show_rows(self, rows: Sequence[RunCells], *, chosen: str) -> None:
        """Show the runs, and look at one of them, at the first where it is not there."""
        self.table.selectionModel().blockSignals(True)
        self.model.set_rows(rows)
        at = max(0, self.model.find(chosen))
        if rows and at != self.table.currentIndex().row():
            self.table.setCurrentIndex(self.model.index(at, 0))
        self.table.selectionModel().blockSignals(False)
        self.table.viewport().update()
        self._table_or_nothing.setCurrentWidget(self.table if rows else self.nothing)

    def turn_to(self, tab: int) -> None:
        """Turn to a page; turned to already it goes back to the runs."""
        to = RUNS if self.tabs.currentIndex() == tab else tab
        self.tabs.setCurrentIndex(to)
        (self.table, self.log, self.samples)[to].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def say_nothing(self, title: str, text: str) -> None:
        """Say what to do where there is no run."""
        self.nothing.say(title, text)

    def show_screen(self, screen: RunScreen | None) -> None:
        """Show log and answers of a run; only what is new is added to what is there."""
        if screen is None:
            self._shown, self._samples = ("", 0), ()
            self.log.clear()
            self.samples.clear()
            self.engine.setText("")
            self._name_tabs(0, 0)
            return
        run_id, seen = self._shown
        new = screen.log_total - seen if run_id == screen.row.run_id else len(screen.log) + 1
        if new > len(screen.log):
            self.log.setPlainText(_shown_lines(screen.log))
            self._to_end()
        elif new:
            self._append(screen.log[-new:])
        self._shown = (screen.row.run_id, screen.log_total)
        if screen.samples != self._samples:
            self._samples = screen.samples
            self._show_samples()
        words = {"shared": "shared prefix", "plain": "each answer with its document"}
        self.engine.setText(words.get(screen.engine, ""))
        self._name_tabs(screen.warnings, len(screen.samples))

    def _append(self, lines: Sequence[str]) -> None:
        bar = self.log.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 2
        self.log.appendPlainText(_shown_lines(lines))
        if at_end:
            self._to_end()

    def _to_end(self) -> None:
        bar = self.log.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _show_samples(self) -> None:
        told, row_id = [], ""
        for it in self._samples:
            if it.sample.row_id != row_id:
                row_id = it.sample.row_id
                told.append(f"━━ {it.sample.question or row_id}\n")
            told.append(f"{it.heading}\n{it.sample.text.strip()}\n")
        bar = self.samples.verticalScrollBar()
        place = bar.value()
        self.samples.setPlainText(DisplayText.build("\n".join(told)).shown)
        bar.setValue(place)

    def _name_tabs(self, warnings: int, samples: int) -> None:
        noun = "warning" if warnings == 1 else "warnings"
        self.tabs.setTabText(LOG, f"Log · ◐ {warnings} {noun}" if warnings else "Log")
        self.tabs.setTabText(SAMPLES, f"Samples · {samples}" if samples else "Samples")

    def _row_changed(self, index: QModelIndex) -> None:
        if index.isValid():
            self.run_chosen.emit(self.model.rows[index.row()].run.run_id)

    def _lay_out(self) -> None:
        step = unit(self)
        row = QHBoxLayout()
        row.setContentsMargins(step, step // 2, step * 3 // 2, step // 2)
        row.setSpacing(step)
        row.addWidget(self.tabs)
        row.addWidget(self.engine, 1)
        row.addWidget(self.deeds)
        self._table_or_nothing = QStackedWidget()
        self._table_or_nothing.addWidget(self.table)
        self._table_or_nothing.addWidget(self.nothing)
        self._pages = QStackedWidget()
        for page in (self._table_or_nothing, self.log, self.samples):
            self._pages.addWidget(page)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(row)
        box.addWidget(self._pages, 1)


def _shown_lines(lines: Sequence[str]) -> str:
    return DisplayText.build("\n".join(lines)).shown
