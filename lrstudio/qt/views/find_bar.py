"""Find in a whole text: every hit is counted, ticked in the overview and within reach of two keys."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from lrstudio.domain.text import Span
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.views.text_view import TextView

MOST_HITS = 10_000
"""Hits that are counted and shown; more are announced as more."""

# A search of 5 MB takes some 40 ms: once for a word, not for each of its letters.
_PAUSE_MS = 120


def find_all(text: str, query: str, *, case: bool = False, most: int = MOST_HITS) -> tuple[list[Span], bool]:
    """Return where a query stands in a text, at most `most` places, and whether there are more.

    White space in the query matches any white space, so that a phrase is found across the lines of a file. Without
    `case` letters match in either case where both are one code point (so not "ß" and "SS").
    """
    words = [re.escape(word) for word in query.split()]
    if not words:
        return [], False
    pattern = re.compile(r"\s+".join(words), re.NOFLAG if case else re.IGNORECASE)
    hits = [Span(*match.span()) for match in islice(pattern.finditer(text), most + 1)]
    return hits[:most], len(hits) > most


class FindBar(QWidget):
    """A line under or over a `TextView`: what to find, how often it is there, next and previous, Esc to close."""

    closed = Signal()

    def __init__(self, view: TextView, *, icons: Icons, parent: QWidget | None = None) -> None:
        """Search the view's text; the bar is hidden until `open`."""
        super().__init__(parent)
        self._view = view
        self._hits: Sequence[Span] = ()
        self._more = False
        self._current = -1
        self._anchor = 0
        self._field = QLineEdit(placeholderText="Find in the text", clearButtonEnabled=True)
        self._field.setAccessibleName("Find in the text")
        self._count = QLabel()
        self._count.setAccessibleName("Hits")
        self._case = self._button(icons, "", "Match upper and lower case")
        self._case.setText("Aa")
        self._case.setCheckable(True)
        self._previous = self._button(icons, "previous", "Previous hit (Shift+Enter)")
        self._next = self._button(icons, "next", "Next hit (Enter)")
        self._close = self._button(icons, "close", "Close (Esc)")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        for widget in (self._field, self._count, self._case, self._previous, self._next, self._close):
            row.addWidget(widget)
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(self._search)
        self._field.textChanged.connect(self._pause.start)
        self._case.toggled.connect(self._search)
        self._previous.clicked.connect(self._back)
        self._next.clicked.connect(self._forward)
        self._close.clicked.connect(self.close_bar)
        view.text_changed.connect(self._renew)
        self.setFocusProxy(self._field)
        self._tell()
        self.hide()

    def _button(self, icons: Icons, name: str, hint: str) -> QToolButton:
        button = QToolButton(autoRaise=True)
        if name:
            icons.dress(button, name)
        button.setToolTip(hint)
        button.setAccessibleName(hint)
        return button

    def open(self) -> None:
        """Show the bar and take the keyboard; a selection of one line becomes the query."""
        selected = self._view.selected_span()
        self._anchor = selected.start if selected is not None else self._view.visible_span().start
        if selected is not None:
            words = selected.of(self._view.display.text)
            if "\n" not in words and len(words) <= 200:
                self._field.setText(words)
        self.show()
        self._field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._field.selectAll()
        self._search()

    def close_bar(self) -> None:
        """Hide the bar and the hits, and give the keyboard back to the text."""
        self._pause.stop()
        self.hide()
        self._view.set_found(())
        self._view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.closed.emit()

    def step(self, by: int) -> None:
        """Go to the next hit, or with -1 to the previous one; round at either end."""
        if self._pause.isActive():
            self._pause.stop()
            self._search()
        elif self._hits:
            self._go((self._current + by) % len(self._hits))

    def _back(self) -> None:
        self.step(-1)

    def _forward(self) -> None:
        self.step(1)

    def _search(self) -> None:
        text, query = self._view.display.text, self._field.text()
        self._hits, self._more = find_all(text, query, case=self._case.isChecked())
        self._view.set_found(self._hits)
        if self._hits:
            after = bisect_left(self._hits, Span(self._anchor, self._anchor))
            self._go(after % len(self._hits))
        else:
            self._current = -1
            self._tell()

    def _go(self, number: int) -> None:
        self._current = number
        hit = self._hits[number]
        self._view.set_current_found(hit)
        self._view.reveal(hit, steady=True)
        self._tell()

    def _tell(self) -> None:
        total = f"{len(self._hits):,}{'+' if self._more else ''}"
        if self._hits:
            self._count.setText(f"{self._current + 1:,} of {total}")
        else:
            self._count.setText("not found" if self._field.text().strip() else "")
        for button in (self._previous, self._next):
            button.setEnabled(bool(self._hits))

    def _renew(self) -> None:
        self._anchor = 0
        self._hits, self._current = (), -1
        if self.isVisible():
            self._search()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Shift+Enter walk the hits, Esc closes."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        elif event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        else:
            super().keyPressEvent(event)
