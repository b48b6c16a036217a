"""Sets: freeze the pairs that fit under a name, read the card of a set, write it out for a trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QWidget

from lrstudio.domain.length_choices import LengthChoice, LengthOutcome
from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.pairs import PairState
from lrstudio.domain.reports import Remedy
from lrstudio.domain.sets import PARTS, FrozenSet, Split, Verification
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Line, Words, bold, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.dialogs.length_box import LengthBox
from lrstudio.qt.views.forms import Choice, FormRow, Whole
from lrstudio.qt.views.numbers import decimal
from lrstudio.services.set_exports import SetFormat
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_fields import FieldWords
from lrstudio.viewstate.pairs_list import set_facts, verification_text, wanted_words

_FORMATS = (
    (SetFormat.TRL, "TRL preference rows"),
    (SetFormat.DATASETS, "Hugging Face datasets folder"),
    (SetFormat.KTO, "KTO rows"),
    (SetFormat.REWARD, "Reward model rows"),
    (SetFormat.LONGPO, "LongPO rows"),
    (SetFormat.LONGREWARD, "LongReward's own files"),
)

_TYPING_MS = 250


@dataclass(frozen=True, slots=True)
class FreezeWish:
    """What the form asks for."""

    name: str
    wanted: PairFilter
    split: Split
    choice: LengthChoice | None = None


class SetsDialog(Dialog):
    """The form above, the card of one set below.

    Signals:
        freeze_wanted: a `FreezeWish`.
        export_wanted: the name of a set, and a `SetFormat`.
        verify_wanted: the name of a set that is to be hashed anew.
        lengths_wanted: a `PairFilter` and the `LengthChoice`s whose figures are wanted for `show_outcomes`.
    """

    freeze_wanted = Signal(object)
    export_wanted = Signal(str, object)
    verify_wanted = Signal(str)
    lengths_wanted = Signal(object, object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Sets", parent, size=(98, 90))
        self.name = Field(name="Name of the set", placeholder="a name for the set", keeps_enter=True)
        self.shares = tuple(Whole(name=f"Share of {part}, per cent", least=0, most=100) for part in PARTS)
        for field, share in zip(self.shares, Split().shares, strict=True):
            field.setValue(round(100 * share))
            field.setSuffix(" %")
        self.seed = Whole(name="Seed", least=0, most=2**31 - 1)
        self.proposed = QCheckBox("proposed pairs too, which nobody has approved")
        self.margin = decimal(name="Least margin", least=0.0, most=10.0, none="any")
        self.lengths = LengthBox()
        self.only = Words("", quiet=True)
        self.all_button = Button("Take all pairs")
        self._base = PairFilter()
        self._bad = switch.theme.color("contradicted").name()
        self.problem = Problem(self._bad)
        self.outcome = Words("")
        self.sets = Choice([], name="Set")
        self.format = Choice(_FORMATS, name="Format")
        self.freeze_button = Button("Freeze", kind=Kind.PRIMARY)
        self.export_button = Button("Export…")
        self.verify_button = Button("Verify")
        self.verified = QLabel("")
        self._known: dict[str, FrozenSet] = {}
        self._card = QGridLayout()
        self._soon = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._none = QLabel("No set yet: name one above and freeze it.")
        self._lay_out()
        self.name.returnPressed.connect(self._ask)
        self.freeze_button.clicked.connect(self._ask)
        self.export_button.clicked.connect(
            lambda: self.export_wanted.emit(self.chosen, SetFormat(self.format.currentData()))
        )
        self.verify_button.clicked.connect(self._verify)
        self.sets.currentIndexChanged.connect(self._show_card)
        self.proposed.toggled.connect(self.ask_lengths)
        self.margin.valueChanged.connect(self._soon.start)
        self.seed.valueChanged.connect(self._soon.start)
        self.lengths.limits_changed.connect(self.ask_lengths)
        self.all_button.clicked.connect(lambda: self._stand_on(PairFilter()))
        self._soon.timeout.connect(self.ask_lengths)
        self._stand_on(PairFilter())
        self.name.setFocus()

    @property
    def chosen(self) -> str:
        """The name of the set looked at, "" where there is none."""
        return str(self.sets.currentData() or "")

    def show_sets(self, sets: Sequence[FrozenSet], *, chosen: str = "") -> None:
        """Show what sets there are, the newest one first unless another is named."""
        self._known = {it.name: it for it in sets}
        self.sets.blockSignals(True)
        self.sets.clear()
        for it in reversed(sets):
            self.sets.addItem(f"{it.name} · {counted(it.card.pairs, 'pair')}", it.name)
        self.sets.select(chosen)
        self.sets.blockSignals(False)
        self._show_card()

    @property
    def wanted(self) -> PairFilter:
        """The pairs that the form asks for, before any choice by length."""
        states = (PairState.GOLD, PairState.PROPOSED) if self.proposed.isChecked() else (PairState.GOLD,)
        return replace(self._base, states=states, stale=False, margin=self.margin.value() or None)

    def suggest(self, remedy: Remedy) -> None:
        """Fill the form in with a choice by length, and the pairs that it is to be made of."""
        self.proposed.setChecked(PairState.PROPOSED in remedy.wanted.states)
        self.margin.setValue(remedy.wanted.margin or 0.0)
        self.seed.setValue(remedy.choice.seed)
        self.lengths.select(remedy.choice)
        self._stand_on(remedy.wanted)
        self.name.setFocus()

    def ask_lengths(self) -> None:
        """Ask what each choice by length comes to."""
        self._soon.stop()
        self.lengths.wait()
        self.lengths_wanted.emit(self.wanted, self.lengths.choices(seed=self.seed.value()))

    def show_outcomes(self, outcomes: Sequence[LengthOutcome]) -> None:
        """Show what each choice by length comes to."""
        self.lengths.show_outcomes(outcomes)

    def show_verified(self, found: Verification) -> None:
        """Say whether a set is what it was when it was frozen."""
        self.verify_button.setEnabled(True)
        if found.name == self.chosen:
            self._say_verified(verification_text(found), good=found.holds)

    def show_frozen(self, text: str) -> None:
        """Say what was done."""
        self.freeze_button.setEnabled(True)
        self.problem.say("")
        self.outcome.setText(text)
        self.outcome.updateGeometry()

    def refuse(self, sentence: str) -> None:
        """Say what has to be mended."""
        self.freeze_button.setEnabled(True)
        self.outcome.setText("")
        self.problem.say(sentence)

    def _ask(self) -> None:
        shares = [field.value() for field in self.shares]
        if not self.freeze_button.isEnabled():
            return
        if sum(shares) != 100:
            self.refuse(f"The shares add up to {sum(shares)} %: they have to make 100 %.")
            return
        train, validation, test = (share / 100 for share in shares)
        self.problem.say("")
        self.outcome.setText("Freezing …")
        self.freeze_button.setEnabled(False)
        split = Split((train, validation, test), self.seed.value())
        self.freeze_wanted.emit(FreezeWish(self.name.text(), self.wanted, split, self.lengths.choice(seed=split.seed)))

    def _stand_on(self, base: PairFilter) -> None:
        """Take pairs out of these only, whatever the form says besides."""
        self._base = replace(base, states=PairFilter().states, stale=None, margin=None)
        narrowed = self._base != PairFilter()
        self.only.setText(f"only {wanted_words(replace(self._base, states=()))}" if narrowed else "")
        self._only_row.setVisible(narrowed)
        self.ask_lengths()

    def _verify(self) -> None:
        self.verify_button.setEnabled(False)
        self._say_verified("Hashing …", good=True)
        self.verify_wanted.emit(self.chosen)

    def _say_verified(self, text: str, *, good: bool) -> None:
        self.verified.setText(text)
        self.verified.setStyleSheet("" if good else f"color: {self._bad}")
        self.verified.setVisible(bool(text))

    def _show_card(self) -> None:
        self._say_verified("", good=True)
        while (item := self._card.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        frozen = self._known.get(self.chosen)
        for widget in (self.sets, self.format, self.export_button, self.verify_button):
            widget.setVisible(frozen is not None)
        self._none.setVisible(frozen is None)
        for at, (name, value) in enumerate(set_facts(frozen) if frozen else ()):
            words = QLabel(value)
            words.setWordWrap(True)
            words.setTextFormat(Qt.TextFormat.PlainText)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._card.addWidget(Words(name, quiet=True), at, 0, Qt.AlignmentFlag.AlignTop)
            self._card.addWidget(words, at, 1)

    def _lay_out(self) -> None:
        step = unit(self)
        split = QWidget()
        row = QHBoxLayout(split)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(step)
        for part, field in zip(PARTS, self.shares, strict=True):
            row.addWidget(Words(part, quiet=True, whole=True))
            row.addWidget(field)
        row.addStretch(1)
        for words, widget in (
            (FieldWords("Name", "What the set is called from now on; it never changes after."), self.name),
            (FieldWords("Split", "By document: all pairs on one document fall into one part."), split),
            (FieldWords("Seed", "Deals the documents out; the same seed deals the same way."), self.seed),
            (FieldWords("Margin", "Only pairs whose rewards differ by so much."), self.margin),
            (
                FieldWords("Length", "Longer answers are not better ones: keep the pairs that go less by it."),
                self.lengths,
            ),
        ):
            self.column.addWidget(FormRow(words, widget))
        self._only_row = QWidget()
        only = QHBoxLayout(self._only_row)
        only.setContentsMargins(0, 0, 0, 0)
        only.addWidget(self.only, 1)
        only.addWidget(self.all_button)
        self.column.addWidget(self._only_row)
        freeze = QHBoxLayout()
        freeze.setSpacing(step)
        freeze.addWidget(self.proposed)
        freeze.addWidget(self.outcome, 1)
        freeze.addWidget(self.freeze_button)
        self.column.addLayout(freeze)
        self.column.addWidget(self.problem)
        self.column.addWidget(Line())
        self._none.setFont(bold(self._none.font()))
        self.column.addWidget(self._none)
        export = QHBoxLayout()
        export.setSpacing(step)
        export.addWidget(self.sets, 2)
        export.addWidget(self.verify_button)
        export.addWidget(self.format, 2)
        export.addWidget(self.export_button)
        self.column.addLayout(export)
        self.verified.setWordWrap(True)
        self.verified.setTextFormat(Qt.TextFormat.PlainText)
        self.verified.setAccessibleName("Whether the set is unchanged")
        self.column.addWidget(self.verified)
        self._card.setColumnStretch(1, 1)
        self._card.setHorizontalSpacing(2 * step)
        self._card.setVerticalSpacing(step // 2)
        self.column.addLayout(self._card)
        self.column.addStretch(1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([close])
        self.take_room()
