"""The page that tries a prompt pack: on which labels, against which version, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Words, bold, unit
from lrstudio.qt.views.dialogs.base import Problem
from lrstudio.qt.views.scroll import QuietHeader, quiet
from lrstudio.viewstate.pack_words import TrialRow, notes

_COLUMNS = ("", "Before", "After", "Change")
_WIDTHS = (26, 20, 20)  # units of half a line
_PARTS = (("look", "To look at"), ("held_out", "Held out"), ("all", "All of them"))


@dataclass(frozen=True, slots=True)
class TrialForm:
    """What was filled in; `before` and `after` name versions."""

    before: str
    after: str
    part: str
    seed: int
    blind_only: bool
    base_url: str
    model: str
    agreed: bool


class TrialPage(QWidget):
    """The page.

    Signals:
        asked: the form changed, so that split and plan are to be told anew.
        wanted: a `TrialForm` to run.
        cancelled: the running trial is to stop.
    """

    asked = Signal()
    wanted = Signal(object)
    cancelled = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.before, self.after, self.part = QComboBox(), QComboBox(), QComboBox()
        for box, name in ((self.before, "Before"), (self.after, "After"), (self.part, "Decisions to compare with")):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(20)
        for value, words in _PARTS:
            self.part.addItem(words, value)
        self.seed = QSpinBox()
        self.seed.setRange(0, 9999)
        self.seed.setAccessibleName("Seed that divides the documents")
        self.blind = QCheckBox("Only blind decisions")
        self.base_url = Field(name="Base URL", placeholder="http://127.0.0.1:8000/v1")
        self.model = Field(name="Model", placeholder="the model's name at the endpoint")
        self.split = _said("How the decisions are divided")
        self.plan = _said("Plan")
        self.outgoing = _said("What goes to another machine")
        self.agreed = QCheckBox("Send it, for this trial")
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self.progress = Words("", quiet=True)
        self.run = Button("Try", kind=Kind.PRIMARY)
        self.cancel = Button("Cancel")
        self.table = _table()
        self.notes = _said("Why numbers are missing")
        self._lay_out()
        self.show_running("")
        self.show_outgoing("")
        for box in (self.before, self.after, self.part):
            box.currentIndexChanged.connect(self._changed)
        self.seed.valueChanged.connect(self._changed)
        self.blind.toggled.connect(self._changed)
        for field in (self.base_url, self.model):
            field.editingFinished.connect(self._changed)
        self.run.clicked.connect(lambda: self.wanted.emit(self.form))
        self.cancel.clicked.connect(self.cancelled)

    @property
    def form(self) -> TrialForm:
        """What is filled in."""
        return TrialForm(
            before=self.before.currentData() or "",
            after=self.after.currentData() or "",
            part=self.part.currentData(),
            seed=self.seed.value(),
            blind_only=self.blind.isChecked(),
            base_url=self.base_url.text().strip(),
            model=self.model.text().strip(),
            agreed=self.agreed.isChecked(),
        )

    def offer(self, choices: Sequence[tuple[str, str]], *, before: str, after: str) -> None:
        """Offer versions to try: names, and the words for them."""
        for box, chosen in ((self.before, before), (self.after, after)):
            box.blockSignals(True)
            box.clear()
            for name, words in choices:
                box.addItem(words, name)
            box.setCurrentIndex(max(0, box.findData(chosen)))
            box.blockSignals(False)

    def show_plan(self, *, split: str, plan: str, outgoing: str) -> None:
        """Say what the trial takes; "" for what is not known."""
        self.split.setText(split)
        self.plan.setText(plan)
        self.show_outgoing(outgoing)
        self.run.setEnabled(bool(plan))

    def show_outgoing(self, sentence: str) -> None:
        """Say what goes to another machine, which the person then has to agree to."""
        self.outgoing.setText(sentence)
        self.outgoing.setVisible(bool(sentence))
        self.agreed.setVisible(bool(sentence))
        self.agreed.setChecked(False)

    def refuse(self, sentence: str) -> None:
        """Say what has to be mended."""
        self.show_plan(split=self.split.text(), plan="", outgoing="")
        self.problem.say(sentence)

    def show_running(self, line: str) -> None:
        """Say how far a trial is; "" when none runs."""
        self.progress.setText(line)
        self.progress.updateGeometry()
        self.cancel.setVisible(bool(line))
        self.run.setVisible(not line)

    def show_rows(self, rows: Sequence[TrialRow]) -> None:
        """Show what came out."""
        self.table.clear()
        for row in rows:
            item = QTreeWidgetItem([row.measure, row.before, row.after, row.change])
            if row.heading:
                item.setFont(0, bold(self.font()))
                item.setFirstColumnSpanned(True)
            if row.why:
                item.setToolTip(1, row.why)
            item.setSizeHint(0, QSize(0, (5 if row.heading else 3) * unit(self)))
            item.setTextAlignment(0, Qt.AlignmentFlag.AlignBottom if row.heading else Qt.AlignmentFlag.AlignVCenter)
            self.table.addTopLevelItem(item)
            item.setFirstColumnSpanned(row.heading)
        self.table.setVisible(bool(rows))
        self.notes.setText("\n".join(notes(rows)))
        self.notes.setVisible(bool(self.notes.text()))

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the cells of the table as they are shown."""
        items = [self.table.topLevelItem(at) for at in range(self.table.topLevelItemCount())]
        return [(it.text(0), it.text(1), it.text(2), it.text(3)) for it in items if it is not None]

    def _changed(self) -> None:
        """Another trial is meant: what came out of the last one goes."""
        self.problem.say("")
        self.show_rows(())
        self.asked.emit()

    def _lay_out(self) -> None:
        step = unit(self)
        form = QGridLayout()
        form.setHorizontalSpacing(step)
        form.setVerticalSpacing(step)
        fields: tuple[tuple[str, QWidget, str, QWidget], ...] = (
            ("Before", self.before, "After", self.after),
            ("Base URL", self.base_url, "Model", self.model),
        )
        for at, (left, one, right, other) in enumerate(fields):
            form.addWidget(Words(left, whole=True), at, 0)
            form.addWidget(one, at, 1)
            form.addWidget(Words(right, whole=True), at, 2)
            form.addWidget(other, at, 3)
        labels = QHBoxLayout()
        labels.setSpacing(2 * step)
        labels.addWidget(Words("Seed", whole=True))
        labels.addWidget(self.seed)
        labels.addWidget(self.blind)
        labels.addStretch(1)
        form.addWidget(Words("Decisions", whole=True), len(fields), 0)
        form.addWidget(self.part, len(fields), 1)
        form.addLayout(labels, len(fields), 2, 1, 2)
        form.setColumnStretch(1, 1)
        form.setColumnStretch(3, 1)
        row = QHBoxLayout()
        row.setSpacing(step)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel)
        row.addWidget(self.run)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, step, 0, 0)
        column.setSpacing(step)
        column.addLayout(form)
        for part in (self.split, self.plan, self.outgoing, self.agreed, self.problem):
            column.addWidget(part)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        column.addWidget(self.notes)
        column.addStretch(0)
        self.show_rows(())


def _said(name: str) -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAccessibleName(name)
    return label


def _table() -> QTreeWidget:
    table = QTreeWidget()
    table.setColumnCount(len(_COLUMNS))
    table.setHeaderLabels(_COLUMNS)
    table.setRootIsDecorated(False)
    table.setAllColumnsShowFocus(True)
    table.setAccessibleName("Agreement before and after")
    table.setFrameShape(QTreeWidget.Shape.NoFrame)
    table.setHeader(QuietHeader())
    head = table.header()
    for column, width in enumerate(_WIDTHS):
        head.resizeSection(column, width * unit(table))
    head.setStretchLastSection(True)
    head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    quiet(table)
    return table
