"""What every dialog shares."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import panel_ground, unit
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.display_text import DisplayText


class Dialog(QDialog):
    """A window of its own that leaves the rest usable and is gone when it is closed."""

    def __init__(self, title: str, parent: QWidget | None, *, size: tuple[int, int]) -> None:
        """Make an empty dialog; `size` counts units of half a line."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        panel_ground(self)
        step = unit(self)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(2 * step, 2 * step, 2 * step, 2 * step)
        self.column.setSpacing(step * 3 // 2)
        self._size = QSize(size[0] * step, size[1] * step)

    def sizeHint(self) -> QSize:
        """Ask for the size it was made for."""
        return self._size.expandedTo(super().sizeHint())

    def take_room(self) -> None:
        """Take the size it was made for, as far as the window behind it goes; Qt gives a first window less."""
        parent = self.parentWidget()
        room = parent.window().size() if parent is not None else self.screen().availableGeometry().size()
        self.resize(self._size.boundedTo(room))

    def add_buttons(self, buttons: Sequence[Button]) -> None:
        """Put buttons in a row at the lower right."""
        row = QHBoxLayout()
        row.setSpacing(unit(self))
        row.addStretch(1)
        for button in buttons:
            row.addWidget(button)
        self.column.addLayout(row)

    def add_text(self, text: str, *, name: str, fixed: bool = True) -> QPlainTextEdit:
        """Put a text to read and copy, of any length."""
        view = reading_view(text, name=name, fixed=fixed)
        self.column.addWidget(view, 1)
        return view


class Problem(QLabel):
    """A sentence about what has to be mended, beside the fields; hidden while there is none."""

    def __init__(self, color: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAccessibleName("Problem")
        self.setStyleSheet(f"color: {color}")
        self.hide()

    def say(self, text: str) -> None:
        """Show a sentence; "" hides it."""
        self.setText(text)
        self.setVisible(bool(text))


def reading_view(text: str, *, name: str, fixed: bool) -> QPlainTextEdit:
    """Return a read-only view of a text whose lines may be of any length."""
    view = QPlainTextEdit()
    view.setReadOnly(True)
    view.setTabChangesFocus(True)
    view.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    view.setPlainText(DisplayText.build(text).shown)
    view.setAccessibleName(name)
    quiet(view)
    if fixed:
        view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    return view
