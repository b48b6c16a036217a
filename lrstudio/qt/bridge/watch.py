"""Notices what other processes commit to the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from lrstudio.domain.changes import Changes
from lrstudio.qt.bridge.operations import Operations

WATCH_MS = 400
"""Another process's commit is on screen within a second: this, and the time to read it."""


class DataWatch(QObject):
    """Asks for the data version at a steady pace and announces that everything may have changed when it moved.

    Signals:
        cut_off: the log beside the project file was replaced or removed under the open project: what this process
            reads and writes from now on is not what others see. Said once.
    """

    cut_off = Signal()

    def __init__(self, operations: Operations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._operations = operations
        self._read: Callable[[], int] | None = None
        self._seen = 0
        self._log: Path | None = None
        self._inode: int | None = None
        self._asking = False
        self._timer = QTimer(self, interval=WATCH_MS)
        self._timer.timeout.connect(self._ask)

    def start(self, read: Callable[[], int], *, seen: int, log: Path | None) -> None:
        """Watch a project.

        Args:
            read: reads its version, on any thread.
            seen: the version before anything else was read, so that no commit falls between.
            log: the file that SQLite keeps beside an open project, None for a shared database.
        """
        self._read, self._seen, self._asking = read, seen, False
        self._log, self._inode = log, None if log is None else inode_of(log)
        self._timer.start()

    def stop(self) -> None:
        """Watch nothing."""
        self._timer.stop()
        self._read = None

    def _ask(self) -> None:
        if self._read is None or self._asking:
            return
        if self._is_cut_off():
            self.stop()
            self.cut_off.emit()
            return
        self._asking = True
        self._operations.query(self._read, self._answered, slot="watch", failed=self._failed)

    def _is_cut_off(self) -> bool:
        now = inode_of(self._log) if self._log is not None else None
        if self._inode is None:  # not there yet when the watch began
            self._inode = now
        return now != self._inode

    def _answered(self, version: int) -> None:
        self._asking = False
        if version != self._seen:
            self._seen = version
            self._operations.changed.emit(Changes(everything=True), self)

    def _failed(self, error: BaseException) -> None:
        # A file that cannot be read for a moment is asked again; when it stays away, the next read of a view says so.
        self._asking = False


def inode_of(path: Path) -> int | None:
    """Tell which file has this name, without opening it; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None
