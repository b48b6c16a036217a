"""The windows beside the window that look at judge runs from above: the summary of a run, judges side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.audit_list import ALL
from lrstudio.viewstate.compare import ClaimRow, CompareRow, CompareView, claim_rows, compare_rows, keep_of
from lrstudio.viewstate.run_summary import RunSummary, run_summary

if TYPE_CHECKING:
    from lrstudio.domain.overviews import JudgeSource
    from lrstudio.domain.verdicts import JudgeRun
    from lrstudio.qt.views.dialogs.compare_dialog import CompareDialog
    from lrstudio.qt.views.dialogs.run_summary import RunSummaryDialog

_SOON_MS = 700
"""Judgments arrive faster than a table of all of them is to be made anew."""

_BLIND = "Blind: the judges' verdicts are hidden. Turn blind off (b) to see judges side by side."


@dataclass(frozen=True, slots=True)
class _Compared:
    """All candidates in common, as they compare."""

    sources: tuple[JudgeSource, ...]
    view: CompareView
    rows: tuple[CompareRow, ...]


class JudgeWindows(Desk):
    """Holds one of each, at most.

    Signals:
        keep_chosen: the `Keep` that the list is to apply.
        candidate_chosen: the id of a candidate that is to be shown.
    """

    keep_chosen = Signal(object)
    candidate_chosen = Signal(str)

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window, operations, switch)
        self._summary: RunSummaryDialog | None = None
        self._run_id = ""
        self._compare: CompareDialog | None = None
        self._compared: _Compared | None = None
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._soon.timeout.connect(self._refresh)

    def _let_go(self) -> None:
        for dialog in (self._summary, self._compare):
            if dialog is not None:
                dialog.close()

    def close_compare(self) -> None:
        """Close what would tell a blind person what the judges say."""
        if self._compare is not None:
            self._compare.close()

    # The summary of a run

    def show_summary(self, run_id: str = "") -> None:
        """Show what a judge run came to, the latest for ""."""
        from lrstudio.qt.views.dialogs.run_summary import RunSummaryDialog

        if self._project is None:
            return
        self._run_id = run_id
        if self._summary is None:
            dialog = self._summary = RunSummaryDialog(self._switch, self._window)
            dialog.run_chosen.connect(self.show_summary)
            dialog.keep_chosen.connect(self.keep_chosen)
            dialog.destroyed.connect(self._forget_summary)
        self._read_summary()
        bring_up(self._summary)

    def _read_summary(self) -> None:
        project, run_id = self._project, self._run_id
        if project is None:
            return

        def read() -> tuple[tuple[JudgeRun, ...], RunSummary | None]:
            report = project.overview.report(run_id)
            return project.audit.runs(), run_summary(report) if report else None

        self._operations.query(read, lambda found: self._summarised(*found), slot="run summary")

    def _summarised(self, runs: tuple[JudgeRun, ...], summary: RunSummary | None) -> None:
        if self._summary is not None:
            if summary == self._summary.summary and summary is not None:
                return
            self._summary.set_runs(runs, chosen=summary.run_id if summary else "")
            self._summary.show_summary(summary)

    def _forget_summary(self) -> None:
        self._summary = None

    # Judges side by side

    def show_compare(self, *, blind: bool) -> None:
        """Show judges side by side; a blind person is told why not."""
        from lrstudio.qt.views.dialogs.compare_dialog import CompareDialog

        if blind:
            self.told.emit(Notice(_BLIND, refused=True))
            return
        if self._project is None:
            return
        if self._compare is None:
            dialog = self._compare = CompareDialog(self._switch, self._window)
            dialog.wanted.connect(self._read_compare)
            dialog.picked.connect(self._read_claims)
            dialog.shown.connect(self.candidate_chosen)
            dialog.filtered.connect(self._filter)
            dialog.unfiltered.connect(lambda: self.keep_chosen.emit(ALL))
            dialog.destroyed.connect(self._forget_compare)
        self._read_sources()
        bring_up(self._compare)

    def _read_sources(self) -> None:
        project = self._project
        if project is None:
            return

        def there(sources: tuple[JudgeSource, ...]) -> None:
            if self._compare is not None:
                self._compare.set_sources(sources)
                self._compare.ask()

        self._operations.query(project.overview.sources, there, slot="compare sources")

    def _read_compare(self, sources: tuple[JudgeSource, ...], view: CompareView) -> None:
        project = self._project
        if project is None:
            return

        def read() -> _Compared:
            verdicts = project.overview.verdicts(sources)
            rows = compare_rows(project.audit.questions(), verdicts, replace(view, only_differing=False))
            return _Compared(sources, view, rows)

        self._operations.query(read, self._compared_there, slot="compare")

    def _compared_there(self, compared: _Compared) -> None:
        self._compared = compared
        if self._compare is None:
            return
        differing = tuple(row for row in compared.rows if row.differs)
        shown = differing if compared.view.only_differing else compared.rows
        self._compare.show_rows(shown, differing=len(differing), common=len(compared.rows))
        if self._compare.filter.isChecked():
            self._filter()

    def _read_claims(self, candidate_id: str) -> None:
        project, compared = self._project, self._compared
        if project is None or compared is None:
            return
        read: Callable[[], tuple[ClaimRow, ...]] = lambda: claim_rows(  # noqa: E731
            project.overview.claims(candidate_id, compared.sources)
        )
        self._operations.query(read, self._claims_there, slot="compare claims")

    def _claims_there(self, rows: tuple[ClaimRow, ...]) -> None:
        if self._compare is not None:
            self._compare.show_claims(rows)

    def _filter(self) -> None:
        if self._compared is not None:
            self.keep_chosen.emit(keep_of(self._compared.rows, self._compared.view))

    def _forget_compare(self) -> None:
        self._compare = None
        self._compared = None

    # Both

    def _changed(self, changes: Changes, _initiator: object) -> None:
        """What is on screen follows what judges say meanwhile."""
        if (changes.judgments or changes.runs or changes.everything) and not self._soon.isActive():
            self._soon.start()

    def _refresh(self) -> None:
        if self._summary is not None:
            self._read_summary()
        if self._compare is not None:
            self._read_sources()
