"""The document: where it is from, where the evidence is, and its text with the passages marked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from lrstudio.domain.text import Span
from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import Line, Tag, Words, panel_ground, unit
from lrstudio.qt.views.find_bar import FindBar
from lrstudio.qt.views.marks import gutter_labels, text_marks
from lrstudio.qt.views.start_page import EmptyState
from lrstudio.qt.views.text_view import TextView
from lrstudio.viewstate.audit import SpanMark
from lrstudio.viewstate.audit_headers import LOCAL_MEANING, DocumentHeader
from lrstudio.viewstate.audit_parts import PartRow
from lrstudio.viewstate.display_text import DisplayText

_WORDS = 80


class DocumentPane(QWidget):
    """The pane.

    Signals:
        passage_clicked: `(group, span)` of the passage.
        user_picked: the id of a claim or key point that uses it.
    """

    passage_clicked = Signal(str, object)
    user_picked = Signal(str)

    def __init__(self, switch: ThemeSwitch, icons: Icons, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        panel_ground(self)
        self._actions = actions
        self._marks: tuple[SpanMark, ...] = ()
        self._title = Words(strong=True)
        self._facts = Words(quiet=True)
        self.local = Tag(tooltip=LOCAL_MEANING)
        self._place = Words(quiet=True, whole=True)
        self._place.setAccessibleName("Passage")
        self.text = TextView(switch, name="Document", description="The document, the evidence highlighted")
        self.find_bar = FindBar(self.text, icons=icons)
        self._empty = EmptyState("", "")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.text)
        self._stack.addWidget(self._empty)
        self.text.mark_clicked.connect(self.passage_clicked)
        self.text.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.text.customContextMenuRequested.connect(self._open_menu)
        self._lay_out()

    def show_header(self, header: DocumentHeader) -> None:
        """Show which document it is and which passage is looked at."""
        self._title.setText(header.title)
        self._facts.setText(header.facts)
        self._facts.setToolTip(header.tooltip)
        self._place.setText(header.place)
        self.local.say(header.local)
        self._title.updateGeometry()
        self._place.updateGeometry()

    def show_text(self, display: DisplayText) -> None:
        """Show another document."""
        self.text.set_text(display)
        self._marks = ()
        self._stack.setCurrentWidget(self.text)

    def show_nothing(self, title: str, sentence: str) -> None:
        """Say why there is no text."""
        self.text.set_text(DisplayText.build(""))
        self._marks = ()
        self._empty.say(title, sentence)
        self._stack.setCurrentWidget(self._empty)

    def show_marks(self, marks: tuple[SpanMark, ...], *, reveal: bool) -> None:
        """Mark the passages; `reveal` brings the one in focus to the screen."""
        length = self.text.display.map.length
        marks = tuple(mark for mark in marks if mark.span.end <= length)
        if marks != self._marks:
            self._marks = marks
            self.text.set_marks(text_marks(marks))
            self.text.set_gutter(gutter_labels(marks))
        focused = next((mark for mark in marks if mark.focused), None)
        if reveal and focused is not None:
            self.text.reveal(focused.span, steady=True)

    def selection(self) -> Span | None:
        """Return what is selected."""
        return self.text.selected_span()

    def offer_users(self, rows: Sequence[PartRow]) -> None:
        """List the claims or key points that use a passage, to go to one of them."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setObjectName("passage users")
        menu.addAction("This passage is used by").setEnabled(False)
        for row in rows:
            words = row.text if len(row.text) <= _WORDS else row.text[: _WORDS - 1].rstrip() + "…"
            action = menu.addAction(f"{row.number}  {words}".replace("&", "&&"))
            action.triggered.connect(lambda _on=False, it=row.part_id: self.user_picked.emit(it))
        menu.popup(QCursor.pos())

    def _open_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction("Copy", self.text.copy)
        copy.setEnabled(self.selection() is not None)
        menu.addSeparator()
        for name in ("evidence.mark", "evidence.unmark", "part.add"):
            menu.addAction(self._actions[name])
        menu.popup(self.text.viewport().mapToGlobal(position))

    def _lay_out(self) -> None:
        step = unit(self)
        head = QHBoxLayout()
        head.setContentsMargins(2 * step, step // 2, step * 3 // 2, step // 2)
        head.setSpacing(step)
        head.addWidget(self._title)
        head.addWidget(self.local)
        head.addWidget(self._facts, 1)
        head.addWidget(self._place)
        # as high as the candidate's header, whose score buttons are a little higher than a line
        head.addStrut(self.fontMetrics().height() + step)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addWidget(Line())
        box.addWidget(self.find_bar)
        box.addWidget(self._stack, 1)
