"""One difference between reviewers: what it is about, what each says, and what one says oneself."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import Field, Line, Words, bold, small, unit
from lrstudio.qt.views.dialogs.base import reading_view
from lrstudio.qt.views.scroll import quiet
from lrstudio.services.reviewers import Ruling
from lrstudio.viewstate.adjudication import OWN_SUPPORT, ConflictView, VerdictLine
from lrstudio.viewstate.display_text import DisplayText


class ConflictPanel(QWidget):
    """Shows one difference, and says what was chosen.

    Signals:
        ruled: a `Decision` that is taken over, or a `Ruling` of one's own.
    """

    ruled = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view: ConflictView | None = None
        self.heading = QLabel()
        self.heading.setFont(bold(self.heading.font()))
        self.heading.setWordWrap(True)
        self.heading.setTextFormat(Qt.TextFormat.PlainText)
        self.about = reading_view("", name="What it is about", fixed=False)
        self.passages = reading_view("", name="Passages of the document", fixed=False)
        self._passages_label = Words("The document says", quiet=True)
        self.settled = Words("", quiet=True)
        self.verdicts: list[Button] = []
        self._rows = QVBoxLayout()
        self._own = {key: Button(words, key=key) for key, words, *_ in OWN_SUPPORT}
        self.score = Field(name="A score of your own", placeholder="0 – 10")
        scale = QDoubleValidator(0.0, 10.0, 2, self.score)
        scale.setLocale(QLocale.c())
        scale.setNotation(QDoubleValidator.Notation.StandardNotation)
        self.score.setValidator(scale)
        self.reason = Field(name="Reason", placeholder="why, if you want to say it")
        self._supports, self._scores = QWidget(), QWidget()
        self._lay_out()
        for key, _words, support, why in OWN_SUPPORT:
            ruling = Ruling(support=support, support_reason=why)
            self._own[key].clicked.connect(lambda _on=False, it=ruling: self._rule(it))
        self.score.returnPressed.connect(self._rule_score)
        self.show_view(None)

    def show_view(self, view: ConflictView | None) -> None:
        """Show a difference, None for none."""
        if view is None or self.view is None or view.target != self.view.target:
            self.reason.clear()
            self.score.clear()
        self.view = view
        self.setVisible(view is not None)
        self.verdicts.clear()
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if view is None:
            return
        self.heading.setText(view.where)
        self.about.setPlainText(DisplayText.build(view.text).shown)
        quoted = "\n\n".join(f"“{it}”" for it in view.passages)
        self.passages.setPlainText(DisplayText.build(quoted).shown)
        for widget in (self.passages, self._passages_label):
            widget.setVisible(bool(view.passages))
        self.settled.setText(view.settled)
        self.settled.setVisible(bool(view.settled))
        self._supports.setVisible(not view.is_score)
        self._scores.setVisible(view.is_score)
        for line in view.verdicts:
            self._rows.addWidget(self._verdict(line))
        self._rows.addStretch(1)

    def take(self, letter: str) -> None:
        """Take the verdict of this letter over."""
        line = next((it for it in self.view.verdicts if it.letter == letter), None) if self.view else None
        if line is not None:
            self._rule(line.decision)

    def press_digit(self, digit: str) -> None:
        """Say something of one's own: a support, or the first digit of a score."""
        if self.view is None:
            return
        if self.view.is_score:
            self.score.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.score.setText(digit)
        elif digit in self._own:
            self._own[digit].click()

    def _rule(self, ruling: object) -> None:
        if self.view is not None:
            self.ruled.emit(ruling)

    def _rule_score(self) -> None:
        if self.score.hasAcceptableInput():
            self._rule(Ruling(score=float(self.score.text())))

    def _verdict(self, line: VerdictLine) -> QWidget:
        step = unit(self)
        button = Button(" · ".join(filter(None, (line.said, line.name))), key=line.letter)
        button.set_eliding()
        button.set_aside(line.aside)
        button.setAccessibleName(f"{line.letter}: {line.said} {line.name}".strip())
        button.clicked.connect(lambda: self._rule(line.decision))
        self.verdicts.append(button)
        whole = QWidget()
        box = QVBoxLayout(whole)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(step // 4)
        box.addWidget(button)
        if line.reason:
            reason = QLabel(line.reason)
            reason.setFont(small(reason.font()))
            reason.setWordWrap(True)
            reason.setTextFormat(Qt.TextFormat.PlainText)
            reason.setContentsMargins(step * 3 // 2, 0, 0, 0)
            box.addWidget(reason)
        return whole

    def _lay_out(self) -> None:
        step = unit(self)
        box = QVBoxLayout(self)
        box.setContentsMargins(2 * step, 0, 0, 0)
        box.setSpacing(step)
        box.addWidget(self.heading)
        box.addWidget(self.about, 1)
        box.addWidget(self._passages_label)
        box.addWidget(self.passages, 2)
        box.addWidget(Line())
        box.addWidget(self.settled)
        rows = QWidget()
        rows.setLayout(self._rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(step)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumHeight(12 * step)
        area.setWidget(rows)
        quiet(area)
        box.addWidget(area, 2)
        box.addWidget(Words("Or say it yourself", quiet=True))
        across = QHBoxLayout(self._supports)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(step)
        for button in self._own.values():
            across.addWidget(button)
        across.addStretch(1)
        score = QHBoxLayout(self._scores)
        score.setContentsMargins(0, 0, 0, 0)
        score.addWidget(self.score, 1)
        score.addWidget(Words("  Enter settles it", quiet=True, whole=True))
        score.addStretch(2)
        box.addWidget(self._supports)
        box.addWidget(self._scores)
        box.addWidget(self.reason)
