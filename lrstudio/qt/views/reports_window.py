"""The window of reports: what to report on, the list of what was measured, and one of it in plots and tables."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QPalette, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QTabBar,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lrstudio.domain.reports import By, JudgeName, Report, Section
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.banner import Banner
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Splitter, Words, bold, small, unit
from lrstudio.qt.views.dialogs.base import Dialog
from lrstudio.qt.views.forms import Choice
from lrstudio.qt.views.reports_plots import PlotView
from lrstudio.qt.views.reports_remedies import Remedies
from lrstudio.qt.views.reports_table import TableView
from lrstudio.qt.views.scroll import quiet
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.viewstate.report_plots import DOTS, Plot, plots
from lrstudio.viewstate.reports import (
    BLIND,
    BLIND_WHY,
    CLUSTERS,
    KINDS,
    SLICES,
    STALE,
    Entry,
    Grid,
    Wish,
    counts,
    grids,
    groups,
    heading,
    judge_choices,
    next_step,
    reasons,
)

_SECTION = Qt.ItemDataRole.UserRole


class ReportsWindow(Dialog):
    """The window.

    Signals:
        wanted: the `Wish` of the report that is to be computed.
        cancelled: the report under way is no longer wanted.
        export_wanted: a plot or a table is to be written to a file.
        remedy_wanted: the `Remedy` that a set is to be frozen by.
        unblind_wanted: blind is to be turned off, so that the judge's figures can be seen.
        candidate_wanted: the id of a candidate whose dot, or row, was chosen.
    """

    wanted = Signal(object)
    cancelled = Signal()
    export_wanted = Signal()
    remedy_wanted = Signal(object)
    unblind_wanted = Signal()
    candidate_wanted = Signal(str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Reports", parent, size=(156, 98))
        self.report: Report | None = None
        self.plots: tuple[Plot, ...] = ()
        self.grids: tuple[Grid, ...] = ()
        self._wish = Wish()
        self._filling = False
        self._chosen_plot = ""
        self._chosen_grid = ""
        self.kind = Choice(KINDS, name="Report")
        self.judge = Choice(judge_choices(()), name="Judge")
        dimensions = ((None, "all dimensions"), *((it, it.value) for it in Dimension))
        self.dimension = Choice(dimensions, name="Dimension")
        self.by = Choice(SLICES, name="Cut by")
        self.cluster = Choice(CLUSTERS, name="Belongs together by")
        self.compute = Button("Compute", kind=Kind.PRIMARY)
        self.cancel = Button("Cancel")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Judges done")
        self.banner = Banner(switch)
        self.banner.close_button.set_words("Dismiss")
        self.sections = QTreeWidget()
        self.title = Words("", strong=True)
        self.counts = QLabel()
        self.reasons = QLabel()
        self.remedies = Remedies()
        self.plot_tabs = QTabBar()
        self.plot = PlotView(switch)
        self.table_tabs = QTabBar()
        self.table = TableView()
        self.empty = QLabel()
        self.unblind = Button("Show anyway (ends blind mode)")
        self.veil = EmptyState(BLIND, BLIND_WHY, (self.unblind,))
        self.notes = QLabel()
        self.copy = Button("Copy the table")
        self.export = Button("Export…")
        self._lay_out()
        self._connect()
        self.show_busy(busy=False)
        self.take_room()

    @property
    def wish(self) -> Wish:
        """The report as it is chosen above."""
        dimension, by = self.dimension.currentData(), self.by.currentData()  # Qt hands enums back as plain strings
        return Wish(
            self.kind.currentData(),
            self.judge.currentData(),
            Dimension(dimension) if dimension else None,
            By(by) if by else None,
            self.cluster.currentData(),
        )

    @property
    def section(self) -> Section | None:
        """What is shown of the report."""
        at = self.sections.currentItem()
        found = at.data(0, _SECTION) if at is not None else None
        return found if isinstance(found, Section) else None

    @property
    def shown_plot(self) -> Plot | None:
        """The plot on the screen."""
        at = self.plot_tabs.currentIndex()
        return self.plots[at] if 0 <= at < len(self.plots) else None

    @property
    def shown_grid(self) -> Grid | None:
        """The table on the screen."""
        at = self.table_tabs.currentIndex()
        return self.grids[at] if 0 <= at < len(self.grids) else None

    def set_judges(self, judges: Sequence[JudgeName]) -> None:
        """Offer these judges; the one that was chosen stays chosen while it is there."""
        chosen = self.judge.currentData()
        self._filling = True
        self.judge.clear()
        for data, words in judge_choices(judges):
            self.judge.addItem(words, data)
        at = next((at for at in range(self.judge.count()) if self.judge.itemData(at) == chosen), 0)
        self.judge.setCurrentIndex(at)
        self._filling = False

    def show_veil(self, *, blind: bool) -> None:
        """Hide every figure from a person who decides blind, or let them be seen again."""
        if blind:
            self.report, self.plots, self.grids = None, (), ()
            self.sections.clear()
            self.banner.hide()
            self.show_busy(busy=False)
        for widget in (self.kind, self.judge, self.dimension, self.by, self.cluster, self.compute):
            widget.setEnabled(not blind)
        self.copy.setEnabled(not blind)
        self.export.setEnabled(not blind and self.report is not None)
        self.notes.setVisible(bool(self.notes.text()) and not blind and self.report is not None)
        self._pages.setCurrentWidget(self.veil if blind else self.empty)
        if blind:
            self.unblind.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_busy(self, *, busy: bool, done: int = 0, of: int = 0) -> None:
        """Show that a report is being computed, after so many judges of so many; 0 of 0 where that is not known."""
        self.progress.setRange(0, of)
        self.progress.setValue(done)
        self.progress.setVisible(busy)
        self.cancel.setVisible(busy)
        self.compute.setVisible(not busy)
        if busy:
            self.banner.hide()

    def show_stale(self) -> None:
        """Say that what is shown no longer holds."""
        if self.report is not None and not self.progress.isVisible():
            self.banner.tell(STALE, label="Compute again", do=self.ask)

    def show_trouble(self, words: str) -> None:
        """Say why there is no report."""
        self.banner.refuse(words)

    def show_report(self, report: Report, wish: Wish) -> None:
        """Show a report; the section that was looked at is shown again where there is one like it."""
        before = self.section
        self.report, self._wish = report, wish
        listed = groups(report)
        self.sections.clear()
        for judge, entries in listed:
            self._add_judge(judge, entries)
        self.notes.setText("\n".join(report.notes))
        self.notes.setVisible(bool(report.notes) and bool(listed))
        self.empty.setText("\n\n".join((*report.notes, next_step(report))))
        self._pages.setCurrentIndex(1 if listed else 0)
        self.export.setEnabled(bool(listed))
        self.copy.setEnabled(bool(listed))
        first = self.sections.topLevelItem(0)
        again = _like(self.sections, before) or (first.child(0) if first is not None else None)
        if again is not None:
            self.sections.setCurrentItem(again)

    def ask(self) -> None:
        """Wish for the report as it is chosen now."""
        self.wanted.emit(self.wish)

    def _add_judge(self, judge: str, entries: Sequence[Entry]) -> None:
        item = QTreeWidgetItem(self.sections.invisibleRootItem(), [judge])
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        item.setFont(0, bold(self.font()))
        item.setSizeHint(0, self._row())
        item.setToolTip(0, judge)
        item.setExpanded(True)
        for entry in entries:
            _add(entry, item, size=self._row())

    def _row(self) -> QSize:
        return QSize(0, self.fontMetrics().height() + unit(self) * 3 // 4)

    def _chosen(self) -> None:
        if not self._filling:
            self.ask()

    def _show_section(self) -> None:
        section = self.section
        if section is None and self.sections.currentItem() is not None:
            return  # the name of a judge: what was looked at stays
        self.title.setText(heading(section) if section else "")
        self.counts.setText(counts(section) if section else "")
        self.counts.setVisible(bool(self.counts.text()))
        self.reasons.setText(reasons(section) if section else "")
        self.reasons.setVisible(bool(self.reasons.text()))
        self.remedies.show_remedies(section.remedies if section else ())
        self.plots = plots(section) if section else ()
        self.grids = grids(section, cluster=self._wish.cluster) if section else ()
        _fill(self.plot_tabs, [it.title for it in self.plots], wanted=self._chosen_plot)
        _fill(self.table_tabs, [it.title for it in self.grids], wanted=self._chosen_grid)
        self._show_plot()
        self._show_grid()

    def _show_plot(self) -> None:
        self.plot.show_plot(self.shown_plot)
        self._upper.setVisible(bool(self.plots))
        self.plot_tabs.setVisible(len(self.plots) > 1)

    def _show_grid(self) -> None:
        self.table.show_grid(self.shown_grid)

    def _row_activated(self, index: QModelIndex) -> None:
        grid = self.shown_grid
        if grid is not None and grid.key == DOTS:
            self.candidate_wanted.emit(grid.rows[index.row()][0])

    def _choose_plot(self, at: int) -> None:
        self._chosen_plot = self.plot_tabs.tabText(at)
        self._show_plot()

    def _choose_grid(self, at: int) -> None:
        self._chosen_grid = self.table_tabs.tabText(at)
        self._show_grid()

    def _connect(self) -> None:
        for choice in (self.kind, self.judge, self.dimension, self.by, self.cluster):
            choice.currentIndexChanged.connect(self._chosen)
        self.compute.clicked.connect(self.ask)
        self.cancel.clicked.connect(self.cancelled)
        self.sections.currentItemChanged.connect(self._show_section)
        self.plot_tabs.currentChanged.connect(self._choose_plot)
        self.table_tabs.currentChanged.connect(self._choose_grid)
        self.copy.clicked.connect(self.table.copy)
        self.export.clicked.connect(self.export_wanted)
        self.unblind.clicked.connect(self.unblind_wanted)
        self.plot.dot_chosen.connect(self.candidate_wanted)
        self.table.activated.connect(self._row_activated)
        self.remedies.wanted.connect(self.remedy_wanted)
        for key, button in (("Ctrl+R", self.compute), ("Ctrl+.", self.cancel), ("Ctrl+E", self.export)):
            QShortcut(QKeySequence(key), self).activated.connect(button.click)

    def _lay_out(self) -> None:
        step = unit(self)
        self.column.addLayout(self._choices())
        self.column.addWidget(self.banner)
        self.sections.setHeaderHidden(True)
        self.sections.setFrameShape(QFrame.Shape.NoFrame)
        self.sections.setAccessibleName("What was measured")
        self.sections.setTextElideMode(Qt.TextElideMode.ElideRight)
        quiet(self.sections)
        for label in (self.counts, self.reasons, self.notes, self.empty):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        for tabs, name in ((self.plot_tabs, "Plots"), (self.table_tabs, "Tables")):
            tabs.setDrawBase(False)
            tabs.setExpanding(False)
            tabs.setAccessibleName(name)
        self._upper = _column(step, self.plot_tabs, self.plot)
        halves = Splitter(Qt.Orientation.Vertical, name="reports.halves")
        halves.addWidget(self._upper)
        halves.addWidget(_column(step, self.table_tabs, self.table))
        halves.setSizes([56 * step, 44 * step])
        split = Splitter(Qt.Orientation.Horizontal, name="reports.split")
        split.addWidget(self.sections)
        split.addWidget(_column(step, self.title, self.counts, self.reasons, self.remedies, halves, left=step))
        split.setSizes([42 * step, 114 * step])
        split.setStretchFactor(1, 1)
        self.reasons.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(split)
        self._pages.addWidget(self.veil)
        self.column.addWidget(self._pages, 1)
        self.column.addWidget(self.notes)
        self.notes.hide()
        self.banner.hide()
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([self.copy, self.export, close])

    def _choices(self) -> QGridLayout:
        step = unit(self)
        grid = QGridLayout()
        grid.setHorizontalSpacing(step * 3 // 2)
        grid.setVerticalSpacing(step // 2)
        named = (self.kind, self.judge, self.dimension, self.by, self.cluster)
        for at, choice in enumerate(named):
            label = QLabel(choice.accessibleName())
            label.setFont(small(label.font()))
            label.setBuddy(choice)
            grid.addWidget(label, 0, at)
            grid.addWidget(choice, 1, at)
        self.judge.setMinimumContentsLength(16)
        self.judge.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        grid.setColumnStretch(1, 1)
        across = QHBoxLayout()
        across.setSpacing(step)
        self.progress.setFixedWidth(14 * step)
        for widget in (self.progress, self.cancel, self.compute):
            across.addWidget(widget)
        grid.addLayout(across, 1, len(named))
        return grid


def _add(entry: Entry, above: QTreeWidgetItem, *, size: QSize) -> None:
    """Put a section below its judge or its whole, with its slices below it."""
    item = QTreeWidgetItem(above, [entry.title])
    item.setSizeHint(0, size)
    item.setData(0, _SECTION, entry.section)
    item.setToolTip(0, heading(entry.section))
    for part in entry.slices:
        _add(part, item, size=size)


def _like(sections: QTreeWidget, section: Section | None) -> QTreeWidgetItem | None:
    """Return the entry of the list that says of this report what the section said of the one before."""
    if section is None:
        return None
    found = sections.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive)
    named = [(it, it.data(0, _SECTION)) for it in found]
    return next((it for it, one in named if one is not None and heading(one) == heading(section)), None)


def _fill(tabs: QTabBar, names: Sequence[str], *, wanted: str) -> None:
    """Name the tabs anew; the one that a person chose last is the current one where there is one of its name."""
    tabs.blockSignals(True)
    while tabs.count():
        tabs.removeTab(0)
    for name in names:
        tabs.addTab(name)
    tabs.setCurrentIndex(names.index(wanted) if wanted in names else 0)
    tabs.blockSignals(False)


def _column(step: int, *widgets: QWidget, left: int = 0) -> QWidget:
    """Put widgets below each other; the last one takes the room."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(left, step // 2, 0, 0)
    column.setSpacing(step // 2)
    for widget in widgets:
        column.addWidget(widget)
    column.setStretchFactor(widgets[-1], 1)
    return page
