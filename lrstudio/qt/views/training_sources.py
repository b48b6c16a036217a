"""What the form of a training is fed with: the sets of the project, which of their pairs are stale, the Python."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lrstudio.domain.changes import Changes
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.views.project_desk import Notice
from lrstudio.qt.views.training_view import TrainingView
from lrstudio.viewstate.training_form import stale_words

if TYPE_CHECKING:
    from lrstudio.domain.sets import FrozenSet
    from lrstudio.services.settings import SettingsStore
    from lrstudio.services.wiring import Project


class TrainingSources(QObject):
    """Reads anew what has changed.

    Signals:
        sets_read: `any_set` is known.
        told: a `Notice`.
    """

    sets_read = Signal()
    told = Signal(object)

    def __init__(self, view: TrainingView, operations: Operations, store: SettingsStore, parent: QObject) -> None:
        super().__init__(parent)
        self._view = view
        self._operations = operations
        self._store = store
        self._project: Project | None = None
        self._stale_of = ""
        self.any_set = False
        view.form.changed.connect(self._read_stale)
        view.form.python_changed.connect(self._keep_python)
        operations.changed.connect(self._changed)

    def use(self, project: Project | None) -> None:
        """Offer what this project has."""
        self._project = project
        self._stale_of = ""
        if project is not None:
            self._read_sets()
            self._operations.query(
                lambda: self._store.load().train_python, self._view.form.show_python, slot="training python"
            )

    def _read_sets(self) -> None:
        project = self._project
        if project is not None:
            self._operations.query(project.sets.all, self._sets_there, slot="training sets")

    def _sets_there(self, sets: tuple[FrozenSet, ...]) -> None:
        self.any_set = bool(sets)
        self._view.form.show_sets(sets)
        self.sets_read.emit()

    def _read_stale(self) -> None:
        """Count the pairs of the set chosen that are stale by now."""
        project, name = self._project, self._view.form.typed.set_name
        if name == self._stale_of:
            return
        self._stale_of = name
        self._view.preview.stale.say("")
        if project is None or not name:
            return

        def there(stale: tuple[str, ...]) -> None:
            if self._view.form.typed.set_name == name:
                self._view.preview.stale.say(stale_words(len(stale)))

        self._operations.run(
            lambda: project.training.stale(name),
            then=there,
            failed=lambda error: self._operations.announce(error, again=self._read_sets),
            long=True,
        )

    def _keep_python(self, python: str) -> None:
        store = self._store

        def save() -> None:
            store.save(replace(store.load(), train_python=python))

        self._operations.run(save, then=lambda _done: self.told.emit(Notice("The Python that trains is kept.")))

    def _changed(self, changes: Changes, _initiator: object) -> None:
        if self._project is None:
            return
        if changes.sets or changes.everything:
            self._read_sets()
        if changes.pairs or changes.decisions or changes.everything:
            self._stale_of = ""
            if self._view.isVisible():
                self._read_stale()
