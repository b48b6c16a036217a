"""The settings of the http judge: endpoint, prices, limits, passages, network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, bold, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.edit_table import EditTable
from lrstudio.qt.views.forms import Choice, FormRow, Whole
from lrstudio.qt.views.scroll import quiet
from lrstudio.services.settings_form import FieldProblem, HttpForm, problems_of
from lrstudio.viewstate.judge_fields import RETRIEVALS
from lrstudio.viewstate.settings_words import FIELDS, SECTIONS


class SettingsDialog(Dialog):
    """The form. Nothing is kept until it is saved, and nothing is saved while something is wrong.

    Signals:
        saved: `(HttpForm, key)`; the key is "" where none was typed.
    """

    saved = Signal(object, str)

    def __init__(self, switch: ThemeSwitch, form: HttpForm, parent: QWidget | None = None) -> None:
        super().__init__("Settings", parent, size=(104, 96))
        self._color = switch.theme.tokens["contradicted"]
        self.base_url = Field(name="Base URL", placeholder="http://127.0.0.1:8000/v1")
        self.model = Field(name="Model")
        self.key = Field(name="API key", placeholder="stored in the keyring")
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.prices = EditTable(("model", "input", "output"), name="Prices by model")
        self.input_price = Field(name="Input price of other models", placeholder="unknown")
        self.output_price = Field(name="Output price of other models", placeholder="unknown")
        self.concurrency = Whole(name="Calls in flight", least=1, most=256)
        self.timeout = Whole(name="Seconds a call", least=1, most=86_400)
        self.requests_per_minute = Whole(name="Calls a minute", least=0, most=1_000_000, none="no limit")
        self.tokens_per_minute = Whole(name="Tokens a minute", least=0, most=1_000_000_000, none="no limit")
        self.retrieval = Choice([(name, words.label) for name, words in RETRIEVALS.items()], name="Passages by")
        self.embedding_model = Field(name="Embedding model")
        self.embedding_base_url = Field(name="Embedding URL", placeholder="where the judge is")
        self.proxy = Field(name="Proxy", placeholder="as the environment says")
        self.ca_file = Field(name="Own CA", placeholder="the system's")
        self.browse = Button("Choose…")
        self.headers = EditTable(("name", "value"), name="Extra headers")
        self.rows: dict[str, FormRow] = {}
        self._problem = Problem(self._color)
        self.save = Button("Save", kind=Kind.PRIMARY)
        self.save.setDefault(True)
        cancel = Button("Cancel")
        cancel.clicked.connect(self.close)
        self.save.clicked.connect(self._save)
        self.browse.clicked.connect(self._choose_file)
        self._lay_out()
        self.add_buttons([cancel, self.save])
        self._fill(form)
        self.take_room()

    @property
    def problem(self) -> str:
        """What is said below the form."""
        return self._problem.text()

    def form(self) -> HttpForm:
        """Return what is typed."""
        return HttpForm(
            base_url=self.base_url.text(),
            model=self.model.text(),
            prices=cast("tuple[tuple[str, str, str], ...]", tuple(self.prices.rows())),
            input_price=self.input_price.text(),
            output_price=self.output_price.text(),
            concurrency=self.concurrency.value(),
            timeout=self.timeout.value(),
            requests_per_minute=self.requests_per_minute.value(),
            tokens_per_minute=self.tokens_per_minute.value(),
            retrieval=str(self.retrieval.currentData()),
            embedding_model=self.embedding_model.text(),
            embedding_base_url=self.embedding_base_url.text(),
            proxy=self.proxy.text(),
            ca_file=self.ca_file.text(),
            headers=cast("tuple[tuple[str, str], ...]", tuple(self.headers.rows())),
        )

    def refuse(self, sentence: str) -> None:
        """Say why it could not be saved."""
        self._problem.say(sentence)

    def _save(self) -> None:
        for row in self.rows.values():
            row.refuse("", self._color)
        self._problem.say("")
        form = self.form()
        problems = problems_of(form)
        if problems:
            self._name(problems)
        else:
            self.saved.emit(form, self.key.text().strip())

    def _name(self, problems: Sequence[FieldProblem]) -> None:
        """Say at each field what is wrong with it, and go to the first one."""
        for field in dict.fromkeys(it.field for it in problems):
            self.rows[field].refuse(" ".join(it.sentence for it in problems if it.field == field), self._color)
        first = problems[0]
        widget = self.rows[first.field].field
        if isinstance(widget, EditTable) and first.row is not None:
            widget.go_to(first.row)
        else:
            widget.setFocus(Qt.FocusReason.OtherFocusReason)
        self._body.ensureWidgetVisible(self.rows[first.field])
        count = len(problems)
        self._problem.say("Not saved: one field is wrong." if count == 1 else f"Not saved: {count} things are wrong.")

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, "Certificates")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.ca_file.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _fill(self, form: HttpForm) -> None:
        for name in ("base_url", "model", "input_price", "output_price", "embedding_model", "embedding_base_url"):
            getattr(self, name).setText(getattr(form, name))
        self.proxy.setText(form.proxy)
        self.ca_file.setText(form.ca_file)
        for name in ("concurrency", "timeout", "requests_per_minute", "tokens_per_minute"):
            getattr(self, name).setValue(getattr(form, name))
        self.retrieval.select(form.retrieval)
        self.prices.set_rows(form.prices)
        self.headers.set_rows(form.headers)

    def _lay_out(self) -> None:
        step = unit(self)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 2 * step, 0)
        column.setSpacing(step * 3 // 4)
        for title, names in SECTIONS:
            heading = QLabel(title)
            heading.setFont(bold(heading.font()))
            if self.rows:
                column.addSpacing(step)
            column.addWidget(heading)
            for name in names:
                beside = [self.browse] if name == "ca_file" else []
                self.rows[name] = FormRow(FIELDS[name], getattr(self, name), beside=beside)
                column.addWidget(self.rows[name])
        column.addStretch(1)
        self._body = QScrollArea()
        self._body.setFrameShape(QFrame.Shape.NoFrame)
        self._body.setWidgetResizable(True)
        self._body.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._body.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        quiet(self._body)
        self._body.setWidget(page)
        self._body.viewport().setAutoFillBackground(False)
        page.setAutoFillBackground(False)
        self.column.addWidget(self._body, 1)
        self.column.addWidget(self._problem)
