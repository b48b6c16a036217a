"""What tells two versions of a prompt pack apart, line by line, with signs and tints."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QFont, QTextCursor, QTextFormat
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import Words, unit
from lrstudio.qt.views.dialogs.base import reading_view
from lrstudio.viewstate.packs import DiffKind, DiffLine, diff_summary

_TINTS = {DiffKind.ADDED: "full_tint", DiffKind.REMOVED: "contradicted_tint", DiffKind.PLACE: "unchecked_tint"}


class DiffPage(QWidget):
    """The difference of what is shown, drafts included, from a version that is chosen here.

    Signals:
        against_changed: another version was chosen; its name.
    """

    against_changed = Signal(str)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._lines: tuple[DiffLine, ...] = ()
        self.against = QComboBox()
        self.against.setAccessibleName("Compared with")
        self.summary = Words("", quiet=True)
        self.page: QPlainTextEdit = reading_view("", name="Difference", fixed=True)
        step = unit(self)
        head = QHBoxLayout()
        head.setSpacing(step)
        head.addWidget(Words("Compared with", whole=True))
        head.addWidget(self.against)
        head.addSpacing(step)
        head.addWidget(self.summary, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, step, 0, 0)
        column.setSpacing(step)
        column.addLayout(head)
        column.addWidget(self.page, 1)
        self.against.currentIndexChanged.connect(self._chosen)
        switch.changed.connect(self._tint)

    def offer(self, choices: Sequence[tuple[str, str]], *, chosen: str) -> None:
        """Offer versions to compare with: names, and the words for them."""
        self.against.blockSignals(True)
        self.against.clear()
        for name, words in choices:
            self.against.addItem(words, name)
        self.against.setCurrentIndex(max(0, self.against.findData(chosen)))
        self.against.blockSignals(False)

    def show_lines(self, lines: Sequence[DiffLine]) -> None:
        """Show a difference."""
        self._lines = tuple(lines)
        self.summary.setText(diff_summary(lines))
        self.summary.updateGeometry()
        self.page.setPlainText("\n".join(it.text for it in lines))
        self._tint()

    def _chosen(self) -> None:
        self.against_changed.emit(self.against.currentData() or "")

    def _tint(self) -> None:
        theme = self._switch.theme
        marks = []
        block = self.page.document().firstBlock()
        for line in self._lines:
            mark = QTextEdit.ExtraSelection()
            cursor = QTextCursor(block)
            if line.kind in _TINTS:
                mark.format.setBackground(theme.color(_TINTS[line.kind]))
                mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            elif line.kind is DiffKind.FILE:
                cursor.select(QTextCursor.SelectionType.LineUnderCursor)
                mark.format.setFontWeight(QFont.Weight.Bold)
                mark.format.setFontUnderline(True)
            mark.cursor = cursor
            marks.append(mark)
            block = block.next()
        self.page.setExtraSelections(marks)
