"""When the window collects garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from lrstudio.qt.app import collect_seldom


class _Ring:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collecting(qapp: QApplication) -> Iterator[QApplication]:
    """Collect as the window does, and as before afterwards."""
    threshold = gc.get_threshold()
    collect_seldom(qapp)
    yield qapp
    gc.unfreeze()
    gc.set_threshold(*threshold)


def test_many_records_do_not_bring_about_a_full_collection(collecting: QApplication) -> None:
    before = gc.get_stats()[2]["collections"]
    kept = [[number] for number in range(300_000)]
    assert gc.get_stats()[2]["collections"] == before
    assert len(kept) == 300_000


def test_old_garbage_goes_when_the_window_is_left(collecting: QApplication) -> None:
    ring = _Ring()
    gc.collect(1)  # it is old now
    gone = ref(ring)
    del ring
    gc.collect(1)
    assert gone() is not None
    collecting.applicationStateChanged.emit(Qt.ApplicationState.ApplicationInactive)
    assert gone() is None
