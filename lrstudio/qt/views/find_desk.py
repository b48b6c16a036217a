"""Finds anything in the project, lists the marks people left, and goes there."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.finding import Findings
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.audit_controller import AuditController
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.project_desk import Notice
from lrstudio.viewstate.finding import (
    Aim,
    FoundGroup,
    FoundRow,
    candidate_for,
    dimension_of,
    found_groups,
    found_sentence,
    mark_groups,
    thing_names,
)

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.find_dialog import FindDialog

_FOUND_MS = 6000
"""A passage that was gone to stays marked this long."""

_NO_MARKS = "No bookmarks, tags or notes yet: Ctrl+B, T and Ctrl+M put them on what is in focus."


class FindDesk(Desk):
    """Searches off the window's thread, one search at a time."""

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window, operations, switch)
        self._audit: AuditController | None = None
        self._dialog: FindDialog | None = None
        self._stop = Event()
        self._blind = False
        self._aim: Aim | None = None

    def _let_go(self) -> None:
        self._stop.set()
        self._aim = None
        if self._dialog is not None:
            self._dialog.close()

    def follow(self, audit: AuditController) -> None:
        """Go to places in this workspace."""
        self._audit = audit
        audit.facts_changed.connect(lambda _facts: self._arrive())

    def show_settings(self, *, blind: bool) -> None:
        """Hide what a blind person must not see."""
        if blind != self._blind:
            self._blind = blind
            if self._dialog is not None:
                self._dialog.ask()

    def show(self) -> None:
        """Open the window, with the keyboard in its field."""
        from lrstudio.qt.views.dialogs.find_dialog import FindDialog

        if self._project is None:
            return
        if self._dialog is None:
            dialog = self._dialog = FindDialog(self._switch, self._window)
            dialog.asked.connect(self._search)
            dialog.taken.connect(self._take)
            dialog.deleted.connect(self._delete)
            dialog.destroyed.connect(self._forget)
            dialog.ask()
        bring_up(self._dialog)
        self._dialog.field.setFocus()
        self._dialog.field.selectAll()

    def _forget(self) -> None:
        self._dialog = None
        self._stop.set()

    def _search(self, query: str) -> None:
        """Search anew; the search before is given up."""
        project = self._project
        self._stop.set()
        if project is None or self._dialog is None:
            return
        if not query.strip():
            self._read_marks()
            return
        stop = self._stop = Event()
        self._dialog.say("Searching …")

        def there(found: Findings) -> None:
            groups = found_groups(found, blind=self._blind)
            self._show(groups, found_sentence(query, found, groups))

        self._operations.query(
            lambda: project.finding.find(query, keep_on=lambda: not stop.is_set()), there, slot="find anything"
        )

    def _read_marks(self) -> None:
        project = self._project
        if project is None:
            return

        def read() -> tuple[FoundGroup, ...]:
            return mark_groups(project.marking.marks(), thing_names(project.audit.questions()))

        def there(groups: tuple[FoundGroup, ...]) -> None:
            self._show(groups, "Your marks. Delete takes one away." if groups else _NO_MARKS)

        self._operations.query(read, there, slot="find anything")

    def _show(self, groups: tuple[FoundGroup, ...], sentence: str) -> None:
        if self._dialog is not None:
            self._dialog.show_groups(groups, sentence=sentence)

    def _delete(self, row: FoundRow) -> None:
        project = self._project
        if project is not None and row.mark_id:
            self._operations.run(lambda: project.marking.remove(row.mark_id), initiator=self)

    def _changed(self, changes: Changes, _initiator: object) -> None:
        if self._dialog is not None and (changes.marks or changes.everything) and not self._dialog.field.text().strip():
            self._read_marks()

    # Going there

    def _take(self, row: FoundRow) -> None:
        self.go(row.aim)

    def go(self, aim: Aim) -> None:
        """Bring a place to the screen."""
        project, audit = self._project, self._audit
        if project is None or audit is None:
            return
        here = audit.focus.candidate_id

        def read() -> Aim:
            questions = () if aim.candidate_id else project.audit.questions()
            candidate = candidate_for(aim, questions, here=here)
            dimension = aim.dimension
            if candidate and aim.part_id and dimension is None:
                dimension = dimension_of(project.audit.candidate(candidate), aim.part_id)
            part = aim.part_id if dimension else ""
            return Aim(candidate, "", "", part, dimension, aim.span, aim.in_document)

        self._operations.query(read, self._go, slot="find place")

    def _go(self, aim: Aim) -> None:
        audit = self._audit
        if audit is None:
            return
        if not aim.candidate_id:
            self.told.emit(Notice("There is no candidate to show this with: paste or import one.", refused=True))
            return
        self._aim = aim
        audit.show_candidate(aim.candidate_id, dimension=aim.dimension, part_id=aim.part_id)
        self._arrive()
        if self._dialog is not None:
            self._dialog.close()
            self._window.activateWindow()

    def _arrive(self) -> None:
        """Show the passage once its text is on screen."""
        aim, audit = self._aim, self._audit
        if aim is None or audit is None or not audit.settled or audit.focus.candidate_id != aim.candidate_id:
            return
        self._aim = None
        if aim.span is None:
            return
        pane = audit.view.panes.document if aim.in_document else audit.view.panes.candidate
        text = pane.text
        if aim.span.end > len(text.display.text):
            return
        text.set_found([aim.span])
        text.set_current_found(aim.span)
        text.reveal(aim.span)
        text.setFocus()
        QTimer.singleShot(_FOUND_MS, text, lambda: text.set_found(()) if pane.find_bar.isHidden() else None)
