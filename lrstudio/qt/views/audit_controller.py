"""Holds where a person is in the Audit workspace, and turns wishes into reads and another screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.changes import Changes
from lrstudio.domain.summaries import CandidateDetail
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.audit_decider import AuditDecider
from lrstudio.qt.views.audit_deeds import AuditDeeds
from lrstudio.qt.views.audit_reader import AuditReader, CandidateRead, DocumentRead, ListRead
from lrstudio.qt.views.audit_view import AuditView
from lrstudio.qt.views.audit_walker import AuditWalker
from lrstudio.viewstate.audit import (
    Choice,
    Deed,
    Focus,
    Plan,
    Screen,
    all_decided_hint,
    plan,
    screen,
)
from lrstudio.viewstate.audit_drafts import Draft, Drafts
from lrstudio.viewstate.audit_facts import audit_facts
from lrstudio.viewstate.audit_list import arrange
from lrstudio.viewstate.audit_parts import PartRow, Viewer
from lrstudio.viewstate.facts import Fact

if TYPE_CHECKING:
    from lrstudio.services.wiring import Project


class AuditController(QObject):
    """One per window.

    Signals:
        facts_changed: the set of `Fact` that hold for what is on screen.
        list_read: a `ListRead`, for those who show judges and counts.
        decided: `(Target, whether nothing is open any more in its dimension)`: a decision is on its way.
    """

    facts_changed = Signal(object)
    list_read = Signal(object)
    decided = Signal(object, bool)

    def __init__(
        self, view: AuditView, operations: Operations, *, viewer: Viewer, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.view = view
        self._viewer = viewer
        self.reader = AuditReader(operations, self)
        self.deeds = AuditDeeds(operations, self)
        self._project: Project | None = None
        self._focus = Focus()
        self._read: CandidateRead | None = None
        self._screen: Screen | None = None
        self._document_id = self._shown_document = ""
        self._listed = self._any_question = False
        self._turns = (False, False)
        self.choice: Choice | None = None
        self._drafts = Drafts()
        self._last_parts: dict[Dimension, str] = {}
        self._no_text = self._reveal_next = False
        self.pending: set[str] = set()
        self.guided = False  # True while a review queue says what comes next
        self.known_parts: frozenset[str] | None = None
        self.walker = AuditWalker(self)
        self._commands = self.walker.command_table() | AuditDecider(self, self.deeds).command_table()
        self._connect(operations)

    @property
    def focus(self) -> Focus:
        """Where the person is."""
        return self._focus

    @property
    def viewer(self) -> Viewer:
        """Who looks."""
        return self._viewer

    @property
    def detail(self) -> CandidateDetail | None:
        """The candidate on screen, with everything on it."""
        return self._read.detail if self._read else None

    @property
    def screen(self) -> Screen | None:
        """What is shown of the candidate in focus."""
        return self._screen

    @property
    def rows(self) -> tuple[PartRow, ...]:
        """The claims or key points of the dimension in focus."""
        return self._screen.rows if self._screen else ()

    @property
    def settled(self) -> bool:
        """Tell whether everything that was asked for is on screen."""
        if self._screen is None:
            return self._listed and not self._focus.candidate_id
        return self._screen.focus == self._focus and self._shown_document == self._document_id

    def use(self, project: Project | None, judge: JudgeIdentity | None = None) -> None:
        """Show a project and the verdicts of a judge; another judge keeps the place."""
        if project is not self._project:
            self._forget()
            self.view.list.show_list(arrange((), self.view.list.view))
            self.view.show_candidate(chosen=False)
        self._project = project
        self.reader.use(project, judge)
        self.deeds.use(project)
        self.refresh()
        self._tell_facts()

    def refresh(self) -> None:
        """Read everything shown anew."""
        self.reader.read_list()
        if self._focus.candidate_id:
            self.reader.read_candidate(self._focus.candidate_id)

    def set_viewer(self, viewer: Viewer) -> None:
        """Look as somebody else, or with the judge hidden."""
        self._viewer = viewer
        if self.view.has_panes and (self._drafts or self._draft()):
            self.view.panes.bar.refuse("What was not committed is dropped: the judge was shown or hidden meanwhile.")
        self._drafts.clear()
        self.settle_bar()
        self.view.list.set_view(replace(self.view.list.view, blind=viewer.blind))
        self._render(reveal=False)

    def perform(self, command_id: str) -> bool:
        """Carry out a command; return whether it was one of this workspace's."""
        deed = self._commands.get(command_id)
        if deed is not None:
            self._calm()
            deed()
        return deed is not None

    def show_candidate(self, candidate_id: str, *, dimension: Dimension | None = None, part_id: str = "") -> None:
        """Bring a candidate into focus."""
        if not candidate_id:
            return
        self._focus = Focus(candidate_id, dimension or self._focus.dimension, part_id)
        self._calm()
        self._reveal_next = True
        self.view.list.set_current(candidate_id)
        self.reader.read_candidate(candidate_id)

    # What was read

    def _changed(self, changes: Changes, _initiator: object) -> None:
        if self._project is None or not changes:
            return
        self.reader.read_list()
        touched = changes.candidates | changes.judgments | changes.decisions
        here = self._focus.candidate_id
        marked = changes.settings or self._document_id in changes.documents
        if here and (changes.everything or here in touched or marked):
            self.reader.read_candidate(here)

    def _list_there(self, read: ListRead) -> None:
        listed = [it.candidate_id for question in read.questions for it in question.candidates]
        self._listed, self._any_question = True, bool(read.questions)
        self.view.show_questions(any_question=self._any_question, any_candidate=bool(listed), documents=read.documents)
        if read.shown.view == self.view.list.view:
            self.view.list.show_list(read.shown)
        else:
            self.reader.arrange_list(self.view.list.view)
        if listed and self._focus.candidate_id not in listed:
            first = self.view.list.step(0) or listed[0]
            self.show_candidate(first)
        self.list_read.emit(read)
        self._tell_facts()

    def _candidate_there(self, read: CandidateRead) -> None:
        detail = read.detail
        if detail.candidate.candidate_id != self._focus.candidate_id:
            return
        before = self._read.detail.candidate.candidate_id if self._read else ""
        another = before != detail.candidate.candidate_id
        self._read, self._turns = read, read.turns
        if another:
            self.view.show_candidate(chosen=True)
            self.view.panes.candidate.show_text(read.display)
        self._show_document()
        reveal, self._reveal_next = another or self._reveal_next, False
        self._render(reveal=reveal)
        self._focus_new_part()

    def _document_there(self, read: DocumentRead) -> None:
        if read.document_id != self._document_id:
            return
        self._no_text = read.display is None
        if read.display is None:
            self.view.panes.document.show_nothing(
                "No text", "Its text has not been imported: there is nothing to check claims against."
            )
        else:
            self.view.panes.document.show_text(read.display)
        self._shown_document = read.document_id
        self._render(reveal=True)

    def _show_document(self) -> None:
        info = self._read.detail.document if self._read else None
        wanted = info.document_id if info else ""
        if wanted == self._document_id:
            if self._no_text:  # it may have been imported meanwhile
                self.reader.read_document(wanted)
            return
        self._document_id = wanted
        self._no_text = False
        if not wanted:
            self._shown_document = ""
            self.view.panes.document.show_nothing(
                "No document", "This question stands alone: there is nothing to check claims against."
            )
            return
        self.view.panes.document.show_nothing("", "")
        self.reader.read_document(wanted)

    def _focus_new_part(self) -> None:
        """After a claim was added, split, merged or reworded, go to what is new."""
        if self.known_parts is None:
            return
        new = [row.part_id for row in self.rows if row.part_id not in (self.known_parts or ())]
        if new:
            self.known_parts = None
            self.go(replace(self._focus, part_id=new[0], passage=0))

    # Where one is

    def go(self, focus: Focus) -> None:
        """Bring another part, passage or dimension of the candidate into focus."""
        self._focus = focus
        self._calm()
        self._render(reveal=True)

    def last_part(self, dimension: Dimension) -> str:
        """Return the part of the candidate that was in focus last in a dimension, or ""."""
        return self._last_parts.get(dimension, "")

    def settle_bar(self) -> None:
        """Empty the bar: what was chosen and typed is committed, or kept for where one comes from."""
        self.choice = None
        if self.view.has_panes:
            self.view.panes.bar.clear()
            self.view.panes.parts.mark_users(())

    # How it is done

    def tell_plan(self) -> None:
        """Show what Enter does now."""
        todo = self.plan()
        if todo.deed is Deed.ADVANCE and (done := all_decided_hint(self.rows)):
            todo = replace(todo, hint=done)
        if waiting := self._drafts.sentence():
            todo = replace(todo, hint=f"{waiting} {todo.hint}")
        now = self._screen
        self.view.panes.show_plan(todo, self.choice, scores=bool(now and now.card))
        self._tell_facts()

    def plan(self) -> Plan:
        """Return what Enter does now."""
        typed = self.view.panes.bar.score.text() if self._screen else ""
        return plan(self._screen, self.choice, score=typed)

    def _render(self, *, reveal: bool) -> None:
        if self._read is None or self._read.detail.candidate.candidate_id != self._focus.candidate_id:
            return
        before, now = self._screen, screen(self._read.detail, self._focus, viewer=self._viewer)
        self._screen, self._focus = now, now.focus
        if before is None or before.target != now.target:
            self._change_bar(before, now)
        self._drafts.prune(now)
        if before is None or before.focus.candidate_id != now.focus.candidate_id:
            self._last_parts.clear()
        self._last_parts[now.focus.dimension] = now.focus.part_id
        self.pending -= {row.part_id for row in self.rows if row.decided}
        self.view.panes.show_screen(self._screen, reveal=reveal)
        self.tell_plan()

    def _calm(self) -> None:
        if self.view.has_panes:
            self.view.panes.bar.calm()

    def _draft(self) -> Draft:
        bar = self.view.panes.bar
        return Draft(self.choice, bar.reason.text(), bar.score.text())

    def _change_bar(self, before: Screen | None, now: Screen) -> None:
        """Keep what waits in the bar for the part that is left, and bring back what waits for this one."""
        if before is not None:
            self._drafts.keep(before, self._draft())
        self.settle_bar()
        waiting = self._drafts.take(now.target)
        self.choice = waiting.choice
        self.view.panes.bar.reason.setText(waiting.reason)
        self.view.panes.bar.score.setText(waiting.score)

    def _deed_begun(self, undo: bool) -> None:
        """Let a quick person undo or redo what is still on its way; the next read tells exactly what there is."""
        self._turns = (self._turns[0], True) if undo else (True, False)
        self._tell_facts()

    def _tell_facts(self) -> None:
        facts = set(audit_facts(self._screen, self.choice))
        if self._any_question:
            facts.add(Fact.QUESTIONS)
        facts.update(fact for fact, holds in zip((Fact.UNDO, Fact.REDO), self._turns, strict=True) if holds)
        self.facts_changed.emit(frozenset(facts))

    def _forget(self) -> None:
        self._focus, self._read, self._screen = Focus(), None, None
        self._document_id = self._shown_document = ""
        self._listed = self._any_question = False
        self._turns = (False, False)
        self._no_text = self._reveal_next = False
        self._drafts.clear()
        if self.view.has_panes:
            self.settle_bar()
        self.choice, self.known_parts = None, None
        self.pending.clear()

    def _connect(self, operations: Operations) -> None:
        operations.changed.connect(self._changed)
        self.reader.list_read.connect(self._list_there)
        self.reader.list_arranged.connect(self.view.list.show_list)
        self.view.list.view_changed.connect(self.reader.arrange_list)
        self.reader.candidate_read.connect(self._candidate_there)
        self.reader.document_read.connect(self._document_there)
        self.deeds.begun.connect(self._deed_begun)
