"""What the Pairs workspace does: reads pages and boards off the GUI thread, and carries out what a person says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from lrstudio.domain.changes import Changes
from lrstudio.domain.pair_lists import Board, PairCounts
from lrstudio.domain.pairs import Pair, PairState, pair_id
from lrstudio.domain.verdicts import JudgeIdentity
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.models.pair_table import PAGE
from lrstudio.qt.views.pairs_deeds import PairsDeeds, Shuffle
from lrstudio.qt.views.pairs_view import PairsView
from lrstudio.qt.views.pairs_walk import QuestionWalk
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.pairs_board import PairScreen, facts_of, next_side, pair_of, pair_screen, sides_of
from lrstudio.viewstate.pairs_list import PairCells, counts_text, pair_cells

if TYPE_CHECKING:
    from lrstudio.qt.views.pairs_list import PairsList
    from lrstudio.services.wiring import Project

_SETTLE_MS = 1000
"""Judgments arrive faster than pairs are to be looked at anew."""


@dataclass(frozen=True, slots=True)
class _ListRead:
    total: int
    page: int
    rows: tuple[PairCells, ...]
    counts: PairCounts


class PairsController(QObject):
    """One project at a time.

    Signals:
        facts_changed: other commands make sense now; see `facts`.
        said: the two candidates, a frozenset of ids, that something was said of.
    """

    facts_changed = Signal()
    said = Signal(object)

    def __init__(
        self,
        view: PairsView,
        operations: Operations,
        *,
        blind: bool,
        first_question: Callable[[], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.view = view
        self._operations = operations
        self._first_question = first_question
        self._project: Project | None = None
        self._judge: JudgeIdentity | None = None
        self._blind = blind
        self._shuffle = Shuffle()
        self._saying = PairsDeeds(operations, self)
        self._board: Board | None = None
        self._sides: tuple[str, str] = ("", "")
        self._pair_id = self._question_id = ""
        self._generation = 0
        self._said = ""
        self._sought = ""
        self._awaited = -1
        self._two: tuple[str, str] | None = None
        self._walk = QuestionWalk(operations)
        self.deeds = self._deed_table()
        self._saying.said.connect(self._said_of)
        self._saying.sides_said.connect(self.said)
        self._saying.turned.connect(self._turned)
        self._settling = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settling.timeout.connect(self._settle)
        operations.changed.connect(self._changed)
        view.list.view_changed.connect(self._view_changed)
        view.list.row_chosen.connect(self._row_chosen)
        view.list.model.wanted.connect(self._read_page)
        view.all_pairs.clicked.connect(view.list.reset_filters)

    @property
    def facts(self) -> frozenset[Fact]:
        """What holds for what is on screen."""
        return facts_of(self.view.screen_)

    @property
    def shown(self) -> tuple[PairScreen | None, str]:
        """What is on screen, and the id of its question."""
        return self.view.screen_, self._question_id

    def use(self, project: Project | None, judge: JudgeIdentity | None = None) -> None:
        """Show this project's pairs, and take the verdicts of this judge for boards; None for the latest ones."""
        if project is not self._project:
            self._shuffle.forget()
            self._pair_id = self._question_id = ""
            self._two = None
            self._walk.forget()
            self.view.reason.clear()
            self._show_nothing()
        self._project, self._judge = project, judge
        self._saying.use(project, judge)
        self._generation += 1
        if project is None:
            self._settling.stop()
            self.view.list.model.start(0, ())
        else:
            self._settle()
            self._read_list()
            if self._question_id:
                self._read_board(self._question_id)

    def set_blind(self, blind: bool) -> None:
        """Hide models and scores, and shuffle the sides, until a person has said which is better."""
        if blind != self._blind:
            self._blind = blind
            self._sides = ("", "")
            self._read_list()
            self._show_board()

    # The list

    def _view_changed(self) -> None:
        self.view.list.table.clearSelection()
        self._read_list(row=0)

    def _read_list(self, *, row: int | None = None) -> None:
        project, blind, listed = self._project, self._blind, self.view.list
        if project is None:
            return
        self._generation += 1
        page = max(0, listed.current if row is None else row) // PAGE
        rows_of = _page_reader(project, listed, page, blind=blind)

        def read() -> _ListRead:
            total, rows = rows_of()
            return _ListRead(total, page, rows, project.pairs.counts())

        self._operations.query(read, lambda found: self._list_there(found, row), slot="pairs list")

    def _list_there(self, read: _ListRead, row: int | None) -> None:
        listed = self.view.list
        at = max(0, listed.current) if row is None else row
        said, self._said = self._said, ""
        sought, self._sought = self._sought, ""
        first = row is not None or not listed.model.total
        listed.blockSignals(True)
        listed.model.start(read.total, read.rows, page=read.page)
        if said and listed.model.find(said) == at:
            at += 1
        if sought and listed.model.find(sought) >= 0:
            at = listed.model.find(sought)
        listed.go_to(at)
        listed.blockSignals(False)
        counts = read.counts
        self.view.counts.setText(counts_text(counts))
        self.view.counts.updateGeometry()
        self.view.show_list(any_pair=bool(counts.gold + counts.proposed + counts.rejected))
        if self._two is not None:
            self._read_two(self._two)
        elif read.total and (said or first or not self._question_id):
            self._row_chosen(listed.current)
        elif self._question_id:
            self._read_board(self._question_id)
        else:
            self._step_question(0)

    def _read_page(self, page: int) -> None:
        project, blind, listed, generation = self._project, self._blind, self.view.list, self._generation
        if project is None:
            return

        def there(found: tuple[int, tuple[PairCells, ...]]) -> None:
            if generation == self._generation:
                listed.model.put(page, found[1])
                if self._awaited >= 0 and self._awaited // PAGE == page:
                    self._row_chosen(self._awaited)

        self._operations.query(_page_reader(project, listed, page, blind=blind), there, slot=f"pairs page {page}")

    def _row_chosen(self, row: int) -> None:
        cells = self.view.list.model.row(row)
        self._awaited = row if cells is None else -1
        if cells is not None:
            self._focus(cells.pair.question_id, cells.pair.pair_id)

    # The board

    def _focus(self, question_id: str, pair_id: str = "") -> None:
        if pair_id != self._pair_id or question_id != self._question_id:
            self._sides = ("", "")
            self.view.reason.clear()
        self._question_id, self._pair_id = question_id, pair_id
        self._read_board(question_id)

    def _read_board(self, question_id: str) -> None:
        project, judge = self._project, self._judge
        if project is None:
            return

        def failed(error: BaseException) -> None:
            self._question_id = self._pair_id = ""
            self._operations.announce(error, again=lambda: self._read_board(question_id))
            self._show_nothing()

        self._operations.query(
            lambda: project.pairs.board(question_id, judge), self._board_there, slot="pairs board", failed=failed
        )

    def _board_there(self, board: Board) -> None:
        self._board = board
        self._show_board()
        self.view.list.mark(self._pair_id)

    def _show_board(self) -> None:
        board = self._board
        if board is None:
            return
        if not all(self._sides):
            pair = next((it for it in board.pairs if it.pair_id == self._pair_id), None)
            self._sides = sides_of(board, pair)
        hidden = self._hides(pair_of(board, *self._sides))
        if hidden:
            self._sides = self._shuffle.order(self._sides)
        screen = pair_screen(board, self._sides, blind=hidden)
        if screen is None:
            self._board = None
            self.view.show_no_board(
                "Nothing to compare here", "This question has fewer than two candidates. Import more, or press n."
            )
        else:
            self._pair_id = screen.pair.pair_id if screen.pair else ""
            more = len(board.candidates) > 2
            self.view.left.other.setVisible(more)
            self.view.right.other.setVisible(more)
            self.view.show_screen(screen)
        self.facts_changed.emit()

    def _hides(self, pair: Pair | None) -> bool:
        """Tell whether the verdicts on two candidates are hidden: until a person has said something that holds."""
        return self._blind and (pair is None or pair.state is PairState.PROPOSED or pair.stale is not None)

    def _show_nothing(self) -> None:
        self._board, self._sides = None, ("", "")
        self.view.show_no_board(
            "Nothing to compare yet", "Import questions with two or more candidates (Ctrl+I), or open the sample."
        )
        self.facts_changed.emit()

    def _turn(self, *, left: bool) -> None:
        if self._board is not None:
            self._sides = next_side(self._board, self._sides, left=left)
            self.view.reason.clear()
            self._show_board()
            self.view.list.mark(self._pair_id)

    def _step_question(self, by: int) -> None:
        """Go to another question of the project, whether it has pairs or not."""
        if self._project is not None:
            here = self._question_id or self._first_question()
            self._walk.step(self._project, here, by, to=lambda it: self._focus(it) if it else self._show_nothing())

    def show_two(self, one: str, other: str) -> None:
        """Show two candidates of a question side by side, whether they are a pair or not."""
        self._two = (one, other)
        self._read_list()

    def _read_two(self, two: tuple[str, str]) -> None:
        project, judge = self._project, self._judge
        if project is None:
            return

        def there(question_id: str) -> None:
            self._two = None  # not before: what else reads the list meanwhile would step to another question
            self.view.list.mark(pair_id(question_id, *two))
            self._focus(question_id, pair_id(question_id, *two))
            self._sides = two

        def failed(error: BaseException) -> None:
            self._two = None
            self._operations.announce(error, again=lambda: self.show_two(*two))

        find = lambda: project.audit.candidate(two[0], judge).question.question_id  # noqa: E731
        self._operations.query(find, there, slot="pairs two", failed=failed)

    # What a person says

    def _deed_table(self) -> dict[str, Callable[[], object]]:
        step = self.view.list
        return self._saying.table(self.view) | {
            "pairs.next": lambda: step.go_to(step.current + 1),
            "pairs.previous": lambda: step.go_to(step.current - 1),
            "pairs.next_question": lambda: self._step_question(1),
            "pairs.previous_question": lambda: self._step_question(-1),
            "pairs.other_left": lambda: self._turn(left=True),
            "pairs.other_right": lambda: self._turn(left=False),
            "pairs.reason": lambda: self.view.reason.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "pairs.filter": lambda: step.states.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "pairs.pane": self.view.next_pane,
        }

    def _said_of(self, pair_id: str) -> None:
        """Show the next pair, or, where one was added, that one."""
        self.view.reason.clear()
        if self.view.reason.hasFocus():
            self.view.take_keyboard()
        self._said = pair_id
        self._read_list()

    def _turned(self, pair: Pair) -> None:
        self._sought = pair.pair_id
        self._focus(pair.question_id, pair.pair_id)
        self._read_list()

    # What others do

    def _changed(self, changes: Changes, initiator: object) -> None:
        if self._project is None or not changes or initiator is self:
            return
        if changes.questions or changes.candidates or changes.everything:
            self._walk.forget()
        if changes.judgments or changes.decisions or changes.candidates or changes.everything:
            self._settling.start()
        elif changes.pairs:
            self._read_list()

    def _settle(self) -> None:
        """Bring up to date what filters and counts go by."""
        project = self._project
        if project is not None:
            self._operations.run(project.pairs.settle, initiator=self, then=lambda _done: self._read_list(), long=True)


def _page_reader(
    project: Project, listed: PairsList, page: int, *, blind: bool
) -> Callable[[], tuple[int, tuple[PairCells, ...]]]:
    """Return what reads a page of the list as it is filtered and sorted now: how many pairs there are, and its rows."""
    wanted, sort, descending = listed.wanted, listed.sort, listed.descending

    def read() -> tuple[int, tuple[PairCells, ...]]:
        found = project.pairs.page(wanted, sort=sort, descending=descending, offset=page * PAGE, limit=PAGE)
        return found.total, tuple(pair_cells(it, blind=blind) for it in found.rows)

    return read
