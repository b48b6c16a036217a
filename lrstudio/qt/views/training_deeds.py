"""What is done with a run: stop it, go on with it, note, compare, remove, take its answers in, write its curves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.file_kinds import FileKinds
from lrstudio.qt.views.project_desk import Notice
from lrstudio.qt.views.training_view import TrainingView
from lrstudio.training.status import Life
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.training_curves import RunLines, csv_rows
from lrstudio.viewstate.training_runs import kill_words, label_of, remove_words, stopped_words, take_over_words

if TYPE_CHECKING:
    from lrstudio.services.training_answers import TakenIn
    from lrstudio.services.wiring import Project
    from lrstudio.training.runs import Difference, RunRow

PNG, SVG, CSV = "These plots as PNG (*.png)", "These plots as SVG (*.svg)", "All numbers as CSV (*.csv)"


class TrainingDeeds(QObject):
    """Carries out what a person wants of a run, away from the GUI thread.

    Signals:
        done: something was done with a run; it is to be looked at anew.
        told: a `Notice`.
        judge_wanted: the ids of candidates that a judge is to see.
    """

    done = Signal()
    told = Signal(object)
    judge_wanted = Signal(object)

    def __init__(self, view: TrainingView, operations: Operations, parent: QObject) -> None:
        super().__init__(parent)
        self._view = view
        self._operations = operations
        self._project: Project | None = None
        self._kinds = FileKinds()
        self._stopping: set[str] = set()

    def use(self, project: Project | None) -> None:
        """Work in this project."""
        self._project = project
        self._stopping.clear()

    def follow(self, rows: Sequence[RunRow]) -> None:
        """Say of a run that was to save and stop how that ended; it took its time."""
        for row in rows:
            if row.run_id in self._stopping and not row.running and row.life is Life.DEAD:
                self._stopping.remove(row.run_id)
                self.told.emit(Notice(stopped_words(row)))

    def stop(self, row: RunRow | None) -> None:
        """Ask a run to save and stop."""
        if row is not None and self._project is not None:
            training = self._project.training

            def asked() -> None:
                self._stopping.add(row.run_id)
                self.told.emit(Notice(f"{label_of(row).capitalize()} saves, then stops."))

            self._carry_out(lambda: training.stop(row.run_id, save=True), of=row, and_then=asked)

    def ask_kill(self, row: RunRow | None) -> None:
        """Stop a run at once, when a person is sure."""
        if row is not None and self._project is not None:
            training = self._project.training
            self._ask(
                f"Stop run {row.number} now?",
                kill_words(row),
                "Stop now",
                lambda: self._carry_out(lambda: training.stop(row.run_id, save=False), of=row),
            )

    def resume(self, row: RunRow | None) -> None:
        """Go on with a run behind its last checkpoint; with an unknown one when a person is sure."""
        if row is None or self._project is None:
            return
        training = self._project.training
        if row.life is not Life.UNKNOWN:
            self._carry_out(lambda: training.resume(row.run_id), of=row)
            return
        self._ask(
            f"Take run {row.number} over?",
            take_over_words(row),
            "It is over, go on",
            lambda: self._carry_out(lambda: training.resume(row.run_id, take_over=True), of=row),
        )

    def ask_remove(self, row: RunRow | None) -> None:
        """Remove a run, when a person is sure."""
        if row is not None and self._project is not None:
            training = self._project.training
            self._ask(
                f"Remove run {row.number}?",
                remove_words(row),
                "Remove",
                lambda: self._carry_out(lambda: training.remove(row.run_id), of=row),
            )

    def write_notes(self, row: RunRow | None) -> None:
        """Show the notes on a run."""
        from lrstudio.qt.views.dialogs.training_dialogs import RunNotesDialog

        project = self._project
        if row is None or project is None:
            return
        dialog = RunNotesDialog(row, self._view.window())
        dialog.written.connect(lambda text: self._carry_out(lambda: project.training.note(row.run_id, text), of=row))
        dialog.show()

    def open_folder(self, row: RunRow | None) -> None:
        """Show the run's folder in the file manager."""
        if row is not None and self._project is not None:
            folder = self._project.training.home / row.run_id
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
                self.told.emit(Notice(f"No file manager opened it; the folder is {folder}"))

    def compare(self, rows: Sequence[RunRow]) -> None:
        """Show in what the configurations of runs differ."""
        from lrstudio.qt.views.dialogs.training_dialogs import DifferencesDialog

        project = self._project
        if project is None or not rows:
            return
        if len(rows) < 2:
            self.told.emit(Notice("There is no other run to compare with yet."))
            return

        def there(found: tuple[Difference, ...]) -> None:
            DifferencesDialog(rows, found, self._view.window()).show()

        ids = [it.run_id for it in rows]
        self._operations.query(lambda: project.training.compare(ids), there, slot="training compare")

    def take_in(self, row: RunRow | None) -> None:
        """Make candidates of a run's answers to held-out questions, for a judge to see."""
        project = self._project
        if row is None or project is None:
            return

        def there(taken: TakenIn) -> None:
            new = f", {taken.new:,} of them new" if taken.new != len(taken.candidate_ids) else ""
            answers = counted(len(taken.candidate_ids), "answer")
            self.told.emit(Notice(f"{answers} of “{taken.model}” {'are' if new else 'is'} in the project{new}."))
            self.judge_wanted.emit(taken.candidate_ids)

        self._operations.run(
            lambda: project.training.take_in_answers(row.run_id), initiator=self, then=there, failed=self._failed
        )

    def _carry_out(self, work: Callable[[], None], *, of: RunRow, and_then: Callable[[], None] = lambda: None) -> None:
        def then(_done: None) -> None:
            and_then()
            self.done.emit()

        if of.host:  # which may take its time to answer
            self._operations.query(work, then, slot=f"deed on {of.run_id}", failed=self._failed, far=True)
        else:
            self._operations.run(work, then=then, failed=self._failed)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Refused):
            self.told.emit(Notice(str(error), refused=True))
        else:
            self._operations.announce(error, again=self.done.emit)

    def _ask(self, title: str, text: str, deed: str, agreed: Callable[[], None]) -> None:
        from lrstudio.qt.views.dialogs.training_dialogs import SureDialog

        dialog = SureDialog(title, text, deed, self._view.window())
        dialog.agreed.connect(agreed)
        dialog.show()

    # Files

    def choose_export(self) -> None:
        """Ask what to write, and where."""
        if not self._view.board.runs:
            return
        dialog = QFileDialog(self._view, "Export the plots")
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.setIconProvider(self._kinds)  # before it lists a folder
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([PNG, SVG, CSV])
        if self._project is not None and isinstance(self._project.path, Path):
            dialog.setDirectory(str(self._project.path.parent))
        dialog.fileSelected.connect(lambda name: self.export(Path(name), dialog.selectedNameFilter()))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def export(self, path: Path, what: str) -> None:
        """Write the page of plots as it is on the screen, or every number of the runs in it."""
        board = self._view.board
        suffix = {PNG: ".png", SVG: ".svg"}.get(what, ".csv")
        path = path if path.suffix else path.with_name(path.name + suffix)
        data = board.png() if what == PNG else board.svg() if what == SVG else None
        runs = board.runs
        self._operations.run(
            lambda: _write(path, data, runs),
            then=lambda _done: self.told.emit(Notice(f"Wrote {path}.")),
            failed=self._failed,
            long=True,
        )


def _write(path: Path, data: bytes | None, runs: Sequence[RunLines]) -> None:
    if data is not None:
        from lrstudio.formats.whole import whole_file

        with whole_file(path) as file:
            file.write(data)
        return
    from lrstudio.formats.csv_out import write_csv

    columns, rows = csv_rows(runs)
    write_csv(path, columns, rows)
