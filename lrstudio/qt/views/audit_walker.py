"""Walks through the Audit workspace: parts, passages, candidates, dimensions, and what is clicked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.audit_parts import next_undecided, step_part, users_of

if TYPE_CHECKING:
    from lrstudio.qt.views.audit_controller import AuditController
    from lrstudio.qt.views.audit_panes import AuditPanes


class AuditWalker(QObject):
    """Turns navigation into another focus of the controller."""

    def __init__(self, where: AuditController) -> None:
        super().__init__(where)
        self._where = where
        view = self._view = where.view
        view.list.picked.connect(where.show_candidate)
        view.panes_built.connect(self._connect)

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return what the commands do that lead somewhere."""
        dimensions = {f"dimension.{it.value}": partial(self._choose_dimension, it) for it in Dimension}
        return {
            **dimensions,
            "part.next": lambda: self._step_part(1),
            "part.previous": lambda: self._step_part(-1),
            "part.undecided": self.next_undecided,
            "passage.next": lambda: self._step_passage(1),
            "passage.previous": lambda: self._step_passage(-1),
            "candidate.next": lambda: self.step_candidate(1),
            "candidate.previous": lambda: self.step_candidate(-1),
            "list.filter": self._view.list.focus_filter,
            "pane.next": lambda: self._view.step_pane(1),
            "pane.previous": lambda: self._view.step_pane(-1),
            "view.find": lambda: self._view.panes.find_text(),
            "view.find_next": lambda: self._view.panes.find_text(1),
            "view.find_previous": lambda: self._view.panes.find_text(-1),
        }

    def _connect(self, panes: AuditPanes) -> None:
        panes.candidate.claim_clicked.connect(self._pick_claim)
        panes.candidate.dimension_picked.connect(self.pick_dimension)
        panes.document.passage_clicked.connect(self._pick_passage)
        panes.document.user_picked.connect(self._pick_part)
        panes.parts.part_picked.connect(self._pick_part)
        panes.parts.tabs.picked.connect(self.pick_dimension)

    def _choose_dimension(self, dimension: Dimension) -> None:
        self.pick_dimension(dimension)
        self._view.panes.focus_lower()

    def _step_part(self, by: int) -> None:
        self._where.go(
            replace(self._where.focus, part_id=step_part(self._where.rows, self._where.focus.part_id, by=by), passage=0)
        )

    def next_undecided(self) -> bool:
        """Go to the next open part; return whether there is one."""
        found = next_undecided(self._where.rows, self._where.focus.part_id, pending=frozenset(self._where.pending))
        if found:
            self._where.go(replace(self._where.focus, part_id=found, passage=0))
        return found is not None

    def _step_passage(self, by: int) -> None:
        row = self._where.screen.row if self._where.screen else None
        if row and row.passages:
            self._where.go(replace(self._where.focus, passage=(self._where.focus.passage + by) % len(row.passages)))

    def step_candidate(self, by: int) -> None:
        """Go to another candidate of the list."""
        found = self._view.list.step(by)
        if found and found != self._where.focus.candidate_id:
            self._where.show_candidate(found)

    def _pick_part(self, part_id: str) -> None:
        if part_id and part_id != self._where.focus.part_id:
            self._where.go(replace(self._where.focus, part_id=part_id, passage=0))

    def _pick_claim(self, part_id: str) -> None:
        self._where.go(replace(self._where.focus, dimension=Dimension.FAITHFULNESS, part_id=part_id, passage=0))

    def pick_dimension(self, dimension: Dimension) -> None:
        """Show another dimension."""
        if dimension is not self._where.focus.dimension:
            part_id = self._where.last_part(dimension)
            self._where.go(replace(self._where.focus, dimension=dimension, part_id=part_id, passage=0))

    def _pick_passage(self, group: str, span: Span) -> None:
        """Go to the passage that was clicked, and show which claims use it."""
        users = users_of(span, self._where.rows)
        if group.isdigit():
            self._where.go(replace(self._where.focus, passage=int(group)))
        self._view.panes.parts.mark_users(users)
        if len(users) > 1 or (users and not group.isdigit()):
            self._view.panes.document.offer_users(users)
