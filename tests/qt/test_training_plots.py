"""The plots of runs by themselves."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.training_board import PlotBoard
from lrstudio.viewstate.training_curves import Curves, RunLines


def a_run(last: int) -> RunLines:
    steps = np.arange(1.0, last + 1)
    return RunLines("a", "run 1", Curves(steps, {"loss": 1 / steps, "rewards/margins": steps}))


def test_zoom_starts_from_the_lines_that_came_since_the_last_painting(switch: ThemeSwitch, qtbot: QtBot) -> None:
    board = PlotBoard(switch)
    qtbot.addWidget(board)
    board.show_runs([a_run(31)])  # never painted: it is not on screen
    plot = board.cards["loss"].plot
    before = plot.shown_steps()
    assert before[0] < 1 < 31 < before[1] < 61
    board.show_runs([a_run(61)])
    qtbot.keyClicks(plot, "+")
    assert board.span is not None
    assert board.span[0] > 1 - 30, "it closes in"
    assert board.span[1] - board.span[0] >= 0.8 * 60, "on what is there now"
    assert board.cards["margin"].plot.shown_steps() == plot.shown_steps() == pytest.approx(board.span)
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert board.step == 1
