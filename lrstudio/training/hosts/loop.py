"""One asyncio loop in a thread of its own, which carries the links; everybody else waits for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from lrstudio.training.hosts.transport import Unreachable

T = TypeVar("T")

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.1
_CLOSED: Final = "the connections to hosts are closed"


class Loop:
    """Runs coroutines for threads that wait. It starts with the first of them and ends with `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, coroutine: Coroutine[Any, Any, T], *, meanwhile: Callable[[], None] | None = None) -> T:
        """Wait for a coroutine.

        Args:
            coroutine: what to do.
            meanwhile: called in this thread ten times a second and once at the end; what it raises ends the coroutine.

        Raises:
            Unreachable: the loop is closed, before or meanwhile.
        """
        future = self.submit(coroutine)
        try:
            while meanwhile and not _is_done(future):
                meanwhile()
            found = future.result()
        except CancelledError as error:
            raise Unreachable(_CLOSED) from error
        except BaseException:
            future.cancel()
            raise
        if meanwhile:
            meanwhile()
        return found

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine, and do not wait for it."""
        with self._lock:
            if self._closed:
                coroutine.close()
                raise Unreachable(_CLOSED)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="links", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """End the loop; coroutines under way are cancelled."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop and thread:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


def _is_done(future: Future[Any]) -> bool:
    with suppress(CancelledError, TimeoutError):
        future.exception(_LOOK_SECONDS)
    return future.done()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    # When a link breaks, what asyncssh was at besides what we wait for breaks too; it is told by the latter.
    loop.set_exception_handler(lambda _loop, said: log.debug("%s", said.get("message"), exc_info=said.get("exception")))
    loop.run_forever()
    loop.run_until_complete(asyncio.sleep(0))  # what was submitted at the last moment is a task now
    while left := asyncio.all_tasks(loop):
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
