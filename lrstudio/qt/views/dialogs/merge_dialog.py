"""Another project is taken over: first what would come and what differs, then the merge itself."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lrstudio.domain.errors import Refused
from lrstudio.domain.places import Place, place_of
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.buttons import Button, Kind
from lrstudio.qt.views.chrome import Field, Words, bold, unit
from lrstudio.qt.views.dialogs.base import Dialog, Problem
from lrstudio.qt.views.file_kinds import FileKinds
from lrstudio.qt.views.forms import FormRow
from lrstudio.qt.views.row_list import RowList
from lrstudio.qt.views.top_bar import ThinBar
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_fields import FieldWords
from lrstudio.viewstate.merge_words import UNTAKEN, MergeView


class MergeDialog(Dialog):
    """Which project, what it would bring, and the way to do it.

    Signals:
        looked: the `Place` of a project that is to be looked at.
        merged: the `Place` of a project that is to be taken over.
        cancelled: what is under way is to end, and nothing to be changed.
        settling: the differences between reviewers are to be settled.
    """

    looked = Signal(object)
    merged = Signal(object)
    cancelled = Signal()
    settling = Signal()

    def __init__(self, switch: ThemeSwitch, parent: QWidget | None = None) -> None:
        super().__init__("Merge another project", parent, size=(104, 86))
        self._planned: Place | None = None
        self._kinds = FileKinds()
        self.path = Field(name="Other project", placeholder="its file, or the URL of a shared project")
        self.choose_button = Button("Choose…")
        self.look_button = Button("What would come")
        self.merge_button = Button("Merge", kind=Kind.PRIMARY)
        self.cancel_button = Button("Cancel")
        self.settle_button = Button("Settle the differences…")
        self.problem = Problem(switch.theme.tokens["contradicted"])
        self.sentence = QLabel(UNTAKEN)
        self.plan = RowList(("What", "new", "here already"), name="What would come")
        self.differing = RowList(("Differs, and stays as it is here",), name="What differs")
        self.conflicts = RowList(("Candidate", "about", "verdicts"), name="Differences between reviewers")
        self.differ_words = QLabel()
        self.progress = ThinBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Records read")
        self.said = Words("", quiet=True)
        self._lay_out()
        self._connect()
        self._set_planned(None)
        self.show_step("", 0, 0)
        self.take_room()
        self.path.setFocus()

    def show_step(self, said: str, done: int, of: int) -> None:
        """Say how far one is, "" when nothing is under way; `of` is 0 where that is not known yet."""
        busy = bool(said)
        self.said.setText(f"{said} {counted(done, 'record')}" + (f" of {of:,}" if of else "") if busy else "")
        self.progress.setRange(0, of)
        self.progress.setValue(min(done, of))
        for widget in (self.said, self.progress, self.cancel_button):
            widget.setVisible(busy)
        for button in (self.look_button, self.choose_button):
            button.setEnabled(not busy)
        self.path.setReadOnly(busy)
        self.merge_button.setEnabled(not busy and self._planned is not None)

    def show_plan(self, place: Place, view: MergeView) -> None:
        """Show what a merge would come to."""
        self._show(view)
        self._set_planned(place if view.anything else None)
        if view.anything:
            self.merge_button.setFocus()

    def show_done(self, view: MergeView) -> None:
        """Show what it came to."""
        self._show(view)
        self._set_planned(None)
        self.settle_button.setVisible(bool(view.conflicts))
        if view.conflicts:
            self.settle_button.setFocus()

    def refuse(self, sentence: str) -> None:
        """Say what is in the way."""
        self.show_step("", 0, 0)
        self.problem.say(sentence)

    def _show(self, view: MergeView) -> None:
        self.problem.say("")
        self.show_step("", 0, 0)
        self.sentence.setText(view.sentence)
        self.plan.set_rows([(row[0], row) for row in view.rows])
        self.differing.set_rows([(line, (line,)) for line in view.differing])
        self.conflicts.set_rows([(it.target, (it.where, it.what, it.said)) for it in view.conflicts])
        self.differ_words.setText(view.conflict_words)
        for widget, shown in (
            (self.plan, bool(view.rows)),
            (self.differing, bool(view.differing)),
            (self.conflicts, bool(view.conflicts)),
            (self.differ_words, bool(view.conflicts)),
        ):
            widget.setVisible(shown)

    def _set_planned(self, place: Place | None) -> None:
        self._planned = place
        self.merge_button.setEnabled(place is not None)
        self.settle_button.hide()

    def _look(self) -> None:
        text = self.path.text().strip()
        self._set_planned(None)
        if not text:
            self.refuse("Name the other project.")
            return
        if self.cancel_button.isVisible():
            return
        try:
            place = place_of(text)
        except Refused as error:
            self.refuse(str(error))
            return
        self.problem.say("")
        self.looked.emit(place)

    def _merge(self) -> None:
        if self._planned is not None:
            self.merged.emit(self._planned)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Merge another project")
        dialog.setIconProvider(self._kinds)  # before it lists a folder
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("Projects (*.lrs)")
        dialog.fileSelected.connect(self.take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def take(self, path: str) -> None:
        """Look at a file that was chosen."""
        self.path.setText(path)
        self._look()

    def _connect(self) -> None:
        self.choose_button.clicked.connect(self._choose)
        self.path.returnPressed.connect(self._look)
        self.path.textChanged.connect(lambda _text: self._set_planned(None))
        self.look_button.clicked.connect(self._look)
        self.merge_button.clicked.connect(self._merge)
        self.cancel_button.clicked.connect(self.cancelled)
        self.settle_button.clicked.connect(self.settling)

    def _lay_out(self) -> None:
        step = unit(self)
        self.column.addWidget(
            FormRow(FieldWords("Other project", UNTAKEN), self.path, beside=(self.choose_button, self.look_button))
        )
        self.sentence.setWordWrap(True)
        self.sentence.setFont(bold(self.sentence.font()))
        self.sentence.setText("")
        self.column.addWidget(self.problem)
        self.column.addWidget(self.sentence)
        lists = QVBoxLayout()
        lists.setSpacing(step)
        self.differ_words.setWordWrap(True)
        for widget, share in ((self.plan, 3), (self.differing, 2), (self.differ_words, 0), (self.conflicts, 3)):
            widget.hide()
            lists.addWidget(widget, share)
        lists.addStretch(1)
        self.column.addLayout(lists, 1)
        under_way = QHBoxLayout()
        under_way.setSpacing(step)
        under_way.addWidget(self.said)
        under_way.addWidget(self.progress, 1)
        under_way.addWidget(self.cancel_button)
        self.column.addLayout(under_way)
        close = Button("Close")
        close.clicked.connect(self.close)
        self.add_buttons([self.settle_button, self.merge_button, close])
