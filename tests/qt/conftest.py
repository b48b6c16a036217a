"""Every test here leaves nothing behind: no window, no running timer, no thread."""

import gc
import threading
import time
from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QThreadPool, QTimer
from PySide6.QtWidgets import QApplication

from lrstudio.qt.theme.icons import Icons
from lrstudio.qt.theme.palette import ThemeSwitch

THREAD_PATIENCE_S = 20.0


def destroy_what_was_closed() -> None:
    """Deliver what `deleteLater` left for an event loop; children may ask for more."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


def active_timers() -> list[QTimer]:
    found = [thing for thing in gc.get_objects() if type(thing) is QTimer]
    return [timer for timer in found if shiboken6.isValid(timer) and timer.isActive()]


def surviving_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    until = time.monotonic() + THREAD_PATIENCE_S
    while (left := [t for t in threading.enumerate() if t not in before and t.is_alive()]) and time.monotonic() < until:
        left[0].join(0.05)
    return left


@pytest.fixture(autouse=True)
def nothing_survives(qapp: QApplication) -> Iterator[None]:
    """Destroy the test's widgets for real, and fail on windows, timers and threads that outlive it."""
    windows = set(qapp.topLevelWidgets())
    threads = set(threading.enumerate())
    timers = set(active_timers())
    yield
    destroy_what_was_closed()
    left = [f"window {widget!r}" for widget in qapp.topLevelWidgets() if widget not in windows]
    left += [f"timer of {timer.parent()!r}" for timer in active_timers() if timer not in timers]
    if not QThreadPool.globalInstance().waitForDone(int(THREAD_PATIENCE_S * 1000)):
        left.append("work in the thread pool")
    left += [f"thread {thread.name}" for thread in surviving_threads(threads)]
    for widget in set(qapp.topLevelWidgets()) - windows:
        widget.close()
        widget.deleteLater()
    destroy_what_was_closed()
    if left:
        pytest.fail("the test left behind: " + "; ".join(left))


@pytest.fixture
def switch(qapp: QApplication) -> Iterator[ThemeSwitch]:
    made = ThemeSwitch(qapp, name="light")
    yield made
    made.deleteLater()


@pytest.fixture
def icons(switch: ThemeSwitch) -> Icons:
    return Icons(switch)
