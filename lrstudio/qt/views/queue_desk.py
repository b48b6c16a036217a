"""Works through review queues: makes them, brings their items up, keeps how long each was looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.decisions import Target
from lrstudio.domain.queues import Outcome
from lrstudio.domain.verdicts import JudgeIdentity
from lrstudio.qt.actions import Actions
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.audit_controller import AuditController
from lrstudio.qt.views.desk import Desk
from lrstudio.qt.views.project_desk import Notice
from lrstudio.qt.views.queue_bar import QueueBar
from lrstudio.qt.views.queue_form import QueueForm
from lrstudio.services.who_when import utc_now
from lrstudio.viewstate.audit import Focus
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.finding import dimension_of
from lrstudio.viewstate.queues import Course, Stopwatch, bar_text

if TYPE_CHECKING:
    from lrstudio.qt.views.pairs_controller import PairsController
    from lrstudio.services.wiring import Project


@dataclass(frozen=True, slots=True)
class _Visit:
    """A look at an item that is over; `target` is the decision that it waits for."""

    queue_id: str
    ordinal: int
    opened: str
    seconds: float
    outcome: Outcome
    target: Target | None = None


class QueueDesk(Desk):
    """One queue at a time.

    Signals:
        facts_changed: whether a queue is worked through has changed.
        judge_wanted: the judge whose verdicts are to be shown, None for the latest ones.
        pair_wanted: two candidates that are to be shown side by side.
        audit_wanted: an item is brought up in Audit, which is to be shown.
    """

    judge_wanted = Signal(object)
    pair_wanted = Signal(str, str)
    audit_wanted = Signal()
    facts_changed = Signal()

    def __init__(
        self,
        window: QWidget,
        operations: Operations,
        switch: ThemeSwitch,
        actions: Actions,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(window, operations, switch)
        self._actions = actions
        self._clock = clock
        self._audit: AuditController | None = None
        self._form = QueueForm(window, operations, switch)
        self._form.chosen.connect(self.begin)
        self._bar: QueueBar | None = None
        self._pairs: PairsController | None = None
        self._wide_bar: QueueBar | None = None
        self._watch = Stopwatch()
        self._opened = ""
        self._blind = False
        self._waiting: list[_Visit] = []
        self.course: Course | None = None
        window.installEventFilter(self)

    @property
    def facts(self) -> frozenset[Fact]:
        """What holds while a queue is worked through."""
        return frozenset({Fact.QUEUE}) if self.course is not None else frozenset()

    def use(self, project: Project | None) -> None:
        """Work in this project; a queue of another one is left."""
        super().use(project)
        self._form.use(project)

    def _let_go(self) -> None:
        self.leave()
        self._waiting.clear()

    def follow(self, audit: AuditController) -> None:
        """Bring items up in this workspace."""
        self._audit = audit
        audit.decided.connect(self._decided)
        audit.deeds.failed.connect(self._failed)

    def follow_pairs(self, pairs: PairsController) -> None:
        """Go on when something was said of the two candidates that an item is about."""
        if self._pairs is None:
            self._pairs = pairs
            pairs.said.connect(self._pair_said)
            self._wide_bar = QueueBar(self._actions, wide=True)
            pairs.view.add_bar(self._wide_bar)

    def show_settings(self, *, blind: bool) -> None:
        """Hide what a blind person must not see."""
        self._blind = blind
        self._tell()

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return the commands that are carried out here."""
        return {
            "queue.open": self._form.show,
            "queue.next": lambda: self._go_on(Outcome.LEFT),
            "queue.skip": lambda: self._go_on(Outcome.SKIPPED),
            "queue.previous": self._go_back,
            "queue.leave": self.leave,
        }

    # Through one queue

    def begin(self, queue_id: str) -> None:
        """Work through a queue, from its next open item on."""
        project = self._project
        if project is None:
            return
        self.leave()

        shown = self._audit.reader.judge if self._audit is not None else None

        def read() -> tuple[Course, JudgeIdentity | None]:
            queue = project.queues.progress(queue_id).queue
            course = Course(queue, project.queues.items(queue_id), project.queues.finished(queue_id))
            return course, _judge_of(project, course, shown=shown)

        self._operations.query(read, lambda found: self._begun(*found), slot="queue")

    def leave(self) -> None:
        """Stop working through the queue; it stays as it is."""
        if self.course is None:
            return
        self._close_visit(Outcome.LEFT)
        self.course = None
        if self._audit is not None:
            self._audit.guided = False
        self._tell()
        self.facts_changed.emit()

    def _begun(self, course: Course, judge: JudgeIdentity | None) -> None:
        audit = self._audit
        if audit is None:
            return
        if judge != audit.reader.judge:
            self.judge_wanted.emit(judge)
        self._form.close()
        self.course = course
        audit.guided = True
        self.facts_changed.emit()
        following = course.next_open()
        self._tell() if following is None else self._open(following)
        if self.course.item is None or not self.course.item.other_id:
            audit.view.list.tree.setFocus()

    def _open(self, at: int) -> None:
        """Bring an item up, and read the one behind it while the person reads this one."""
        course, audit = self.course, self._audit
        if course is None or audit is None:
            return
        self.course = course = course.go(at)
        item = course.item
        if item is None:
            return
        self._opened = utc_now()
        now = self._clock()
        self._watch = Stopwatch().run(now) if self._window.isActiveWindow() else Stopwatch()
        if item.other_id:
            self.pair_wanted.emit(item.target.candidate_id, item.other_id)
        else:
            self._open_in_audit(audit, item.target)
        self._tell()
        following = course.next_open()
        if following is not None and course.items[following].target.candidate_id != item.target.candidate_id:
            audit.reader.read_ahead(course.items[following].target.candidate_id)

    def _open_in_audit(self, audit: AuditController, target: Target) -> None:
        self.audit_wanted.emit()
        if audit.detail is not None and audit.detail.candidate.candidate_id == target.candidate_id:
            audit.view.list.set_current(target.candidate_id)
            audit.go(Focus(target.candidate_id, target.dimension, target.part_id))
        else:
            audit.show_candidate(target.candidate_id, dimension=target.dimension, part_id=target.part_id)

    def _go_on(self, outcome: Outcome) -> None:
        """Leave the item in this way and open the next."""
        if self.course is None:
            return
        following = self.course.next_open()
        if outcome is Outcome.LEFT and following is None:
            self.told.emit(Notice("No other item of this queue is open."))
            return
        visit = self._end_visit(outcome)
        self._open_or_end(following)
        self._file(visit)  # last: the writer would work beside what brings the next item up

    def _go_back(self) -> None:
        before = self.course.previous() if self.course is not None else None
        if before is not None:
            self._close_visit(Outcome.LEFT)
            self._open(before)

    def _open_or_end(self, following: int | None) -> None:
        if following is not None:
            self._open(following)
            return
        self._tell()
        self.told.emit(Notice("This queue is done."))

    def _decided(self, target: Target, done: bool) -> None:
        """Go on when a decision settles the item: its part, or the last open part of its dimension."""
        item = self.course.item if self.course is not None else None
        if self.course is None or item is None or item.other_id:
            return
        same = (target.candidate_id, target.dimension) == (item.target.candidate_id, item.target.dimension)
        if not same or not (target.part_id == item.target.part_id or (done and not item.target.part_id)):
            return
        following = self.course.next_open()
        self._close_visit(Outcome.DECIDED, target=target)
        self._open_or_end(following)

    def _pair_said(self, sides: frozenset[str]) -> None:
        """Go on when a person said which of the two is better, or that they are no pair."""
        item = self.course.item if self.course is not None else None
        if self.course is None or item is None or sides != {item.target.candidate_id, item.other_id}:
            return
        following = self.course.next_open()
        self._close_visit(Outcome.DECIDED)
        self._open_or_end(following)

    def _close_visit(self, outcome: Outcome, *, target: Target | None = None) -> None:
        self._file(self._end_visit(outcome, target=target))

    def _end_visit(self, outcome: Outcome, *, target: Target | None = None) -> _Visit | None:
        course = self.course
        if course is None or course.item is None or not self._opened:
            return None
        visit = _Visit(course.queue.queue_id, course.at, self._opened, self._watch.read(self._clock()), outcome, target)
        self._opened = ""
        self._watch = Stopwatch()
        if outcome is not Outcome.LEFT:
            self.course = course.finish(course.at)
        return visit

    def _file(self, visit: _Visit | None) -> None:
        """Write a visit down; one that waits for its decision once that is written."""
        if visit is None:
            return
        target = visit.target
        if target is not None and self._audit is not None and self._audit.deeds.under_way(target.candidate_id):
            self._waiting.append(visit)
        else:
            self._write(visit)

    def _write(self, visit: _Visit) -> None:
        project = self._project
        if project is None:
            return
        self._operations.run(
            lambda: project.queues.visited(
                visit.queue_id, visit.ordinal, opened=visit.opened, seconds=visit.seconds, outcome=visit.outcome
            ),
            initiator=self,
        )

    def _taken(self, candidate_ids: frozenset[str]) -> Iterator[_Visit]:
        """Yield the visits that wait for decisions on these candidates, and wait for them no more."""
        mine = [it for it in self._waiting if it.target is not None and it.target.candidate_id in candidate_ids]
        self._waiting = [it for it in self._waiting if it not in mine]
        yield from mine

    def _changed(self, changes: Changes, initiator: object) -> None:
        if self._audit is not None and initiator is self._audit.deeds:
            for visit in self._taken(changes.decisions):
                self._write(visit)

    def _failed(self, target: Target, _sentence: str) -> None:
        """Go back to an item whose decision was not written."""
        for visit in self._taken(frozenset({target.candidate_id})):
            if self.course is not None and self.course.queue.queue_id == visit.queue_id:
                self._close_visit(Outcome.LEFT)
                self.course = self.course.reopen(visit.ordinal)
                self._open(visit.ordinal)

    def _tell(self) -> None:
        """Show where one is, above the list."""
        if self.course is None or self._audit is None:
            for bar in (self._bar, self._wide_bar):
                if bar is not None:
                    bar.hide()
            return
        if self._bar is None:
            self._bar = QueueBar(self._actions)
            self._audit.view.list.add_bar(self._bar)
        for bar in (self._bar, self._wide_bar):
            if bar is not None:
                bar.show_text(bar_text(self.course, blind=self._blind))
                bar.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Halt the time while the window is not the active one."""
        if watched is self._window and self._opened:
            if event.type() is QEvent.Type.WindowActivate:
                self._watch = self._watch.run(self._clock())
            elif event.type() is QEvent.Type.WindowDeactivate:
                self._watch = self._watch.halt(self._clock())
        return super().eventFilter(watched, event)


def _judge_of(project: Project, course: Course, *, shown: JudgeIdentity | None) -> JudgeIdentity | None:
    """Return whose verdicts have the claims that a queue is about: those on screen where they do."""
    target = next((it.target for it in course.items if it.target.part_id), None)
    if target is None:
        return shown
    for judge in (shown, None, *(it.identity for it in project.audit.judges())):
        if dimension_of(project.audit.candidate(target.candidate_id, judge), target.part_id) is target.dimension:
            return judge
    return shown
