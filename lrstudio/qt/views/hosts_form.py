"""The fields that describe a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QVBoxLayout, QWidget

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button
from lrstudio.qt.views.chrome import Field, unit
from lrstudio.qt.views.forms import Choice, FormRow
from lrstudio.qt.views.training_fields import Labelled, narrow
from lrstudio.training.hosts.host import Scheduler, Way
from lrstudio.viewstate import hosts as words
from lrstudio.viewstate.hosts import TypedHost

_COLUMNS = 2


class HostForm(QWidget):
    """The fields; Enter in any of them is `entered`.

    Signals:
        changed: something was typed or chosen.
        entered: Enter was pressed in a field.
    """

    changed = Signal()
    entered = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._switch = switch
        self._filling = False
        self._others: tuple[str, ...] = ()
        self.name = Field(name="Name", placeholder="lab-h200")
        self.address = Field(name="Address", placeholder="ann@lab.example.org")
        self.folder = Field(name="Folder on the host", placeholder="lrstudio")
        self.python = Field(name="Python", placeholder="an environment that Prepare makes")
        self.scheduler = narrow(Choice(words.SCHEDULERS, name="Scheduler"))
        self.way = narrow(Choice(words.WAYS, name="Way"))
        self.wheels = Field(name="Wheel folder", placeholder="none: it has a network")
        self.choose_wheels = Button("…")
        self.choose_wheels.setAccessibleName("Choose the wheel folder")
        self.batch = Field(name="Batch judge", placeholder="vllm run-batch")
        self.options: dict[tuple[Scheduler, str], Field] = {}
        self._option_rows: dict[tuple[Scheduler, str], Labelled] = {}
        self._pages: dict[Scheduler, QWidget] = {}
        self._lay_out()
        self._connect()
        self.show_host(TypedHost())

    @property
    def typed(self) -> TypedHost:
        """What stands in the fields."""
        scheduler = Scheduler(self.scheduler.currentData())
        shown = {name: it.text() for (of, name), it in self.options.items() if of is scheduler}
        return TypedHost(
            self.name.text(),
            self.address.text(),
            self.folder.text(),
            self.python.text(),
            scheduler,
            shown,
            Way(self.way.currentData()),
            self.wheels.text(),
            self.batch.text(),
        )

    def show_host(self, typed: TypedHost, *, others: Sequence[str] = ()) -> None:
        """Fill the fields in; `others` are the names that other hosts have."""
        self._filling = True
        self._others = tuple(others)
        for field, text in self._lines(typed).items():
            field.setText(text)
            field.setCursorPosition(0)
        for (of, name), field in self.options.items():
            field.setText(typed.options.get(name, "") if of is typed.scheduler else "")
        self.scheduler.select(typed.scheduler)
        self.way.select(typed.way)
        self._filling = False
        self._show_choices()
        self._refuse({})

    def problems(self, *, lead: bool) -> dict[str, str]:
        """Say beside each field what is wrong with it, and return that; `lead` the keyboard to the first."""
        found = words.host_problems(self.typed, others=self._others)
        self._refuse(found)
        if found and lead:
            self.go_to(next(iter(found)))
        return found

    def refuse(self, field: str, sentence: str) -> bool:
        """Say beside a field what is wrong with it; False where there is no such field."""
        if field in self._rows:
            self._refuse({field: sentence})
            self.go_to(field)
        return field in self._rows

    def go_to(self, field: str) -> None:
        """Lead the keyboard to a field."""
        row = self._rows.get(field)
        option = Scheduler(self.scheduler.currentData()), field.removeprefix(words.OPTION)
        widget = row.field if row is not None else self.options.get(option)
        if widget is not None:
            widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def _lines(self, typed: TypedHost) -> Mapping[Field, str]:
        return {
            self.name: typed.name,
            self.address: typed.address,
            self.folder: typed.folder,
            self.python: typed.python,
            self.wheels: typed.wheels,
            self.batch: typed.batch,
        }

    def _refuse(self, found: Mapping[str, str]) -> None:
        color = self._switch.theme.tokens["contradicted"]
        for name, row in self._rows.items():
            row.refuse(found.get(name, ""), color)
        for (of, name), labelled in self._option_rows.items():
            mine = of is Scheduler(self.scheduler.currentData())
            labelled.refuse(found.get(f"{words.OPTION}{name}", "") if mine else "")

    def _show_choices(self) -> None:
        scheduler = Scheduler(self.scheduler.currentData())
        for of, page in self._pages.items():
            page.setVisible(of is scheduler)
        self._rows["way"].explain(words.WAY_MEANINGS[Way(self.way.currentData())])

    def _edited(self) -> None:
        if not self._filling:
            self._refuse({})
            self.changed.emit()

    def _chosen(self) -> None:
        if not self._filling:
            self._show_choices()
            self._edited()

    def _ask_wheels(self) -> None:
        dialog = QFileDialog(self, "The folder with the wheels")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.wheels.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _connect(self) -> None:
        lines = (self.name, self.address, self.folder, self.python, self.wheels, self.batch, *self.options.values())
        for field in lines:
            field.textChanged.connect(lambda _text: self._edited())
            field.returnPressed.connect(self.entered)
        for choice in (self.scheduler, self.way):
            choice.currentIndexChanged.connect(lambda _at: self._chosen())
        self.choose_wheels.clicked.connect(self._ask_wheels)

    def _lay_out(self) -> None:
        step = unit(self)
        fields = {
            "name": self.name,
            "address": self.address,
            "folder": self.folder,
            "python": self.python,
            "scheduler": self.scheduler,
            "way": self.way,
            "wheels": self.wheels,
            "batch": self.batch,
        }
        beside = {"wheels": (self.choose_wheels,)}
        self._rows = {
            name: FormRow(words.FIELDS[name], field, beside=beside.get(name, ())) for name, field in fields.items()
        }
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(step)
        for name, row in self._rows.items():
            box.addWidget(row)
            if name == "scheduler":
                for scheduler in (it for it, options in words.OPTIONS.items() if options):
                    self._pages[scheduler] = self._options_page(scheduler, step)
                    box.addWidget(self._pages[scheduler])
        box.addStretch(1)

    def _options_page(self, scheduler: Scheduler, step: int) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(self.fontMetrics().horizontalAdvance("Embedding model") + 2 * step, 0, 0, step // 2)
        grid.setHorizontalSpacing(step * 3 // 2)
        grid.setVerticalSpacing(step // 2)
        for at, (name, label, usual) in enumerate(words.OPTIONS[scheduler]):
            field = Field(name=label, placeholder=usual)
            field.setMinimumWidth(8 * step)
            row = Labelled(label, field, self._switch)
            self.options[scheduler, name] = field
            self._option_rows[scheduler, name] = row
            grid.addWidget(row, at // _COLUMNS, at % _COLUMNS, Qt.AlignmentFlag.AlignTop)
        for column in range(_COLUMNS):
            grid.setColumnStretch(column, 1)
        return page
