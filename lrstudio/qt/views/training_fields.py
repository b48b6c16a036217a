"""Fields of the form before a training: a label above, what is wrong below."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import Field, small, unit
from lrstudio.qt.views.forms import Choice
from lrstudio.viewstate.training_form import OptionField


class Labelled(QWidget):
    """A small label, a field below it, and below that what is wrong with it."""

    def __init__(self, label: str, field: QWidget, switch: ThemeSwitch, *, meaning: str = "") -> None:
        super().__init__()
        self.field = field
        self.meaning = meaning
        self._switch = switch
        step = unit(self)
        self._label = QLabel(label)
        self._label.setFont(small(self._label.font()))
        self._label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._label.setBuddy(field)
        self.problem = QLabel("")
        self.problem.setFont(small(self.problem.font()))
        self.problem.setWordWrap(True)
        self.problem.hide()
        if not field.accessibleName():
            field.setAccessibleName(label)
        self.explain(meaning)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(max(2, step // 3))
        if isinstance(field, QCheckBox):
            self._label.setText("")
        box.addWidget(self._label)
        box.addWidget(field)
        box.addWidget(self.problem)
        switch.changed.connect(self._paint)
        self._paint()

    def explain(self, meaning: str) -> None:
        """Say what it means."""
        self.meaning = meaning
        for widget in (self._label, self.field):
            widget.setToolTip(meaning)
        self.field.setAccessibleDescription(f"{self.problem.text()} {meaning}".strip())

    def refuse(self, sentence: str) -> None:
        """Say what is wrong; "" takes that back."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))
        self.field.setAccessibleDescription(f"{sentence} {self.meaning}".strip())

    def _paint(self) -> None:
        self.problem.setStyleSheet(f"color: {self._switch.theme.color('contradicted').name()}")


class OptionEntry:
    """The field of one option, whatever its kind; `text` is what is typed."""

    def __init__(self, option: OptionField, switch: ThemeSwitch) -> None:
        """Make the field that fits."""
        self.option = option
        field: QWidget
        if option.flag:
            field = QCheckBox(option.label)
        elif option.choices and not option.several:
            field = narrow(Choice([(it, it) for it in option.choices], name=option.label))
        else:
            field = Field(name=option.label, keeps_enter=False)
            field.setMinimumWidth(6 * unit(field))
        self.row = Labelled(option.label, field, switch, meaning=option.meaning)
        self.text = option.text

    @property
    def text(self) -> str:
        """What stands in the field."""
        field = self.row.field
        if isinstance(field, QCheckBox):
            return "yes" if field.isChecked() else "no"
        if isinstance(field, Choice):
            return str(field.currentData())
        assert isinstance(field, Field)
        return field.text()

    @text.setter
    def text(self, text: str) -> None:
        field = self.row.field
        if isinstance(field, QCheckBox):
            field.setChecked(text == "yes")
        elif isinstance(field, Choice):
            field.select(text)
        elif isinstance(field, Field):
            field.setText(text)
            field.setCursorPosition(0)

    def on_change(self, deed: Callable[..., object]) -> None:
        """Call something whenever a person changes it."""
        field = self.row.field
        if isinstance(field, QCheckBox):
            field.toggled.connect(deed)
        elif isinstance(field, Choice):
            field.currentIndexChanged.connect(deed)
        elif isinstance(field, Field):
            field.textChanged.connect(deed)


def narrow(choice: Choice) -> Choice:
    """Let a choice become narrower than its longest entry."""
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(4)
    choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return choice


def beside(field: Field, button: Button) -> QWidget:
    """Put a button beside a field."""
    both = QWidget()
    both.setFocusProxy(field)
    both.setAccessibleName(field.accessibleName())
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(unit(both) // 2)
    row.addWidget(field, 1)
    row.addWidget(button)
    return both
