"""Projects in and out of the window: open, make, close, import, paste, export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.places import DatabaseUrl, Place
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.file_kinds import FileKinds
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.import_words import import_sentence

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.add_dialog import AddDialog, Pasted
    from lrstudio.services.import_report import ImportReport
    from lrstudio.services.imports import Made
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.wiring import Project

SUFFIX = ".lrs"
_IMPORT_MS = 150
_REMEMBER_MS = 500
_EXPORTS = {
    "Whole project, to import elsewhere (*.jsonl.gz)": ("project", ".jsonl.gz"),
    "Judgments, one line each (*.jsonl)": ("judgments", ".jsonl"),
    "Decisions, one line each (*.jsonl)": ("decisions", ".jsonl"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell, with something to do about it where there is; what asks for nothing goes by itself."""

    text: str
    label: str = ""
    do: Callable[[], None] | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A project, what is asked of its file to show it, and the version of the file before anything was read."""

    project: Project
    title: str
    path: Place
    version: int


def looked_at(project: Project) -> Opened:
    """Ask a project what it takes to show it."""
    return Opened(project, project.title, project.path, project.data_version())


class _Stopped(Exception):
    """A person stopped an import."""


class ProjectDesk(QObject):
    """Holds the open project.

    Signals:
        opening: the place of a project that is being opened.
        opened: an `Opened`.
        closed: no project is open any more.
        told: a `Notice`.
        connection_wanted: the place of a shared project, and what keeps it from being opened.
    """

    connection_wanted = Signal(object, str)
    opening = Signal(object)
    opened = Signal(object)
    closed = Signal()
    told = Signal(object)

    def __init__(self, window: QWidget, operations: Operations, settings: SettingsStore, switch: ThemeSwitch) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._settings = settings
        self._switch = switch
        self.project: Project | None = None
        self._waiting: tuple[Path, ...] = ()
        self._read = 0
        self._stopping = Event()
        self._telling = QTimer(self, interval=_IMPORT_MS)
        self._telling.timeout.connect(self._tell_reading)
        self._remembering = QTimer(self, singleShot=True, interval=_REMEMBER_MS)
        self._remembering.timeout.connect(self._remember)
        self._add_dialog: AddDialog | None = None
        self._kinds = FileKinds()
        self.before_close: list[Callable[[], None]] = []
        """Each blocks the writer until somebody else uses the project no more."""

    # Open and close

    def open(self, path: Place) -> None:
        """Open a project in place of the one that is open."""

        def work() -> Opened:
            from lrstudio.services.wiring import open_project

            return looked_at(open_project(path))

        self._bring(path, work)

    def create(self, path: Path) -> None:
        """Make a project and open it."""
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)

        def work() -> Opened:
            from lrstudio.services.wiring import create_project

            return looked_at(create_project(path))

        self._bring(path, work)

    def open_sample(self) -> None:
        """Open the sample project of this profile, made on first use."""

        def work() -> Opened:
            from lrstudio.services.wiring import create_sample_project, open_project, sample_path

            path = sample_path()
            return looked_at(open_project(path) if path.exists() else create_sample_project(path))

        self._bring(Path("the sample project"), work)

    def close(self) -> None:
        """Close the project."""
        if self._remembering.isActive():
            self._remember()
        self._stop()
        project, self.project = self.project, None
        self._operations.drop_queries()
        if project is not None:
            self.closed.emit()
            waits = tuple(self.before_close)

            def work() -> None:
                for wait in waits:
                    wait()
                project.close()

            self._operations.run(work)

    def choose_open(self) -> None:
        """Ask which project to open."""
        dialog = self._file_dialog("Open a project", QFileDialog.FileMode.ExistingFile, f"Projects (*{SUFFIX})")
        dialog.fileSelected.connect(lambda name: self.open(Path(name)))
        dialog.open()

    def choose_new(self) -> None:
        """Ask where a new project goes."""
        dialog = self._file_dialog("New project", QFileDialog.FileMode.AnyFile, f"Projects (*{SUFFIX})")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX[1:])
        dialog.fileSelected.connect(lambda name: self.create(Path(name)))
        dialog.open()

    # Import, paste, export

    def take(self, paths: Sequence[Path]) -> None:
        """Take files that were dropped: open a project, import the rest, into a new project where none is open."""
        if len(paths) == 1 and paths[0].suffix == SUFFIX:
            self.open(paths[0])
        elif self.project is not None:
            self.import_paths(paths)
        else:
            self._waiting = tuple(paths)
            self.choose_new()

    def choose_import(self) -> None:
        """Ask which files to import."""
        dialog = self._file_dialog("Import files", QFileDialog.FileMode.ExistingFiles, "All files (*)")
        dialog.filesSelected.connect(lambda names: self.import_paths([Path(name) for name in names]))
        dialog.open()

    def import_paths(self, paths: Sequence[Path]) -> None:
        """Import files; what is new appears while the rest is read."""
        project = self.project
        if project is None:
            return
        stopping = self._stopping = Event()
        self._read = 0

        def progress(read: int) -> None:
            self._read = read
            if stopping.is_set():
                raise _Stopped

        self._telling.start()
        self._tell_reading()
        self._operations.run(
            lambda: project.imports.import_paths(list(paths), progress=progress),
            initiator=self,
            then=self._imported,
            failed=lambda error: self._import_failed(error, paths),
            long=True,
        )

    def show_add(self) -> None:
        """Open the dialog to paste texts into."""
        from lrstudio.qt.views.dialogs.add_dialog import AddDialog

        project = self.project
        if project is None:
            return
        dialog = AddDialog(self._switch, self._window)
        dialog.added.connect(lambda pasted: self._paste(dialog, pasted))
        dialog.show()

        def choices() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
            documents = [(it.document_id, it.title or it.document_id) for it in project.audit.documents()]
            return documents, [(it.question_id, it.query) for it in project.audit.questions()]

        self._operations.query(choices, lambda found: dialog.set_choices(*found), slot="add dialog")
        self._add_dialog = dialog
        dialog.destroyed.connect(self._forget_dialog)

    def choose_export(self) -> None:
        """Ask what to write, and where."""
        dialog = self._file_dialog("Export", QFileDialog.FileMode.AnyFile, ";;".join(_EXPORTS))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.fileSelected.connect(lambda name: self._export(Path(name), dialog.selectedNameFilter()))
        dialog.open()

    # How it is done

    def _bring(self, path: Place, work: Callable[[], Opened]) -> None:
        self.close()
        self.opening.emit(path)

        def failed(error: BaseException) -> None:
            self.closed.emit()
            if isinstance(error, Refused) and isinstance(path, DatabaseUrl):
                wanted = lambda: self.connection_wanted.emit(path, str(error.sentence))  # noqa: E731
                self.told.emit(Notice(str(error), "Connect…", wanted, refused=True))
            elif isinstance(error, Refused):
                self.told.emit(Notice(str(error), refused=True))
            else:
                self._operations.announce(error, again=lambda: self._bring(path, work))

        self._operations.run(work, then=self.take_over, failed=failed)

    def take_over(self, opened: Opened) -> None:
        """Take a project that somebody else opened, in place of the one that is open."""
        if self.project is not None:
            self.close()  # two were asked for at once
        self.project = opened.project
        self.opened.emit(opened)
        self._remembering.start()
        if self._waiting:
            waiting, self._waiting = self._waiting, ()
            self.import_paths(waiting)

    def _remember(self) -> None:
        """Put the project among the recent ones, when it is on screen: writing settings takes longer than reading."""
        self._remembering.stop()
        if self.project is not None:
            path = self.project.path
            self._operations.run(lambda: self._settings.remember_project(path), failed=lambda _error: None)

    def _tell_reading(self) -> None:
        said = f"Importing: {counted(self._read, 'record')} read" if self._read else "Importing"
        self.told.emit(Notice(f"{said} …", "Stop", self._stop))

    def _stop(self) -> None:
        """Let an import stop where it is."""
        self._telling.stop()
        self._stopping.set()

    def _imported(self, report: ImportReport) -> None:
        self._telling.stop()
        new = report.new
        text = import_sentence(asdict(new), asdict(report.same), left_out=len(report.errors))
        if not report.errors:
            self.told.emit(Notice(text))
            return
        problems = [str(error) for error in report.errors]
        if len(problems) == 1:
            self.told.emit(Notice(f"{text} {problems[0]}", refused=not new))
        else:
            self.told.emit(Notice(text, "Show them", lambda: self._show_problems(problems), refused=not new))

    def _import_failed(self, error: BaseException, paths: Sequence[Path]) -> None:
        self._telling.stop()
        self._operations.changed.emit(Changes(everything=True), self)
        if self.project is None:
            return
        if isinstance(error, _Stopped):
            self.told.emit(Notice(f"Import stopped; the {counted(self._read, 'record')} read before are kept."))
        elif isinstance(error, Refused):
            self.told.emit(Notice(str(error), refused=True))
        else:
            self.told.emit(Notice(""))
            self._operations.announce(error, again=lambda: self.import_paths(paths))

    def _show_problems(self, problems: Sequence[str]) -> None:
        from lrstudio.qt.views.dialogs.reading import ProblemList

        ProblemList("Left out of the import", problems, self._window).show()

    def _paste(self, dialog: AddDialog, pasted: Pasted) -> None:
        from lrstudio.qt.views.dialogs.add_dialog import What

        project = self.project
        if project is None:
            return

        def work() -> Made:
            if pasted.what is What.DOCUMENT:
                return project.imports.add_document(title=pasted.title, text=pasted.text)
            if pasted.what is What.QUESTION:
                return project.imports.add_question(document_id=pasted.owner or None, query=pasted.text)
            return project.imports.add_candidate(question_id=pasted.owner, text=pasted.text, model=pasted.model)

        def failed(error: BaseException) -> None:
            if isinstance(error, Refused) and self._add_dialog is dialog:
                dialog.refuse(str(error))
            else:
                self._operations.announce(error, again=lambda: self._paste(dialog, pasted))

        def done(made: Made) -> None:
            if self._add_dialog is dialog:
                dialog.stored(pasted, made.id)

        self._operations.run(work, initiator=self, then=done, failed=failed)

    def _forget_dialog(self) -> None:
        self._add_dialog = None

    def _export(self, path: Path, chosen: str) -> None:
        project = self.project
        if project is None:
            return
        what, suffix = _EXPORTS.get(chosen, ("project", ".jsonl.gz"))
        if not path.suffix:
            path = path.with_name(path.name + suffix)
        self.told.emit(Notice(f"Exporting {path.name} …"))
        self._operations.run(
            lambda: project.exports.export(path, what=what),
            then=lambda lines: self.told.emit(Notice(f"Wrote {counted(lines, 'line')} to {path}.")),
            long=True,
        )

    def _file_dialog(self, title: str, mode: QFileDialog.FileMode, filters: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title)
        dialog.setIconProvider(self._kinds)  # before it lists a folder
        dialog.setFileMode(mode)
        dialog.setNameFilter(filters)
        if self.project is not None and isinstance(self.project.path, Path):
            dialog.setDirectory(str(self.project.path.parent))
        dialog.finished.connect(dialog.deleteLater)
        return dialog
