"""Takes over another project: looks first, then merges, away from the window's thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused, StudioError
from lrstudio.domain.places import Place, same_place
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.adjudication import candidate_names, conflict_lines
from lrstudio.viewstate.merge_words import MergeView, conflict_words, differing_lines, merge_rows, merge_sentence

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.merge_dialog import MergeDialog
    from lrstudio.services.wiring import Project

_TELL_S = 0.1
_LOOKING, _MERGING = "Looking:", "Merging:"


class _Stopped(Exception):
    """A person cancelled it."""


@dataclass(frozen=True, slots=True)
class _Came:
    """What is shown of a merge, and what it changed: nothing, where one only looked."""

    view: MergeView
    changes: Changes


class MergeDesk(Desk):
    """One window at most, one merge at a time.

    Signals:
        settling: the differences between reviewers are to be settled.
    """

    settling = Signal()
    _stepped = Signal(int)

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window, operations, switch)
        self._dialog: MergeDialog | None = None
        self._stop = Event()
        self._idle = Event()
        self._idle.set()
        self._under_way = ""
        self._records = 0
        self._stepped.connect(self._show_step)

    def show(self) -> None:
        """Show the window."""
        from lrstudio.qt.views.dialogs.merge_dialog import MergeDialog

        if self._project is None:
            return
        if self._dialog is None:
            dialog = self._dialog = MergeDialog(self._switch, self._window)
            dialog.looked.connect(self._look)
            dialog.merged.connect(self._merge)
            dialog.cancelled.connect(self._stop_it)
            dialog.settling.connect(self.settling)
            dialog.destroyed.connect(self._forget)
        bring_up(self._dialog)

    def wait(self) -> None:
        """Block until no merge uses the project; one that was stopped ends at its next record."""
        self._idle.wait()

    def _let_go(self) -> None:
        self._stop_it()
        if self._dialog is not None:
            self._dialog.close()

    def _look(self, place: Place) -> None:
        self._records = 0
        self._begin(place, _LOOKING, dry_run=True)

    def _merge(self, place: Place) -> None:
        self._begin(place, _MERGING, dry_run=False)

    def _begin(self, place: Place, said: str, *, dry_run: bool) -> None:
        project, dialog = self._project, self._dialog
        if project is None or dialog is None or self._under_way:
            return
        stop = self._stop = Event()
        self._under_way = said
        self._idle.clear()
        dialog.show_step(said, 0, self._records)

        def there(came: _Came) -> None:
            self._under_way = ""
            self._records = came.view.records
            if self._dialog is None:
                if not dry_run:
                    self.told.emit(Notice(came.view.sentence))
            elif dry_run:
                self._dialog.show_plan(place, came.view)
            else:
                self._dialog.show_done(came.view)

        def work() -> _Came:
            try:
                return _merged(project, place, dry_run=dry_run, step=self._stepper(stop))
            finally:
                self._idle.set()

        self._operations.run(
            work,
            initiator=self,
            then=there,
            failed=lambda error: self._failed(error, place, said, dry_run=dry_run),
            long=True,
        )

    def _stepper(self, stop: Event) -> Callable[[int], None]:
        """Return what is told of every record: it stops when it is to, and tells now and then."""
        told = 0.0

        def step(read: int) -> None:
            nonlocal told
            if stop.is_set():
                raise _Stopped
            now = time.monotonic()
            if now - told > _TELL_S:
                told = now
                self._stepped.emit(read)

        return step

    def _failed(self, error: BaseException, place: Place, said: str, *, dry_run: bool) -> None:
        self._under_way = ""
        dialog = self._dialog
        if isinstance(error, _Stopped):
            if dialog is not None:
                dialog.refuse("Cancelled; nothing was changed.")
        elif isinstance(error, StudioError) and dialog is not None:
            dialog.refuse(str(error))
        else:
            if dialog is not None:
                dialog.refuse("")
            self._operations.announce(error, again=lambda: self._begin(place, said, dry_run=dry_run))

    def _show_step(self, read: int) -> None:
        if self._dialog is not None and self._under_way:
            self._dialog.show_step(self._under_way, read, self._records)

    def _stop_it(self) -> None:
        self._stop.set()

    def _forget(self) -> None:
        """Closing the window ends a look, and lets a merge go on."""
        self._dialog = None
        if self._under_way == _LOOKING:
            self._stop_it()


def _merged(project: Project, place: Place, *, dry_run: bool, step: Callable[[int], None]) -> _Came:
    from lrstudio.services.wiring import open_project

    if same_place(project.path, place):
        raise Refused("this is the project that is open; name another one", where=str(place))
    other = open_project(place, upgrade=False)
    try:
        before = frozenset(it.target for it in project.reviewers.conflicts())
        names = candidate_names(other.audit.questions()) | candidate_names(project.audit.questions())
        report = project.merge(other, dry_run=dry_run, step=step)
    finally:
        other.close()
    new = asdict(report.new)
    came = {"calls": report.calls, "replies": report.replies, "vectors": report.vectors}
    view = MergeView(
        rows=merge_rows(new, asdict(report.same), kept=came),
        differing=differing_lines([(it.where, it.sentence) for it in report.differing]),
        conflicts=conflict_lines(report.disagreements, names),
        sentence=merge_sentence(
            new | {"calls": report.calls, "vectors": report.vectors}, differing=len(report.differing), done=not dry_run
        ),
        conflict_words=conflict_words([it.target for it in report.disagreements], before, done=not dry_run),
        anything=any(new.values()) or any(came.values()),
        records=report.records,
    )
    return _Came(view, Changes() if dry_run else report.changes)
