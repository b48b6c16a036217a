"""The right side of the Audit workspace: candidate beside document, and what is decided below them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.candidate_pane import CandidatePane
from lrstudio.qt.views.chrome import Line, Splitter, unit
from lrstudio.qt.views.decision_bar import DecisionBar
from lrstudio.qt.views.document_pane import DocumentPane
from lrstudio.qt.views.parts_panel import PartsPanel
from lrstudio.viewstate.audit import Choice, Plan, Screen

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class AuditPanes(QWidget):
    """Three linked panes and the bar below them."""

    def __init__(self, switch: ThemeSwitch, icons: Icons, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.candidate = CandidatePane(switch, icons, actions)
        self.document = DocumentPane(switch, icons, actions)
        self.parts = PartsPanel(switch, actions)
        self.bar = DecisionBar(switch, actions)
        self._zoom = 0
        self._as_drawn = True
        self._texts = Splitter(Qt.Orientation.Horizontal, name="audit.texts")
        self._split = Splitter(Qt.Orientation.Vertical, name="audit.right")
        self._lay_out()

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

    def stops(self) -> list[tuple[QWidget, QWidget]]:
        """Return the panes in order, each with the widget in it that takes the keyboard."""
        return [
            (self.candidate, self.candidate.text),
            (self.document, self.document.text),
            (self._below, self._lower()),
        ]

    def focus_lower(self) -> None:
        """Put the keyboard to the claims, or into the score field."""
        self._lower().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_zoom(self, zoom: int) -> None:
        """Show both texts so many points larger than they are read by default."""
        for text in (self.candidate.text, self.document.text):
            text.zoom(zoom - self._zoom)
        self._zoom = zoom

    def save_layout(self, settings: QSettings) -> None:
        """Write down how the panes share the room, where somebody chose it: another window may have another size."""
        for splitter in (self._texts, self._split):
            if self._as_drawn:
                settings.remove(splitter.objectName())
            else:
                settings.setValue(splitter.objectName(), splitter.saveState())

    def restore_layout(self, settings: QSettings) -> None:
        """Share the room as it was, where that was written down."""
        for splitter in (self._texts, self._split):
            state = settings.value(splitter.objectName())
            if state is not None:
                splitter.restoreState(state)
                self._as_drawn = False

    def reset_layout(self, width: int, height: int) -> None:
        """Share a room of this size as it is drawn, until somebody moves a border: a third for what is decided."""
        self._as_drawn = True
        step = unit(self)
        below = max(min(height * 36 // 100, 52 * step), height * 30 // 100, 27 * step)
        self._split.setSizes([height - below, below])
        self._texts.setSizes([width * 45 // 100, width * 55 // 100])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the shares in step with the window while nobody has chosen others."""
        super().resizeEvent(event)
        if self._as_drawn:
            self.reset_layout(event.size().width(), event.size().height())

    def _border_moved(self) -> None:
        self._as_drawn = False

    def event(self, event: QEvent) -> bool:
        """Leave Enter to the fields to which it means something: the find bars."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in _ENTER:
            focus = QApplication.focusWidget()
            if isinstance(focus, QLineEdit) and focus not in (self.bar.reason, self.bar.score):
                event.accept()
                return True
        return super().event(event)

    def _lower(self) -> QWidget:
        return self.bar.score if not self.bar.score.isHidden() else self.parts.table

    def _lay_out(self) -> None:
        step = unit(self)
        self._below = QWidget()
        below = QVBoxLayout(self._below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.parts, 1)
        below.addWidget(Line())
        below.addWidget(self.bar)
        for pane in (self.candidate, self.document):
            pane.setMinimumWidth(30 * step)
            self._texts.addWidget(pane)
        self._split.addWidget(self._texts)
        self._split.addWidget(self._below)
        self._split.setStretchFactor(0, 1)
        for splitter in (self._texts, self._split):
            splitter.splitterMoved.connect(self._border_moved)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._split)
