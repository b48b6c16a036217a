"""Where reviewers differ, settled by keyboard, and who decided what."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QHeaderView, QLabel, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from lrstudio.domain.decisions import Target
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import Splitter, Words, bold, unit
from lrstudio.qt.views.conflict_panel import ConflictPanel
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.row_list import RowList
from lrstudio.viewstate.adjudication import ConflictList, ConflictView, left_words

_LETTERS = "ABCDEFGH"
_LOOK_MS = 30
"""A difference that one only passes by with the arrow keys is not read."""


class AdjudicationDialog(Dialog):
    """Two pages: the differences, and the reviewers.

    Signals:
        wanted: the list is to be read anew.
        looked: the `Target` that is looked at, and the one that comes next, None where there is none.
        ruled: a `Target`, the `Decision` or `Ruling` that settles it, and the reason.
        undone: what was settled last is to be taken back.
        aimed: a `Target` that is to be shown in Audit.
        reviewer_chosen: the name of a reviewer whose decisions are to be listed.
    """

    wanted = Signal()
    looked = Signal(object, object)
    ruled = Signal(object, object, str)
    undone = Signal()
    aimed = Signal(object)
    reviewer_chosen = Signal(str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None, *, names: bool = True) -> None:
        super().__init__("Reviewers", parent, size=(144, 92))
        self._done = self._open = 0
        self._sent: Target | None = None
        self.tabs = QTabBar()
        self.names = QCheckBox("Show names")
        self.names.setChecked(names)
        self.settled = QCheckBox("Settled ones too")
        self.conflicts = RowList(("Candidate", "about", "verdicts"), name="Differences")
        self.panel = ConflictPanel()
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self.none = QLabel()
        self.left = Words("", quiet=True)
        self.reviewers = RowList(
            ("Reviewer", "decisions", "in force", "blind", "adjudicating", "from – to"), name="Reviewers"
        )
        self.decisions = RowList(("Candidate", "about", "did", "says now", "when"), name="Decisions")
        self.undo_button = Button("Undo", key="U")
        self.audit_button = Button("Show in Audit", key="V")
        self._looking = QTimer(self, singleShot=True, interval=_LOOK_MS)
        self._looking.timeout.connect(self._look)
        self._pages = QStackedWidget()
        self._lay_out()
        self._connect()
        self._show_done()
        self.take_room()
        self.conflicts.setFocus()

    @property
    def target(self) -> Target | None:
        """The difference that is looked at."""
        current = self.conflicts.current()
        return current if isinstance(current, Target) else None

    def show_conflicts(self, listed: ConflictList) -> None:
        """List differences; the one looked at stays, or the one that takes its place comes up."""
        self._sent = None
        lines, before, row = listed.lines, self.target, self.conflicts.currentIndex().row()
        self._open = listed.open
        self.conflicts.blockSignals(True)
        self.conflicts.set_rows([(it.target, (it.where, it.what, it.said)) for it in lines])
        there = self.conflicts.topLevelItem(max(0, min(row, len(lines) - 1)))
        if there is not None and before not in {it.target for it in lines}:
            self.conflicts.setCurrentItem(there)
        self.conflicts.blockSignals(False)
        self.none.setText("" if lines else listed.none)
        self.none.setVisible(not lines)
        self.conflicts.setVisible(bool(lines))
        self.audit_button.setEnabled(bool(lines))
        if not lines:
            self.panel.show_view(None)
        self._show_done()
        self._look()

    def show_conflict(self, view: ConflictView) -> None:
        """Show one difference, where it is still the one looked at."""
        if view.target == self.target:
            self.panel.show_view(view)

    def show_reviewers(self, rows: Sequence[tuple[object, Sequence[str]]]) -> None:
        """List who decided."""
        self.reviewers.set_rows(rows)

    def show_decisions(self, rows: Sequence[tuple[object, Sequence[str]]]) -> None:
        """List what the chosen reviewer decided."""
        self.decisions.set_rows(rows)

    def refuse(self, target: Target, sentence: str) -> None:
        """Say why a difference was not settled, and go back to it."""
        self._sent = None
        self._done = max(0, self._done - 1)
        self._show_done()
        self.go(target)
        self.problem.say(sentence)

    def go(self, target: Target) -> None:
        """Look at a difference, if it is listed."""
        for at in range(self.conflicts.topLevelItemCount()):
            item = self.conflicts.topLevelItem(at)
            if item is not None and item.data(0, Qt.ItemDataRole.UserRole) == target:
                self.conflicts.setCurrentItem(item)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the reason for the list with Enter, Down or Escape."""
        leaving = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down, Qt.Key.Key_Escape)
        if (
            watched in (self.panel.reason, self.panel.score)
            and event.type() is QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() in leaving
        ):
            if watched is self.panel.score and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                return super().eventFilter(watched, event)  # it settles
            self.conflicts.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
        return super().eventFilter(watched, event)

    def _look(self) -> None:
        self._looking.stop()
        item = self.conflicts.currentItem()
        if item is not None:
            below = self.conflicts.itemBelow(item)
            self.looked.emit(self.target, below.data(0, Qt.ItemDataRole.UserRole) if below is not None else None)

    def _rule(self, ruling: object) -> None:
        """Send a ruling on its way, and open the next difference at once."""
        target, view = self.target, self.panel.view
        if target is None or view is None or view.target != target or target == self._sent:
            return  # its verdicts are not on screen yet, or it is settled and about to go
        reason = self.panel.reason.text().strip()
        self.problem.say("")
        self._done += 1
        self._sent = target
        self.ruled.emit(target, ruling, reason)
        self._step(1)
        self._look()
        self.conflicts.setFocus()
        self._show_done()

    def _step(self, by: int) -> None:
        item = self.conflicts.currentItem()
        if item is not None:
            other = self.conflicts.itemBelow(item) if by > 0 else self.conflicts.itemAbove(item)
            if other is not None:
                self.conflicts.setCurrentItem(other)

    def _undo(self) -> None:
        if self._done:
            self._done -= 1
            self._show_done()
            self.undone.emit()

    def _show_done(self) -> None:
        self.left.setText(left_words(self._open, self._done))
        self.left.updateGeometry()
        self.undo_button.setEnabled(self._done > 0)

    def _aim(self) -> None:
        current = (self.decisions if self._pages.currentIndex() else self.conflicts).current()
        if isinstance(current, Target):
            self.aimed.emit(current)

    def _show_names(self, shown: bool) -> None:
        self.tabs.setTabEnabled(1, shown)  # it says nothing but who
        self.wanted.emit()

    def _show_page(self, at: int) -> None:
        self._pages.setCurrentIndex(at)
        (self.reviewers if at else self.conflicts).setFocus()

    def _choose_reviewer(self) -> None:
        if self.reviewers.current() is not None:
            self.reviewer_chosen.emit(str(self.reviewers.current()))

    def _connect(self) -> None:
        self.names.toggled.connect(self._show_names)
        self.settled.toggled.connect(lambda _on: self.wanted.emit())
        self.conflicts.currentItemChanged.connect(lambda _now, _before: self._looking.start())
        self.conflicts.taken.connect(lambda _target: self._aim())
        self.decisions.taken.connect(lambda _target: self._aim())
        self.reviewers.currentItemChanged.connect(lambda _now, _before: self._choose_reviewer())
        self.panel.ruled.connect(self._rule)
        self.undo_button.clicked.connect(self._undo)
        self.audit_button.clicked.connect(self._aim)
        self.tabs.currentChanged.connect(self._show_page)
        self.panel.reason.installEventFilter(self)
        self.panel.score.installEventFilter(self)
        keys = {
            "J": lambda: self._step(1),
            "K": lambda: self._step(-1),
            "R": lambda: self.panel.reason.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "U": self._undo,
            "V": self._aim,
        }
        for letter in _LETTERS:
            keys[letter] = lambda it=letter: self.panel.take(it)  # type: ignore[misc]
        for digit in "0123456789":
            keys[digit] = lambda it=digit: self.panel.press_digit(it)  # type: ignore[misc]
        for key, deed in keys.items():
            QShortcut(QKeySequence(key), self).activated.connect(deed)

    def _lay_out(self) -> None:
        step = unit(self)
        self.tabs.addTab("Where they differ")
        self.tabs.addTab("Who decided what")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Pages")
        self.tabs.setTabEnabled(1, self.names.isChecked())
        self.none.setWordWrap(True)
        self.none.setFont(bold(self.none.font()))
        self.none.hide()
        for rows, width in ((self.conflicts, 2), (self.decisions, 1)):
            rows.header().setSectionResizeMode(width, QHeaderView.ResizeMode.ResizeToContents)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, step, 0)
        column.setSpacing(step)
        boxes = QHBoxLayout()
        boxes.setSpacing(2 * step)
        boxes.addWidget(self.names)
        boxes.addWidget(self.settled)
        boxes.addStretch(1)
        column.addLayout(boxes)
        column.addWidget(self.none)
        column.addWidget(self.conflicts, 1)
        column.addStretch(0)
        differ = Splitter(Qt.Orientation.Horizontal, name="differences")
        differ.addWidget(left)
        differ.addWidget(self.panel)
        differ.setSizes([62 * step, 78 * step])
        who = Splitter(Qt.Orientation.Vertical, name="reviewers")
        who.addWidget(self.reviewers)
        who.addWidget(self.decisions)
        who.setSizes([24 * step, 56 * step])
        self._pages.addWidget(differ)
        self._pages.addWidget(who)
        self.column.addWidget(self.tabs)
        self.column.addWidget(self._pages, 1)
        self.column.addWidget(self.problem)
        foot = QHBoxLayout()
        foot.setSpacing(step)
        close = Button("Close")
        close.clicked.connect(self.close)
        foot.addWidget(self.left, 1)
        for button in (self.undo_button, self.audit_button, close):
            foot.addWidget(button)
        self.column.addLayout(foot)
