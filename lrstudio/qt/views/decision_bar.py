"""Where a person decides: the verdicts with their keys, a reason, and what Enter does."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lrstudio.domain.verdicts import Support, SupportReason
from lrstudio.qt.actions import Actions, key_text
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.binding import bind
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Words, panel_ground, unit
from lrstudio.qt.views.key_caps import KeyHints
from lrstudio.viewstate.audit import Choice, Deed, Plan

_MESSAGE_MS = 8000
_HINTS = (
    (("j", "k"), "claim"),
    (("n", "p"), "passage"),
    (("[", "]"), "candidate"),
    (("u",), "undo"),
    (("?",), "all keys"),
)
_SCORE_KEYS = frozenset("0123456789.,")
_VERDICTS = (
    ("verdict.full", "full"),
    ("verdict.partial", "partial"),
    ("verdict.none", "none"),
    ("verdict.contradicted", "contradicted"),
    ("verdict.not_found", "not found"),
    ("verdict.not_checkable", "not checkable"),
)


class ScoreField(Field):
    """Takes a number; every other key stays the command that it is in the window."""

    def event(self, event: QEvent) -> bool:
        """Keep digits and editing keys, let letters and Enter go to the window."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier
            if plain and event.text() and event.text() not in _SCORE_KEYS and event.text().isprintable():
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take no letters."""
        if event.text().isprintable() and event.text() and event.text() not in _SCORE_KEYS:
            event.ignore()
            return
        super().keyPressEvent(event)


class ReasonField(Field):
    """Takes a reason; Enter commits, Escape goes back."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)


class Message(Words):
    """A sentence about what was refused, or about what Enter does."""

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("", quiet=True, parent=parent)
        self._switch = switch
        self._warns = False
        self.setAccessibleName("What Enter does")

    def say(self, text: str, *, warns: bool) -> None:
        """Show a sentence."""
        self._warns = warns
        self.setText(text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it in the colour of a warning where it is one."""
        if not self._warns:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(QColor(self._switch.theme.color("contradicted")))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, text)


class DecisionBar(QWidget):
    """The bar. It holds what was typed; everything else is told to it.

    Signals:
        left: the keyboard is to go back to the claims.
        score_typed: what stands in the score field.
    """

    left = Signal()
    score_typed = Signal(str)

    def __init__(self, switch: ThemeSwitch, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        panel_ground(self)
        self._buttons: dict[str, Button] = {}
        for name, words in _VERDICTS:
            button = Button(words, key=key_text(actions[name].shortcut().toString()))
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            bind(button, actions[name])
            button.setCheckable(True)
            self._buttons[name] = button
        self.score = ScoreField(name="Your score, 0 to 10", placeholder="0 – 10", keeps_enter=False)
        self.score.textChanged.connect(self.score_typed)
        self._of_ten = Words("your score", quiet=True, whole=True)
        self.reason = ReasonField(name="Reason, optional", placeholder="Reason (optional)", keeps_enter=False)
        self.reason.left.connect(self.left)
        self.commit = Button("Confirm", kind=Kind.PRIMARY)
        self.commit.set_trailing("↵")
        bind(self.commit, actions["decide.commit"])
        self._message = Message(switch)
        self._hint = ""
        self._fading = QTimer(self, singleShot=True, interval=_MESSAGE_MS)
        self._fading.timeout.connect(self._show_hint)
        self._lay_out()

    def show_plan(self, plan: Plan, choice: Choice | None, *, scores: bool) -> None:
        """Show what is chosen and what Enter does.

        Args:
            plan: what Enter does.
            choice: the verdict chosen.
            scores: whether a score is typed here instead of a verdict chosen.
        """
        none = choice is not None and choice.support is Support.NONE
        for name, button in self._buttons.items():
            reasons = name in ("verdict.contradicted", "verdict.not_found")
            button.setVisible(not scores and (none or not reasons))
            button.setChecked(_is_chosen(name, choice))
        self.score.setVisible(scores)
        self._of_ten.setVisible(scores)
        self.commit.set_words(plan.button)
        self.commit.setEnabled(plan.deed is not Deed.NOTHING)
        self._hint = plan.hint
        if not self._fading.isActive():
            self._show_hint()

    def refuse(self, sentence: str) -> None:
        """Say why the last key did nothing, for a while."""
        self._message.say(sentence, warns=True)
        self._fading.start()

    def tell(self, sentence: str) -> None:
        """Say what was done, for a while."""
        self._message.say(sentence, warns=False)
        self._fading.start()

    def calm(self) -> None:
        """Go back to saying what Enter does."""
        if self._fading.isActive():
            self._fading.stop()
            self._show_hint()

    def message(self) -> str:
        """Return the sentence shown."""
        return self._message.text()

    def clear(self) -> None:
        """Forget what was typed; it belonged to another claim."""
        self.reason.clear()
        self.score.clear()

    def _show_hint(self) -> None:
        self._message.say(self._hint, warns=False)

    def _lay_out(self) -> None:
        step = unit(self)
        self.score.setFixedWidth(10 * step)
        self.reason.setMinimumWidth(12 * step)
        self.reason.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.setSpacing(step * 3 // 4)
        for button in self._buttons.values():
            row.addWidget(button)
        row.addWidget(self._of_ten)
        row.addWidget(self.score)
        row.addWidget(self.reason, 1)
        row.addWidget(self.commit)
        box = QVBoxLayout(self)
        box.setContentsMargins(step * 3 // 2, step * 3 // 4, step * 3 // 2, step)
        box.setSpacing(step // 2)
        said = QHBoxLayout()
        said.addWidget(self._message, 1)
        said.addWidget(KeyHints(_HINTS), 1)
        box.addLayout(said)
        box.addLayout(row)


def _is_chosen(name: str, choice: Choice | None) -> bool:
    if choice is None:
        return False
    return {
        "verdict.full": choice.support is Support.FULL,
        "verdict.partial": choice.support is Support.PARTIAL,
        "verdict.none": choice.support is Support.NONE,
        "verdict.contradicted": choice.support_reason is SupportReason.CONTRADICTED,
        "verdict.not_found": choice.support_reason is SupportReason.NOT_FOUND,
        "verdict.not_checkable": choice.support is None,
    }[name]
