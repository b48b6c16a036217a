"""Runs the prompt pack window: reads packs, saves versions, and tries them on what people labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.dialogs.packs_window import COMPARE, TRY, CopyWanted, PacksWindow, Shown
from lrstudio.qt.views.pack_trials import TrialDesk
from lrstudio.services.pack_versions import PackVersion
from lrstudio.services.packs import PackInfo, Packs, TemplateText, read_templates
from lrstudio.services.wiring import prompt_packs
from lrstudio.viewstate.packs import use_words, version_words

if TYPE_CHECKING:
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.wiring import Project

OURS = "longreward-studio"


@dataclass(frozen=True, slots=True)
class _Read:
    """The packs with their versions, and by version the runs, trials and verdicts that rest on it."""

    packs: tuple[tuple[PackInfo, tuple[PackVersion, ...]], ...]
    uses: Mapping[str, tuple[int, int, int]]


class PacksDesk(QObject):
    """Holds the prompt pack window, at most one."""

    def __init__(
        self, window: QWidget, operations: Operations, portal: Portal, settings: SettingsStore, switch: ThemeSwitch
    ) -> None:
        super().__init__(window)
        self._owner = window
        self._operations = operations
        self._settings = settings
        self._switch = switch
        self._project: Project | None = None
        self._named: list[Path] = []
        self._read = _Read((), {})
        self._against = ""
        self._seen = ("", "", "")
        self.window: PacksWindow | None = None
        self.trials = TrialDesk(operations, portal, settings, self)
        self.trials.done.connect(self.reload)

    def use(self, project: Project | None) -> None:
        """Show the packs beside this project and their use there; a trial in the one before is cancelled."""
        self._project = project
        self.trials.use(project)
        if self.window is not None:
            self.reload()

    def show(self) -> None:
        """Bring the window up."""
        if self.window is not None:
            self.window.raise_()
            self.window.activateWindow()
            return
        window = self.window = PacksWindow(self._switch, self._owner)
        window.packs.chosen.connect(self._show)
        window.copy_wanted.connect(self._copy)
        window.save_wanted.connect(self._save)
        window.restore_wanted.connect(self._restore)
        window.folder_wanted.connect(self._choose_folder)
        window.page_shown.connect(self._page_shown)
        window.diff.against_changed.connect(self._compare)
        window.destroyed.connect(self._forget)
        self.trials.attach(window.trial)
        window.show()
        window.packs.setFocus()
        self.reload()

    def reload(self, *, name: str = "", digits: str = "") -> None:
        """Read packs and use anew, and show a version, else what was shown."""
        project = self._project

        def read() -> _Read:
            packs = self._packs()
            known = tuple((it, packs.history(it)) for it in packs.known())
            uses = project.trials.uses() if project is not None else ()
            return _Read(known, {it.version: (it.runs, it.trials, it.judgments) for it in uses})

        self._operations.query(read, lambda it: self._show_read(it, name, digits), slot="packs")

    def wait(self) -> None:
        """Block a worker thread until a trial that was cancelled has let go of the project."""
        self.trials.wait()

    def close(self) -> None:
        """Stop what runs."""
        self.trials.cancel()

    def _packs(self) -> Packs:
        path = self._project.path if self._project is not None else None
        return prompt_packs(path, named=self._named, settings=self._settings)

    def _show_read(self, read: _Read, name: str, digits: str) -> None:
        window = self.window
        if window is None:
            return
        self._read = read
        if not name:
            name, digits = window.packs.what()
        window.packs.fill(read.packs, name=name, digits=digits)
        window.beside.setVisible(self._project is not None)
        self._show(*window.packs.what())

    def _show(self, name: str, digits: str) -> None:
        info = next((it for it, _ in self._read.packs if it.name == name), None)
        window = self.window
        if info is None or window is None:
            return
        version = next((it.version for it in self._history(info) if it.digits == digits), "") if digits else ""
        use = use_words(version or info.version, self._read.uses) if self._project is not None else ""

        def read() -> Shown:
            packs = self._packs()
            return Shown(info, digits, packs.templates(info, version=digits), use)

        self._operations.query(read, self._shown, slot="pack", failed=lambda error: self._unreadable(error, info, use))

    def _shown(self, shown: Shown) -> None:
        window = self.window
        if window is None:
            return
        window.show_pack(shown)
        choices = self._choices(shown)
        seen = (shown.info.name, shown.version, shown.info.version)
        form = window.trial.form
        before, after = form.before, form.after
        if seen != self._seen:  # else what the person chose stays
            self._against = before = _earlier(shown, self._history(shown.info)) or OURS
            after = _ref(shown.info, shown.version)
        self._seen = seen
        window.diff.offer(choices, chosen=self._against)
        self._compare(self._against)
        window.trial.offer(choices, before=before, after=after)
        self._page_shown(window.pages.currentIndex())

    def _unreadable(self, error: BaseException, info: PackInfo, use: str) -> None:
        if isinstance(error, Refused) and self.window is not None:
            self.window.show_pack(Shown(info, "", (), use))
            self.window.refuse(str(error))
        else:
            self._operations.announce(error, again=self.reload)

    def _history(self, info: PackInfo) -> Sequence[PackVersion]:
        return next((history for it, history in self._read.packs if it.folder == info.folder), ())

    def _choices(self, shown: Shown) -> list[tuple[str, str]]:
        """Return every version to compare with, by its name, those of the pack on screen first."""
        own = [it for it in self._read.packs if it[0].folder == shown.info.folder]
        others = [it for it in self._read.packs if it[0].folder != shown.info.folder]
        found = []
        for info, history in (*own, *others):
            for it in history:
                words = version_words(it.digits, time="", note=it.note, current=it.current)
                found.append((_ref(info, "" if it.current else it.digits), f"{info.name} · {words}"))
        return found

    def _compare(self, name: str) -> None:
        self._against = name

        def read() -> tuple[TemplateText, ...]:
            return read_templates(self._packs().folder(name))

        self._operations.query(read, self._show_against, slot="pack against", failed=self._refused)

    def _show_against(self, templates: Sequence[TemplateText]) -> None:
        if self.window is not None:
            self.window.show_against(templates)

    def _page_shown(self, page: int) -> None:
        if page == COMPARE:
            self._compare(self._against)
        elif page == TRY:
            self.trials.look()

    # Changes

    def _copy(self, wanted: CopyWanted) -> None:
        window = self.window
        if window is None or window.shown is None:
            return
        info, version = window.shown.info, window.shown.version

        def work() -> PackInfo:
            return self._packs().copy(info, wanted.name, version=version, beside_project=wanted.beside_project)

        def done(made: PackInfo) -> None:
            if self.window is not None:
                self.window.copy_name.clear()
            self.reload(name=made.name)

        self._operations.run(work, initiator=self, then=done, failed=self._refused)

    def _save(self, edits: Mapping[str, str], note: str) -> None:
        window = self.window
        if window is None or window.shown is None:
            return
        info = window.shown.info

        def done(made: PackInfo) -> None:
            if self.window is not None:
                self.window.forget_draft(info)
            self.reload(name=made.name)

        self._operations.run(
            lambda: self._packs().save(info, edits, note=note), initiator=self, then=done, failed=self._refused
        )

    def _restore(self) -> None:
        window = self.window
        if window is None or window.shown is None:
            return
        info, version = window.shown.info, window.shown.version
        self._operations.run(
            lambda: self._packs().restore(info, version),
            initiator=self,
            then=lambda made: self.reload(name=made.name),
            failed=self._refused,
        )

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self.window, "Open a folder with a prompt pack")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda name: self.open_folder(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def open_folder(self, folder: Path) -> None:
        """Show the pack in a folder of the person's."""
        self._named.append(folder)
        self.reload(name=str(folder))

    def _refused(self, error: BaseException) -> None:
        if isinstance(error, Refused) and self.window is not None:
            self.window.refuse(str(error))
        else:
            self._operations.announce(error, again=self.reload)

    def _forget(self) -> None:
        self.window = None
        self.trials.detach()


def _ref(info: PackInfo, digits: str) -> str:
    return f"{info.name}@{digits}" if digits else info.name


def _earlier(shown: Shown, history: Sequence[PackVersion]) -> str:
    """Return the version before the one on screen, "" where it is the first."""
    at = next((n for n, it in enumerate(history) if (it.digits == shown.version if shown.version else it.current)), 0)
    before = history[at + 1 :]
    return _ref(shown.info, "" if before[0].current else before[0].digits) if before else ""
