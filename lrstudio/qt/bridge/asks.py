"""A question to the loop thread whose answer is wanted only until the next one is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.bridge.reports import single


@dataclass(frozen=True, slots=True)
class _Answered:
    turn: int
    value: Any
    error: BaseException | None


class Asker(QObject):
    """Asks one thing at a time; asking again cancels what is still on its way.

    Signals:
        answered: what the coroutine returned.
        failed: the error that it raised.
    """

    answered = Signal(object)
    failed = Signal(object)
    _returned = Signal(object)

    def __init__(
        self, portal: Portal, *, on_worker: Callable[[Callable[[], None]], None], parent: QObject | None = None
    ) -> None:
        """Ask on this loop; `on_worker` runs a function off the GUI thread."""
        super().__init__(parent)
        self._portal = portal
        self._on_worker = on_worker
        self._turn = 0
        self._lock = Lock()
        self._future: Future[None] | None = None
        self._returned.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def ask(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Ask this, and no longer what was asked before."""
        self.drop()
        turn = self._turn
        self._on_worker(lambda: self._begin(turn, work))

    def drop(self) -> None:
        """Want no answer any more."""
        with self._lock:
            self._turn += 1
            future, self._future = self._future, None
        if future is not None:
            future.cancel()

    def _begin(self, turn: int, work: Callable[[], Awaitable[Any]]) -> None:
        with self._lock:
            if turn != self._turn:
                return
            try:
                self._future = self._portal.start(self._body, turn, work)
            except RuntimeError:  # the window is closing
                return

    async def _body(self, turn: int, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            answered = _Answered(turn, await work(), None)
        except Exception as error:
            answered = _Answered(turn, None, single(error))
        if turn == self._turn:
            self._returned.emit(answered)

    def _deliver(self, answered: _Answered) -> None:
        if answered.turn != self._turn:
            return
        if answered.error is not None:
            self.failed.emit(answered.error)
        else:
            self.answered.emit(answered.value)
