"""One candidate of a pair: who wrote it, what it scores, whether it is chosen, and its text with the claims marked."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Line, Words, panel_ground, small, unit
from lrstudio.qt.views.marks import text_marks
from lrstudio.qt.views.signs import chip_width, paint_chip
from lrstudio.qt.views.text_view import TextView
from lrstudio.viewstate.audit_signs import Chip, Sign
from lrstudio.viewstate.display_text import DisplayText
from lrstudio.viewstate.pairs_board import Side

_STANDINGS = {"chosen": Sign.FULL, "rejected": Sign.CONTRADICTED}


class StandingChip(QWidget):
    """Chosen or rejected, as a chip; hidden where the candidate is neither."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._chip = Chip(Sign.FULL, "")
        self.setFont(small(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.hide()

    def say(self, standing: str) -> None:
        """Show how the candidate stands; "" hides it."""
        self.setVisible(bool(standing))
        if standing:
            self._chip = Chip(_STANDINGS[standing], standing)
            self.setAccessibleName(standing)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for room for the chip."""
        return QSize(chip_width(self.fontMetrics(), self._chip) + 2, self.fontMetrics().height() + unit(self))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        painter.setFont(self.font())
        paint_chip(painter, QRect(self.rect()), self._chip, self._switch.theme)


class SidePane(QWidget):
    """A candidate beside another one. `other` leads to the next candidate of the question on this side."""

    def __init__(self, switch: ThemeSwitch, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        panel_ground(self)
        self._title = Words(strong=True, whole=True)
        self._facts = Words(quiet=True)
        self._scores = Words(quiet=True, whole=True)
        self._reward = Words(strong=True, whole=True)
        self._standing = StandingChip(switch)
        self.other = Button("Other…", kind=Kind.FLAT)
        self.text = TextView(switch, name=name, description="The answer, its claims underlined by their support")
        self.side: Side | None = None
        self._lay_out()

    def show_side(self, side: Side) -> None:
        """Show a candidate; the same text stays where it is scrolled to."""
        if self.side is None or self.side.text != side.text or self.side.candidate_id != side.candidate_id:
            self.text.set_text(DisplayText.build(side.text))
        self.side = side
        self._title.setText(side.label)
        self._facts.setText(side.facts)
        self._scores.setText(side.scores)
        self._reward.setText(side.reward)
        self._standing.say(side.standing)
        for widget in (self._title, self._facts, self._scores, self._reward):
            widget.updateGeometry()
        self.text.set_marks(text_marks(side.marks))
        self.text.setAccessibleDescription(side.spoken)

    def _lay_out(self) -> None:
        step = unit(self)
        head = QHBoxLayout()
        head.setContentsMargins(2 * step, step // 2, step * 3 // 2, step // 2)
        head.setSpacing(step)
        head.addWidget(self._title)
        head.addWidget(self._facts, 100)
        head.addStretch(1)
        head.addWidget(self._scores)
        head.addWidget(self._reward)
        head.addWidget(self._standing)
        head.addWidget(self.other)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addWidget(Line())
        box.addWidget(self.text, 1)


class LinkedScrolling(QObject):
    """Keeps two texts at the same share of their height."""

    def __init__(self, one: TextView, other: TextView, parent: QObject) -> None:
        super().__init__(parent)
        self._following = False
        one.verticalScrollBar().valueChanged.connect(lambda _at: self._follow(one, other))
        other.verticalScrollBar().valueChanged.connect(lambda _at: self._follow(other, one))

    def _follow(self, leader: TextView, follower: TextView) -> None:
        if self._following:
            return
        bar, led = leader.verticalScrollBar(), follower.verticalScrollBar()
        share = bar.value() / bar.maximum() if bar.maximum() else 0.0
        self._following = True
        led.setValue(round(share * led.maximum()))
        self._following = False
