"""What can be done about pairs that go by length, one press each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from lrstudio.domain.reports import Remedy
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import Words, unit


class Remedies(QWidget):
    """A button for each choice by length that a set can be frozen by; hidden where there is none.

    Signals:
        wanted: the `Remedy` that was pressed.
    """

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[Button] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(unit(self))
        self._row.addWidget(Words("Freeze a set of these pairs:", quiet=True, whole=True))
        self._row.addStretch(1)
        self.hide()

    def show_remedies(self, remedies: Sequence[Remedy]) -> None:
        """Offer these."""
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = []
        for at, remedy in enumerate(remedies, start=1):
            words = remedy.choice.words
            button = Button(f"{words[:1].upper()}{words[1:]}…")
            button.clicked.connect(partial(self.wanted.emit, remedy))
            self._row.insertWidget(at, button)
            self.buttons.append(button)
        self.setVisible(bool(remedies))
