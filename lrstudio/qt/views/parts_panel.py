"""Below the texts: the dimensions, what the verdicts rest on, and the claims or key points as a table."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from lrstudio.qt.actions import Actions
from lrstudio.qt.models.part_table import ROW_ROLE, Column, PartTable
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, Words, panel_ground, unit
from lrstudio.qt.views.delegates import PartDelegate, chip_column_width
from lrstudio.qt.views.dimension_tabs import DimensionTabs
from lrstudio.qt.views.score_panel import ScorePanel
from lrstudio.qt.views.scroll import QuietHeader, quiet
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.viewstate.audit import Screen
from lrstudio.viewstate.audit_parts import PartRow


class PartView(QTreeView):
    """The table itself: a row is in focus, its wording can be edited in place."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRootIsDecorated(False)
        self.setItemsExpandable(False)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        self.setAllColumnsShowFocus(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Claims or key points")
        self.setTabKeyNavigation(False)
        self.setItemDelegate(PartDelegate(self, switch))
        self.setHeader(QuietHeader(self))
        quiet(self)

    def lay_out_columns(self) -> None:
        """Give the text what the other columns leave."""
        header, metrics = self.header(), self.fontMetrics()
        step = unit(self)
        modes = QHeaderView.ResizeMode
        for column, width in (
            (Column.NUMBER, metrics.horizontalAdvance("000") + 2 * step),
            (Column.JUDGE, chip_column_width(metrics, decided=False)),
            (Column.YOU, chip_column_width(metrics, decided=True)),
            (Column.EVIDENCE, metrics.horizontalAdvance("evidence") + 3 * step),
        ):
            header.setSectionResizeMode(column, modes.Fixed)
            header.resizeSection(column, width)
        header.setSectionResizeMode(Column.TEXT, modes.Stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the texts anew."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.scheduleDelayedItemsLayout()

    def keyboardSearch(self, search: str) -> None:
        """Letters are commands here."""


class PartsPanel(QWidget):
    """Tabs, the line of coverage, and the table, the score or the words that say why there is neither.

    Signals:
        part_picked: the id of a claim or key point.
        reworded: `(part_id, text)`.
    """

    part_picked = Signal(str)
    reworded = Signal(str, str)

    def __init__(self, switch: ThemeSwitch, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._model = PartTable(self)
        self._model.reworded.connect(self.reworded)
        self.tabs = DimensionTabs()
        self.table = PartView(switch)
        self.table.setModel(self._model)
        self.table.lay_out_columns()
        self.score = ScorePanel(switch)
        self.call_button = Button("Raw call", kind=Kind.FLAT)
        bind(self.call_button, actions["judge.call"])
        self._coverage = Words(quiet=True)
        self._coverage.setAccessibleName("What the verdicts rest on")
        self._coverage.setAlignment(Qt.AlignmentFlag.AlignRight)
        run = Button("Run judge", kind=Kind.PRIMARY)
        bind(run, actions["judge.run"])
        self._run_button = run
        self._empty = EmptyState("", "", (run,))
        self._stack = QStackedWidget()
        for page in (self.table, self.score, self._empty):
            self._stack.addWidget(page)
        self._lay_out()
        self.table.selectionModel().currentRowChanged.connect(self._moved)
        self.table.customContextMenuRequested.connect(self._open_menu)
        switch.changed.connect(self.table.viewport().update)

    def show_screen(self, screen: Screen) -> None:
        """Show the dimension in focus."""
        self.tabs.set_tabs(screen.tabs)
        self._coverage.setText(screen.coverage)
        focus = screen.focus
        self._model.set_rows(screen.rows, focused=focus.part_id, passage=focus.passage)
        if screen.card is not None:
            self.score.show_card(screen.card)
            self._stack.setCurrentWidget(self.score)
        elif screen.rows:
            self._stack.setCurrentWidget(self.table)
            self._select(focus.part_id)
        else:
            self._say_empty(screen)

    def mark_users(self, rows: Sequence[PartRow]) -> None:
        """Mark the rows that use the passage that was clicked; none clears them."""
        self._model.set_users(frozenset(row.part_id for row in rows))

    def edit(self, part_id: str) -> None:
        """Open the wording of a part for editing in place."""
        index = self._model.index_of(part_id)
        if index.isValid():
            self.table.edit(index)

    def _say_empty(self, screen: Screen) -> None:
        judged = screen.coverage != "not judged yet"
        noun = "claims" if screen.focus.dimension.value == "faithfulness" else "key points"
        if judged:
            self._empty.say(f"No {noun} here", f"{screen.coverage}. Select text and press a to add one.")
        else:
            self._empty.say("Not judged yet", f"Run a judge to see {noun}, or select text and press a to add one.")
        self._run_button.setVisible(not judged)
        self._stack.setCurrentWidget(self._empty)

    def _select(self, part_id: str) -> None:
        index = self._model.index_of(part_id)
        if index.isValid() and self.table.currentIndex().row() != index.row():
            flags = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        if index.isValid():
            self.table.scrollTo(index)

    def _moved(self, index: QModelIndex, _previous: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if isinstance(row, PartRow):
            self.part_picked.emit(row.part_id)

    def _open_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in ("part.reword", "claim.split", "claim.merge", "part.add", "evidence.mark", "evidence.unmark"):
            menu.addAction(self._actions[name])
        menu.addSeparator()
        menu.addAction(self._actions["judge.call"])
        menu.popup(self.table.viewport().mapToGlobal(position))

    def _lay_out(self) -> None:
        panel_ground(self)
        step = unit(self)
        head = QHBoxLayout()
        head.setContentsMargins(step, 0, step, 0)
        head.setSpacing(step)
        head.addWidget(self.tabs)
        head.addStretch(1)
        head.addWidget(self._coverage, 8)
        head.addWidget(self.call_button)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addWidget(Line())
        box.addWidget(self._stack, 1)
