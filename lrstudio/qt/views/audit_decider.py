"""What a person decides and edits in the Audit workspace: from keys to decisions, and on to the next claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication

from lrstudio.domain.decisions import Decision, Target
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.views.audit_deeds import Around, AuditDeeds
from lrstudio.viewstate.audit import Deed, Screen, parse_score, press, shown_now
from lrstudio.viewstate.audit_drafts import turned_sentence

if TYPE_CHECKING:
    from lrstudio.qt.views.audit_controller import AuditController
    from lrstudio.qt.views.audit_panes import AuditPanes

_KEYS = {
    "verdict.full": "1",
    "verdict.partial": "2",
    "verdict.none": "3",
    "verdict.contradicted": "c",
    "verdict.not_found": "f",
    "verdict.not_checkable": "0",
}


class AuditDecider(QObject):
    """The controller's other half: it knows what is decided, the controller knows where one is."""

    def __init__(self, where: AuditController, deeds: AuditDeeds) -> None:
        super().__init__(where)
        self._where = where
        self._deeds = deeds
        deeds.failed.connect(self._refused)
        deeds.turned.connect(self._turned)
        where.view.panes_built.connect(self._connect_panes)

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return what the commands do that decide or edit."""
        keys = {name: partial(self._press, key) for name, key in _KEYS.items()}
        digits = {f"score.{digit}": partial(self._type_digit, str(digit)) for digit in range(10)}
        return {
            **keys,
            **digits,
            "decide.commit": self._commit,
            "decide.reason": lambda: self._panes.bar.reason.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "decide.undo": self._deeds.undo,
            "decide.redo": self._deeds.redo,
            "claim.split": self._split,
            "claim.merge": lambda: self._edit(lambda now, around: self._deeds.merge(now.target, around)),
            "part.reword": lambda: self._panes.parts.edit(self._where.focus.part_id),
            "part.add": self._add,
            "evidence.mark": self._mark,
            "evidence.unmark": self._unmark,
        }

    @property
    def _panes(self) -> AuditPanes:
        return self._where.view.panes

    def _connect_panes(self, panes: AuditPanes) -> None:
        panes.bar.score_typed.connect(lambda _text: self._where.tell_plan())
        panes.bar.left.connect(panes.focus_lower)
        panes.parts.reworded.connect(self._reword)

    # What is decided

    def _press(self, key: str) -> None:
        self._where.choice = press(self._where.choice, key)
        self._where.tell_plan()

    def _type_digit(self, digit: str) -> None:
        self._panes.bar.score.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._panes.bar.score.insert(digit)

    def _commit(self) -> None:
        now, todo, choice = self._where.screen, self._where.plan(), self._where.choice
        if now is None:
            return
        if todo.deed is Deed.NOTHING:
            self._panes.bar.refuse(todo.hint)
            return
        if todo.deed is Deed.ADVANCE:
            self._advance(now)
            return
        around = self._around(blind=now.row.hidden if now.row else bool(now.card and now.card.hidden))
        if todo.deed is Deed.OVERRIDE and choice is not None:
            self._deeds.override(now.target, choice, around)
        elif todo.deed is Deed.SET_SCORE:
            self._deeds.set_score(now.target, parse_score(self._panes.bar.score.text()) or 0.0, around)
        else:
            self._deeds.confirm(now.target, around)
        self._committed(now)

    def _committed(self, now: Screen) -> None:
        """Move on at once: the decision is on its way, and a quick person already reads the next claim."""
        if QApplication.focusWidget() is self._panes.bar.reason:
            self._panes.focus_lower()
        if now.focus.part_id:
            self._where.pending.add(now.focus.part_id)
        self._where.settle_bar()
        more = self._where.walker.next_undecided()
        if not more:
            self._where.tell_plan()
        self._where.decided.emit(now.target, not more)

    def _advance(self, now: Screen) -> None:
        if self._where.walker.next_undecided():
            return
        if self._where.guided:
            self._where.decided.emit(now.target, True)
        else:
            self._where.walker.step_candidate(1)

    def _refused(self, target: Target, sentence: str) -> None:
        self._where.pending.discard(target.part_id)
        self._where.known_parts = None
        if target.candidate_id == self._where.focus.candidate_id and target.dimension is self._where.focus.dimension:
            if target.part_id and target.part_id != self._where.focus.part_id:
                self._where.go(replace(self._where.focus, part_id=target.part_id, passage=0))
            if sentence:
                self._panes.bar.refuse(sentence)

    def _turned(self, decision: Decision | None, redo: bool) -> None:
        if decision is not None:
            target = decision.target
            self._where.pending.discard(target.part_id)
            self._where.show_candidate(target.candidate_id, dimension=target.dimension, part_id=target.part_id)
            self._panes.bar.tell(turned_sentence(decision, self._where.detail, redo=redo))

    # What is edited

    def _edit(self, deed: Callable[[Screen, Around], None]) -> None:
        """Carry out an edit of the list of claims, and go to what is new when it is there."""
        now = self._where.screen
        if now is not None:
            self._where.known_parts = frozenset(row.part_id for row in now.rows)
            deed(now, self._around(blind=self._where.viewer.blind))

    def _split(self) -> None:
        at = self._panes.candidate.caret()
        self._edit(lambda now, around: self._deeds.split(now.target, at, around))

    def _reword(self, part_id: str, text: str) -> None:
        self._edit(lambda now, around: self._deeds.reword(replace(now.target, part_id=part_id), text, around))

    def _add(self) -> None:
        candidate, document = self._panes.candidate.text.selected_words(), self._panes.document.text.selected_words()
        if self._where.focus.dimension is Dimension.COMPLETENESS:
            span, dimension, where = document, Dimension.COMPLETENESS, "document"
        else:
            span, dimension, where = candidate, Dimension.FAITHFULNESS, "candidate"
        if span is None:
            noun = "key point" if where == "document" else "claim"
            self._panes.bar.refuse(f"Select the words of the {noun} in the {where} first, then press a.")
            return
        if dimension is not self._where.focus.dimension:
            self._where.walker.pick_dimension(dimension)
        bare = Target(self._where.focus.candidate_id, dimension)
        self._edit(lambda _now, around: self._deeds.add(bare, span, around))

    def _mark(self) -> None:
        span, now = self._panes.document.text.selected_words(), self._where.screen
        if span is None:
            self._panes.bar.refuse("Select the passage in the document first, then press v.")
        elif now is not None:
            self._deeds.mark(now.target, span, self._around(blind=self._where.viewer.blind))
            self._panes.document.text.clear_selection()

    def _unmark(self) -> None:
        now = self._where.screen
        if now is None or now.row is None or not now.row.passages:
            return
        span = now.row.passages[min(self._where.focus.passage, len(now.row.passages) - 1)].span
        self._deeds.unmark(now.target, span, self._around(blind=self._where.viewer.blind))

    def _around(self, *, blind: bool) -> Around:
        detail, now = self._where.detail, self._where.screen
        if detail is None or now is None:
            return Around()
        return Around(self._panes.bar.reason.text().strip(), blind, shown_now(detail, now))
