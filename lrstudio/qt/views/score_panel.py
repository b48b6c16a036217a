"""A dimension that is judged as a whole: the judge's score and why, and the person's own."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import Words, bold, unit
from lrstudio.qt.views.scroll import quiet
from lrstudio.viewstate.audit_headers import ScoreCard


class ScorePanel(QScrollArea):
    """Shows a `ScoreCard`; the score is typed in the decision bar below."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self.setFrameShape(QFrame.Shape.NoFrame)
        quiet(self)
        self.setWidgetResizable(True)
        self.setAccessibleName("Score and explanation")
        self._judge = QLabel()
        self._yours = QLabel()
        self._explanation = QLabel()
        self._explanation.setWordWrap(True)
        self._explanation.setTextFormat(Qt.TextFormat.PlainText)
        self._explanation.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._explanation.setAccessibleName("The judge's explanation")
        self._explanation.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._note = Words(quiet=True)
        large = bold(self._judge.font())
        large.setPointSizeF(large.pointSizeF() * 1.9)
        for label in (self._judge, self._yours):
            label.setFont(QFont(large))
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._judge.setAccessibleName("The judge's score")
        self._yours.setAccessibleName("Your score")
        self._lay_out()

    def show_card(self, card: ScoreCard) -> None:
        """Show a score."""
        self._judge.setText(card.score)
        self._yours.setText(f"{card.yours} ✓" if card.yours else "–")
        self._explanation.setText(card.explanation or "The judge gave no explanation.")
        self._note.setText(card.tooltip)
        self._note.setVisible(bool(card.tooltip))

    def _lay_out(self) -> None:
        step = unit(self)
        page = QWidget()
        scores = QVBoxLayout()
        scores.setSpacing(step // 2)
        for name, label in (("judge", self._judge), ("you", self._yours)):
            scores.addWidget(Words(name, quiet=True))
            scores.addWidget(label)
            scores.addSpacing(step)
        scores.addStretch(1)
        reading = QVBoxLayout()
        reading.setSpacing(step)
        reading.addWidget(Words("why", quiet=True))
        reading.addWidget(self._explanation)
        reading.addWidget(self._note)
        reading.addStretch(1)
        self._explanation.setMaximumWidth(self.fontMetrics().averageCharWidth() * 110)
        row = QHBoxLayout(page)
        row.setContentsMargins(2 * step, 3 * step // 2, 2 * step, step)
        row.setSpacing(4 * step)
        row.addLayout(scores)
        row.addLayout(reading, 8)
        row.addStretch(1)
        self.setWidget(page)
        self.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)
