"""Opens and makes shared projects. A password goes to the server, and to the key store where that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.domain.places import Answered, DatabaseUrl
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.project_desk import Notice, Opened, ProjectDesk, looked_at
from lrstudio.services.settings import Settings, SettingsStore
from lrstudio.viewstate.shared_words import Typed, answer_words, typed_of

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.shared_dialog import SharedDialog, Wanted


class SharedDesk(Desk):
    """One form at most. The project that is open stays so until the other one is."""

    def __init__(
        self,
        window: QWidget,
        operations: Operations,
        switch: ThemeSwitch,
        *,
        projects: ProjectDesk,
        settings: SettingsStore,
    ) -> None:
        super().__init__(window, operations, switch)
        self._projects = projects
        self._settings = settings
        self._dialog: SharedDialog | None = None

    def show(self, place: DatabaseUrl | None = None, problem: str = "") -> None:
        """Show the form, filled in for a place, with what kept it from being opened."""
        from lrstudio.qt.views.dialogs.shared_dialog import SharedDialog

        if self._dialog is None:
            dialog = self._dialog = SharedDialog(self._switch, self._window)
            dialog.tested.connect(self._test)
            dialog.opened.connect(self._open)
            dialog.created.connect(self._create)
            dialog.destroyed.connect(self._forget)
            if place is None:
                self._read_last(dialog)
        if place is not None:
            self._dialog.show_place(typed_of(place))
        if problem:
            self._dialog.refuse(problem)
        bring_up(self._dialog)

    def _read_last(self, dialog: SharedDialog) -> None:
        """Begin where the last shared project was."""

        def there(settings: Settings) -> None:
            last = next((it for it in settings.recent if isinstance(it, DatabaseUrl)), None)
            if last is not None and self._dialog is dialog and dialog.typed() == Typed():
                dialog.show_place(typed_of(last))

        self._operations.query(self._settings.load, there, slot="last shared project")

    def _test(self, wanted: Wanted) -> None:
        dialog = self._dialog

        def work() -> Answered:
            from lrstudio.services.wiring import ask_database

            return ask_database(wanted.place, password=wanted.password)

        def there(answered: Answered) -> None:
            if dialog is not None and self._dialog is dialog:
                dialog.show_answer(answered)

        again = lambda: self._test(wanted)  # noqa: E731
        self._operations.query(work, there, slot="shared test", failed=lambda error: self._failed(dialog, error, again))

    def _open(self, wanted: Wanted) -> None:
        def work() -> Opened:
            from lrstudio.services.wiring import ask_database, open_project

            answered = ask_database(wanted.place, password=wanted.password)
            if answered.title is None:
                raise Refused(answer_words(answered), where=str(wanted.place))
            return looked_at(open_project(wanted.place, password=wanted.password))

        self._bring(wanted, work, lambda: self._open(wanted))

    def _create(self, wanted: Wanted) -> None:
        def work() -> Opened:
            from lrstudio.services.wiring import create_project

            return looked_at(create_project(wanted.place, title=wanted.title, password=wanted.password))

        self._bring(wanted, work, lambda: self._create(wanted))

    def _bring(self, wanted: Wanted, work: Callable[[], Opened], again: Callable[[], None]) -> None:
        dialog = self._dialog

        def there(opened: Opened) -> None:
            if dialog is None or self._dialog is not dialog:
                self._operations.run(opened.project.close)  # nobody waits for it any more
                return
            if wanted.keep and wanted.password:
                self._keep(wanted)
            dialog.close()
            self._projects.take_over(opened)

        # in the line of long work: a server may take its time, and decisions may not wait for it
        self._operations.run(
            work, initiator=self, then=there, failed=lambda error: self._failed(dialog, error, again), long=True
        )

    def _keep(self, wanted: Wanted) -> None:
        def work() -> None:
            from lrstudio.services.database_keys import store_database_password

            store_database_password(wanted.place, wanted.password)

        def failed(error: BaseException) -> None:
            if isinstance(error, Environment):
                self.told.emit(Notice(f"The password was not kept: {error.sentence}.", refused=True))
            else:
                self._operations.announce(error, again=lambda: self._keep(wanted))

        self._operations.run(work, failed=failed, long=True)

    def _failed(self, dialog: SharedDialog | None, error: BaseException, again: Callable[[], None]) -> None:
        if dialog is None or self._dialog is not dialog:
            return
        if isinstance(error, StudioError):
            dialog.refuse(f"{error.sentence[:1].upper()}{error.sentence[1:].rstrip('.')}.")
        else:
            dialog.refuse("")
            self._operations.announce(error, again=again)

    def _forget(self) -> None:
        self._dialog = None
