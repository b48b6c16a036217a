"""Lists where reviewers differ and who decided what, and writes down what settles a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.decisions import Decision, Target
from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.viewstate.adjudication import (
    ConflictList,
    ConflictView,
    candidate_names,
    conflict_list,
    conflict_view,
    decision_rows,
    part_of,
    reviewer_rows,
)
from lrstudio.viewstate.finding import Aim

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.adjudication_dialog import AdjudicationDialog
    from lrstudio.services.reviewers import Ruling
    from lrstudio.services.wiring import Project

_Rows = list[tuple[object, tuple[str, ...]]]


class ReviewersDesk(Desk):
    """One window at most.

    Signals:
        aimed: the `Aim` that is to be shown in Audit.
    """

    aimed = Signal(object)

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window, operations, switch)
        self.blind = False
        """Whether names are hidden at first."""
        self._dialog: AdjudicationDialog | None = None
        self._ahead: ConflictView | None = None

    def _let_go(self) -> None:
        if self._dialog is not None:
            self._dialog.close()

    def show(self) -> None:
        """Show the window."""
        from lrstudio.qt.views.dialogs.adjudication_dialog import AdjudicationDialog

        if self._project is None:
            return
        if self._dialog is None:
            dialog = self._dialog = AdjudicationDialog(self._switch, self._window, names=not self.blind)
            dialog.wanted.connect(self._read)
            dialog.looked.connect(self._read_conflict)
            dialog.ruled.connect(self._rule)
            dialog.undone.connect(self._undo)
            dialog.aimed.connect(lambda it: self.aimed.emit(Aim(it.candidate_id, "", "", it.part_id, it.dimension)))
            dialog.reviewer_chosen.connect(self._read_decisions)
            dialog.destroyed.connect(self._forget)
        self._read()
        bring_up(self._dialog)

    def _read(self) -> None:
        project, dialog = self._project, self._dialog
        if project is None or dialog is None:
            return
        self._ahead = None
        settled = dialog.settled.isChecked()

        def read() -> tuple[ConflictList, _Rows]:
            found = project.reviewers.conflicts(settled=True)
            listed = conflict_list(found, candidate_names(project.audit.questions()), settled=settled)
            return listed, reviewer_rows(project.reviewers.reviewers())

        def there(found: tuple[ConflictList, _Rows]) -> None:
            if self._dialog is dialog:
                dialog.show_conflicts(found[0])
                dialog.show_reviewers(found[1])

        self._operations.query(read, there, slot="conflicts")

    def _read_conflict(self, target: Target, following: Target | None) -> None:
        """Read a difference, and the one after it before it is wanted."""
        project, dialog = self._project, self._dialog
        if project is None or dialog is None:
            return
        names, ahead = dialog.names.isChecked(), self._ahead
        if ahead is not None and ahead.target == target:
            dialog.show_conflict(ahead)

        def read() -> tuple[ConflictView, ConflictView | None]:
            return _view(project, target, names=names), _view(project, following, names=names) if following else None

        def there(found: tuple[ConflictView, ConflictView | None]) -> None:
            if self._dialog is dialog:
                dialog.show_conflict(found[0])
                self._ahead = found[1]

        def failed(error: BaseException) -> None:
            if not isinstance(error, Refused):  # somebody took a verdict back meanwhile: the list is on its way
                self._operations.announce(error, again=lambda: self._read_conflict(target, following))

        self._operations.query(read, there, slot="conflict", failed=failed)

    def _rule(self, target: Target, ruling: Ruling | Decision, reason: str) -> None:
        project, dialog = self._project, self._dialog
        if project is None or dialog is None:
            return
        named = dialog.names.isChecked()

        def failed(error: BaseException) -> None:
            if isinstance(error, Refused) and self._dialog is dialog:
                dialog.refuse(target, error.sentence)
                self._read()
            else:
                self._operations.announce(error, again=lambda: self._rule(target, ruling, reason))

        self._operations.run(
            lambda: project.reviewers.adjudicate(target, ruling, reason=reason, named=named),
            initiator=self,
            failed=failed,
        )

    def _undo(self) -> None:
        project = self._project
        if project is None:
            return

        def work() -> Changes:
            last, _ = project.audit.undo_redo()
            if last is None or not last.adjudicates:
                raise Refused("your last decision settled no difference; take it back in Audit")
            return project.decisions.undo()

        self._operations.run(work, initiator=self)

    def _read_decisions(self, reviewer: str) -> None:
        project, dialog = self._project, self._dialog
        if project is None or dialog is None:
            return

        def read() -> _Rows:
            names = candidate_names(project.audit.questions())
            return decision_rows(project.reviewers.decisions(reviewer), names)

        def there(rows: _Rows) -> None:
            if self._dialog is dialog:
                dialog.show_decisions(rows)

        self._operations.query(read, there, slot="decisions of a reviewer")

    def _changed(self, changes: Changes, _initiator: object) -> None:
        if self._dialog is not None and (changes.decisions or changes.candidates or changes.everything):
            self._read()

    def _forget(self) -> None:
        self._dialog = None
        self._ahead = None


def _view(project: Project, target: Target, *, names: bool) -> ConflictView:
    """Read a difference with its claim, from the verdicts of the judge that made the claim."""
    conflict = project.reviewers.conflict(target)
    detail = project.audit.candidate(target.candidate_id)
    part = part_of(detail, target) if target.part_id else None
    if target.part_id and part is None:
        for judge in project.audit.judges():
            part = part_of(project.audit.candidate(target.candidate_id, judge.identity), target)
            if part is not None:
                break
    text = project.audit.document_text(detail.document.document_id) if detail.document else None
    return conflict_view(conflict, detail, names=names, part=part, text=text)
