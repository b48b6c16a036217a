"""The form that proposes pairs by a rule, and what the rule passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from lrstudio.domain.pairs import PairRule, RuleName
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.forms import Choice, FormRow, Whole
from lrstudio.qt.views.numbers import decimal
from lrstudio.viewstate.judge_fields import FieldWords
from lrstudio.viewstate.pairs_board import Against

_RULES = (
    (RuleName.LONGREWARD, "LongReward: highest against lowest"),
    (RuleName.MARGIN, "Margin: every two candidates"),
    (RuleName.AGAINST, "Against: the best against a chosen one"),
)
_FIELDS = {
    "rule": FieldWords("Rule", "Rewards are compared only over dimensions scored in all candidates of a question."),
    "margin": FieldWords("Margin", "The chosen reward is at least so much higher, 0 to 10."),
    "fewest": FieldWords("Candidates", "A question needs so many that are scored in every dimension asked for."),
    "ratio": FieldWords("Length ratio", "The longer text is at most so many times as long as the shorter one."),
    "against": FieldWords("Against", "The best candidate of a question is set against this one."),
    "dimensions": FieldWords(
        "Dimensions",
        "Compared over those ticked; none ticked takes what the rule takes by itself. Below: by how much the chosen "
        "score is higher at least.",
    ),
}


@dataclass(frozen=True, slots=True)
class ProposeWish:
    """What the form asks for; `question_ids` is None for all questions."""

    rule: PairRule
    replacing: bool
    question_ids: tuple[str, ...] | None = None


class ProposeDialog(Dialog):
    """The form; it stays open with the result below it.

    Signals:
        wanted: a `ProposeWish`.
        cancelled: the rule on its way is to stop.
    """

    wanted = Signal(object)
    cancelled = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Propose pairs", parent, size=(84, 76))
        self.rule = Choice(_RULES, name="Rule")
        self.margin = decimal(name="Margin", least=0.0, most=10.0, none="any above zero")
        self.fewest = Whole(name="Fewest candidates", least=2, most=100)
        self.fewest.setValue(PairRule().fewest)
        self.ratio = decimal(name="Length ratio", least=0.99, most=100.0, none="any")
        self.against = Choice([], name="Candidate or model to compare with")
        self.against.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.against.setMinimumContentsLength(30)
        self.dimensions = {it: QCheckBox(it.value) for it in Dimension}
        self._known: tuple[Against, ...] = ()
        self.replacing = QCheckBox("Withdraw what this rule proposed before and does not propose now")
        self.problem = Problem(switch.theme.color("contradicted").name())
        self.outcome = QLabel("")
        self.outcome.setWordWrap(True)
        self.outcome.setAccessibleName("Result")
        self.least = {
            it: decimal(name=f"Least margin in {it.value}", least=0.0, most=10.0, none="any") for it in Dimension
        }
        boxes = QWidget()
        grid = QGridLayout(boxes)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * unit(self))
        grid.setVerticalSpacing(unit(self) // 2)
        for at, dimension in enumerate(Dimension):
            self.least[dimension].setPrefix("≥ ")
            grid.addWidget(self.dimensions[dimension], 0, at)
            grid.addWidget(self.least[dimension], 1, at)
        grid.setColumnStretch(len(Dimension), 1)
        fields = {
            "rule": self.rule,
            "margin": self.margin,
            "fewest": self.fewest,
            "against": self.against,
            "dimensions": boxes,
            "ratio": self.ratio,
        }
        self._rows = {name: FormRow(_FIELDS[name], field) for name, field in fields.items()}
        for form_row in self._rows.values():
            self.column.addWidget(form_row)
        self.column.addWidget(self.replacing)
        self.column.addWidget(self.problem)
        self.column.addWidget(self.outcome)
        self.listed = self.add_text("", name="What the rule passed over", fixed=False)
        self.listed.hide()
        self.column.addStretch(1)
        self.run_button = Button("Propose", kind=Kind.PRIMARY)
        self.run_button.setDefault(True)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.cancel_button = Button("Cancel")
        self.cancel_button.hide()
        self.cancel_button.clicked.connect(self._cancel)
        self.run_button.clicked.connect(self._ask)
        self.add_buttons([close, self.cancel_button, self.run_button])
        self.rule.currentIndexChanged.connect(self._fit)
        self._fit()
        self.take_room()

    def offer(self, choices: Sequence[tuple[Against, str]]) -> None:
        """Offer what the best can be set against; what was chosen stays chosen while it is there."""
        before = self._against
        self._known = tuple(against for against, _ in choices)
        self.against.clear()
        for at, (_, words) in enumerate(choices):
            self.against.addItem(words, at)
        if before in self._known:
            self.against.setCurrentIndex(self._known.index(before))

    def show_progress(self, text: str) -> None:
        """Say how far the rule is."""
        self.outcome.setText(text)

    def show_result(self, text: str, listed: Sequence[str]) -> None:
        """Say what it came to, and what was passed over."""
        self._show_busy(busy=False)
        self.problem.say("")
        self.outcome.setText(text + (" Passed over:" if listed else ""))
        self.listed.setPlainText("\n".join(listed))
        self.listed.setVisible(bool(listed))

    def refuse(self, sentence: str) -> None:
        """Say what has to be mended."""
        self._show_busy(busy=False)
        self.outcome.setText("")
        self.problem.say(sentence)

    def _ask(self) -> None:
        name = RuleName(self.rule.currentData())
        required = tuple(it for it, box in self.dimensions.items() if box.isChecked())
        against = self._against if name is RuleName.AGAINST else Against()
        rule = PairRule(
            name=name,
            margin=self.margin.value(),
            fewest=self.fewest.value(),
            required=required,
            least=tuple((it, field.value()) for it, field in self.least.items() if field.value() > 0.0),
            length_ratio=self.ratio.value() if self.ratio.value() >= 1.0 else None,
            against=against.candidate_id,
            against_model=against.model,
        )
        self.problem.say("")
        self.outcome.setText("Proposing …")
        self._show_busy(busy=True)
        only = (against.question_id,) if against.question_id else None
        self.wanted.emit(ProposeWish(rule, self.replacing.isChecked(), only))

    @property
    def _against(self) -> Against:
        at = self.against.currentIndex()
        return self._known[at] if 0 <= at < len(self._known) else Against()

    def _cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.cancelled.emit()

    def _show_busy(self, *, busy: bool) -> None:
        self.run_button.setVisible(not busy)
        self.cancel_button.setVisible(busy)
        self.cancel_button.setEnabled(busy)

    def _fit(self) -> None:
        """Show the fields that the rule reads."""
        name = RuleName(self.rule.currentData())
        self._rows["fewest"].setVisible(name is RuleName.LONGREWARD)
        self._rows["against"].setVisible(name is RuleName.AGAINST)
