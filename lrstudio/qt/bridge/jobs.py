"""A judge run as a job: its events are collected and handed over in batches, never one signal each."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from lrstudio.judge.protocol import Emit, JudgeEvent, Progress
from lrstudio.qt.bridge.portal import Portal
from lrstudio.qt.bridge.reports import single

DRAIN_MS = 60
"""A person sees 16 updates a second as steady; the GUI thread wakes no more often for a judge."""

MOST_PER_DRAIN = 256


class JudgeWork(Protocol):
    """What runs a judge: `judging.run` with its request."""

    def __call__(self, *, emit: Emit) -> Awaitable[Any]:
        """Judge, announcing each event on whatever thread it happens."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What happened since the last one: the latest progress, and the candidates judged."""

    progress: Progress
    candidate_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: with an outcome, by cancelling, or with an error."""

    outcome: Any = None
    error: BaseException | None = None

    @property
    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return self.outcome is None and self.error is None


class JudgeJob(QObject):
    """One judge run on the loop thread.

    Signals:
        progressed: a `Batch`, at most every 60 ms.
        ended: an `Ended`, once, after the run has let go of everything it held.
    """

    progressed = Signal(object)
    ended = Signal(object)

    def __init__(self, name: str, portal: Portal, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.progress: Progress | None = None
        self.cancelling = False
        self._portal = portal
        self._events: deque[JudgeEvent | Ended] = deque()
        self._lock = Lock()
        self._over = Event()
        self._future: Future[None] | None = None
        self._timer = QTimer(self, interval=DRAIN_MS)
        self._timer.timeout.connect(self._drain)

    def start(self, work: JudgeWork, *, on_worker: Callable[[Callable[[], None]], None]) -> None:
        """Start the run.

        Args:
            work: what runs the judge.
            on_worker: runs a function off the GUI thread; the loop's first start takes too long for it.
        """
        self._timer.start()
        on_worker(lambda: self._begin(work))

    def cancel(self) -> None:
        """Ask the run to stop; `ended` follows when it has."""
        with self._lock:
            self.cancelling = True
            future = self._future
        if future is not None:
            future.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Block a worker thread until the run has let go of everything; return whether it has."""
        return self._over.wait(timeout)

    def _begin(self, work: JudgeWork) -> None:
        with self._lock:
            if self.cancelling:
                self._finish(Ended())
                return
            try:
                self._future = self._portal.start(self._body, work)
            except RuntimeError as error:
                self._finish(Ended(error=error))

    def _finish(self, ended: Ended) -> None:
        self._events.append(ended)
        self._over.set()

    async def _body(self, work: JudgeWork) -> None:
        ended = Ended()
        try:
            ended = Ended(outcome=await work(emit=self._events.append))
        except Exception as error:
            ended = Ended(error=single(error))
        finally:
            self._finish(ended)

    def _drain(self) -> None:
        judged: set[str] = set()
        progress: Progress | None = None
        ended: Ended | None = None
        for _ in range(min(len(self._events), MOST_PER_DRAIN)):
            event = self._events.popleft()
            if isinstance(event, Ended):
                ended = event
                continue
            progress = event.progress
            if event.judgment is not None:
                judged.add(event.judgment.candidate_id)
        if progress is not None:
            self.progress = progress
            self.progressed.emit(Batch(progress, frozenset(judged)))
        if ended is not None:
            self._timer.stop()
            self.ended.emit(ended)
