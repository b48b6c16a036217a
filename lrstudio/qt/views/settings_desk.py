"""Shows the settings, and writes down what a person changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.errors import Environment, Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.dialogs.settings_dialog import SettingsDialog
from lrstudio.qt.views.project_desk import Notice
from lrstudio.services.settings_form import HttpForm, form_of, settings_of

if TYPE_CHECKING:
    from lrstudio.services.settings import SettingsStore


class SettingsDesk(QObject):
    """Holds the window of the settings, at most one.

    Signals:
        told: a `Notice`.
    """

    told = Signal(object)

    def __init__(self, window: QWidget, operations: Operations, store: SettingsStore, switch: ThemeSwitch) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._store = store
        self._switch = switch
        self._dialog: SettingsDialog | None = None

    def show(self) -> None:
        """Show the settings as they stand."""
        if self._dialog is not None:
            self._dialog.raise_()
            self._dialog.activateWindow()
            return
        try:
            form = form_of(self._store.load().http)
        except (Refused, Environment) as error:
            self.told.emit(Notice(f"The settings were not read: {error}", refused=True))
            return
        dialog = self._dialog = SettingsDialog(self._switch, form, self._window)
        dialog.saved.connect(self._save)
        dialog.destroyed.connect(self._forget)
        dialog.show()

    def _save(self, form: HttpForm, key: str) -> None:
        store = self._store

        def save() -> str:
            """Another part may have written meanwhile: only what the form shows is replaced."""
            settings = store.load()
            store.save(replace(settings, http=settings_of(form, settings.http)))
            if not key:
                return ""
            from lrstudio.services.keys import store_key

            try:
                store_key(key)
            except Environment as error:
                return f"The key was not kept: {error}"
            return ""

        self._operations.run(save, initiator=self, then=self._saved, failed=self._failed)

    def _saved(self, trouble: str) -> None:
        if trouble and self._dialog is not None:
            self._dialog.refuse(trouble)
            return
        if self._dialog is not None:
            self._dialog.close()
        self.told.emit(Notice("The settings are saved."))

    def _failed(self, error: BaseException) -> None:
        if self._dialog is not None and isinstance(error, (Refused, Environment)):
            self._dialog.refuse(str(error))
        else:
            self._operations.announce(error, again=lambda: None)

    def _forget(self) -> None:
        self._dialog = None
