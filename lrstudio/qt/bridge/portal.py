"""The loop thread: where everything asynchronous runs, for the life of the program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

T = TypeVar("T")


class Portal:
    """One event loop in a thread of its own, started when it is first needed.

    anyio is imported then, too: the first window does not wait for it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._manager: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None
        self._closed = False

    def start(self, work: Callable[..., Awaitable[T]], *args: Any) -> Future[T]:
        """Run a coroutine function on the loop; cancelling the future cancels its scope.

        The first call starts the thread and takes some hundred milliseconds: make it from a worker thread.

        Raises:
            RuntimeError: the portal is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the loop thread is closed")
            if self._portal is None:
                from anyio.from_thread import start_blocking_portal

                self._manager = start_blocking_portal("asyncio", name="lrstudio-loop")
                self._portal = self._manager.__enter__()
            portal = self._portal
        return portal.start_task_soon(work, *args)

    def close(self) -> None:
        """Cancel what is running, wait until its clean-up is done, and end the thread."""
        with self._lock:
            self._closed = True
            manager, portal = self._manager, self._portal
            self._manager = self._portal = None
        if manager is not None and portal is not None:
            portal.call(portal.stop, True)
            manager.__exit__(None, None, None)
