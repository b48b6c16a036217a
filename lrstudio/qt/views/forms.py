"""What forms are laid out with: a label, a field and its meaning; numbers; a grid that lines up."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QPalette, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from lrstudio.qt.views.chrome import small, unit
from lrstudio.viewstate.judge_fields import FieldWords


class Whole(QSpinBox):
    """A whole number; the wheel scrolls the form, not the number."""

    def __init__(self, *, name: str, least: int, most: int, none: str = "") -> None:
        """Make one from `least` to `most`; `none` is shown for the least, which then stands for no number."""
        super().__init__()
        self.setRange(least, most)
        self.setAccessibleName(name)
        self.setSpecialValueText(none)
        self.setGroupSeparatorShown(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the form."""
        event.ignore()


class Money(QDoubleSpinBox):
    """An amount, with a point; the least stands for none."""

    def __init__(self, *, name: str, none: str, most: float = 1e6) -> None:
        super().__init__()
        self.setLocale(QLocale.c())
        self.setDecimals(4)
        self.setRange(0.0, most)
        self.setSingleStep(0.1)
        self.setPrefix("$ ")
        self.setSpecialValueText(none)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def textFromValue(self, value: float) -> str:
        """Write two digits, and more only where there are more."""
        text = f"{value:.4f}".rstrip("0")
        whole, _, rest = text.partition(".")
        return f"{whole}.{rest:0<2}"

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the form."""
        event.ignore()


class Choice(QComboBox):
    """One of a few, by its name in data."""

    def __init__(self, entries: Sequence[tuple[object, str]], *, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for data, words in entries:
            self.addItem(words, data)

    def select(self, data: object) -> None:
        """Choose by name; an unknown one changes nothing."""
        at = self.findData(data)
        if at >= 0:
            self.setCurrentIndex(at)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the form."""
        event.ignore()


class FormRow(QWidget):
    """A label, a field, and below the field what it means, or what is wrong with it."""

    def __init__(self, words: FieldWords, field: QWidget, *, beside: Sequence[QWidget] = ()) -> None:
        super().__init__()
        self.field = field
        self._meaning = words.meaning
        self._label = QLabel(words.label)
        self._label.setBuddy(field)
        step = unit(self)
        self._label.setFixedWidth(self.fontMetrics().horizontalAdvance("Embedding model") + step)
        self._note = QLabel(words.meaning)
        self._note.setFont(small(self._note.font()))
        self._note.setWordWrap(True)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._quiet()
        field.setToolTip(words.meaning)
        if not field.accessibleName():
            field.setAccessibleName(words.label)
        field.setAccessibleDescription(words.meaning)
        across = QHBoxLayout()
        across.setSpacing(step)
        if isinstance(field, QAbstractSpinBox):
            field.setMinimumWidth(16 * step)
            across.addWidget(field)
            across.addStretch(1)
        else:
            across.addWidget(field, 1)
        for widget in beside:
            across.addWidget(widget)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(step)
        grid.setVerticalSpacing(max(1, step // 4))
        tall = field.sizeHint().height() > 8 * step
        grid.addWidget(self._label, 0, 0, Qt.AlignmentFlag.AlignTop if tall else Qt.AlignmentFlag.AlignVCenter)
        grid.addLayout(across, 0, 1)
        grid.addWidget(self._note, 1, 1)
        grid.setColumnStretch(1, 1)

    def explain(self, text: str) -> None:
        """Say another meaning."""
        self._meaning = text
        self._note.setText(text)
        self._quiet()

    def refuse(self, sentence: str, color: str) -> None:
        """Say what is wrong with it in place of its meaning; "" takes that back."""
        self._note.setText(sentence or self._meaning)
        if sentence:
            self._note.setForegroundRole(QPalette.ColorRole.WindowText)  # the quiet role is half transparent
            self._note.setStyleSheet(f"color: {color}")
            self._note.show()
        else:
            self._quiet()

    @property
    def note(self) -> str:
        """What stands below the field."""
        return self._note.text()

    def _quiet(self) -> None:
        self._note.setStyleSheet("")
        self._note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._note.setVisible(bool(self._meaning))
