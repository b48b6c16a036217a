"""The fields of the form before a judge run: a few that everybody needs, everything else under Advanced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from lrstudio.domain.verdicts import Dimension
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, unit
from lrstudio.qt.views.forms import Choice, FormRow, Money, Whole
from lrstudio.services.judge_wish import JudgeWish, at_address
from lrstudio.services.settings import HttpSettings, JudgeSettings
from lrstudio.viewstate.judge_fields import (
    ADDRESS,
    FIELDS,
    HOST,
    HOST_MODEL,
    JUDGES,
    NO_HOST,
    PLACES,
    RETRIEVALS,
    SERVED,
    FieldWords,
    field_named,
)

MODEL_ONLY = (Dimension.HELPFULNESS, Dimension.LOGICALITY)
"""What the lexical judge cannot score. To run it there would put its "unscored" over the scores of a language model."""

_ADVANCED = (
    "prompts",
    "samples",
    "concurrency",
    "limit",
    "retrieval",
    "embedding_model",
    "embedding_base_url",
    "tokenizer",
    "context",
    "timeout",
)
_HIDDEN = {
    ADDRESS: {"serve", "host", "context"},
    SERVED: {"base_url", "key", "host", "context"},
    HOST: {"base_url", "key", "serve", "spend_limit", "concurrency", "timeout"},
}
"""What does not concern a model, by where it is."""

_SHOWN = {
    "lexical": {"judge", "scope", "dimensions", "limit", "tokenizer"} - {"tokenizer"},
    "scripted": {"judge", "script", "scope", "dimensions", "limit"},
    "http": set(FIELDS) - {"script"},
}


class JudgeFields(QWidget):
    """The fields. What is filled in is read with `wish`.

    Signals:
        changed: something was filled in otherwise.
    """

    changed = Signal()

    def __init__(self, http: HttpSettings, judge: JudgeSettings, *, one: bool, parent: QWidget | None = None) -> None:
        """Fill in what was used last; `one` says that a candidate is on screen, which can be judged alone."""
        super().__init__(parent)
        self._http = http
        self.judge = Choice([(name, words.label) for name, words in JUDGES.items()], name="Judge")
        self.place = Choice(list(PLACES.items()), name="Where the model is")
        self.host = Choice([], name="Host")
        self.url = Field(name="Base URL", placeholder="http://127.0.0.1:8000/v1")
        self.model = Field(name="Model", placeholder="the model's name at the endpoint")
        self.key = Field(name="API key", placeholder="empty takes the stored one")
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.serve = Field(name="Command", placeholder="vllm serve {model}")
        self.presets = Button("Presets", kind=Kind.PLAIN)
        self.script = Field(name="Script file", placeholder="empty: by a simple rule")
        scopes = [("all", "All candidates")]
        scopes += [("question", "The candidates of this question"), ("candidate", "This candidate")] if one else []
        self.scope = Choice(scopes, name="Which candidates")
        self.dimensions = {dimension: QCheckBox(dimension.value.capitalize()) for dimension in Dimension}
        self.spend_limit = Money(name="Spend limit", none="none")
        self.prompts = Field(name="Prompt pack", placeholder="the studio's own")
        self.browse = Button("Choose…")
        self.samples = Whole(name="Samples", least=1, most=64)
        self.concurrency = Whole(name="Calls in flight", least=1, most=256)
        self.limit = Whole(name="Candidates at most", least=0, most=10_000_000, none="all")
        self.retrieval = Choice([(name, words.label) for name, words in RETRIEVALS.items()], name="Passages by")
        self.embedding_model = Field(name="Embedding model")
        self.embedding_base_url = Field(name="Embedding URL", placeholder="where the judge is")
        self.tokenizer = Field(name="Tokenizer", placeholder="the studio's own")
        self.context = Whole(name="Context", least=0, most=100_000_000, none="as the host says")
        self.timeout = Whole(name="Seconds a call", least=1, most=86_400)
        self.more = Button("Advanced", kind=Kind.FLAT)
        self.more.setCheckable(True)
        self._wanted = dict.fromkeys(MODEL_ONLY, True)
        self.rows: dict[str, FormRow] = {}
        self._lay_out()
        self._fill(http, judge)
        self._connect()
        self._show_rows()

    def wish(self) -> JudgeWish:
        """Return what is filled in; the ids of what is on screen are not known here."""
        http = replace(
            at_address(self._http, self.url.text().strip()),
            model=self.model.text().strip(),
            serve=self.serve.text().strip(),
            prompts=self.prompts.text().strip(),
            tokenizer=self.tokenizer.text().strip(),
            concurrency=self.concurrency.value(),
            timeout=float(self.timeout.value()),
            retrieval=str(self.retrieval.currentData()),
            embedding_model=self.embedding_model.text().strip(),
            embedding_base_url=self.embedding_base_url.text().strip(),
        )
        script = self.script.text().strip()
        return JudgeWish(
            judge=str(self.judge.currentData()),
            scope=str(self.scope.currentData()),
            dimensions=tuple(it for it, box in self.dimensions.items() if box.isChecked()),
            http=http,
            served=self._place() == SERVED,
            host=str(self.host.currentData() or "") if self._place() == HOST else None,
            context=self.context.value() if self._place() == HOST else 0,
            key=self.key.text().strip(),
            script=Path(script) if script else None,
            samples=self.samples.value(),
            limit=self.limit.value(),
            spend_limit=0.0 if self._place() == HOST else self.spend_limit.value(),
        )

    def refuse(self, where: str, sentence: str, color: str) -> bool:
        """Say at the field that a refusal names what is wrong with it; return whether there is such a field."""
        for each in self.rows.values():
            each.refuse("", color)
        row = self.rows.get(field_named(where)) if where else None
        if row is None:
            return False
        if field_named(where) in _ADVANCED:
            self.more.setChecked(True)
            self._show_rows()
        row.refuse(sentence, color)
        row.field.setFocus(Qt.FocusReason.OtherFocusReason)
        return row.isVisibleTo(self)

    def offer_hosts(self, names: Sequence[str]) -> None:
        """Offer the hosts that are known; the one that was used last is chosen where it is among them."""
        chosen = self.host.currentData() or self._last_host
        self.host.clear()
        for name in names:
            self.host.addItem(name, name)
        self.host.select(chosen)
        self._show_rows()
        self.changed.emit()

    def offer_packs(self, packs: Sequence[tuple[str, str]]) -> None:
        """Offer prompt packs, as pairs of a name and a folder, the studio's own as ""; another folder can be chosen."""
        menu = QMenu(self.browse)
        for name, folder in packs:
            menu.addAction(name.replace("&", "&&")).triggered.connect(
                lambda _on=False, it=folder: self.prompts.setText(it)
            )
        menu.addSeparator()
        menu.addAction("Another folder…").triggered.connect(lambda _on=False: self._choose_pack())
        self.browse.setMenu(menu)
        self.browse.set_words("Choose")

    # Putting together

    def _fill(self, http: HttpSettings, judge: JudgeSettings) -> None:
        self.url.setText(http.base_url)
        self.model.setText(http.model)
        self.serve.setText(http.serve)
        self.prompts.setText(http.prompts)
        self.tokenizer.setText(http.tokenizer)
        self.concurrency.setValue(http.concurrency)
        self.timeout.setValue(round(http.timeout))
        self.retrieval.select(http.retrieval)
        self.embedding_model.setText(http.embedding_model)
        self.embedding_base_url.setText(http.embedding_base_url)
        self._last_host = judge.host
        if judge.host:
            self.host.addItem(judge.host, judge.host)
        self.context.setValue(judge.context)
        self.place.select(HOST if judge.host else SERVED if judge.served else ADDRESS)
        self.judge.select(judge.judge or ("http" if http.base_url else "lexical"))
        self.samples.setValue(judge.samples)
        self.limit.setValue(judge.limit)
        self.spend_limit.setValue(judge.spend_limit)
        for dimension, box in self.dimensions.items():
            box.setChecked(not judge.dimensions or dimension.value in judge.dimensions)

    def _show_rows(self) -> None:
        """Show what concerns the judge that is chosen."""
        name = str(self.judge.currentData())
        self.rows["judge"].explain(JUDGES[name].meaning)
        place, retrieval = self._place(), str(self.retrieval.currentData())
        self.rows["retrieval"].explain(RETRIEVALS[retrieval].meaning)
        self.rows["model"].explain(HOST_MODEL if place == HOST else FIELDS["model"].meaning)
        self.rows["host"].explain(FIELDS["host"].meaning if self.host.count() else NO_HOST)
        hidden = set(_HIDDEN[place])
        if retrieval == "bm25":
            hidden |= {"embedding_model"}
        if retrieval in ("bm25", "local"):
            hidden |= {"embedding_base_url"}
        advanced = self.more.isChecked()
        for field, row in self.rows.items():
            wanted = field in _SHOWN[name] and field not in hidden
            row.setVisible(wanted and (advanced or field not in _ADVANCED))
        self.more.setText("Advanced ▴" if advanced else "Advanced ▾")
        lexical = name == "lexical"
        for dimension in MODEL_ONLY:
            box = self.dimensions[dimension]
            if box.isEnabled():
                self._wanted[dimension] = box.isChecked()
            box.setChecked(self._wanted[dimension] and not lexical)
            box.setEnabled(not lexical)
        words = "Helpfulness and logicality need a language model." if lexical else FIELDS["dimensions"].meaning
        self.rows["dimensions"].explain(words)

    def _place(self) -> str:
        return str(self.place.currentData())

    def _choose_pack(self) -> None:
        dialog = QFileDialog(self, "Prompt pack")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        if self.prompts.text():
            dialog.setDirectory(self.prompts.text())
        dialog.fileSelected.connect(self.prompts.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _connect(self) -> None:
        for chosen in (self.judge, self.place, self.retrieval):
            chosen.currentIndexChanged.connect(self._show_rows)
        self.more.toggled.connect(self._show_rows)
        self.offer_packs([("The studio's own", "")])
        for choice in (self.judge, self.place, self.host, self.scope, self.retrieval):
            choice.currentIndexChanged.connect(self.changed)
        for field in self._texts():
            field.textChanged.connect(self.changed)
        for number in (self.samples, self.concurrency, self.limit, self.context, self.timeout, self.spend_limit):
            number.valueChanged.connect(self.changed)
        for box in self.dimensions.values():
            box.toggled.connect(self.changed)

    def _texts(self) -> tuple[Field, ...]:
        model = (self.url, self.model, self.key, self.serve, self.prompts, self.tokenizer)
        return (*model, self.embedding_model, self.embedding_base_url, self.script)

    def _lay_out(self) -> None:
        from lrstudio.services.serving import PRESETS

        menu = QMenu(self.presets)
        for name, command in PRESETS.items():
            menu.addAction(f"{name}   {command}").triggered.connect(
                lambda _on=False, it=command: self.serve.setText(it)
            )
        self.presets.setMenu(menu)
        step = unit(self)
        boxes = QWidget()
        grid = QGridLayout(boxes)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * step)
        grid.setVerticalSpacing(step // 2)
        grid.setColumnStretch(2, 1)
        for at, box in enumerate(self.dimensions.values()):
            grid.addWidget(box, at // 2, at % 2)
        fields: dict[str, QWidget] = {
            "judge": self.judge,
            "place": self.place,
            "base_url": self.url,
            "host": self.host,
            "serve": self.serve,
            "model": self.model,
            "key": self.key,
            "script": self.script,
            "scope": self.scope,
            "dimensions": boxes,
            "spend_limit": self.spend_limit,
        } | {name: getattr(self, name) for name in _ADVANCED}
        beside = {"serve": [self.presets], "prompts": [self.browse]}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(step * 3 // 4)
        for name, field in fields.items():
            if name == _ADVANCED[0]:
                column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
            words = FIELDS[name] if name != "place" else FieldWords(FIELDS[name].label, "")
            self.rows[name] = FormRow(words, field, beside=beside.get(name, ()))
            column.addWidget(self.rows[name])
        column.addStretch(1)
