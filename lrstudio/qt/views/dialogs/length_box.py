"""Which pairs a set keeps with an eye on length: each way with what it comes to, before and after, one press apart."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QDoubleSpinBox, QGridLayout, QRadioButton, QWidget

from lrstudio.domain.length_choices import LengthChoice, LengthOutcome, Mitigation
from lrstudio.qt.views.chrome import Words, unit
from lrstudio.qt.views.numbers import decimal
from lrstudio.viewstate.pairs_list import outcome_text

_TYPING_MS = 250
_WAYS: tuple[tuple[Mitigation | None, str], ...] = (
    (None, "all of them"),
    (Mitigation.BALANCED, "length-balanced"),
    (Mitigation.RATIO, "length ratio up to"),
    (Mitigation.TRUNCATED, "margins up to"),
)
_MEANINGS = {
    Mitigation.BALANCED: "At every difference of length the longer one is chosen as often as the shorter one, by lot.",
    Mitigation.RATIO: "The longer text is at most so many times as long as the other.",
    Mitigation.TRUNCATED: "The surest pairs, which go most by length, are left out.",
}


class LengthBox(QWidget):
    """The ways as radio buttons; the figures beside them come from `show_outcomes`.

    Signals:
        limits_changed: other limits are set, and figures for them are wanted.
    """

    limits_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.ways: dict[Mitigation | None, QRadioButton] = {}
        self.limits: dict[Mitigation, QDoubleSpinBox] = {
            Mitigation.RATIO: decimal(name="Length ratio up to", least=1.0, most=100.0),
            Mitigation.TRUNCATED: decimal(name="Margins up to", least=0.0, most=10.0),
        }
        self.figures = {way: Words("…", quiet=True) for way, _ in _WAYS}
        self._set: set[Mitigation] = set()
        self._group = QButtonGroup(self)
        self._soon = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._soon.timeout.connect(self.limits_changed)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(unit(self))
        grid.setVerticalSpacing(unit(self) // 2)
        grid.setColumnStretch(2, 1)
        for at, (way, words) in enumerate(_WAYS):
            button = self.ways[way] = QRadioButton(words)
            if way is not None:
                button.setToolTip(_MEANINGS[way])
            self._group.addButton(button)
            grid.addWidget(button, at, 0)
            if way in self.limits:
                grid.addWidget(self.limits[way], at, 1)
            grid.addWidget(self.figures[way], at, 2)
        for way, field in self.limits.items():
            field.valueChanged.connect(lambda _value, it=way: self._limit_set(it))
        self.ways[None].setChecked(True)

    def choice(self, *, seed: int) -> LengthChoice | None:
        """Return what is chosen, None for all pairs; a limit that nobody set is the usual one."""
        way = next((it for it, button in self.ways.items() if button.isChecked()), None)
        return None if way is None else self._of(way, seed=seed)

    def choices(self, *, seed: int) -> tuple[LengthChoice, ...]:
        """Return every way that figures are wanted of."""
        return tuple(self._of(way, seed=seed) for way in Mitigation)

    def select(self, choice: LengthChoice | None) -> None:
        """Choose a way, with its limit."""
        if choice is not None and choice.limit is not None and choice.mitigation in self.limits:
            self._set.add(choice.mitigation)
            self._put(choice.mitigation, choice.limit)
        self.ways[choice.mitigation if choice else None].setChecked(True)

    def wait(self) -> None:
        """Say that figures are on their way."""
        for words in self.figures.values():
            words.setText("…")

    def show_outcomes(self, outcomes: Sequence[LengthOutcome]) -> None:
        """Show what each way comes to, with the limits used; a way that is not among them cannot be gone."""
        found = {it.choice.mitigation if it.choice else None: it for it in outcomes}
        everything = found[None].pairs
        for way, button in self.ways.items():
            outcome = found.get(way)
            text = outcome_text(outcome, all_of=everything) if outcome else "no margin is known"
            self.figures[way].setText(text)
            self.figures[way].updateGeometry()
            button.setAccessibleDescription(text)
            button.setEnabled(outcome is not None)
            if way in self.limits and way not in self._set and outcome is not None and outcome.choice is not None:
                self._put(way, outcome.choice.limit or 0.0)

    def _of(self, way: Mitigation, *, seed: int) -> LengthChoice:
        limit = self.limits[way].value() if way in self._set else None
        return LengthChoice(way, limit, seed)

    def _put(self, way: Mitigation, limit: float) -> None:
        self.limits[way].blockSignals(True)
        self.limits[way].setValue(limit)
        self.limits[way].blockSignals(False)

    def _limit_set(self, way: Mitigation) -> None:
        self._set.add(way)
        self.ways[way].setChecked(True)
        self._soon.start()
