"""What a person does in the Audit workspace, as operations on the project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.changes import Changes
from lrstudio.domain.decisions import Decision, Shown, Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.bridge.operations import Operations
from lrstudio.viewstate.audit import Choice

if TYPE_CHECKING:
    from lrstudio.services.decisions import Circumstances
    from lrstudio.services.wiring import Project


@dataclass(frozen=True, slots=True)
class Around:
    """What goes with a decision."""

    reason: str = ""
    blind: bool = False
    shown: Shown = field(default_factory=Shown)

    def as_keywords(self) -> Circumstances:
        """Return it as the services take it."""
        return {"reason": self.reason, "blind": self.blind, "shown": self.shown}


@dataclass(frozen=True, slots=True)
class _Turned:
    changes: Changes
    decision: Decision | None


class AuditDeeds(QObject):
    """Sends decisions to the project's one writer.

    Signals:
        begun: a decision, or with True an undo, is on its way.
        failed: `(Target, sentence)` of a decision that was refused; nothing was written.
        turned: the Decision that undo or, with True, redo acted on, None where there was none.
    """

    begun = Signal(bool)
    failed = Signal(object, str)
    turned = Signal(object, bool)

    def __init__(self, operations: Operations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._operations = operations
        self._project: Project | None = None
        self._under_way: list[str] = []

    def under_way(self, candidate_id: str) -> bool:
        """Tell whether a decision on this candidate is on its way."""
        return candidate_id in self._under_way

    def use(self, project: Project | None) -> None:
        """Decide in this project."""
        self._project = project

    def confirm(self, target: Target, around: Around) -> None:
        """Take over what stands."""
        self._run(target, lambda project: project.decisions.confirm(target, **around.as_keywords()))

    def override(self, target: Target, choice: Choice, around: Around) -> None:
        """State a support."""
        self._run(
            target,
            lambda project: project.decisions.override(
                target, support=choice.support, support_reason=choice.support_reason, **around.as_keywords()
            ),
        )

    def set_score(self, target: Target, score: float, around: Around) -> None:
        """State a score."""
        bare = Target(target.candidate_id, target.dimension)
        self._run(bare, lambda project: project.decisions.set_score(bare, score, **around.as_keywords()))

    def split(self, target: Target, at: int, around: Around) -> None:
        """Split a claim at an offset of the candidate."""
        self._run(target, lambda project: project.decisions.split_claim(target, at=at, **around.as_keywords()))

    def merge(self, target: Target, around: Around) -> None:
        """Merge a claim with the next one."""
        self._run(target, lambda project: project.decisions.merge_claims(target, **around.as_keywords()))

    def reword(self, target: Target, text: str, around: Around) -> None:
        """Word a claim or key point anew."""
        self._run(target, lambda project: project.decisions.reword(target, text, **around.as_keywords()))

    def add(self, target: Target, span: Span, around: Around) -> None:
        """Add a claim from the candidate, or a key point from the document."""

        def add(project: Project) -> Changes:
            decide = project.decisions
            make = decide.add_claim if target.dimension is Dimension.FAITHFULNESS else decide.add_key_point
            return make(target.candidate_id, span=span, **around.as_keywords())

        self._run(target, add)

    def mark(self, target: Target, span: Span, around: Around) -> None:
        """Mark a passage as evidence."""
        self._run(target, lambda project: project.decisions.mark_evidence(target, span, **around.as_keywords()))

    def unmark(self, target: Target, span: Span, around: Around) -> None:
        """Take a marked passage back."""
        self._run(target, lambda project: project.decisions.unmark_evidence(target, span, **around.as_keywords()))

    def undo(self) -> None:
        """Turn this reviewer's last decision off."""
        self._turn(redo=False)

    def redo(self) -> None:
        """Turn the decision undone last on again."""
        self._turn(redo=True)

    def _turn(self, *, redo: bool) -> None:
        project = self._project
        if project is None:
            return

        def turn() -> _Turned:
            before = project.audit.undo_redo()[1 if redo else 0]
            return _Turned(project.decisions.redo() if redo else project.decisions.undo(), before)

        self._operations.run(turn, initiator=self, then=lambda done: self.turned.emit(done.decision, redo))
        if not redo:
            self.begun.emit(True)

    def _run(self, target: Target, deed: Callable[[Project], Changes]) -> None:
        project = self._project
        if project is None:
            return

        def failed(error: BaseException) -> None:
            self._under_way.remove(target.candidate_id)
            if isinstance(error, Refused):
                self.failed.emit(target, str(error))
            else:
                self.failed.emit(target, "")
                self._operations.announce(error, again=lambda: self._run(target, deed))

        def written(_changes: Changes) -> None:
            self._under_way.remove(target.candidate_id)

        self._under_way.append(target.candidate_id)
        self._operations.run(lambda: deed(project), initiator=self, then=written, failed=failed)
        self.begun.emit(False)
