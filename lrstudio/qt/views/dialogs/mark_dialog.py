"""A tag or a note on what is in focus."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QCompleter, QPlainTextEdit, QWidget

from lrstudio.domain.marks import MarkKind
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.forms import Choice, FormRow
from lrstudio.viewstate.judge_fields import FieldWords
from lrstudio.viewstate.mark_words import Markable


class MarkDialog(Dialog):
    """What to write, and what it is on.

    Signals:
        written: `(Place, text)`.
    """

    written = Signal(object, str)

    def __init__(
        self,
        kind: MarkKind,
        things: Sequence[Markable],
        switch: ThemeSwitch,
        parent: QWidget | None = None,
    ) -> None:
        note = kind is MarkKind.NOTE
        super().__init__("Note" if note else "Tag", parent, size=(70, 40 if note else 24))
        self._things = tuple(things)
        self.note = QPlainTextEdit()
        self.note.setTabChangesFocus(True)
        self.note.setAccessibleName("Note")
        self.tag = Field(name="Tag", placeholder="one tag, used for the whole project")
        self.on = Choice([(at, it.name) for at, it in enumerate(things)], name="On")
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self._kind = kind
        self._writing: QWidget = self.note if note else self.tag
        self.column.addWidget(FormRow(FieldWords("Note" if note else "Tag", ""), self._writing), 1 if note else 0)
        self.column.addWidget(FormRow(FieldWords("On", ""), self.on))
        self.column.addWidget(self.problem)
        if not note:
            self.column.addStretch(1)
        save, close = Button("Keep", kind=Kind.PRIMARY), Button("Close")
        save.clicked.connect(self._write)
        close.clicked.connect(self.close)
        self.tag.returnPressed.connect(self._write)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(key), self).activated.connect(self._write)
        save.setToolTip("Ctrl+Enter")
        self.add_buttons([save, close])
        self.take_room()
        self._writing.setFocus()

    @property
    def kind(self) -> MarkKind:
        """What is written here."""
        return self._kind

    def offer(self, tags: Sequence[str]) -> None:
        """Complete what is typed to tags that are in use."""
        self.tag.setCompleter(QCompleter(list(tags), self.tag))

    def _write(self) -> None:
        text = self.note.toPlainText() if self._kind is MarkKind.NOTE else self.tag.text()
        self.problem.say("")
        self.written.emit(self._things[self.on.currentIndex()].place, text)
