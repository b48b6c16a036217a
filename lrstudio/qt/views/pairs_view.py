"""The Pairs workspace: a question, two candidates side by side, how they differ, what is said of them, all pairs."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Line, Splitter, Words, panel_ground, unit
from lrstudio.qt.views.pairs_band import Band
from lrstudio.qt.views.pairs_list import PairsList
from lrstudio.qt.views.pairs_side import LinkedScrolling, SidePane
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.viewstate.pairs_board import PairScreen

_LAYOUT = "pairs/splitter"


class PairsView(QWidget):
    """Shows what it is told to; what is done is the controller's."""

    def __init__(self, switch: ThemeSwitch, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._zoom = 0
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.screen_: PairScreen | None = None
        self.question = Words("", strong=True)
        self._document = Words("", quiet=True)
        self.counts = Words("", quiet=True, whole=True)
        self.blind = Button("Blind")
        self.propose = Button("Propose pairs…")
        self.freeze = Button("Sets…", kind=Kind.PRIMARY)
        self.left = SidePane(switch, name="Left candidate")
        self.right = SidePane(switch, name="Right candidate")
        self.band = Band(switch)
        self.status = Words("")
        self.stale = QLabel("")
        self.stale.setAccessibleName("Why the pair is stale")
        self.stale.setTextFormat(Qt.TextFormat.PlainText)
        self.left_button = Button("A is better", key="a")
        self.right_button = Button("B is better", key="b")
        self.reject_button = Button("Reject", key="x")
        self.swap_button = Button("Swap", key="s")
        self.approve_button = Button("Approve", kind=Kind.PRIMARY)
        self.approve_button.set_trailing("↵")
        self.reason = Field(name="Why", placeholder="Why (optional, r)", keeps_enter=False)
        self.list = PairsList(switch)
        self.no_board = EmptyState("", "")
        propose = Button("Propose pairs…", kind=Kind.PRIMARY)
        self.all_pairs = Button("Show all pairs")
        self.no_pairs = EmptyState("", "", (propose, self.all_pairs))
        self._propose_here = propose
        for button, command in (
            (self.blind, "pairs.blind"),
            (self.propose, "pairs.propose"),
            (propose, "pairs.propose"),
            (self.freeze, "pairs.sets"),
            (self.left_button, "pairs.left"),
            (self.right_button, "pairs.right"),
            (self.reject_button, "pairs.reject"),
            (self.swap_button, "pairs.swap"),
            (self.approve_button, "pairs.approve"),
            (self.left.other, "pairs.other_left"),
            (self.right.other, "pairs.other_right"),
        ):
            bind(button, actions[command])
        self._linked = LinkedScrolling(self.left.text, self.right.text, self)
        self._lay_out()
        switch.changed.connect(self._paint_stale)
        self._paint_stale()

    def show_screen(self, screen: PairScreen) -> None:
        """Show two candidates."""
        self.screen_ = screen
        self.question.setText(screen.question)
        self._document.setText(screen.document)
        self.left.show_side(screen.left)
        self.right.show_side(screen.right)
        self.band.show_lines(screen.band)
        self.status.setText(screen.status)
        self.stale.setText(f"◐ stale: {screen.stale}" if screen.stale else "")
        self.stale.setVisible(bool(screen.stale))
        self.left_button.set_words(f"{screen.left.label} is better")
        self.right_button.set_words(f"{screen.right.label} is better")
        for words in (self.question, self._document, self.status):
            words.updateGeometry()
        self._board.setCurrentWidget(self._beside)

    def show_no_board(self, title: str, text: str) -> None:
        """Say why there is nothing to compare and what to do about it."""
        self.screen_ = None
        self.question.setText("")
        self._document.setText("")
        self.no_board.say(title, text)
        self._board.setCurrentWidget(self.no_board)

    def show_list(self, *, any_pair: bool) -> None:
        """Show the table, or what to do where it is empty."""
        had_keyboard = self.hasFocus() or self.list.table.hasFocus()
        if self.list.model.total:
            self._below.setCurrentWidget(self.list.table)
        else:
            if any_pair:
                self.no_pairs.say("No pair fits the filter", "Widen it, or show all pairs again.")
            else:
                text = "Let a rule propose pairs from the scores, or say with a or b which of two candidates is better."
                self.no_pairs.say("No pairs yet", text)
            self._propose_here.setVisible(not any_pair)
            self.all_pairs.setVisible(any_pair)
            self._below.setCurrentWidget(self.no_pairs)
        self.list.show_total()
        if had_keyboard:
            self.take_keyboard()

    def take_keyboard(self) -> None:
        """Take the keyboard to the table; where that is empty to no button, which Enter would press."""
        to = self.list.table if self.list.model.total else self
        to.setFocus(Qt.FocusReason.OtherFocusReason)

    def add_bar(self, bar: QWidget) -> None:
        """Put a bar above the candidates."""
        self._bars.addWidget(bar)

    def set_zoom(self, zoom: int) -> None:
        """Show both texts so many points larger than they are read by default."""
        for side in (self.left, self.right):
            side.text.zoom(zoom - self._zoom)
        self._zoom = zoom

    def next_pane(self) -> None:
        """Lead the keyboard on: the table, the texts, the reason."""
        order: list[QWidget] = [self.list.table, self.left.text, self.right.text, self.reason]
        at = next((number for number, it in enumerate(order) if it.hasFocus()), -1)
        order[(at + 1) % len(order)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def save_layout(self, settings: QSettings) -> None:
        """Write down how it is laid out."""
        settings.setValue(_LAYOUT, self._splitter.saveState())

    def restore_layout(self, settings: QSettings) -> None:
        """Lay it out as it was."""
        state = settings.value(_LAYOUT)
        if state is not None:
            self._splitter.restoreState(state)

    def _paint_stale(self) -> None:
        self.stale.setStyleSheet(f"color: {self._switch.theme.color('partial').name()}")

    def _lay_out(self) -> None:
        self._beside = QWidget()
        beside = QVBoxLayout(self._beside)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        sides = Splitter(Qt.Orientation.Horizontal, name="candidates side by side")
        sides.addWidget(self.left)
        sides.addWidget(self.right)
        beside.addWidget(sides, 1)
        for widget in (Line(), self.band, Line()):
            beside.addWidget(widget)
        beside.addLayout(self._status_row())
        beside.addLayout(self._deeds_row())
        self._board = QStackedWidget()
        self._board.addWidget(self._beside)
        self._board.addWidget(self.no_board)
        self._below = self.list.hold(self.no_pairs)
        self._splitter = Splitter(Qt.Orientation.Vertical, name="board and pairs")
        self._splitter.addWidget(self._board)
        self._splitter.addWidget(self.list)
        self._splitter.setStretchFactor(0, 3)
        self._splitter.setStretchFactor(1, 2)
        step = unit(self)
        self._splitter.setSizes([60 * step, 36 * step])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self._top())
        box.addWidget(Line())
        self._bars = QVBoxLayout()
        box.addLayout(self._bars)
        box.addWidget(self._splitter, 1)

    def _top(self) -> QWidget:
        step = unit(self)
        top = QWidget()
        panel_ground(top)
        row = QHBoxLayout(top)
        row.setContentsMargins(2 * step, step * 3 // 4, step, step * 3 // 4)
        row.setSpacing(step)
        row.addWidget(self.question, 20)
        row.addWidget(self._document, 4)
        row.addStretch(1)
        for widget in (self.counts, self.blind, self.propose, self.freeze):
            row.addWidget(widget)
        return top

    def _status_row(self) -> QHBoxLayout:
        step = unit(self)
        row = QHBoxLayout()
        row.setContentsMargins(2 * step, step * 3 // 4, step * 3 // 2, 0)
        row.setSpacing(2 * step)
        self.status.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        row.addWidget(self.status, 1)
        row.addWidget(self.stale)
        return row

    def _deeds_row(self) -> QHBoxLayout:
        step = unit(self)
        row = QHBoxLayout()
        row.setContentsMargins(step * 3 // 2, step * 3 // 4, step * 3 // 2, step * 3 // 4)
        row.setSpacing(step)
        for button in (self.left_button, self.right_button, self.reject_button, self.swap_button):
            row.addWidget(button)
        row.addWidget(self.reason, 1)
        row.addWidget(self.approve_button)
        return row
