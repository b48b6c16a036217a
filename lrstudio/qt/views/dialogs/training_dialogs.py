"""Small windows about runs: a question before something is lost, notes, how runs differ, which rows are meant."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QWidget

from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Words
from lrstudio.qt.views.dialogs.base import Dialog
from lrstudio.qt.views.reports_table import TableView
from lrstudio.training.runs import Difference, RunRow
from lrstudio.viewstate.reports import Grid
from lrstudio.viewstate.training_form import label_of as option_label
from lrstudio.viewstate.training_runs import differences_text, label_of, name_of


class SureDialog(Dialog):
    """Asks before something is lost; the keyboard is on the button that loses nothing.

    Signals:
        agreed: a person wants it.
    """

    agreed = Signal()

    def __init__(self, title: str, text: str, deed: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent, size=(60, 20))
        said = QLabel(text)
        said.setWordWrap(True)
        self.column.addWidget(said)
        self.column.addStretch(1)
        self.go, self.leave = Button(deed), Button("Leave it", kind=Kind.PRIMARY)
        self.go.clicked.connect(self._agree)
        self.leave.clicked.connect(self.close)
        self.add_buttons([self.go, self.leave])
        self.leave.setFocus()

    def _agree(self) -> None:
        self.agreed.emit()
        self.close()


class RunNotesDialog(Dialog):
    """What people write about a run.

    Signals:
        written: the notes as they are to stand.
    """

    written = Signal(str)

    def __init__(self, row: RunRow, parent: QWidget | None = None) -> None:
        super().__init__(f"Notes on run {name_of(row)}", parent, size=(72, 44))
        self.text = QPlainTextEdit()
        self.text.setAccessibleName("Notes")
        self.text.setTabChangesFocus(True)
        self.text.setPlainText(row.notes)
        self.column.addWidget(self.text, 1)
        keep, leave = Button("Keep", kind=Kind.PRIMARY), Button("Close")
        keep.setToolTip("Ctrl+Enter")
        keep.clicked.connect(self._keep)
        leave.clicked.connect(self.close)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(key), self).activated.connect(self._keep)
        self.add_buttons([keep, leave])
        self.text.setFocus()

    def _keep(self) -> None:
        self.written.emit(self.text.toPlainText())
        self.close()


class DifferencesDialog(Dialog):
    """In what the configurations of runs differ."""

    def __init__(
        self, runs: Sequence[RunRow], differences: Sequence[Difference], parent: QWidget | None = None
    ) -> None:
        super().__init__("Compare configurations", parent, size=(100, 56))
        self.said = Words(differences_text(runs, differences), strong=True)
        self.table = TableView()
        columns = ("", *(label_of(it) for it in runs))
        rows = tuple((option_label(it.name), *(value or "–" for value in it.values)) for it in differences)
        self.table.show_grid(Grid("differences", "Differences", columns, rows, (False,) * len(columns)))
        self.column.addWidget(self.said)
        self.column.addWidget(self.table, 1)
        leave = Button("Close", kind=Kind.PRIMARY)
        leave.clicked.connect(self.close)
        self.add_buttons([leave])
        self.take_room()


class RowIdsDialog(Dialog):
    """The ids of rows, one a line, to read and copy."""

    def __init__(self, words: str, row_ids: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(words[:1].upper() + words[1:], parent, size=(64, 56))
        self.add_text("\n".join(row_ids), name="Row ids")
        leave = Button("Close", kind=Kind.PRIMARY)
        leave.clicked.connect(self.close)
        self.add_buttons([leave])
