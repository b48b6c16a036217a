"""What a judge run will take, beside the form that asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import bold, small, unit
from lrstudio.qt.views.dialogs.base import Problem
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.judge_plan import EffortRow, PlanView

_COLUMNS = ("", "calls", "tokens in", "tokens out", "cost")


class EffortTable(QWidget):
    """Calls, tokens and cost by dimension, the sum in strong letters."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._grid = QGridLayout(self)
        step = unit(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(2 * step)
        self._grid.setVerticalSpacing(step // 2)
        self._grid.setColumnStretch(0, 1)
        self.setAccessibleName(title)
        self.rows: tuple[EffortRow, ...] = ()

    def show_rows(self, rows: Sequence[EffortRow]) -> None:
        """Show these rows, or nothing where there are none."""
        self.setVisible(bool(rows))
        if tuple(rows) == self.rows:
            return
        self.rows = tuple(rows)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if not rows:
            return
        for column, name in enumerate((self._title, *_COLUMNS[1:])):
            self._put(0, column, name, quiet=column > 0, strong=column == 0)
        for at, row in enumerate(rows, start=1):
            cells = (row.name, row.calls, row.input_tokens, row.output_tokens, row.cost)
            for column, text in enumerate(cells):
                self._put(at, column, text, strong=at == len(rows))

    def _put(self, row: int, column: int, text: str, *, quiet: bool = False, strong: bool = False) -> None:
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        if quiet:
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            label.setFont(small(label.font()))
        if strong:
            label.setFont(bold(label.font()))
        side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
        self._grid.addWidget(label, row, column, side)


class PlanPanel(QScrollArea):
    """Shows a `PlanView`; while another one is being made, the old one stays, in grey."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Plan")
        quiet(self)
        self.view: PlanView | None = None
        self._state = _label(quiet_words=True)
        self._head = _label()
        self._head.setAccessibleName("What the run will take")
        self._problem = _label(quiet_words=True)
        self._problem.setAccessibleName("Why there is no plan")
        self._warning = Problem(switch.theme.tokens["contradicted"])
        self.ahead = EffortTable("To be sent")
        self.whole = EffortTable("Without the log")
        self._paid = _label()
        self._notes = _label(quiet_words=True)
        self._notes.setFont(small(self._notes.font()))
        self._lay_out()

    @property
    def head(self) -> str:
        """The sentence to decide by."""
        return self._head.text()

    @property
    def problem(self) -> str:
        """What is missing for a plan."""
        return self._problem.text()

    def wait(self) -> None:
        """Say that a plan is being made."""
        self._state.setText("Plan · being reckoned …")

    def show_view(self, view: PlanView) -> None:
        """Show a plan."""
        self.view = view
        self._state.setText("Plan · nothing is sent yet")
        self._head.setText(view.head)
        self._head.setVisible(bool(view.head))
        self._problem.setText(view.problem)
        self._problem.setVisible(bool(view.problem))
        self._warning.say(view.warning)
        self.ahead.show_rows(view.ahead)
        self.whole.show_rows(view.whole)
        self._paid.setText(view.paid)
        self._paid.setVisible(bool(view.paid))
        self._notes.setText("\n".join(f"· {note}" for note in view.notes))
        self._notes.setVisible(bool(view.notes))

    def _lay_out(self) -> None:
        page = QWidget()
        page.setAutoFillBackground(False)
        step = unit(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(2 * step, 0, step, 0)
        column.setSpacing(step * 3 // 2)
        self._head.setFont(bold(self._head.font()))
        for widget in (
            self._state,
            self._head,
            self._problem,
            self._warning,
            self.ahead,
            self._paid,
            self.whole,
            self._notes,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        self.setWidget(page)
        self.viewport().setAutoFillBackground(False)
        self.ahead.hide()
        self.whole.hide()


def _label(*, quiet_words: bool = False) -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if quiet_words:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label
