"""Which judge is to run, over which candidates, in which dimensions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QStackedWidget,
    QWidget,
)

from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.services.settings import HttpSettings

_JUDGES = (
    (
        "lexical",
        "Lexical, built in",
        "No network and no model. It scores faithfulness and completeness from the words "
        "themselves, leaves helpfulness and logicality unscored, and abstains where it is near chance.",
    ),
    ("http", "A language model", "Any OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp."),
    ("scripted", "Scripted", "Deterministic verdicts from a file, or by a simple rule. For trying things out."),
)

MODEL_ONLY = (Dimension.HELPFULNESS, Dimension.LOGICALITY)
"""What the lexical judge cannot score. To run it there would put its "unscored" over the scores of a language model."""


@dataclass(frozen=True, slots=True)
class JudgeChoiceMade:
    """What a person asked for; `scope` is "all", "question" or "candidate". `key` is "" to take the stored one.

    `agreed` says that the person was told what goes to another machine, and agreed.
    """

    judge: str
    scope: str
    dimensions: tuple[Dimension, ...]
    http: HttpSettings
    key: str
    script: Path | None
    agreed: bool = False


class JudgeDialog(Dialog):
    """The dialog.

    Signals:
        chosen: a `JudgeChoiceMade`; the dialog stays until it is told that the judge runs.
    """

    chosen = Signal(object)

    def __init__(self, switch: ThemeSwitch, http: HttpSettings, *, one: bool, parent: QWidget | None = None) -> None:
        """Make the dialog.

        Args:
            switch: the theme.
            http: what was used last.
            one: whether a candidate is on screen, so that it or its question can be judged alone.
            parent: the window.
        """
        super().__init__("Run a judge", parent, size=(76, 0))
        self._http = http
        self.judge = QComboBox()
        self.judge.setAccessibleName("Judge")
        for name, words, _ in _JUDGES:
            self.judge.addItem(words, name)
        self._about = QLabel()
        self._about.setWordWrap(True)
        self.url = Field(name="Base URL", placeholder="http://127.0.0.1:8000/v1")
        self.model = Field(name="Model", placeholder="the model's name at the endpoint")
        self.key = Field(name="API key", placeholder="kept in the system keyring; empty takes the stored one")
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.prompts = Field(name="Prompt pack", placeholder="a folder; empty takes the studio's own prompts")
        self.concurrency = QSpinBox()
        self.concurrency.setRange(1, 256)
        self.concurrency.setAccessibleName("Calls in flight")
        self.script = Field(name="Script file", placeholder="empty: by a simple rule")
        self.scope = QComboBox()
        self.scope.setAccessibleName("Which candidates")
        scopes = [("all", "All candidates")]
        scopes += [("question", "The candidates of this question"), ("candidate", "This candidate")] if one else []
        for name, words in scopes:
            self.scope.addItem(words, name)
        self._wanted = dict.fromkeys(MODEL_ONLY, True)
        self._needs_model = QLabel("Helpfulness and logicality need a language model.")
        self.dimensions = {dimension: QCheckBox(dimension.value.capitalize()) for dimension in Dimension}
        self._outgoing = QLabel()
        self._outgoing.setWordWrap(True)
        self.agreed = QCheckBox("Send it, for this run")
        self._problem = Problem(switch.theme.tokens["contradicted"])
        self.run = Button("Run", kind=Kind.PRIMARY)
        self.run.setDefault(True)
        cancel = Button("Cancel")
        cancel.clicked.connect(self.close)
        self.run.clicked.connect(self._choose)
        self._lay_out()
        self.add_buttons([cancel, self.run])
        self._fill(http)
        self.judge.currentIndexChanged.connect(self._show_judge)
        self._show_judge()
        # What was agreed to is what was said: another address or other candidates are another matter.
        for changed in (self.judge.currentIndexChanged, self.scope.currentIndexChanged, self.url.textChanged):
            changed.connect(self._withdraw)
        self._withdraw()

    def refuse(self, sentence: str) -> None:
        """Say what has to be mended."""
        self._problem.say(sentence)

    def ask_consent(self, sentence: str) -> None:
        """Say what would go to another machine, and let the person agree."""
        self._outgoing.setText(sentence)
        self._outgoing.show()
        self.agreed.show()
        self.agreed.setFocus()

    def select_judge(self, name: str) -> None:
        """Choose a judge by its name."""
        self.judge.setCurrentIndex(self.judge.findData(name))

    def _choose(self) -> None:
        self._problem.say("")
        dimensions = tuple(it for it, box in self.dimensions.items() if box.isChecked())
        if not dimensions:
            self.refuse("Choose at least one dimension.")
            return
        http = replace(
            self._http,
            base_url=self.url.text().strip(),
            model=self.model.text().strip(),
            prompts=self.prompts.text().strip(),
            concurrency=self.concurrency.value(),
        )
        script = self.script.text().strip()
        self.chosen.emit(
            JudgeChoiceMade(
                judge=self.judge.currentData(),
                scope=self.scope.currentData(),
                dimensions=dimensions,
                http=http,
                key=self.key.text().strip(),
                script=Path(script) if script else None,
                agreed=self.agreed.isChecked(),
            )
        )

    def _fill(self, http: HttpSettings) -> None:
        self.url.setText(http.base_url)
        self.model.setText(http.model)
        self.prompts.setText(http.prompts)
        self.concurrency.setValue(http.concurrency)
        for box in self.dimensions.values():
            box.setChecked(True)

    def _withdraw(self) -> None:
        self.agreed.setChecked(False)
        self.agreed.hide()
        self._outgoing.hide()

    def _show_judge(self) -> None:
        at = self.judge.currentIndex()
        self._about.setText(_JUDGES[at][2])
        self._pages.setCurrentIndex(at)
        page = self._pages.currentWidget()
        if page is not None and page.layout() is not None:
            self._pages.setMaximumHeight(page.sizeHint().height())  # the tallest page leaves no hole in the others
        self._pages.setVisible(self.judge.currentData() != "lexical")
        lexical = self.judge.currentData() == "lexical"
        for dimension in MODEL_ONLY:
            box = self.dimensions[dimension]
            if box.isEnabled():
                self._wanted[dimension] = box.isChecked()
            box.setChecked(self._wanted[dimension] and not lexical)
            box.setEnabled(not lexical)
        self._needs_model.setVisible(lexical)
        self.adjustSize()

    def _lay_out(self) -> None:
        step = unit(self)
        top = _form(step)
        top.addRow(_label("Judge", step), self.judge)
        top.addRow("", self._about)
        self.column.addLayout(top)
        self._pages = QStackedWidget()
        self._pages.addWidget(QWidget())
        self._pages.addWidget(
            _page(
                step,
                (
                    ("Base URL", self.url),
                    ("Model", self.model),
                    ("API key", self.key),
                    ("Prompt pack", self.prompts),
                    ("Calls in flight", self.concurrency),
                ),
            )
        )
        self._pages.addWidget(_page(step, (("Script file", self.script),)))
        self.column.addWidget(self._pages)
        boxes = QHBoxLayout()
        boxes.setSpacing(2 * step)
        for box in self.dimensions.values():
            boxes.addWidget(box)
        boxes.addStretch(1)
        bottom = _form(step)
        bottom.addRow(_label("Candidates", step), self.scope)
        bottom.addRow("Dimensions", boxes)
        bottom.addRow("", self._needs_model)
        self.column.addLayout(bottom)
        self.column.addWidget(self._outgoing)
        self.column.addWidget(self.agreed)
        self.column.addWidget(self._problem)
        self.column.addStretch(1)


def _form(step: int) -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setHorizontalSpacing(2 * step)
    form.setVerticalSpacing(step)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _label(text: str, step: int) -> QLabel:
    """Return a label as wide as in the other forms, so that the fields stand below each other."""
    label = QLabel(text)
    label.setMinimumWidth(13 * step)
    return label


def _page(step: int, rows: tuple[tuple[str, QWidget], ...]) -> QWidget:
    page = QWidget()
    form = _form(step)
    for label, field in rows:
        form.addRow(_label(label, step), field)
    page.setLayout(form)
    return page
