"""A project on disk and a window over it, both gone afterwards."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.doubles.windows import Driver, project_file


@pytest.fixture
def project_path(tmp_path: Path) -> Path:
    return project_file(tmp_path / "skarrow.lrs")


@pytest.fixture
def make_driver(qapp: QApplication, qtbot: QtBot) -> Iterator[Callable[..., Driver]]:
    """Make windows; at the end each is closed as the program closes it, and no thread of theirs may be left."""
    made: list[Driver] = []
    threads = set(threading.enumerate())
    quits = qapp.quitOnLastWindowClosed()
    qapp.setQuitOnLastWindowClosed(False)

    def make(**options: bool) -> Driver:
        made.append(Driver(qapp, qtbot, **options))
        return made[-1]

    yield make
    for driver in made:
        driver.close()
    qapp.setQuitOnLastWindowClosed(quits)
    left = [thread.name for thread in threading.enumerate() if thread not in threads and "lrstudio" in thread.name]
    assert left == []


@pytest.fixture
def driver(make_driver: Callable[..., Driver]) -> Driver:
    return make_driver()
