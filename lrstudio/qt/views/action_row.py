"""Buttons for what can be done now, side by side; what finds no room stands in a menu behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QWidget

from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import unit


class ActionRow(QWidget):
    """A button for each action that is enabled, from the left as many as there is room for."""

    def __init__(self, words: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons = [(action, Button(text)) for text, action in words.items()]
        self.more = Button("…")
        self.more.setAccessibleName("More")
        self.more.setToolTip("What else can be done")
        self.more.setMenu(QMenu(self.more))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(unit(self))
        row.addStretch(1)
        for action, button in self.buttons:
            bind(button, action)
            action.changed.connect(self._changed)
            row.addWidget(button)
        row.addWidget(self.more)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._fit()

    def sizeHint(self) -> QSize:
        """Ask for room for every button."""
        return QSize(self._width([button for _, button in self._enabled()]), self.more.sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Be content with the menu."""
        return self.more.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many buttons as there is room for now."""
        super().resizeEvent(event)
        self._fit()

    def _enabled(self) -> list[tuple[QAction, Button]]:
        return [(action, button) for action, button in self.buttons if action.isEnabled()]

    def _width(self, buttons: Sequence[Button]) -> int:
        return sum(it.sizeHint().width() for it in buttons) + unit(self) * max(0, len(buttons) - 1)

    def _changed(self) -> None:
        self.updateGeometry()
        self._fit()

    def _fit(self) -> None:
        enabled = self._enabled()
        buttons = [button for _, button in enabled]
        count = len(buttons)
        if self._width(buttons) > self.width():
            while count and self._width([*buttons[:count], self.more]) > self.width():
                count -= 1
        for _, button in self.buttons:
            button.setVisible(button in buttons[:count])
        self.more.setVisible(count < len(buttons))
        self.more.menu().clear()
        self.more.menu().addActions([action for action, _ in enabled[count:]])
