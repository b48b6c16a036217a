"""The one door: every change goes through one writer thread, every read through a small pool, every error comes back.

Nothing here touches a widget; results are handed over on the thread that the Operations object lives in.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Environment, Refused
from lrstudio.qt.bridge.reports import Refusal, Trouble, bug_report, single

T = TypeVar("T")

_READERS = 2
_FAR = 6


@dataclass(frozen=True, slots=True)
class _Request:
    work: Callable[[], Any]
    then: Callable[[Any], None] | None
    failed: Callable[[BaseException], None] | None
    initiator: object
    slot: str
    generation: int
    writes: bool
    again: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Returned:
    request: _Request
    value: Any
    error: BaseException | None


class Operations(QObject):
    """Runs what a view wishes, off the GUI thread.

    Signals:
        changed: `(Changes, initiator)` after an operation; each view decides itself whether it is stale.
        refused: a `Refusal` that no caller took.
        troubled: a `Trouble`, with a way to try again.
        crashed: a `BugReport`.
    """

    changed = Signal(object, object)
    refused = Signal(object)
    troubled = Signal(object)
    crashed = Signal(object)
    _returned = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="lrstudio-writer")
        self._hauler = ThreadPoolExecutor(1, thread_name_prefix="lrstudio-hauler")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="lrstudio-reader")
        self._far = ThreadPoolExecutor(_FAR, thread_name_prefix="lrstudio-far")
        self._generations: dict[str, int] = {}
        self._lasting: set[str] = set()
        self._writing = self._reading = 0
        self._closed = False
        self._asked: list[_Request] = []
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._read_on)
        self._returned.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        """Tell whether an operation is on its way, or a read whose result is still wanted."""
        return bool(self._writing or self._reading)

    def run(
        self,
        work: Callable[[], T],
        *,
        initiator: object = None,
        then: Callable[[T], None] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        long: bool = False,
    ) -> None:
        """Run an operation after those asked for before it.

        Its result is a Changes, or a record with `changes`; what changed is announced before `then` is called.

        Args:
            work: called on the writer thread; touches no widget.
            initiator: whoever asks, handed to `changed`, so that it can skip its own echo.
            then: called with the result on this object's thread.
            failed: called with the error instead of announcing it.
            long: whether it takes longer than a decision may wait (imports, exports): it then stands in a line of its
                own and lets decisions through between its transactions.
        """
        again = lambda: self.run(work, initiator=initiator, then=then, failed=failed, long=long)  # noqa: E731
        request = _Request(work, then, failed, initiator, "", 0, writes=True, again=again)
        self._writing += 1
        self._submit(self._hauler if long else self._writer, request)

    def query(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        *,
        slot: str,
        failed: Callable[[BaseException], None] | None = None,
        far: bool = False,
        lasting: bool = False,
    ) -> None:
        """Read something; a later query in the same slot makes this one's result be dropped.

        The reading begins when what the caller shows meanwhile is painted: the two would share one interpreter, and
        the next item of a queue was painted after 23 ms beside its readers, in place of 14.

        Args:
            work: called on a reader thread; touches no widget.
            then: called with the result on this object's thread.
            slot: what the result is for.
            failed: called with the error instead of announcing it.
            far: whether another machine is asked, which may say nothing for long: nothing here waits for it.
            lasting: whether it is about no project, and is not dropped with one.
        """
        generation = self._generations.get(slot, 0) + 1
        self._generations[slot] = generation
        if lasting:
            self._lasting.add(slot)
        self._reading += 1
        again = lambda: self.query(work, then, slot=slot, failed=failed, far=far, lasting=lasting)  # noqa: E731
        request = _Request(work, then, failed, None, slot, generation, writes=False, again=again)
        if far:
            self._submit(self._far, request)
            return
        self._asked.append(request)
        # A timer's turn comes after the events that wait, and a repaint is one of them; a queued call's would not.
        self._soon.start()

    def on_worker(self, work: Callable[[], None]) -> None:
        """Run something that reports in its own way on a reader thread."""
        if not self._closed:
            self._readers.submit(work)

    def drop_queries(self) -> None:
        """Let go of every read under way: their results belong to a project that is no longer shown."""
        for slot in self._generations.keys() - self._lasting:
            self._generations[slot] += 1

    def close(self) -> None:
        """Refuse new work and wait for what is running; operations already asked for are carried out."""
        self._closed = True
        self._far.shutdown(wait=False, cancel_futures=True)
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._hauler.shutdown(wait=True)
        self._writer.shutdown(wait=True)
        self._far.shutdown(wait=True)

    def _submit(self, pool: ThreadPoolExecutor, request: _Request) -> None:
        if not self._closed:
            pool.submit(self._work, request)

    def _read_on(self) -> None:
        asked, self._asked = self._asked, []
        for request in asked:
            self._submit(self._readers, request)

    def _work(self, request: _Request) -> None:
        try:
            value, error = request.work(), None
        except BaseException as raised:
            value, error = None, single(raised)
        if not self._closed:
            self._returned.emit(_Returned(request, value, error))

    def _deliver(self, returned: _Returned) -> None:
        assert QThread.currentThread() is self.thread()
        request = returned.request
        if request.writes:
            self._writing -= 1
        else:
            self._reading -= 1
        if not request.writes and self._generations.get(request.slot) != request.generation:
            return
        if returned.error is not None:
            self._announce(returned.error, request)
            return
        if request.writes:
            changes = (
                returned.value if isinstance(returned.value, Changes) else getattr(returned.value, "changes", None)
            )
            if changes:
                self.changed.emit(changes, request.initiator)
        if request.then is not None:
            request.then(returned.value)

    def _announce(self, error: BaseException, request: _Request) -> None:
        if request.failed is not None:
            request.failed(error)
        else:
            self.announce(error, again=request.again, initiator=request.initiator)

    def announce(self, error: BaseException, *, again: Callable[[], None], initiator: object = None) -> None:
        """Send an error where it belongs: beside its cause, into the banner, or into a report."""
        if isinstance(error, Refused):
            self.refused.emit(Refusal(error, initiator))
        elif isinstance(error, Environment):
            self.troubled.emit(Trouble(error, again))
        else:
            self.crashed.emit(bug_report(error))
