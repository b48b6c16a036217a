"""Before there is something to audit: where to begin, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from lrstudio.domain.places import Place, whereabouts
from lrstudio.qt.actions import Actions
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Words, bold, unit

_MOST = 8


class EmptyState(QWidget):
    """A calm page in the middle: a heading, a sentence, and the buttons that lead on."""

    def __init__(self, title: str, text: str, buttons: Sequence[Button] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        step = unit(self)
        self.heading = QLabel(title)
        font = bold(self.heading.font())
        font.setPointSizeF(font.pointSizeF() * 1.3)
        self.heading.setFont(font)
        self.sentence = QLabel(text)
        self.sentence.setWordWrap(True)
        self.sentence.setMinimumWidth(36 * step)
        for label in (self.heading, self.sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout()
        row.setSpacing(step)
        row.addStretch(1)
        for button in buttons:
            row.addWidget(button)
        row.addStretch(1)
        self.column = QVBoxLayout()
        self.column.setSpacing(step * 3 // 2)
        self.column.addWidget(self.heading)
        self.column.addWidget(self.sentence)
        self.column.addLayout(row)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addLayout(self.column, 2)
        across.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(2 * step, 2 * step, 2 * step, 2 * step)
        box.addStretch(2)
        box.addLayout(across)
        box.addStretch(3)

    def say(self, title: str, text: str) -> None:
        """Change the words."""
        self.heading.setText(title)
        self.sentence.setText(text)


class StartPage(QScrollArea):
    """Recent projects, and the ways to a new one.

    Signals:
        opened: the place of a recent project.
    """

    opened = Signal(object)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        open_button = Button("Open project…", kind=Kind.PRIMARY)
        new_button = Button("New project…")
        shared_button = Button("Open shared project…")
        sample_button = Button("Open the sample project")
        self._open_button = open_button
        ways = {"open": open_button, "new": new_button, "shared": shared_button, "sample": sample_button}
        for name, button in ways.items():
            bind(button, actions[f"project.{name}"])
        self._page = EmptyState(
            "LongReward Studio",
            "See the document, the answer, the judge's verdicts and their evidence together, then decide.",
            tuple(ways.values()),
        )
        title = QFont(self._page.heading.font())
        title.setPointSizeF(title.pointSizeF() * 1.3)
        self._page.heading.setFont(title)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._page.column.addSpacing(unit(self))
        self._page.column.addLayout(self._recent)
        self.setWidget(self._page)

    def focus_first(self) -> None:
        """Put the keyboard where one most likely goes on."""
        first = self._recent.itemAt(1)
        widget = first.widget() if first is not None else None
        (widget or self._open_button).setFocus(Qt.FocusReason.OtherFocusReason)

    def set_recent(self, paths: Sequence[Place]) -> None:
        """List the projects opened last."""
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        if not paths:
            hint = Words("Or drop documents and answers onto this window.", quiet=True)
            hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._recent.addWidget(hint)
            return
        self._recent.addWidget(Words("Recent projects", quiet=True))
        for path in paths[:_MOST]:
            self._recent.addWidget(self._entry(path))

    def _entry(self, path: Place) -> QWidget:
        button = Button(path.stem, kind=Kind.FLAT)
        button.set_eliding()
        aside = whereabouts(path)
        button.set_aside(aside)
        button.setAccessibleName(f"Open {path.stem} in {aside}")
        button.setToolTip(str(path))
        button.clicked.connect(lambda: self.opened.emit(path))
        return button
