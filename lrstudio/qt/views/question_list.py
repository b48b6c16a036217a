"""The left side: filter, what is kept and in which order, the questions with their candidates, and how far one is."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QMenu, QTreeView, QVBoxLayout, QWidget

from lrstudio.qt.models.question_tree import ROW_ROLE, QuestionTree
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Line, Words, panel_ground, unit
from lrstudio.qt.views.delegates import QuestionDelegate
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.audit_list import (
    TAGGED,
    CandidateRow,
    Keep,
    ListShown,
    ListView,
    Order,
    QuestionRow,
    step_candidate,
)

_TYPING_MS = 120
"""A filter is applied when typing pauses this long."""


class QuestionTreeView(QTreeView):
    """The tree itself: candidates move the focus, headings fold."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderHidden(True)
        self.header().setAccessibleName("Columns")
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setMouseTracking(True)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setExpandsOnDoubleClick(False)
        self.setAccessibleName("Questions and candidates")
        self.setItemDelegate(QuestionDelegate(self, switch))
        self.setTabKeyNavigation(False)
        quiet(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the headings anew."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.scheduleDelayedItemsLayout()

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Go up and down from candidate to candidate; headings are reached with Left and the mouse."""
        index = super().moveCursor(action, modifiers)
        moves = QAbstractItemView.CursorAction
        if action in (moves.MoveLeft, moves.MoveRight):
            return index
        down = action in (moves.MoveDown, moves.MoveNext, moves.MovePageDown, moves.MoveHome)
        while index.isValid() and isinstance(index.data(ROW_ROLE), QuestionRow):
            index = self.indexBelow(index) if down else self.indexAbove(index)
        return index if index.isValid() else self.currentIndex()

    def keyboardSearch(self, search: str) -> None:
        """Letters are commands here; the filter field searches."""


class QuestionList(QWidget):
    """The list with its filter. It shows what was arranged for it, and wishes for another arrangement.

    Signals:
        picked: the id of the candidate a person chose.
        view_changed: the `ListView` that is wished for.
    """

    picked = Signal(str)
    view_changed = Signal(object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = ListView()
        self._keeps: tuple[Keep, ...] = ()
        self._current = ""
        self._folded: set[str] = set()
        self._model = QuestionTree(self)
        self.field = Field(name="Filter questions and candidates", placeholder="Filter questions, candidates…")
        self.field.setClearButtonEnabled(True)
        self.keep_button = Button(kind=Kind.FLAT)
        self.order_button = Button(kind=Kind.FLAT)
        self.tree = QuestionTreeView(switch)
        self.tree.setModel(self._model)
        self._progress = Words(quiet=True)
        self._progress.setAccessibleName("Progress")
        self._nothing = Words("Nothing matches the filter.", quiet=True)
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._typing.timeout.connect(self._apply_text)
        self._lay_out()
        self._connect(switch)
        self._fill_order_menu()
        self._fill_keep_menu()

    @property
    def groups(self) -> tuple[QuestionRow, ...]:
        """What is listed now."""
        return self._model.groups

    @property
    def view(self) -> ListView:
        """What is asked of the list."""
        return self._view

    def show_list(self, shown: ListShown) -> None:
        """Show an arrangement; one that was made for another view than the one wished for now is passed over."""
        if shown.view != self._view:
            return
        if shown.keeps != self._keeps:
            self._keeps = shown.keeps
            self._fill_keep_menu()
        if self._model.set_rows(shown.groups):
            self._expand()
        self.set_current(self._current)
        self._progress.setText(shown.progress.text)
        self._progress.setToolTip(shown.progress.tooltip)
        self._nothing.setVisible(not shown.groups and not shown.empty)

    def set_view(self, view: ListView) -> None:
        """Wish for another filter or order."""
        if view != self._view:
            self._view = view
            self._name_buttons()
            self.view_changed.emit(view)

    def add_bar(self, bar: QWidget) -> None:
        """Put a bar between what filters the list and the list."""
        self._bars.addWidget(bar)

    def set_current(self, candidate_id: str) -> None:
        """Mark the candidate that is on screen, without choosing it again."""
        self._current = candidate_id
        index = self._model.index_of(candidate_id)
        selection = self.tree.selectionModel()
        if not index.isValid():
            selection.clear()
            return
        if self.tree.currentIndex() != index or not selection.isSelected(index):
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.tree.scrollTo(index)

    def step(self, by: int) -> str:
        """Return the candidate so many rows away from the current one."""
        return step_candidate(self.groups, self._current, by=by)

    def focus_filter(self) -> None:
        """Put the keyboard into the filter."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def eventFilter(self, watched: QWidget, event: QEvent) -> bool:  # type: ignore[override]
        """Leave the filter for the list with Enter, Down or Escape."""
        if watched is self.field and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape and self.field.text():
                self.field.clear()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down, Qt.Key.Key_Escape):
                self._apply_text()
                self.tree.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return True
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        panel_ground(self)
        step = unit(self)
        self.keep_button.set_eliding()
        self.order_button.set_eliding()
        head = QVBoxLayout()
        head.setContentsMargins(step * 3 // 2, step * 3 // 2, step * 3 // 2, step // 2)
        head.setSpacing(step // 2)
        head.addWidget(self.field)
        choices = QHBoxLayout()
        choices.setSpacing(0)
        choices.addWidget(self.keep_button, 1)
        choices.addWidget(self.order_button, 1)
        head.addLayout(choices)
        foot = QHBoxLayout()
        foot.setContentsMargins(step * 3 // 2, step, step * 3 // 2, step)
        foot.addWidget(self._progress, 1)
        empty = QHBoxLayout()
        empty.setContentsMargins(step * 3 // 2, step * 2, step * 3 // 2, 0)
        empty.addWidget(self._nothing)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        self._bars = QVBoxLayout()
        box.addLayout(head)
        box.addWidget(Line())
        box.addLayout(self._bars)
        box.addLayout(empty)
        box.addWidget(self.tree, 1)
        box.addWidget(Line())
        box.addLayout(foot)
        self._nothing.hide()

    def _connect(self, switch: ThemeSwitch) -> None:
        self.field.installEventFilter(self)
        self.field.textChanged.connect(lambda _text: self._typing.start())
        self.tree.selectionModel().currentChanged.connect(self._moved)
        self.tree.clicked.connect(self._clicked)
        self.tree.collapsed.connect(lambda index: self._fold(index, folded=True))
        self.tree.expanded.connect(lambda index: self._fold(index, folded=False))
        switch.changed.connect(self.tree.viewport().update)

    def _fill_order_menu(self) -> None:
        menu = self._menu_of(self.order_button)
        group = QActionGroup(menu)
        for order in Order:
            action = self._choice(menu, group, order.words, checked=order is self._view.order)
            action.triggered.connect(lambda _on=False, it=order: self.set_view(replace(self._view, order=it)))
        self._name_buttons()

    def _fill_keep_menu(self) -> None:
        menu = self._menu_of(self.keep_button)
        group = QActionGroup(menu)
        place = menu
        for keep in self._keeps:
            if keep.kind == TAGGED and place is menu:
                place = menu.addMenu("Tagged")  # tags come last, and there may be many
            words = keep.words.replace("&", "&&")  # a tag may have one
            action = self._choice(place, group, words, checked=keep == self._view.keep)
            action.triggered.connect(lambda _on=False, it=keep: self._keep(it))
        self._name_buttons()

    def _menu_of(self, button: Button) -> QMenu:
        old = button.menu()
        menu = QMenu(button)
        button.setMenu(menu)
        if old is not None:
            old.deleteLater()
        return menu

    def _choice(self, menu: QMenu, group: QActionGroup, words: str, *, checked: bool) -> QAction:
        action = menu.addAction(words)
        action.setCheckable(True)
        action.setChecked(checked)
        group.addAction(action)
        return action

    def _keep(self, keep: Keep) -> None:
        self.set_view(replace(self._view, keep=keep))

    def _name_buttons(self) -> None:
        self.keep_button.setText(self._view.keep.words)
        self.keep_button.setAccessibleName(f"Shown: {self._view.keep.words}")
        self.keep_button.setToolTip(f"Shown: {self._view.keep.words}")
        self.order_button.setText(self._view.order.words)
        self.order_button.setAccessibleName(f"Sorted: {self._view.order.words}")
        self.order_button.setToolTip(f"Sorted: {self._view.order.words}")

    def _apply_text(self) -> None:
        self._typing.stop()
        self.set_view(replace(self._view, text=self.field.text()))

    def _expand(self) -> None:
        """Unfold all but what the person folded; setting rows anew folds everything."""
        folded = set(self._folded)
        self.tree.expandAll()
        for at, group in enumerate(self._model.groups):
            if group.question_id in folded:
                self.tree.collapse(self._model.index(at, 0))

    def _fold(self, index: QModelIndex, *, folded: bool) -> None:
        row = self._model.row_at(index)
        if isinstance(row, QuestionRow):
            (self._folded.add if folded else self._folded.discard)(row.question_id)

    def _moved(self, index: QModelIndex, _previous: QModelIndex) -> None:
        row = self._model.row_at(index)
        if isinstance(row, CandidateRow) and row.candidate_id != self._current:
            self._current = row.candidate_id
            self.picked.emit(row.candidate_id)

    def _clicked(self, index: QModelIndex) -> None:
        if isinstance(self._model.row_at(index), QuestionRow):
            self.tree.setExpanded(index, not self.tree.isExpanded(index))
