"""Strips above the curves: hosts that cannot be asked, and a result on its way here."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import unit
from lrstudio.qt.views.top_bar import ThinBar


class Strip(QWidget):
    """A sentence on a tint with one button behind it; hidden while there is nothing to say."""

    def __init__(self, switch: ThemeSwitch, button: Button, *, tint: str, name: str) -> None:
        super().__init__()
        self._switch = switch
        self._tint = tint
        self._name = name
        self.button = button
        self.said = QLabel("")
        self.said.setWordWrap(True)
        self.said.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        step = unit(self)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(step * 3 // 2, step // 2, step, step // 2)
        self.row.setSpacing(step)
        self.row.addWidget(self.said, 1)
        self.row.addWidget(button)
        switch.changed.connect(self.update)
        self.hide()

    def say(self, text: str) -> None:
        """Show a sentence; "" hides it."""
        if text != self.said.text():
            self.said.setText(text)
            self.said.setAccessibleName(f"{self._name}: {text}")
        self.setVisible(bool(text))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground."""
        QPainter(self).fillRect(self.rect(), self._switch.theme.color(self._tint))


class LinkStrip(Strip):
    """Which hosts cannot be asked, and when they are asked again."""

    def __init__(self, switch: ThemeSwitch, actions: Actions) -> None:
        super().__init__(switch, Button("Try now"), tint="partial_tint", name="Hosts")
        bind(self.button, actions["training.ask_now"])


class FetchStrip(Strip):
    """How far a result is on its way here."""

    def __init__(self, switch: ThemeSwitch, actions: Actions) -> None:
        super().__init__(switch, Button("Cancel"), tint="evidence_tint", name="Fetching")
        bind(self.button, actions["training.drop_fetch"])
        self.bar = ThinBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Share of the result that is here")
        self.bar.setFixedWidth(24 * unit(self))
        self.row.insertWidget(1, self.bar)

    def show_share(self, text: str, share: float | None) -> None:
        """Say how far it is."""
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * (share or 0.0)))
        self.bar.setVisible(share is not None)
        self.say(text)
