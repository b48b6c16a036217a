"""A strip below the top bar for what a person should know and can act upon."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import unit


class Banner(QWidget):
    """One message at a time, with one thing to do about it, until it is dismissed or mended."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._tint = "partial_tint"
        self._do: Callable[[], None] | None = None
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setAccessibleName("Message")
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.action_button = Button("Retry")
        self.close_button = Button(kind=Kind.FLAT)
        self.close_button.setAccessibleName("Dismiss the message")
        self.close_button.setToolTip("Dismiss")
        self.action_button.clicked.connect(self._act)
        self.close_button.clicked.connect(self.hide)
        step = unit(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(step * 3 // 2, step // 2, step, step // 2)
        row.setSpacing(step)
        row.addWidget(self._text, 1)
        row.addWidget(self.action_button)
        row.addWidget(self.close_button)
        self.hide()

    @property
    def text(self) -> str:
        """The message shown."""
        return self._text.text() if not self.isHidden() else ""

    def trouble(self, text: str, *, retry: Callable[[], None]) -> None:
        """Say what is in the way, with a way to try again."""
        self._show(text, "partial_tint", "Retry", retry)

    def tell(self, text: str, *, label: str = "", do: Callable[[], None] | None = None) -> None:
        """Say what was done, with a next step where there is one."""
        self._show(text, "evidence_tint", label, do)

    def refuse(self, text: str, *, label: str = "", do: Callable[[], None] | None = None) -> None:
        """Say why something was not done."""
        self._show(text, "contradicted_tint", label, do)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground that tells the kinds apart; the words do, too."""
        QPainter(self).fillRect(self.rect(), self._switch.theme.color(self._tint))

    def _show(self, text: str, tint: str, label: str, do: Callable[[], None] | None) -> None:
        self._text.setText(text)
        self._tint, self._do = tint, do
        self.action_button.setVisible(do is not None)
        if label:
            self.action_button.set_words(label)
        self.show()
        self.update()

    def _act(self) -> None:
        do, self._do = self._do, None
        self.hide()
        if do is not None:
            do()
