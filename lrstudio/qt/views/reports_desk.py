"""Behind the window of reports: computes them away from the GUI thread and writes files of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.reports import JudgeName, Report
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.file_kinds import FileKinds
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.reports import AGREEMENT, CANCELLED, LENGTH_BIAS, Grid, Wish, is_stale

if TYPE_CHECKING:
    from lrstudio.qt.views.reports_window import ReportsWindow
    from lrstudio.services.wiring import Project

PNG, SVG = "The plot as PNG (*.png)", "The plot as SVG (*.svg)"
TABLE, EVERYTHING = "This table as CSV (*.csv)", "The whole report as CSV (*.csv)"


class _Stopped(Exception):
    """The report under way is no longer wanted."""


class ReportsDesk(Desk):
    """One window at most; one report is computed at a time, and the latest wish comes next.

    Signals:
        remedy_wanted: the `Remedy` that a set is to be frozen by.
        unblind_wanted: the person wants to see the figures, and blind is to be turned off.
        candidate_wanted: the id of a candidate that is to be shown.
    """

    remedy_wanted = Signal(object)
    unblind_wanted = Signal()
    candidate_wanted = Signal(str)
    _stepped = Signal(int, int)

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window, operations, switch)
        self.window: ReportsWindow | None = None
        self._stop: Event | None = None
        self._next: Wish | None = None
        self._changed_meanwhile = False
        self._blind = False
        self._kinds = FileKinds()
        self._stepped.connect(self._show_step)

    def _let_go(self) -> None:
        if self.window is not None:
            self.window.close()

    def show_settings(self, *, blind: bool) -> None:
        """Hide what a blind person must not see, and compute it when it may be seen."""
        if blind == self._blind:
            return
        self._blind = blind
        if self.window is None:
            return
        if blind:
            self._end()
        self.window.show_veil(blind=blind)
        if not blind:
            self.compute(self.window.wish)

    def show(self) -> None:
        """Show the window, and compute its first report."""
        from lrstudio.qt.views.reports_window import ReportsWindow

        if self._project is None:
            return
        if self.window is None:
            dialog = self.window = ReportsWindow(self._switch, self._window)
            dialog.wanted.connect(self.compute)
            dialog.cancelled.connect(self.cancel)
            dialog.export_wanted.connect(self.choose_export)
            dialog.remedy_wanted.connect(self.remedy_wanted)
            dialog.unblind_wanted.connect(self.unblind_wanted)
            dialog.candidate_wanted.connect(self.candidate_wanted)
            dialog.destroyed.connect(self._forget)
            self._read_judges()
            dialog.show_veil(blind=self._blind)
            self.compute(dialog.wish)
        bring_up(self.window)

    # Computing

    def compute(self, wish: Wish) -> None:
        """Compute a report; one that is under way ends first."""
        project = self._project
        if project is None or self.window is None or self._blind:
            return
        self.window.show_busy(busy=True)
        if self._stop is not None:
            self._stop.set()
            self._next = wish
            return
        stop = self._stop = Event()
        self._next = None
        self._changed_meanwhile = False

        def check() -> None:
            if stop.is_set():
                raise _Stopped

        self._operations.query(
            lambda: _computed(project, wish, step=self._stepped.emit, check=check),
            lambda report: self._there(report, wish),
            slot="reports",
            failed=self._failed,
        )

    def cancel(self) -> None:
        """End what is under way, in the middle of a judge; nothing of it is shown."""
        if self._stop is not None:
            self._end()
            if self.window is not None:
                self.window.show_busy(busy=False)
                self.window.show_trouble(CANCELLED)

    def _end(self) -> None:
        if self._stop is not None:
            self._stop.set()
        self._next = None

    def _there(self, report: Report, wish: Wish) -> None:
        stopped = self._stop is not None and self._stop.is_set()
        self._stop = None
        if self.window is None:
            return
        if self._next is not None:
            self.compute(self._next)
        elif not stopped:
            self.window.show_busy(busy=False)
            self.window.show_report(report, wish)
            if self._changed_meanwhile:
                self.window.show_stale()

    def _failed(self, error: BaseException) -> None:
        self._stop = None
        if self.window is None:
            return
        if self._next is not None:
            self.compute(self._next)
        elif isinstance(error, Refused):
            self.window.show_busy(busy=False)
            self.window.show_trouble(str(error))
        elif not isinstance(error, _Stopped):
            self.window.show_busy(busy=False)
            self._operations.announce(error, again=self.window.ask)

    def _show_step(self, done: int, of: int) -> None:
        if self.window is not None and self._stop is not None and not self._stop.is_set():
            self.window.show_busy(busy=True, done=done, of=of)

    def _changed(self, changes: Changes, _initiator: object) -> None:
        if self.window is None or not is_stale(changes):
            return
        self._changed_meanwhile = True
        self.window.show_stale()
        if changes.runs or changes.everything:
            self._read_judges()

    def _read_judges(self) -> None:
        project = self._project
        if project is None:
            return

        def there(judges: tuple[JudgeName, ...]) -> None:
            if self.window is not None:
                self.window.set_judges(judges)

        self._operations.query(lambda: project.reports.judges(), there, slot="report judges")

    def _forget(self) -> None:
        self.window = None
        self._end()

    # Files

    def choose_export(self) -> None:
        """Ask what to write, and where."""
        window = self.window
        if window is None or window.report is None:
            return
        filters = [*((PNG, SVG) if window.shown_plot else ()), *((TABLE,) if window.shown_grid else ()), EVERYTHING]
        dialog = QFileDialog(window, "Export")
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.setIconProvider(self._kinds)  # before it lists a folder
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(filters)
        if self._project is not None and isinstance(self._project.path, Path):
            dialog.setDirectory(str(self._project.path.parent))
        dialog.fileSelected.connect(lambda name: self.export(Path(name), dialog.selectedNameFilter()))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def export(self, path: Path, what: str) -> None:
        """Write a plot, a table or the whole report, as it is on the screen now."""
        window = self.window
        if window is None or window.report is None:
            return
        report, grid = window.report, window.shown_grid
        suffix = {PNG: ".png", SVG: ".svg"}.get(what, ".csv")
        path = path if path.suffix else path.with_name(path.name + suffix)
        data = window.plot.png() if what == PNG else window.plot.svg() if what == SVG else None
        self._operations.run(
            lambda: _write(path, data, grid if what == TABLE else None, report),
            then=lambda _nothing: self._written(path),
            failed=lambda error: self._not_written(error, path, what),
            long=True,
        )

    def _written(self, path: Path) -> None:
        if self.window is not None:
            self.window.banner.tell(f"Wrote {path}.")
        self.told.emit(Notice(f"Wrote {path}."))

    def _not_written(self, error: BaseException, path: Path, what: str) -> None:
        if isinstance(error, Refused) and self.window is not None:
            self.window.show_trouble(str(error))
        else:
            self._operations.announce(error, again=lambda: self.export(path, what))


def _computed(project: Project, wish: Wish, *, step: Callable[[int, int], None], check: Callable[[], None]) -> Report:
    from lrstudio.services.report_agreement import How

    reports = project.reports
    make = {AGREEMENT: reports.agreement, LENGTH_BIAS: reports.length_bias}.get(wish.kind, reports.leaderboard)
    how = How(cluster=wish.cluster, check=check)
    return make(judge=wish.judge or "", dimension=wish.dimension, by=wish.by, how=how, step=step)


def _write(path: Path, data: bytes | None, grid: Grid | None, report: Report) -> None:
    if data is not None:
        from lrstudio.formats.whole import whole_file

        with whole_file(path) as file:
            file.write(data)
        return
    from lrstudio.formats.csv_out import write_csv
    from lrstudio.services.report_rows import COLUMNS, report_rows

    if grid is not None:
        write_csv(path, grid.columns, grid.rows)
    else:
        write_csv(path, COLUMNS, report_rows(report))
