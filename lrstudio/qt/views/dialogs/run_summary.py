"""What a judge run came to, beside the list: every count shows its candidates there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from lrstudio.domain.verdicts import JudgeRun
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, Words, bold, unit
from lrstudio.qt.views.dialogs.base import Dialog
from lrstudio.qt.views.forms import Choice
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.audit_headers import judge_label
from lrstudio.viewstate.audit_list import ALL
from lrstudio.viewstate.run_summary import RunSummary, SummaryLine, run_words


class CountButton(Button):
    """One line of a summary: so many of a kind, and its candidates in the list when it is pressed."""

    def __init__(self, line: SummaryLine) -> None:
        super().__init__(f"{line.count:,}  {line.words}", kind=Kind.FLAT)
        self.line = line
        self.setCheckable(True)
        self.setToolTip("Show these candidates in the list")


class RunSummaryDialog(Dialog):
    """The summary of one judge run; others can be chosen.

    Signals:
        run_chosen: the id of another judge run.
        keep_chosen: the `Keep` that the list is to apply.
    """

    run_chosen = Signal(str)
    keep_chosen = Signal(object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Judge run", parent, size=(76, 76))
        self._switch = switch
        self._setting = False
        self.runs = Choice([], name="Judge run")
        self.summary: RunSummary | None = None
        self.counts: list[CountButton] = []
        self._body = QScrollArea()
        self._body.setFrameShape(QFrame.Shape.NoFrame)
        self._body.setWidgetResizable(True)
        self._body.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        quiet(self._body)
        self.column.addWidget(self.runs)
        self.column.addWidget(Line())
        self.column.addWidget(self._body, 1)
        self.everything = Button("Show all candidates again")
        close = Button("Close")
        self.everything.clicked.connect(lambda: self._keep(None))
        close.clicked.connect(self.close)
        self.add_buttons([self.everything, close])
        self.runs.currentIndexChanged.connect(self._choose)
        self.take_room()

    def set_runs(self, runs: Sequence[JudgeRun], *, chosen: str) -> None:
        """Offer these judge runs."""
        self._setting = True
        self.runs.clear()
        for run in runs:
            self.runs.addItem(f"{judge_label(run.identity)} · {run_words(run)}", run.run_id)
        self.runs.select(chosen)
        self._setting = False

    def show_summary(self, summary: RunSummary | None) -> None:
        """Show a summary, or that there is none yet."""
        self.summary = summary
        self.counts = []
        page = QWidget()
        step = unit(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, step, 0)
        column.setSpacing(step // 2)
        if summary is None:
            column.addWidget(QLabel("No judge has run in this project yet."))
        else:
            column.addLayout(self._facts(summary))
            for group in summary.groups:
                column.addSpacing(step)
                heading = QLabel(group.title)
                heading.setFont(bold(heading.font()))
                column.addWidget(heading)
                for line in group.lines:
                    button = CountButton(line)
                    button.clicked.connect(lambda _on=False, it=button: self._keep(it))
                    self.counts.append(button)
                    column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        page.setAutoFillBackground(False)
        self._body.setWidget(page)
        self._body.viewport().setAutoFillBackground(False)

    def _facts(self, summary: RunSummary) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * unit(self))
        grid.setColumnStretch(1, 1)
        for at, (name, value) in enumerate(summary.facts):
            grid.addWidget(Words(name, quiet=True), at, 0)
            grid.addWidget(Words(value), at, 1)
        return grid

    def _keep(self, pressed: CountButton | None) -> None:
        """Show the candidates of one count; pressing it again shows all."""
        for button in self.counts:
            if button is not pressed:
                button.setChecked(False)
        on = pressed is not None and pressed.isChecked()
        self.keep_chosen.emit(pressed.line.keep if pressed is not None and on else ALL)

    def _choose(self) -> None:
        if not self._setting and self.runs.currentData():
            self.run_chosen.emit(str(self.runs.currentData()))
