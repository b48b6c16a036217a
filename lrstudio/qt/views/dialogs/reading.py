"""Dialogs to read: a raw call, what an import left out, an unexpected error, the keys, the program itself."""

from __future__ import annotations

from collections.abc import Sequence

import PySide6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QTabWidget, QVBoxLayout, QWidget

import lrstudio
from lrstudio.domain.summaries import CallView
from lrstudio.qt.actions import sheet
from lrstudio.qt.bridge.reports import BugReport
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Words, bold, unit
from lrstudio.qt.views.dialogs.base import Dialog, reading_view
from lrstudio.qt.views.key_caps import KeyCap
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.call_text import call_text

_SHEET_COLUMNS = 3


class CallDialog(Dialog):
    """Everything about one call: what was sent, what came back, what it cost."""

    def __init__(self, call: CallView, parent: QWidget | None = None) -> None:
        text = call_text(call)
        super().__init__(text.title, parent, size=(100, 76))
        step = unit(self)
        facts = QGridLayout()
        facts.setHorizontalSpacing(2 * step)
        facts.setVerticalSpacing(step // 2)
        for at, (name, value) in enumerate(text.facts):
            row, column = divmod(at, 2)
            facts.addWidget(Words(name, quiet=True), row, 2 * column)
            shown = QLabel(value)
            shown.setTextFormat(Qt.TextFormat.PlainText)
            shown.setWordWrap(True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            facts.addWidget(shown, row, 2 * column + 1)
        facts.setColumnStretch(1, 1)
        facts.setColumnStretch(3, 1)
        self.column.addLayout(facts)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for name, body in (("Prompt", text.prompt), ("Reply", text.reply), ("Request, byte for byte", text.request)):
            self.tabs.addTab(reading_view(body, name=name, fixed=True), name)
        self.column.addWidget(self.tabs, 1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([close])


class ProblemList(Dialog):
    """Rows and files that an import left out, each with its reason."""

    def __init__(self, title: str, problems: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(title, parent, size=(90, 50))
        self.add_text("\n".join(problems), name="What was left out", fixed=False)
        copy, close = Button("Copy"), Button("Close")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText("\n".join(problems)))
        close.clicked.connect(self.close)
        self.add_buttons([copy, close])


class BugDialog(Dialog):
    """An error of ours, with a report to copy."""

    def __init__(self, report: BugReport, parent: QWidget | None = None) -> None:
        super().__init__("Something went wrong", parent, size=(90, 60))
        said = QLabel(
            "This should not have happened; it is a fault of the program. What was decided is safe: every decision "
            "is written to the project at once. The report below helps to mend it."
        )
        said.setWordWrap(True)
        self.column.addWidget(said)
        self.add_text(report.text, name="Report")
        copy, close = Button("Copy the report", kind=Kind.PRIMARY), Button("Close")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(report.text))
        close.clicked.connect(self.close)
        self.add_buttons([copy, close])


class AboutDialog(Dialog):
    """What this is, and what it stands on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("About LongReward Studio", parent, size=(60, 24))
        name = QLabel("LongReward Studio")
        name.setFont(bold(name.font()))
        words = QLabel(
            f"Version {lrstudio.__version__}, under the Apache License 2.0.\n\n"
            f"Built with Qt {PySide6.__version__} through PySide6, used unmodified under the LGPL 3. The judge follows "
            "LongReward (arXiv 2410.21252)."
        )
        words.setWordWrap(True)
        self.column.addWidget(name)
        self.column.addWidget(words)
        self.column.addStretch(1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([close])


class ShortcutSheet(Dialog):
    """Every key, from the same records as the menus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Keyboard shortcuts", parent, size=(150, 88))
        step = unit(self)
        page = QWidget()
        columns = QHBoxLayout(page)
        columns.setSpacing(5 * step)
        groups = list(sheet())
        total = sum(len(rows) + 2 for _, rows in groups)
        used, column = 0, self._column(columns)
        for group, rows in groups:
            if used + (len(rows) + 2) / 2 > total * columns.count() / _SHEET_COLUMNS + 1:
                column.addStretch(1)
                column = self._column(columns)
            used += len(rows) + 2
            column.addWidget(Words(group.value, strong=True))
            column.addLayout(self._group(rows))
            column.addSpacing(step)
        column.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(page)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumWidth(page.minimumSizeHint().width() + 3 * step)
        quiet(area)
        area.setAccessibleName("Keyboard shortcuts")
        self.column.addWidget(area, 1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([close])

    def _column(self, columns: QHBoxLayout) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(unit(self))
        columns.addLayout(column, 1)
        return column

    def _group(self, rows: Sequence[tuple[str, tuple[str, ...]]]) -> QGridLayout:
        step = unit(self)
        grid = QGridLayout()
        grid.setVerticalSpacing(step // 2)
        grid.setHorizontalSpacing(step)
        for at, (text, keys) in enumerate(rows):
            grid.addWidget(Words(text, whole=True), at, 0)
            caps = QHBoxLayout()
            caps.setSpacing(step // 2)
            caps.addStretch(1)
            for key in dict.fromkeys(keys):
                caps.addWidget(KeyCap(key))
            grid.addLayout(caps, at, 1)
        grid.setColumnStretch(0, 1)
        return grid
