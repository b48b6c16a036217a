"""Notices what other processes commit to the project file."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from lrstudio.domain.changes import Changes
from lrstudio.qt.bridge.operations import Operations

WATCH_MS = 400
"""Another process's commit is on screen within a second: this, and the time to read it."""


class DataWatch(QObject):
    """Asks for the data version at a steady pace and announces that everything may have changed when it moved."""

    def __init__(self, operations: Operations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._operations = operations
        self._read: Callable[[], int] | None = None
        self._seen = 0
        self._asking = False
        self._timer = QTimer(self, interval=WATCH_MS)
        self._timer.timeout.connect(self._ask)

    def start(self, read: Callable[[], int], *, seen: int) -> None:
        """Watch a project.

        Args:
            read: reads its version, on any thread.
            seen: the version before anything else was read, so that no commit falls between.
        """
        self._read, self._seen, self._asking = read, seen, False
        self._timer.start()

    def stop(self) -> None:
        """Watch nothing."""
        self._timer.stop()
        self._read = None

    def _ask(self) -> None:
        if self._read is None or self._asking:
            return
        self._asking = True
        self._operations.query(self._read, self._answered, slot="watch", failed=self._failed)

    def _answered(self, version: int) -> None:
        self._asking = False
        if version != self._seen:
            self._seen = version
            self._operations.changed.emit(Changes(everything=True), self)

    def _failed(self, error: BaseException) -> None:
        # A file that cannot be read for a moment is asked again; when it stays away, the next read of a view says so.
        self._asking = False
