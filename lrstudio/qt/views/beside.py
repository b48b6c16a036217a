"""What stands beside the workspace: judge runs from above, the settings, the marks that keep documents here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.audit_controller import AuditController
from lrstudio.qt.views.local_marks import LocalMarks
from lrstudio.qt.views.workspaces import Workspaces
from lrstudio.services.settings import Settings

if TYPE_CHECKING:
    from lrstudio.qt.views.judge_windows import JudgeWindows
    from lrstudio.qt.views.main_window import MainWindow
    from lrstudio.qt.views.settings_desk import SettingsDesk
    from lrstudio.services.wiring import Project


class Beside(QObject):
    """Each part is made when it is first wanted.

    Signals:
        keep_chosen: the `Keep` that the list is to apply.
        candidate_chosen: the id of a candidate that is to be shown.
        told: a `Notice`.
    """

    keep_chosen = Signal(object)
    candidate_chosen = Signal(str)
    told = Signal(object)

    def __init__(self, window: MainWindow, operations: Operations, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._operations = operations
        self._project: Project | None = None
        self._windows: JudgeWindows | None = None
        self._settings: SettingsDesk | None = None
        self.workspaces = Workspaces(window, operations, self)
        self.workspaces.told.connect(self.told)
        self._marks = LocalMarks(window.actions_, operations, self)
        self._marks.told.connect(self.told)

    @property
    def windows(self) -> JudgeWindows:
        """What looks at judge runs from above."""
        if self._windows is None:
            from lrstudio.qt.views.judge_windows import JudgeWindows

            self._windows = JudgeWindows(self._window, self._operations, self._window.switch)
            self._windows.use(self._project)
            self._windows.told.connect(self.told)
            self._windows.keep_chosen.connect(self.keep_chosen)
            self._windows.candidate_chosen.connect(self.candidate_chosen)
        return self._windows

    @property
    def settings(self) -> SettingsDesk:
        """What shows the settings."""
        if self._settings is None:
            from lrstudio.qt.views.settings_desk import SettingsDesk

            window = self._window
            self._settings = SettingsDesk(window, self._operations, window.store, window.switch)
            self._settings.told.connect(self.told)
        return self._settings

    def use(self, project: Project | None) -> None:
        """Stand beside this project."""
        self._project = project
        if self._windows is not None:
            self._windows.use(project)
        self.workspaces.use(project)

    def follow(self, audit: AuditController) -> None:
        """Show in the menus what the workspace has read of marks."""
        self.workspaces.follow(audit)
        audit.list_read.connect(self._marks.show_list)
        audit.reader.candidate_read.connect(self._marks.show_candidate)

    def show_settings(self, settings: Settings) -> None:
        """Take away what a blind person must not see."""
        if settings.blind and self._windows is not None:
            self._windows.close_compare()
        self.workspaces.show_settings(settings)

    def command_table(self) -> dict[str, Callable[[], object]]:
        """Return the commands that are carried out here."""
        return self.workspaces.command_table() | {
            "settings.open": lambda: self.settings.show(),
            "document.local": lambda: self._marks.turn_document(self._project),
            "project.local": lambda: self._marks.turn_project(self._project),
            "judge.summary": lambda: self.windows.show_summary(),
            "judge.compare": lambda: self.windows.show_compare(blind=self._window.settings.blind),
        }
