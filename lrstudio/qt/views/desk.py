"""What the desks beside the workspace share: each holds a few windows about the open project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from lrstudio.domain.changes import Changes
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch

if TYPE_CHECKING:
    from lrstudio.services.wiring import Project


class Desk(QObject):
    """Works on one project at a time, None where none is open.

    Signals:
        told: a `Notice`.
    """

    told = Signal(object)

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._switch = switch
        self._project: Project | None = None
        operations.changed.connect(self._changed)

    def use(self, project: Project | None) -> None:
        """Work on this project; what is open about another one is closed."""
        if project is not self._project:
            self._let_go()
        self._project = project

    def _let_go(self) -> None:
        """Close what is about the project that is no longer used."""

    def _changed(self, changes: Changes, initiator: object) -> None:
        """Read anew what a change has made stale."""


def bring_up(dialog: QWidget) -> None:
    """Show a window before the others, with the keyboard."""
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
