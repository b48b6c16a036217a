"""The marks that keep documents on this machine: set from the menu, and shown there as they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.changes import Changes
from lrstudio.qt.actions import Actions
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.audit_reader import CandidateRead, ListRead
from lrstudio.qt.views.project_desk import Notice

if TYPE_CHECKING:
    from lrstudio.domain.summaries import DocumentInfo
    from lrstudio.services.wiring import Project


class LocalMarks(QObject):
    """Of one project, and of the document on screen.

    Signals:
        told: a `Notice`.
    """

    told = Signal(object)

    def __init__(self, actions: Actions, operations: Operations, parent: QObject) -> None:
        super().__init__(parent)
        self._actions = actions
        self._operations = operations
        self._document: DocumentInfo | None = None
        self._all = False

    def show_list(self, read: ListRead) -> None:
        """Show how the project stands."""
        self._all = read.local_only
        self._show()

    def show_candidate(self, read: CandidateRead) -> None:
        """Show how the document on screen stands."""
        self._document = read.detail.document
        self._show()

    def turn_document(self, project: Project | None) -> None:
        """Put the mark on the document on screen, or take it off."""
        document = self._document
        if project is None or document is None:
            self._show()
            self.told.emit(Notice("This question stands alone: there is no document to keep here.", refused=True))
            return
        on = not document.local_only
        name = document.title or document.document_id
        self._keep(
            lambda: project.consent.keep_local(on, document_ids=[document.document_id]),
            f"{name} stays on this machine: judges on other hosts are refused it."
            if on
            else f"{name} may go to hosts that you agree to.",
        )

    def turn_project(self, project: Project | None) -> None:
        """Put the mark on the whole project, or take it off."""
        if project is None:
            return
        on = not self._all
        self._keep(
            lambda: project.consent.keep_local(on),
            "All documents stay on this machine: judges on other hosts are refused them."
            if on
            else "Documents that have no mark of their own may go to hosts that you agree to.",
        )

    def _keep(self, work: Callable[[], Changes], said: str) -> None:
        self._operations.run(work, initiator=self, then=lambda _changes: self.told.emit(Notice(said)))
        self._show()  # the menu shows what stands, until it has changed

    def _show(self) -> None:
        self._actions["project.local"].setChecked(self._all)
        self._actions["document.local"].setChecked(self._document is not None and self._document.local_only)
