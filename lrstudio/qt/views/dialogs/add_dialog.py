"""Paste in a document, a question or an answer by hand, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPlainTextEdit, QStackedWidget, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.import_words import first_words

_NO_DOCUMENT = "no document"


class What(Enum):
    """What is pasted."""

    DOCUMENT = "Document"
    QUESTION = "Question"
    ANSWER = "Answer"


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a person wants to add. `owner` is the document of a question or the question of an answer, "" for none."""

    what: What
    text: str
    title: str = ""
    owner: str = ""
    model: str = ""


class AddDialog(Dialog):
    """The dialog.

    Signals:
        added: a `Pasted`; the dialog is told when it is stored.
    """

    added = Signal(object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Paste a text", parent, size=(84, 60))
        self.kinds = {what: Button(what.value) for what in What}
        self.title = Field(name="Title", placeholder="a name for the list")
        self.document_text = _box("Document text", "Paste the document here")
        self.document = _choice("Document")
        self.query = _box("Question", "What is asked of the document")
        self.question = _choice("Question")
        self.model = Field(name="Model", placeholder="who wrote it (optional)")
        self.answer = _box("Answer", "Paste the answer here")
        self._problem = Problem(switch.theme.tokens["contradicted"])
        self._done = QLabel()
        self._done.setAccessibleName("What was added")
        self.add = Button("Add", kind=Kind.PRIMARY)
        self.add.clicked.connect(self._add)
        close = Button("Close")
        close.clicked.connect(self.close)
        self._lay_out()
        self.add_buttons([close, self.add])
        self.setTabOrder(self.add, close)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self._add)
        self._warned = False
        for what, button in self.kinds.items():
            button.setCheckable(True)
            button.clicked.connect(lambda _on=False, it=what: self.show_kind(it))
        self.show_kind(What.DOCUMENT)

    def set_choices(self, documents: Sequence[tuple[str, str]], questions: Sequence[tuple[str, str]]) -> None:
        """Offer these documents and questions, as pairs of id and words; what was chosen stays chosen."""
        if documents and not questions and not self.document_text.toPlainText():
            self.show_kind(What.QUESTION)
        for box, entries in ((self.document, [("", _NO_DOCUMENT), *documents]), (self.question, questions)):
            chosen = box.currentData()
            box.clear()
            for identifier, words in entries:
                box.addItem(words if len(words) <= 90 else words[:89] + "…", identifier)
            at = box.findData(chosen)
            box.setCurrentIndex(at if chosen and at >= 0 else box.count() - 1)

    def stored(self, pasted: Pasted, identifier: str) -> None:
        """Say what was added, and lead on to what goes with it."""
        self._problem.say("")
        self._done.setText(f"{pasted.what.value} added.")
        if pasted.what is What.DOCUMENT:
            self.document.addItem(pasted.title or identifier, identifier)
            self.document.setCurrentIndex(self.document.count() - 1)
            for field in (self.title, self.document_text):
                field.clear()
            self.show_kind(What.QUESTION)
        elif pasted.what is What.QUESTION:
            self.question.addItem(pasted.text[:90], identifier)
            self.question.setCurrentIndex(self.question.count() - 1)
            self.query.clear()
            self.show_kind(What.ANSWER)
        else:
            self.answer.clear()
            self.answer.setFocus()

    def refuse(self, sentence: str) -> None:
        """Say what has to be mended."""
        self._done.setText("")
        self._problem.say(sentence)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask once before a text is thrown away: closing a second time is the answer."""
        typed = any(box.toPlainText().strip() for box in (self.document_text, self.query, self.answer))
        if typed and not self._warned:
            self._warned = True
            self.refuse("A text is not added yet. Add it, or close again to throw it away.")
            event.ignore()
        else:
            super().closeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Escape as with the button."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def show_kind(self, what: What) -> None:
        """Show the fields of a kind."""
        for kind, button in self.kinds.items():
            button.setChecked(kind is what)
        self._pages.setCurrentIndex(list(What).index(what))
        self.add.set_words(f"Add {what.value.lower()}")
        first = {What.DOCUMENT: self.title, What.QUESTION: self.query, What.ANSWER: self.answer}[what]
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def _add(self) -> None:
        what = list(What)[self._pages.currentIndex()]
        if what is What.DOCUMENT:
            pasted = Pasted(
                what,
                self.document_text.toPlainText(),
                title=self.title.text().strip() or first_words(self.document_text.toPlainText()),
            )
        elif what is What.QUESTION:
            pasted = Pasted(what, self.query.toPlainText(), owner=self.document.currentData() or "")
        else:
            owner = self.question.currentData() or ""
            if not owner:
                self.refuse("Add the question first.")
                return
            pasted = Pasted(what, self.answer.toPlainText(), owner=owner, model=self.model.text().strip())
        self._warned = False
        self.added.emit(pasted)

    def _lay_out(self) -> None:
        step = unit(self)
        row = QHBoxLayout()
        row.setSpacing(step)
        for button in self.kinds.values():
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self._done)
        self.column.addLayout(row)
        self._pages = QStackedWidget()
        for rows in (
            (("Title", self.title), ("Text", self.document_text)),
            (("Document", self.document), ("Question", self.query)),
            (("Question", self.question), ("Model", self.model), ("Answer", self.answer)),
        ):
            page = QWidget()
            form = QFormLayout(page)
            form.setContentsMargins(0, 0, 0, 0)
            form.setHorizontalSpacing(2 * step)
            form.setVerticalSpacing(step)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            for label, field in rows:
                form.addRow(label, field)
            self._pages.addWidget(page)
        self.column.addWidget(self._pages, 1)
        self.column.addWidget(self._problem)


def _box(name: str, placeholder: str) -> QPlainTextEdit:
    box = QPlainTextEdit()
    box.setAccessibleName(name)
    box.setPlaceholderText(placeholder)
    box.setTabChangesFocus(True)
    quiet(box)
    return box


def _choice(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(20)
    return box
