"""The bar above the list while a review queue is worked through: which queue, how far, why this item."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lrstudio.qt.actions import Actions
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, Words, small, unit
from lrstudio.viewstate.queues import QueueBarText


class QueueBar(QWidget):
    """Says where one is in a queue. Its title opens the list of queues."""

    def __init__(self, actions: Actions, parent: QWidget | None = None, *, wide: bool = False) -> None:
        """Make one for the column of a list, or a `wide` one, a single row across a workspace."""
        super().__init__(parent)
        self.title = Button(kind=Kind.FLAT)
        self.count = Words(quiet=True, whole=True)
        self.count.setAccessibleName("Done in the queue")
        self.why = QLabel()
        self.why.setAccessibleName("Why this item is in the queue")
        self.why.setFont(small(self.why.font()))
        self.why.setWordWrap(True)
        self.why.setTextFormat(Qt.TextFormat.PlainText)
        self.next = Button("Next", kind=Kind.FLAT, key="q")
        self.skip = Button("Skip", kind=Kind.FLAT, key="w")
        self.leave = Button("Leave", kind=Kind.FLAT)
        if wide:
            self._lay_out_wide()
        else:
            self._lay_out()
        for button, name in ((self.next, "queue.next"), (self.skip, "queue.skip"), (self.leave, "queue.leave")):
            bind(button, actions[name])
        self.title.clicked.connect(actions["queue.open"].trigger)

    def show_text(self, text: QueueBarText) -> None:
        """Show where one is."""
        self.title.set_words(f"Queue: {text.title}")
        self.title.setToolTip(text.tooltip)
        self.count.setText(text.count)
        self.count.updateGeometry()
        self.why.setText(text.why)
        self.why.setVisible(bool(text.why))

    def _lay_out_wide(self) -> None:
        step = unit(self)
        row = QHBoxLayout()
        row.setContentsMargins(step * 3 // 2, step // 2, step, step // 2)
        row.setSpacing(step)
        self.why.setWordWrap(False)
        row.addWidget(self.title)
        row.addWidget(self.count)
        row.addWidget(self.why, 1)
        for button in (self.next, self.skip, self.leave):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(Line())

    def _lay_out(self) -> None:
        step = unit(self)
        self.title.set_eliding()
        top = QHBoxLayout()
        top.setContentsMargins(step // 2, 0, step * 3 // 2, 0)
        top.addWidget(self.title, 1)
        top.addWidget(self.count)
        reason = QHBoxLayout()
        reason.setContentsMargins(step * 3 // 2, 0, step * 3 // 2, 0)
        reason.addWidget(self.why)
        steps = QHBoxLayout()
        steps.setContentsMargins(step // 2, 0, step // 2, 0)
        steps.setSpacing(0)
        for button in (self.next, self.skip, self.leave):
            steps.addWidget(button)
        self.leave.set_eliding()
        steps.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, step // 2, 0, 0)
        column.setSpacing(step // 4)
        column.addLayout(top)
        column.addLayout(reason)
        column.addLayout(steps)
        column.addWidget(Line())
