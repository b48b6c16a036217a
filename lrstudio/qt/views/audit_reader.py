"""Reads what the Audit workspace shows, off the GUI thread, and hands it over when it is there."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from lrstudio.domain.summaries import CandidateDetail, JudgeChoice, QuestionSummary
from lrstudio.domain.verdicts import JudgeIdentity
from lrstudio.qt.bridge.operations import Operations
from lrstudio.viewstate.audit_list import ListShown, ListView, Marked, arrange
from lrstudio.viewstate.display_text import DisplayText
from lrstudio.viewstate.mark_keeps import marked_candidates

if TYPE_CHECKING:
    from lrstudio.services.wiring import Project

_DOCUMENTS_KEPT = 3
_LIST_PAUSE_MS = 250
_LIST_SHARE = 4
"""The list is read at most four times a second and for a fifth of the time, however many judgments arrive."""


@dataclass(frozen=True, slots=True)
class ListRead:
    """The list as it is shown, the judges to choose from, and, while nothing is asked, the titles of the documents.

    `marked` are the filters that marks make. `local_only` says that the whole project stays on this machine.
    """

    questions: tuple[QuestionSummary, ...]
    judges: tuple[JudgeChoice, ...]
    shown: ListShown
    marked: Marked
    documents: tuple[str, ...] = ()
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class CandidateRead:
    """A candidate with everything on it, its text as it is shown, and whether there is something to undo and redo."""

    detail: CandidateDetail
    display: DisplayText
    turns: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """A document's text as it is shown, None where its source publishes none."""

    document_id: str
    display: DisplayText | None


class AuditReader(QObject):
    """Reads for one project at a time.

    Signals:
        list_read: a `ListRead`.
        list_arranged: a `ListShown` of what was read before.
        candidate_read: a `CandidateRead`.
        document_read: a `DocumentRead`.
        candidate_lost: the id of a candidate that is not there any more.
    """

    list_read = Signal(object)
    list_arranged = Signal(object)
    candidate_read = Signal(object)
    document_read = Signal(object)
    candidate_lost = Signal(str)

    def __init__(self, operations: Operations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._operations = operations
        self._project: Project | None = None
        self._judge: JudgeIdentity | None = None
        self._view = ListView()
        self._questions: tuple[QuestionSummary, ...] = ()
        self._marked: Marked = {}
        self._documents: OrderedDict[str, DisplayText] = OrderedDict()
        self._ahead: CandidateRead | None = None
        self._reading_list = False
        self._list_stale = False
        self._began = 0.0
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self._list_pause_over)

    @property
    def judge(self) -> JudgeIdentity | None:
        """Whose verdicts are read, None for the latest ones."""
        return self._judge

    def use(self, project: Project | None, judge: JudgeIdentity | None = None) -> None:
        """Read from this project, and take the verdicts of this judge; None for the latest ones."""
        self._ahead = None
        if project is not self._project:
            self._documents.clear()
            self._questions, self._marked = (), {}
        self._project, self._judge = project, judge
        self._reading_list = self._list_stale = False
        self._soon.stop()

    def read_list(self) -> None:
        """Read the list now, or when the reading under way is done and a short pause is over."""
        if self._reading_list or self._soon.isActive():
            self._list_stale = True
            return
        project, judge, view = self._project, self._judge, self._view
        if project is None:
            return
        self._reading_list = True
        self._began = time.monotonic()

        def read() -> ListRead:
            questions = project.audit.questions(judge)
            titles = () if questions else tuple(it.title or it.document_id for it in project.audit.documents())
            local = project.audit.local_only()
            marked = marked_candidates(project.marking.marks(), questions)
            shown = arrange(questions, view, marked)
            return ListRead(questions, project.audit.judges(), shown, marked, titles, local_only=local)

        self._operations.query(read, self._list_there, slot="audit list", failed=self._list_failed)

    def arrange_list(self, view: ListView) -> None:
        """Filter and sort otherwise, from now on."""
        self._view = view
        questions, marked = self._questions, self._marked
        self._operations.query(lambda: arrange(questions, view, marked), self.list_arranged.emit, slot="audit arrange")

    def read_candidate(self, candidate_id: str) -> None:
        """Read a candidate; an earlier one still under way is dropped.

        What was read ahead is handed over at once, and read again behind it: it may be older than the last decision.
        """
        project, judge = self._project, self._judge
        if project is None:
            return
        read = partial(_candidate, project, candidate_id, judge)
        self._operations.query(read, self.candidate_read.emit, slot="audit candidate")
        ahead = self._ahead
        if ahead is not None and ahead.detail.candidate.candidate_id == candidate_id:
            self._ahead = None
            self.candidate_read.emit(ahead)

    def read_ahead(self, candidate_id: str) -> None:
        """Read a candidate and its document before they are wanted."""
        project, judge = self._project, self._judge
        if project is None:
            return

        def read() -> tuple[CandidateRead, DocumentRead | None]:
            found = _candidate(project, candidate_id, judge)
            info = found.detail.document
            return found, _document(project, info.document_id) if info and info.document_id not in known else None

        def there(found: tuple[CandidateRead, DocumentRead | None]) -> None:
            self._ahead = found[0]
            if found[1] is not None and found[1].display is not None:
                self._keep_document(found[1].document_id, found[1].display)

        known = frozenset(self._documents)
        self._operations.query(read, there, slot="audit ahead")

    def read_document(self, document_id: str) -> None:
        """Read a document's text, or hand over one that was read lately."""
        if document_id in self._documents:
            self._documents.move_to_end(document_id)
            self.document_read.emit(DocumentRead(document_id, self._documents[document_id]))
            return
        project = self._project
        if project is None:
            return
        read = partial(_document, project, document_id)
        self._operations.query(read, self._document_there, slot="audit document")

    def _list_there(self, read: ListRead) -> None:
        self._reading_list = False
        self._questions, self._marked = read.questions, read.marked
        taken = round((time.monotonic() - self._began) * 1000)
        self._soon.start(max(_LIST_PAUSE_MS, _LIST_SHARE * taken))
        self.list_read.emit(read)

    def _list_failed(self, error: BaseException) -> None:
        self._reading_list = False
        self._operations.announce(error, again=self.read_list)

    def _list_pause_over(self) -> None:
        if self._list_stale:
            self._list_stale = False
            self.read_list()

    def _document_there(self, read: DocumentRead) -> None:
        if read.display is not None:  # a text that is missing may be imported later
            self._keep_document(read.document_id, read.display)
        self.document_read.emit(read)

    def _keep_document(self, document_id: str, display: DisplayText) -> None:
        self._documents[document_id] = display
        while len(self._documents) > _DOCUMENTS_KEPT:
            self._documents.popitem(last=False)


def _candidate(project: Project, candidate_id: str, judge: JudgeIdentity | None) -> CandidateRead:
    detail = project.audit.candidate(candidate_id, judge)
    undo, redo = project.audit.undo_redo()
    return CandidateRead(detail, DisplayText.build(detail.candidate.text), (undo is not None, redo is not None))


def _document(project: Project, document_id: str) -> DocumentRead:
    text = project.audit.document_text(document_id)
    return DocumentRead(document_id, None if text is None else DisplayText.build(text))
