"""Sets: freeze the pairs that fit under a name, read the card of a set, write it out for a trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QWidget

from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.pairs import PairState
from lrstudio.domain.sets import PARTS, FrozenSet, Split
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Line, Words, bold, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.dialogs.propose_dialog import decimal
from lrstudio.qt.views.forms import Choice, FormRow, Whole
from lrstudio.services.set_exports import SetFormat
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_fields import FieldWords
from lrstudio.viewstate.pairs_list import set_facts

_FORMATS = (
    (SetFormat.TRL, "TRL preference rows"),
    (SetFormat.DATASETS, "Hugging Face datasets folder"),
    (SetFormat.KTO, "KTO rows"),
    (SetFormat.REWARD, "Reward model rows"),
    (SetFormat.LONGPO, "LongPO rows"),
    (SetFormat.LONGREWARD, "LongReward's own files"),
)


@dataclass(frozen=True, slots=True)
class FreezeWish:
    """What the form asks for."""

    name: str
    wanted: PairFilter
    split: Split


class SetsDialog(Dialog):
    """The form above, the card of one set below.

    Signals:
        freeze_wanted: a `FreezeWish`.
        export_wanted: the name of a set, and a `SetFormat`.
    """

    freeze_wanted = Signal(object)
    export_wanted = Signal(str, object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Sets", parent, size=(90, 84))
        self.name = Field(name="Name of the set", placeholder="a name for the set", keeps_enter=True)
        self.shares = tuple(Whole(name=f"Share of {part}, per cent", least=0, most=100) for part in PARTS)
        for field, share in zip(self.shares, Split().shares, strict=True):
            field.setValue(round(100 * share))
            field.setSuffix(" %")
        self.seed = Whole(name="Seed", least=0, most=2**31 - 1)
        self.proposed = QCheckBox("proposed pairs too, which nobody has approved")
        self.margin = decimal(name="Least margin", least=0.0, most=10.0, none="any")
        self.ratio = decimal(name="Length ratio", least=0.99, most=100.0, none="any")
        self.problem = Problem(switch.theme.color("contradicted").name())
        self.outcome = Words("")
        self.sets = Choice([], name="Set")
        self.format = Choice(_FORMATS, name="Format")
        self.freeze_button = Button("Freeze", kind=Kind.PRIMARY)
        self.export_button = Button("Export…")
        self._known: dict[str, FrozenSet] = {}
        self._card = QGridLayout()
        self._none = QLabel("No set yet: name one above and freeze it.")
        self._lay_out()
        self.name.returnPressed.connect(self._ask)
        self.freeze_button.clicked.connect(self._ask)
        self.export_button.clicked.connect(
            lambda: self.export_wanted.emit(self.chosen, SetFormat(self.format.currentData()))
        )
        self.sets.currentIndexChanged.connect(self._show_card)
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
        states = (PairState.GOLD, PairState.PROPOSED) if self.proposed.isChecked() else (PairState.GOLD,)
        wanted = PairFilter(
            states=states,
            stale=False,
            margin=self.margin.value() or None,
            length_ratio=self.ratio.value() if self.ratio.value() >= 1.0 else None,
        )
        train, validation, test = (share / 100 for share in shares)
        self.problem.say("")
        self.outcome.setText("Freezing …")
        self.freeze_button.setEnabled(False)
        self.freeze_wanted.emit(
            FreezeWish(self.name.text(), wanted, Split((train, validation, test), self.seed.value()))
        )

    def _show_card(self) -> None:
        while (item := self._card.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        frozen = self._known.get(self.chosen)
        for widget in (self.sets, self.format, self.export_button):
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
            (FieldWords("Length ratio", "Only pairs whose longer text is at most so many times as long."), self.ratio),
        ):
            self.column.addWidget(FormRow(words, widget))
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
        export.addWidget(self.format, 2)
        export.addWidget(self.export_button)
        self.column.addLayout(export)
        self._card.setColumnStretch(1, 1)
        self._card.setHorizontalSpacing(2 * step)
        self._card.setVerticalSpacing(step // 2)
        self.column.addLayout(self._card)
        self.column.addStretch(1)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([close])
        self.take_room()
