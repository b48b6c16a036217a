"""What a person says of pairs, written down in order; and turned back."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.changes import Changes
from lrstudio.domain.pairs import Pair
from lrstudio.qt.bridge.operations import Operations
from lrstudio.viewstate.pairs_board import PairScreen

if TYPE_CHECKING:
    from lrstudio.domain.verdicts import JudgeIdentity
    from lrstudio.qt.views.pairs_view import PairsView
    from lrstudio.services.wiring import Project

_SAYINGS = ("approve", "swap", "reject")


class PairsDeeds(QObject):
    """Writes what is said of the two candidates on screen.

    Signals:
        said: the id of the pair that something was said of, "" where one was added.
        sides_said: the two candidates that something was said of, a frozenset of ids; after `said`.
        turned: the `Pair` that an undo or redo was about, as it stands now.
    """

    said = Signal(str)
    sides_said = Signal(object)
    turned = Signal(object)

    def __init__(self, operations: Operations, parent: QObject) -> None:
        super().__init__(parent)
        self._operations = operations
        self._project: Project | None = None
        self._judge: JudgeIdentity | None = None

    def use(self, project: Project | None, judge: JudgeIdentity | None) -> None:
        """Write into this project; pairs that are added take the scores of this judge."""
        self._project, self._judge = project, judge

    def table(self, view: PairsView) -> dict[str, Callable[[], object]]:
        """Return the commands that say something of what this view shows."""
        said = {name: lambda it=name: self.say(view.screen_, it, reason=view.reason.text()) for name in _SAYINGS}
        return {
            "pairs.left": lambda: self.choose(view.screen_, 0, reason=view.reason.text()),
            "pairs.right": lambda: self.choose(view.screen_, 1, reason=view.reason.text()),
            **{f"pairs.{name}": deed for name, deed in said.items()},
            "pairs.undo": lambda: self.turn_back("undo"),
            "pairs.redo": lambda: self.turn_back("redo"),
        }

    def choose(self, screen: PairScreen | None, at: int, *, reason: str) -> None:
        """Say that the left (0) or the right (1) candidate is better; two that are no pair become one."""
        project, judge = self._project, self._judge
        if screen is None or project is None:
            return
        order = (screen.left.candidate_id, screen.right.candidate_id)
        chosen, rejected = order[at], order[1 - at]
        blind, pair = screen.blind, screen.pair

        def work() -> Changes:
            if pair is not None:
                return project.pairs.choose(pair.pair_id, chosen, reason=reason, blind=blind, order=order)
            added = project.pairs.add(chosen, rejected, judge=judge, reason=reason, blind=blind, order=order)
            return added.changes

        self._carry_out(work, said=pair.pair_id if pair else "", sides=order)

    def say(self, screen: PairScreen | None, what: str, *, reason: str) -> None:
        """Approve, swap or reject the pair on screen."""
        project = self._project
        if screen is None or project is None or screen.pair is None:
            return
        pairs, pair_id, blind = project.pairs, screen.pair.pair_id, screen.blind
        order = (screen.left.candidate_id, screen.right.candidate_id)
        deed = {"approve": pairs.approve, "swap": pairs.swap, "reject": pairs.reject}[what]
        work = lambda: deed(pair_id, reason=reason, blind=blind, order=order)  # noqa: E731
        self._carry_out(work, said=pair_id, sides=order)

    def turn_back(self, what: str) -> None:
        """Undo or redo what this reviewer said last."""
        project = self._project
        if project is None:
            return

        def work() -> Pair | None:
            changes = project.pairs.undo() if what == "undo" else project.pairs.redo()
            return project.pairs.history(min(changes.pairs)).pair if changes.pairs else None

        def then(pair: Pair | None) -> None:
            if pair is not None:
                self._operations.changed.emit(Changes(pairs=frozenset({pair.pair_id})), self.parent())
                self.turned.emit(pair)

        self._operations.run(work, initiator=self.parent(), then=then)

    def _carry_out(self, work: Callable[[], Changes], *, said: str, sides: tuple[str, str]) -> None:
        def then(_changes: Changes) -> None:
            self.said.emit(said)
            self.sides_said.emit(frozenset(sides))

        self._operations.run(work, initiator=self.parent(), then=then)


class Shuffle:
    """The order in which two candidates are shown to a blind person: random, and the same until it is forgotten."""

    def __init__(self) -> None:
        """Start with nothing shown."""
        self._dice = random.Random()
        self._orders: dict[frozenset[str], tuple[str, str]] = {}

    def order(self, sides: tuple[str, str]) -> tuple[str, str]:
        """Return two candidates as they are shown."""
        key = frozenset(sides)
        if key not in self._orders:
            self._orders[key] = sides if self._dice.random() < 0.5 else sides[::-1]
        return self._orders[key]

    def forget(self) -> None:
        """Let the dice fall anew."""
        self._orders.clear()
