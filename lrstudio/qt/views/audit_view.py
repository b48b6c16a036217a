"""The Audit workspace: the list at once, the panes beside it when there is a candidate to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Splitter, unit
from lrstudio.qt.views.question_list import QuestionList
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.viewstate.import_words import unasked_words

if TYPE_CHECKING:
    from lrstudio.qt.views.audit_panes import AuditPanes


class AuditView(QWidget):
    """List and panes, and what is shown instead of them while there is nothing to show.

    Signals:
        panes_built: the `AuditPanes`, once, before anything is shown in them.
    """

    panes_built = Signal(object)

    def __init__(self, switch: ThemeSwitch, icons: Icons, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._icons = icons
        self._actions = actions
        self._panes: AuditPanes | None = None
        self._layout: QSettings | None = None
        self._zoom = 0
        self.list = QuestionList(switch)
        self._whole = Splitter(Qt.Orientation.Horizontal, name="audit.whole")
        self._center = QStackedWidget()
        self._nothing = EmptyState("No candidate chosen", "Choose one in the list on the left.")
        self._empty = self._empty_page()
        self._unasked = self._unasked_page()
        self._lay_out()

    @property
    def has_panes(self) -> bool:
        """Tell whether a candidate was shown yet."""
        return self._panes is not None

    @property
    def panes(self) -> AuditPanes:
        """The panes, built when they are first needed: the list does not wait for them."""
        if self._panes is None:
            from lrstudio.qt.views.audit_panes import AuditPanes

            self._panes = AuditPanes(self._switch, self._icons, self._actions)
            self._center.addWidget(self._panes)
            self._panes.reset_layout(self._center.width(), self._center.height())
            if self._layout is not None:
                self._panes.restore_layout(self._layout)
            self._panes.set_zoom(self._zoom)
            self.panes_built.emit(self._panes)
        return self._panes

    def show_questions(self, *, any_question: bool, any_candidate: bool, documents: Sequence[str] = ()) -> None:
        """Show list and panes, or what to do when nothing was imported, or documents without a question."""
        empty = self._unasked if documents else self._empty
        self._stack.setCurrentWidget(self._whole if any_question else empty)
        if documents:
            self._unasked.say(*unasked_words(documents))
        if any_candidate:
            self._nothing.say("No candidate chosen", "Choose one in the list on the left.")
        else:
            self._nothing.say("No candidate answers yet", "Import answers to these questions, or paste one.")

    def show_candidate(self, *, chosen: bool) -> None:
        """Show the candidate's panes, or that none is chosen."""
        self._center.setCurrentWidget(self.panes if chosen else self._nothing)

    def step_pane(self, by: int) -> None:
        """Move the keyboard to the next pane, or with -1 to the one before."""
        stops: list[tuple[QWidget, QWidget]] = [(self.list, self.list.tree)]
        stops += self.panes.stops() if self.has_panes else []
        focus = QApplication.focusWidget()
        at = next((n for n, (home, _) in enumerate(stops) if focus is not None and home.isAncestorOf(focus)), None)
        if at is None:
            at = -1 if by > 0 else 0
        stops[(at + by) % len(stops)][1].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_zoom(self, zoom: int) -> None:
        """Show both texts so many points larger than they are read by default."""
        self._zoom = zoom
        if self._panes is not None:
            self._panes.set_zoom(zoom)

    def save_layout(self, settings: QSettings) -> None:
        """Write down how list and panes share the window."""
        settings.setValue(self._whole.objectName(), self._whole.saveState())
        if self._panes is not None:
            self._panes.save_layout(settings)

    def restore_layout(self, settings: QSettings) -> None:
        """Share the window as it was, where that was written down; the panes follow when they are built."""
        state = settings.value(self._whole.objectName())
        if state is not None:
            self._whole.restoreState(state)
        self._layout = settings

    def reset_layout(self) -> None:
        """Share the window as it is drawn: a fifth for the list."""
        step = unit(self)
        width, height = max(self.width(), 100 * step), max(self.height(), 60 * step)
        side = min(max(width // 5, 30 * step), 44 * step)
        self._whole.setSizes([side, width - side])
        if self._panes is not None:
            self._panes.reset_layout(width - side, height)

    def _empty_page(self) -> EmptyState:
        bring, paste = Button("Import files…", kind=Kind.PRIMARY), Button("Paste a text…")
        bind(bring, self._actions["project.import"])
        bind(paste, self._actions["project.add"])
        return EmptyState(
            "Nothing imported yet",
            "Import documents with questions and candidate answers (LongReward, JSON lines, CSV, Parquet), or single "
            "documents (PDF, DOCX, EPUB, HTML, Markdown, text). You can also drop files onto this window.",
            (bring, paste),
        )

    def _unasked_page(self) -> EmptyState:
        ask, bring = Button("Add a question…", kind=Kind.PRIMARY), Button("Import files…")
        bind(ask, self._actions["project.add"])
        bind(bring, self._actions["project.import"])
        return EmptyState("", "", (ask, bring))

    def _lay_out(self) -> None:
        self._center.addWidget(self._nothing)
        self._whole.addWidget(self.list)
        self._whole.addWidget(self._center)
        self._whole.setStretchFactor(1, 1)
        self.list.setMinimumWidth(24 * unit(self))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._whole)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._unasked)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._stack)
