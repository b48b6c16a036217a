"""The candidate: who wrote it, what it scores, and its text with the claims marked."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.actions import Actions
from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.chrome import Line, Words, accent, bold, muted, paint_focus, panel_ground, unit
from lrstudio.qt.views.find_bar import FindBar
from lrstudio.qt.views.marks import gutter_labels, text_marks
from lrstudio.qt.views.text_view import TextView
from lrstudio.viewstate.audit import SpanMark
from lrstudio.viewstate.audit_headers import CandidateHeader, ScoreChip
from lrstudio.viewstate.display_text import DisplayText


class ScoreButton(QPushButton):
    """One dimension in the header: a letter and a score, underlined where it is the one shown."""

    def __init__(self, dimension: Dimension, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.dimension = dimension
        self._score = "–"
        self._decided = False
        self.setCheckable(True)
        self.setFlat(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_chip(self, chip: ScoreChip) -> None:
        """Show a score."""
        self._score, self._decided = chip.score, chip.decided
        self.setChecked(chip.selected)
        self.setToolTip(chip.tooltip)
        self.setAccessibleName(chip.tooltip)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Ask for room for letter and score."""
        metrics, strong = self.fontMetrics(), QFontMetrics(bold(self.font()))
        step = unit(self)
        width = metrics.horizontalAdvance(self.dimension.letter) + step // 2 + strong.horizontalAdvance(self._score)
        return QSize(width + step * 3 // 2, metrics.height() + step)

    def minimumSizeHint(self) -> QSize:
        """Ask for no less."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint letter, score, line and focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        step = unit(self)
        metrics = self.fontMetrics()
        area = self.rect().adjusted(step * 3 // 4, 0, 0, 0)
        painter.setPen(muted(self))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.dimension.letter)
        area.adjust(metrics.horizontalAdvance(self.dimension.letter) + step // 2, 0, 0, 0)
        painter.setFont(bold(self.font()))
        known = self._score not in ("?", "–", "·")
        painter.setPen(self.palette().color(QPalette.ColorRole.Text) if known else muted(self))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self._score)
        if self.isChecked():
            line = QRectF(step * 3 // 4, self.height() - 3, self.width() - step * 3 // 2, 2)
            painter.fillRect(line, accent(self))
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), self, radius=4)


class CandidatePane(QWidget):
    """The pane.

    Signals:
        claim_clicked: the id of the claim.
        dimension_picked: a Dimension.
    """

    claim_clicked = Signal(str)
    dimension_picked = Signal(object)

    def __init__(self, switch: ThemeSwitch, icons: Icons, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        panel_ground(self)
        self._actions = actions
        self._title = Words(strong=True, whole=True)
        self._facts = Words(quiet=True)
        self._reward = Words(strong=True, whole=True)
        self._reward_word = Words("reward", quiet=True, whole=True)
        self._chips = {dimension: ScoreButton(dimension) for dimension in Dimension}
        self.text = TextView(switch, name="Candidate", description="The answer, its claims underlined by their support")
        self.find_bar = FindBar(self.text, icons=icons)
        for button in self._chips.values():
            button.clicked.connect(lambda _on=False, it=button.dimension: self.dimension_picked.emit(it))
        self.text.mark_clicked.connect(lambda group, _span: self.claim_clicked.emit(group))
        self.text.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.text.customContextMenuRequested.connect(self._open_menu)
        self._lay_out()

    def show_header(self, header: CandidateHeader) -> None:
        """Show who wrote it and what it scores."""
        self._title.setText(header.title)
        self._facts.setText(header.facts)
        for chip in header.chips:
            self._chips[chip.dimension].show_chip(chip)
        self._reward.setText(header.reward)
        for widget in (self._reward, self._reward_word):
            widget.setToolTip(header.reward_tooltip)
            widget.updateGeometry()
        self._title.updateGeometry()
        self._fit()

    def show_text(self, display: DisplayText) -> None:
        """Show another candidate's text."""
        self.text.set_text(display)

    def show_marks(self, marks: tuple[SpanMark, ...], *, reveal: bool) -> None:
        """Mark the claims; `reveal` brings the focused one to the screen."""
        self.text.set_marks(text_marks(marks))
        self.text.set_gutter(gutter_labels(marks))
        focused = next((mark for mark in marks if mark.focused), None)
        if not reveal or focused is None or self.text.selected_span() is not None:
            return
        if not focused.span.start <= self.caret() < focused.span.end:  # a caret put there by hand stays: s splits at it
            self.text.reveal(focused.span, steady=True)

    def caret(self) -> int:
        """Return the offset of the caret: where a selection starts, else where it stands."""
        span = self.text.selected_span()
        if span is not None:
            return span.start
        position = self.text.textCursor().position()
        return self.text.display.map.to_domain(position, position).start

    def selection(self) -> Span | None:
        """Return what is selected."""
        return self.text.selected_span()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much above the text as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Let go of the model and the length first, then of the word beside the reward; never of the letter."""
        step = unit(self)
        kept = [self._title, self._reward, *self._chips.values()]
        room = self.width() - sum(it.sizeHint().width() + step for it in kept) - 4 * step
        room -= self._reward_word.sizeHint().width() + step
        self._reward_word.setVisible(room >= 0)
        self._facts.setVisible(room >= 10 * step)

    def add_bar(self, bar: QWidget) -> None:
        """Put a bar between the heading and the text."""
        self._bars.addWidget(bar)

    def _open_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction("Copy", self.text.copy)
        copy.setEnabled(self.selection() is not None)
        menu.addSeparator()
        for name in ("part.add", "claim.split", "claim.merge", "part.reword"):
            menu.addAction(self._actions[name])
        menu.popup(self.text.viewport().mapToGlobal(position))

    def _lay_out(self) -> None:
        step = unit(self)
        head = QHBoxLayout()
        head.setContentsMargins(2 * step, step // 2, step * 3 // 2, step // 2)
        head.setSpacing(step)
        head.addWidget(self._title)
        head.addWidget(self._facts, 100)
        head.addStretch(1)
        for dimension in Dimension:
            head.addWidget(self._chips[dimension])
        head.addSpacing(step // 2)
        head.addWidget(self._reward_word)
        head.addWidget(self._reward)
        self._bars = QVBoxLayout()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(head)
        box.addWidget(Line())
        box.addLayout(self._bars)
        box.addWidget(self.find_bar)
        box.addWidget(self.text, 1)
