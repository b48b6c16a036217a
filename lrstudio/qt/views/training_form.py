"""The form before a training: few fields, everything else folded away, problems beside their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, small, unit
from lrstudio.qt.views.file_kinds import FileKinds
from lrstudio.qt.views.forms import Choice
from lrstudio.qt.views.hosts_target import TargetField
from lrstudio.qt.views.training_fields import Labelled, OptionEntry, beside, narrow
from lrstudio.viewstate import training_form as words
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.training_form import OptionField, Typed

if TYPE_CHECKING:
    from lrstudio.domain.sets import FrozenSet

_COLUMNS = 2


class TrainingForm(QWidget):
    """The fields. What they are for is the controller's.

    Signals:
        changed: something else is chosen or typed than before.
        python_changed: the Python that trains, as typed; "" for the one of the studio.
        explained: the row whose meaning `help` says now. That label stands where the view puts it, so that no field
            moves under the pointer that presses it.
    """

    changed = Signal()
    python_changed = Signal(str)
    explained = Signal(object)

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._kinds = FileKinds()
        self._filling = False
        self._sets: tuple[str, ...] = ()
        self._entries: dict[str, OptionEntry] = {}
        self.set = narrow(Choice((), name="Set"))
        self.recipe = narrow(Choice([(name, title) for name, title, _ in words.recipes()], name="Recipe"))
        self.preset = narrow(Choice((), name="Preset"))
        self.model = Field(name="Model folder", placeholder="a folder with a model", keeps_enter=False)
        self.choose_model = Button("…")
        self.choose_model.setAccessibleName("Choose the model's folder")
        self.name = Field(name="Name of the run", placeholder="recipe and number", keeps_enter=False)
        self.target = TargetField(switch)
        self.queue = QCheckBox("after the runs that are queued here")
        self.queue.setToolTip("Wait until the queued runs of this machine before it, of whatever project, are over.")
        self.advanced = Button("Advanced", kind=Kind.FLAT)
        self.advanced.set_eliding()
        self.advanced.setCheckable(True)
        self.python = Field(name="Python that trains", placeholder="the studio's own", keeps_enter=False)
        self.choose_python = Button("…")
        self.choose_python.setAccessibleName("Choose the Python that trains")
        self.help = QLabel("")
        self.help.setWordWrap(True)
        self.help.setFont(small(self.help.font()))
        self.help.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.help.hide()
        self._lay_out()
        self._connect()
        self._fill_presets()

    @property
    def typed(self) -> Typed:
        """The form as it stands."""
        return Typed(
            set_name=str(self.set.currentData() or ""),
            recipe=str(self.recipe.currentData()),
            preset=str(self.preset.currentData() or ""),
            model=self.model.text(),
            options={name: it.text for name, it in self._entries.items()},
            queue=self.queue.isChecked(),
            name=self.name.text().strip(),
            host=self.target.host,
            python="" if self.target.host else self.python.text().strip(),  # a host has its own
        )

    def entry(self, name: str) -> OptionEntry:
        """Return the field of an option."""
        return self._entries[name]

    def show_sets(self, sets: Sequence[FrozenSet]) -> None:
        """Offer these sets; the one that was chosen stays chosen while it is there, else the latest is."""
        chosen = self.set.currentData()
        self._filling = True
        self.set.clear()
        self._sets = tuple(it.name for it in sets)
        for it in sets:
            self.set.addItem(f"{it.name}  ·  {counted(it.card.pairs, 'pair')}", it.name)
        if not sets:
            self.set.addItem("no set yet", "")
        self.set.setEnabled(bool(sets))
        self.set.setCurrentIndex(max(0, self.set.findData(chosen) if chosen in self._sets else len(sets) - 1))
        self._filling = False
        self._changed()

    def problems(self, *, shown: bool) -> dict[str, str]:
        """Return what is wrong, by field; `shown` says all beside the fields, else only what is typed wrongly."""
        typed = self.typed
        found = words.problems(typed, sets=self._sets)
        if self.target.lacks:
            found["host"] = self.target.lacks
        rows = {"set": self._set_row, "model": self._model_row, "host": self.target.row}
        rows |= {name: it.row for name, it in self._entries.items()}
        for name, row in rows.items():
            late = name in ("set", "model") and not shown and not (name == "model" and typed.model)
            row.refuse("" if late else found.get(name, ""))
        if shown and found:
            first = next((name for name in rows if name in found), "")
            if any(name in self._entries and self._entries[name].option.advanced for name in found):
                self.advanced.setChecked(True)
            if first:
                rows[first].field.setFocus(Qt.FocusReason.OtherFocusReason)
        return found

    def refuse(self, field: str, sentence: str) -> bool:
        """Say beside a field what is wrong with it; False where there is no such field."""
        if field == "python" and self.target.host:  # a host has its own
            field = "host"
        rows = {"set": self._set_row, "model": self._model_row, "python": self._python_row, "host": self.target.row}
        rows |= {name: it.row for name, it in self._entries.items()}
        if field in rows:
            rows[field].refuse(sentence)
            if field == "python" or (field in self._entries and self._entries[field].option.advanced):
                self.advanced.setChecked(True)
        return field in rows

    def show_python(self, python: str) -> None:
        """Show the Python that trains."""
        self._filling = True
        self.python.setText(python)
        self._filling = False

    def given(self) -> Mapping[str, object]:
        """Return the options that differ from the preset's, read.

        Raises:
            Refused: one cannot be read.
        """
        typed = self.typed
        return words.given(typed.recipe, typed.preset, typed.options or {})

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say what the field means that the keyboard is in."""
        if event.type() is QEvent.Type.FocusIn:
            row = next((it.row for it in self._entries.values() if it.row.field is watched), None)
            if row is not None:
                self.help.setText(row.meaning)
                self.help.show()
                self.explained.emit(row)
        elif event.type() is QEvent.Type.FocusOut:
            self.help.hide()
        return False

    # Putting together

    def _fill_presets(self) -> None:
        recipe = str(self.recipe.currentData())
        self._filling = True
        self.preset.clear()
        for name, title in words.presets(recipe):
            self.preset.addItem(title, name)
        self._filling = False
        self.recipe.setToolTip(next(meaning for name, _, meaning in words.recipes() if name == recipe))
        self._fill_options()

    def _fill_options(self) -> None:
        fields = words.fields(str(self.recipe.currentData()), str(self.preset.currentData() or ""))
        if [it.name for it in fields] == list(self._entries):
            self._filling = True
            for option in fields:
                self._entries[option.name].text = option.text
            self._filling = False
        else:
            self._make_entries(fields)
        self._changed()

    def _make_entries(self, fields: Sequence[OptionField]) -> None:
        for entry in self._entries.values():
            entry.row.setParent(None)
            entry.row.deleteLater()
        self._entries = {it.name: OptionEntry(it, self._switch) for it in fields}
        for grid, advanced in ((self._few, False), (self._many, True)):
            shown = [it for it in self._entries.values() if it.option.advanced is advanced]
            for at, entry in enumerate(shown):
                grid.addWidget(entry.row, at // _COLUMNS, at % _COLUMNS, Qt.AlignmentFlag.AlignTop)
        for entry in self._entries.values():
            entry.on_change(lambda *_: self._changed())
            entry.row.field.installEventFilter(self)
        self._order_tabs()

    def _order_tabs(self) -> None:
        few = [it.row.field for it in self._entries.values() if not it.option.advanced]
        many = [it.row.field for it in self._entries.values() if it.option.advanced]
        order: list[QWidget] = [
            *(self.set, self.recipe, self.preset, self.model, self.choose_model, self.name),
            *(self.target.choice, self.target.hosts_button, self.queue),
            *(*few, self.advanced, *many, self.python, self.choose_python),
        ]
        for one, other in pairwise(order):
            QWidget.setTabOrder(one, other)

    def _changed(self) -> None:
        if self._filling:
            return
        hidden = [name for name, it in self._entries.items() if it.option.advanced]
        typed = self.typed
        told = words.summary(typed.recipe, typed.options or {}, hidden=hidden)
        arrow = "▾" if self.advanced.isChecked() else "▸"
        self.advanced.set_words(f"{arrow} Advanced ({told})")
        self.problems(shown=False)
        self.changed.emit()

    def _fold(self) -> None:
        self._advanced.setVisible(self.advanced.isChecked())
        self._changed()

    def _connect(self) -> None:
        self.recipe.currentIndexChanged.connect(lambda _at: None if self._filling else self._fill_presets())
        self.preset.currentIndexChanged.connect(lambda _at: None if self._filling else self._fill_options())
        self.set.currentIndexChanged.connect(lambda _at: self._changed())
        self.queue.toggled.connect(lambda _on: self._changed())
        self.target.changed.connect(self._target_changed)
        self.model.textChanged.connect(lambda _text: self._changed())
        self.advanced.toggled.connect(lambda _on: self._fold())
        self.choose_model.clicked.connect(self._ask_model)
        self.choose_python.clicked.connect(self._ask_python)
        self.python.textChanged.connect(lambda _text: self._other_python())
        self.python.editingFinished.connect(self._python_typed)

    def _target_changed(self) -> None:
        """Say in the other fields what they mean on that machine."""
        there = bool(self.target.host)
        self.queue.setText(f"after the runs that are queued {'there' if there else 'here'}")
        self._python_row.setVisible(not there)
        self._model_row.explain(words.MODEL_THERE if there else words.MODEL_HERE)
        self._changed()

    def _other_python(self) -> None:
        self._python_row.refuse("")
        self._changed()

    def _python_typed(self) -> None:
        if not self._filling:
            self.python_changed.emit(self.python.text().strip())

    def _ask_model(self) -> None:
        self._ask("Folder of the model", self.model, folder=True)

    def _ask_python(self) -> None:
        self._ask("Python that trains", self.python, folder=False)

    def _ask(self, title: str, field: Field, *, folder: bool) -> None:
        dialog = QFileDialog(self, title)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.setIconProvider(self._kinds)  # before it lists a folder
        dialog.setFileMode(QFileDialog.FileMode.Directory if folder else QFileDialog.FileMode.ExistingFile)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, folder)
        named = Path(field.text()).expanduser()
        if field.text() and named.parent.is_dir():
            dialog.setDirectory(str(named.parent))
        dialog.fileSelected.connect(field.setText)
        dialog.fileSelected.connect(lambda _path: field.editingFinished.emit())
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _lay_out(self) -> None:
        step = unit(self)
        self._set_row = Labelled("Set", self.set, self._switch, meaning="Frozen pairs that the model is trained on.")
        recipe = Labelled("Recipe", self.recipe, self._switch)
        preset = Labelled("Preset", self.preset, self._switch, meaning="Values of the recipe from where it is known.")
        model = beside(self.model, self.choose_model)
        self._model_row = Labelled("Model", model, self._switch, meaning=words.MODEL_HERE)
        name = Labelled("Name", self.name, self._switch, meaning="What the run is called in lists and plots.")
        python = beside(self.python, self.choose_python)
        meaning = "A Python with torch, transformers and peft; kept in the settings for every project."
        self._python_row = Labelled("Python", python, self._switch, meaning=meaning)
        self._few, self._many = QGridLayout(), QGridLayout()
        for grid in (self._few, self._many):
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setHorizontalSpacing(step * 3 // 2)
            grid.setVerticalSpacing(step)
            for column in range(_COLUMNS):
                grid.setColumnStretch(column, 1)
        self._advanced = QWidget()
        folded = QVBoxLayout(self._advanced)
        folded.setContentsMargins(0, 0, 0, 0)
        folded.setSpacing(step)
        folded.addLayout(self._many)
        folded.addWidget(self._python_row)
        self._advanced.hide()
        across = QHBoxLayout()
        across.setSpacing(step * 3 // 2)
        across.addWidget(recipe, 1, Qt.AlignmentFlag.AlignTop)
        across.addWidget(preset, 1, Qt.AlignmentFlag.AlignTop)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(step * 3 // 2)
        box.addWidget(self._set_row)
        box.addLayout(across)
        box.addWidget(self._model_row)
        box.addWidget(name)
        box.addWidget(self.target)
        box.addWidget(self.queue)
        box.addLayout(self._few)
        box.addWidget(self.advanced)
        box.addWidget(self._advanced)
