"""The Audit workspace: four linked panes, laid out. What they show and do is the controller's."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.candidate_pane import CandidatePane
from lrstudio.qt.views.chrome import Line, Splitter, unit
from lrstudio.qt.views.decision_bar import DecisionBar
from lrstudio.qt.views.document_pane import DocumentPane
from lrstudio.qt.views.parts_panel import PartsPanel
from lrstudio.qt.views.question_list import QuestionList
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.viewstate.audit import Choice, Plan, Screen

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class AuditView(QWidget):
    """List, candidate, document, and what is decided below them."""

    def __init__(self, switch: ThemeSwitch, icons: Icons, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QuestionList(switch)
        self.candidate = CandidatePane(switch, icons, actions)
        self.document = DocumentPane(switch, icons, actions)
        self.parts = PartsPanel(switch, actions)
        self.bar = DecisionBar(switch, actions)
        self._texts = Splitter(Qt.Orientation.Horizontal, name="audit.texts")
        self._right = Splitter(Qt.Orientation.Vertical, name="audit.right")
        self._whole = Splitter(Qt.Orientation.Horizontal, name="audit.whole")
        self._zoom = 0
        self._empty = self._empty_page(actions)
        self._nothing = EmptyState("No candidate chosen", "Choose one in the list on the left.")
        self._lay_out()

    def show_questions(self, *, any_question: bool) -> None:
        """Show the panes, or what to do when nothing was imported yet."""
        self._stack.setCurrentWidget(self._whole if any_question else self._empty)

    def show_candidate(self, *, chosen: bool) -> None:
        """Show the candidate's panes, or that none is chosen."""
        self._center.setCurrentWidget(self._right if chosen else self._nothing)

    def show_screen(self, screen: Screen, *, reveal: bool) -> None:
        """Show everything about the candidate in focus.

        Args:
            screen: what to show.
            reveal: whether the claim and the passage in focus are to be brought to the screen.
        """
        self.candidate.show_header(screen.header)
        self.candidate.show_marks(screen.candidate_marks, reveal=reveal)
        self.document.show_header(screen.document)
        self.document.show_marks(screen.document_marks, reveal=reveal)
        self.parts.show_screen(screen)

    def show_plan(self, plan: Plan, choice: Choice | None, *, scores: bool) -> None:
        """Show what Enter does."""
        self.bar.show_plan(plan, choice, scores=scores)

    def find_text(self, by: int = 0) -> None:
        """Open the find bar of the text that the keyboard is in, else the document's; or go to another hit."""
        focus = QApplication.focusWidget()
        inside = focus is not None and self.candidate.isAncestorOf(focus)
        bar = self.candidate.find_bar if inside else self.document.find_bar
        if by and not bar.isHidden():
            bar.step(by)
        else:
            bar.open()

    def step_pane(self, by: int) -> None:
        """Move the keyboard to the next pane, or with -1 to the one before."""
        stops = (self.list.tree, self.candidate.text, self.document.text, self._lower())
        focus = QApplication.focusWidget()
        homes = (self.list, self.candidate, self.document, self._below)
        at = next(
            (n for n, home in enumerate(homes) if focus is not None and home.isAncestorOf(focus)), -1 if by > 0 else 0
        )
        stops[(at + by) % len(stops)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def focus_lower(self) -> None:
        """Put the keyboard to the claims, or into the score field."""
        self._lower().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_zoom(self, zoom: int) -> None:
        """Show both texts so many points larger than they are read by default."""
        for text in (self.candidate.text, self.document.text):
            text.zoom(zoom - self._zoom)
        self._zoom = zoom

    def save_layout(self, settings: QSettings) -> None:
        """Write down how the panes share the window."""
        for splitter in (self._texts, self._right, self._whole):
            settings.setValue(splitter.objectName(), splitter.saveState())

    def restore_layout(self, settings: QSettings) -> None:
        """Share the window as it was, where that was written down."""
        for splitter in (self._texts, self._right, self._whole):
            state = settings.value(splitter.objectName())
            if state is not None:
                splitter.restoreState(state)

    def reset_layout(self) -> None:
        """Share the window as it is drawn: a fifth for the list, a third for what is decided."""
        step = unit(self)
        width, height = max(self.width(), 100 * step), max(self.height(), 60 * step)
        side = min(max(width // 5, 30 * step), 44 * step)
        below = min(max(height * 36 // 100, 27 * step), 52 * step)
        self._whole.setSizes([side, width - side])
        self._right.setSizes([height - below, below])
        self._texts.setSizes([(width - side) * 45 // 100, (width - side) * 55 // 100])

    def event(self, event: QEvent) -> bool:
        """Leave Enter to the fields to which it means something: the find bars and the filter."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in _ENTER:
            focus = QApplication.focusWidget()
            if isinstance(focus, QLineEdit) and focus not in (self.bar.reason, self.bar.score):
                event.accept()
                return True
        return super().event(event)

    def _lower(self) -> QWidget:
        return self.bar.score if not self.bar.score.isHidden() else self.parts.table

    def _empty_page(self, actions: Actions) -> EmptyState:
        bring, paste = Button("Import files…", kind=Kind.PRIMARY), Button("Paste a text…")
        bind(bring, actions["project.import"])
        bind(paste, actions["project.add"])
        return EmptyState(
            "Nothing imported yet",
            "Import documents with questions and candidate answers (LongReward, JSON lines, CSV, Parquet), or single "
            "documents (PDF, DOCX, EPUB, HTML, Markdown, text). You can also drop files onto this window.",
            (bring, paste),
        )

    def _lay_out(self) -> None:
        step = unit(self)
        self._below = QWidget()
        below = QVBoxLayout(self._below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.parts, 1)
        below.addWidget(Line())
        below.addWidget(self.bar)
        self._texts.addWidget(self.candidate)
        self._texts.addWidget(self.document)
        self._right.addWidget(self._texts)
        self._right.addWidget(self._below)
        self._center = QStackedWidget()
        self._center.addWidget(self._right)
        self._center.addWidget(self._nothing)
        self._whole.addWidget(self.list)
        self._whole.addWidget(self._center)
        self._whole.setStretchFactor(1, 1)
        self._right.setStretchFactor(0, 1)
        for widget, width in ((self.list, 24), (self.candidate, 30), (self.document, 30)):
            widget.setMinimumWidth(width * step)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._whole)
        self._stack.addWidget(self._empty)
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._stack)
        self.show_candidate(chosen=False)
