"""The form that proposes pairs by a rule, and what the rule passed over."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QWidget

from lrstudio.domain.pairs import PairRule, RuleName
from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.forms import Choice, FormRow, Whole
from lrstudio.qt.views.numbers import decimal
from lrstudio.viewstate.judge_fields import FieldWords

_RULES = (
    (RuleName.LONGREWARD, "LongReward: highest against lowest"),
    (RuleName.MARGIN, "Margin: every two candidates"),
    (RuleName.AGAINST, "Against: the best against one model"),
)
_FIELDS = {
    "rule": FieldWords("Rule", "Rewards are compared only over dimensions scored in all candidates of a question."),
    "margin": FieldWords("Margin", "The chosen reward is at least so much higher, 0 to 10."),
    "fewest": FieldWords("Candidates", "A question needs so many that are scored in every dimension asked for."),
    "ratio": FieldWords("Length ratio", "The longer text is at most so many times as long as the shorter one."),
    "against": FieldWords("Model", "The best candidate of a question is set against the one of this model."),
    "dimensions": FieldWords("Dimensions", "Compared over these; none ticked takes what the rule takes by itself."),
}


class ProposeDialog(Dialog):
    """The form; it stays open with the result below it.

    Signals:
        wanted: a `PairRule`, and whether what the rule proposed before and does not now is withdrawn.
    """

    wanted = Signal(object, bool)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Propose pairs", parent, size=(84, 76))
        self.rule = Choice(_RULES, name="Rule")
        self.margin = decimal(name="Margin", least=0.0, most=10.0, none="any above zero")
        self.fewest = Whole(name="Fewest candidates", least=2, most=100)
        self.fewest.setValue(PairRule().fewest)
        self.ratio = decimal(name="Length ratio", least=0.99, most=100.0, none="any")
        self.against = Field(name="Model to compare with", placeholder="as it is named in the project")
        self.dimensions = {it: QCheckBox(it.value) for it in Dimension}
        self.replacing = QCheckBox("Withdraw what this rule proposed before and does not propose now")
        self.problem = Problem(switch.theme.color("contradicted").name())
        self.outcome = QLabel("")
        self.outcome.setWordWrap(True)
        self.outcome.setAccessibleName("Result")
        boxes = QWidget()
        row = QHBoxLayout(boxes)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * unit(self))
        for box in self.dimensions.values():
            row.addWidget(box)
        row.addStretch(1)
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
        self.run_button.clicked.connect(self._ask)
        self.add_buttons([close, self.run_button])
        self.rule.currentIndexChanged.connect(self._fit)
        self._fit()
        self.take_room()

    def show_progress(self, text: str) -> None:
        """Say how far the rule is."""
        self.outcome.setText(text)

    def show_result(self, text: str, listed: Sequence[str]) -> None:
        """Say what it came to, and what was passed over."""
        self.run_button.setEnabled(True)
        self.problem.say("")
        self.outcome.setText(text + (" Passed over:" if listed else ""))
        self.listed.setPlainText("\n".join(listed))
        self.listed.setVisible(bool(listed))

    def refuse(self, sentence: str) -> None:
        """Say what has to be mended."""
        self.run_button.setEnabled(True)
        self.outcome.setText("")
        self.problem.say(sentence)

    def _ask(self) -> None:
        name = RuleName(self.rule.currentData())
        required = tuple(it for it, box in self.dimensions.items() if box.isChecked())
        rule = PairRule(
            name=name,
            margin=self.margin.value(),
            fewest=self.fewest.value(),
            required=required,
            length_ratio=self.ratio.value() if self.ratio.value() >= 1.0 else None,
            against_model=self.against.text().strip() if name is RuleName.AGAINST else "",
        )
        self.problem.say("")
        self.outcome.setText("Proposing …")
        self.run_button.setEnabled(False)
        self.wanted.emit(rule, self.replacing.isChecked())

    def _fit(self) -> None:
        """Show the fields that the rule reads."""
        name = RuleName(self.rule.currentData())
        self._rows["fewest"].setVisible(name is RuleName.LONGREWARD)
        self._rows["against"].setVisible(name is RuleName.AGAINST)
