"""The labelling guideline: a page to read beside the keys, its versions, and an editor for the next one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtWidgets import QPlainTextEdit, QStackedWidget, QTextBrowser, QWidget

from lrstudio.domain.marks import Guideline
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.forms import Choice
from lrstudio.qt.views.scroll import quiet

_START = """# How we decide

## Faithfulness

- full: ...
- partial: ...
- none: ...
"""
_NONE = "There is no guideline yet. Write down how your reviewers are to decide; each change is kept as a version."


class Page(QTextBrowser):
    """A page that loads nothing and leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.setAccessibleName("Labelling guideline")
        quiet(self)

    def loadResource(self, _kind: int, _name: QUrl | str) -> None:
        """Load no picture from anywhere."""

    def show_markdown(self, text: str) -> None:
        """Show a Markdown text; HTML in it is shown as it is written."""
        from markdown_it import MarkdownIt

        self.setHtml(MarkdownIt("js-default").render(text))


class GuidelineDialog(Dialog):
    """Reads and writes the guideline.

    Signals:
        written: the text of a new version.
    """

    written = Signal(str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Labelling guideline", parent, size=(84, 88))
        self._versions: tuple[Guideline, ...] = ()
        self.versions = Choice([], name="Version")
        self.page = Page()
        self.editor = QPlainTextEdit()
        self.editor.setTabChangesFocus(True)
        self.editor.setAccessibleName("Guideline in Markdown")
        quiet(self.editor)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.page)
        self.stack.addWidget(self.editor)
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self.edit = Button("Edit…")
        self.save = Button("Save as a new version", kind=Kind.PRIMARY)
        self.cancel = Button("Cancel")
        close = Button("Close")
        self.column.addWidget(self.versions)
        self.column.addWidget(self.stack, 1)
        self.column.addWidget(self.problem)
        self.add_buttons([self.edit, self.save, self.cancel, close])
        self.versions.currentIndexChanged.connect(self._show_version)
        self.edit.clicked.connect(lambda: self._turn(editing=True))
        self.cancel.clicked.connect(lambda: self._turn(editing=False))
        self.save.clicked.connect(lambda: self.written.emit(self.editor.toPlainText()))
        close.clicked.connect(self.close)
        self._turn(editing=False)
        self.take_room()

    def set_versions(self, versions: Sequence[Guideline]) -> None:
        """Show the newest of these; what is being written stays."""
        if tuple(versions) == self._versions and self.versions.count():
            return
        self._versions = tuple(versions)
        self.versions.clear()
        for it in versions:
            self.versions.addItem(f"Version {it.version} · {it.reviewer} · {it.time[:16].replace('T', ' ')}")
        self.versions.setVisible(bool(versions))
        self._show_version()

    def saved(self) -> None:
        """Go back to reading."""
        self._turn(editing=False)

    def refuse(self, sentence: str) -> None:
        """Say why nothing was saved."""
        self.problem.say(sentence)

    def _text(self) -> str:
        at = self.versions.currentIndex()
        return self._versions[at].text if 0 <= at < len(self._versions) else ""

    def _show_version(self) -> None:
        self.page.show_markdown(self._text() or _NONE)

    def _turn(self, *, editing: bool) -> None:
        self.problem.say("")
        self.stack.setCurrentWidget(self.editor if editing else self.page)
        for button, shown in ((self.edit, not editing), (self.save, editing), (self.cancel, editing)):
            button.setVisible(shown)
        self.versions.setEnabled(not editing)
        if editing:
            self.editor.setPlainText(self._text() or _START)
        (self.editor if editing else self.page).setFocus(Qt.FocusReason.OtherFocusReason)
