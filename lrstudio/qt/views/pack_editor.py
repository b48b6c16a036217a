"""A template of a prompt pack: its text with the placeholders marked, and what is wrong with it below."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontDatabase,
    QKeyEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QPlainTextEdit, QVBoxLayout, QWidget

from lrstudio.judge.packs import Problem
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import unit
from lrstudio.qt.views.scroll import quiet

_PLACEHOLDER = re.compile(r"<<(\w+)>>")
_MOST_PROBLEMS = 4  # lines that the list is high at most


class TemplateEditor(QWidget):
    """One template at a time.

    Signals:
        edited: the text was changed by the person.
    """

    edited = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.page = QPlainTextEdit()
        self.page.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.page.setTabChangesFocus(True)
        self.page.setAccessibleName("Template")
        quiet(self.page)
        self._marker = _Placeholders(self.page.document(), switch)
        self.problems = _ProblemList(self._go_to)
        quiet(self.problems)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(unit(self))
        column.addWidget(self.page, 1)
        column.addWidget(self.problems)
        self._as_shown = self._original = ""
        self.page.textChanged.connect(self._changed)
        switch.changed.connect(self._marker.rehighlight)

    @property
    def text(self) -> str:
        """The text as it would be saved.

        What the widget turns into something else without the person's doing is not taken from it.
        """
        # QPlainTextEdit.toPlainText would make plain spaces of those that do not break.
        shown = self.page.document().toRawText().replace("\u2029", "\n")
        return self._original if shown == self._as_shown else shown

    def show_template(self, text: str, *, needed: frozenset[str], editable: bool) -> None:
        """Show a template, with the placeholders that it must hold."""
        with QSignalBlocker(self.page):
            self._marker.needed = needed
            self.page.setReadOnly(not editable)
            self.page.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextEditorInteraction
                if editable
                else Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            self._original = text
            self.page.setPlainText(text)
            self._as_shown = self.page.document().toRawText().replace("\u2029", "\n")
        self._marker.rehighlight()

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Say what is wrong; those that keep the pack from use first."""
        self.problems.fill(problems)

    def _go_to(self, line: int) -> None:
        block = self.page.document().findBlockByNumber(max(0, line - 1))
        self.page.setTextCursor(QTextCursor(block))
        self.page.setFocus(Qt.FocusReason.OtherFocusReason)

    def _changed(self) -> None:
        self.edited.emit()


class _ProblemList(QListWidget):
    """Problems, one line each; Return goes to the place."""

    def __init__(self, go_to: Callable[[int], None]) -> None:
        super().__init__()
        self._go_to = go_to
        self.setAccessibleName("Problems of this template")
        self.setWordWrap(True)
        self.itemActivated.connect(self._activated)
        self.itemClicked.connect(self._activated)
        self.hide()

    def fill(self, problems: Sequence[Problem]) -> None:
        """Show these; hidden where there are none."""
        self.clear()
        for it in sorted(problems, key=lambda each: (not each.blocks, each.line)):
            sign = "✕" if it.blocks else "!"
            place = f"line {it.line}: " if it.line else ""
            item = QListWidgetItem(f"{sign}  {place}{it.sentence}")
            item.setData(Qt.ItemDataRole.UserRole, it.line)
            self.addItem(item)
        rows = min(len(problems), _MOST_PROBLEMS)
        height = max(self.sizeHintForRow(0), self.fontMetrics().height()) if rows else 0
        self.setFixedHeight(rows * height + 2 * self.frameWidth() + 4)
        self.setVisible(bool(problems))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the place with Return on every platform."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentItem() is not None:
            self._activated(self.currentItem())
        else:
            super().keyPressEvent(event)

    def _activated(self, item: QListWidgetItem) -> None:
        self._go_to(int(item.data(Qt.ItemDataRole.UserRole)))


class _Placeholders(QSyntaxHighlighter):
    """Marks placeholders: those that belong here bold on a tint, others struck with a wave."""

    def __init__(self, document: QTextDocument, switch: ThemeSwitch) -> None:
        super().__init__(document)
        self._switch = switch
        self.needed: frozenset[str] = frozenset()

    def highlightBlock(self, text: str) -> None:
        """Mark one line."""
        # Qt counts UTF-16 units, Python code points.
        wide = not text.isascii()
        for found in _PLACEHOLDER.finditer(text):
            start = len(text[: found.start()].encode("utf-16-le")) // 2 if wide else found.start()
            length = found.end() - found.start()
            self.setFormat(start, length, self._format(known=found[1] in self.needed))

    def _format(self, *, known: bool) -> QTextCharFormat:
        theme = self._switch.theme
        made = QTextCharFormat()
        made.setFontWeight(QFont.Weight.DemiBold)
        name = "evidence" if known else "contradicted"
        made.setForeground(theme.color(name))
        made.setBackground(theme.color(f"{name}_tint"))
        if not known:
            made.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            made.setUnderlineColor(theme.color("contradicted_mark"))
        return made
