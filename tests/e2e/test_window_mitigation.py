"""From a length-bias report to a set that goes less by length, in the real window."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pyqtgraph as pg
import pytest
import sqlalchemy as sa
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from lrstudio.domain.length_choices import Mitigation
from lrstudio.domain.sets import FrozenSet
from lrstudio.qt.views.dialogs.sets_dialog import SetsDialog
from lrstudio.qt.views.reports_window import ReportsWindow
from lrstudio.qt.views.workspaces import Shown
from lrstudio.viewstate.report_plots import Dots
from lrstudio.viewstate.reports import LENGTH_BIAS
from tests.doubles.long_and_short import make_long_and_short
from tests.doubles.windows import Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")
D = TypeVar("D")
_ANYWHERE = Qt.MatchFlag.MatchStartsWith | Qt.MatchFlag.MatchRecursive


@pytest.fixture
def project_path(tmp_path: Path) -> Path:
    return make_long_and_short(tmp_path / "long.lrs")


def active(driver: Driver, kind: type[D]) -> D:
    driver.until(lambda: isinstance(QApplication.activeWindow(), kind))
    found = QApplication.activeWindow()
    assert isinstance(found, kind)
    return found


def length_report(driver: Driver) -> ReportsWindow:
    driver.press("Ctrl+Shift+A")
    window = driver.window.works.beside.reports.window
    assert window is not None
    driver.until(lambda: window.report is not None)
    window.kind.select(LENGTH_BIAS)
    driver.until(lambda: window.report is not None and window.report.kind == LENGTH_BIAS)
    return window


def choose(window: ReportsWindow, name: str) -> None:
    (item,) = window.sections.findItems(name, _ANYWHERE)
    window.sections.setCurrentItem(item)


def known(driver: Driver, name: str) -> FrozenSet:
    project = driver.window.works.desk.project
    assert project is not None
    return project.sets.get(name)


def test_one_press_in_the_report_fills_in_the_form_that_freezes(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    window = length_report(driver)
    choose(window, "gold pairs")
    rows = {row[0]: row[1:3] for row in window.section.tables[0].rows} if window.section else {}
    assert [it.text() for it in window.remedies.buttons] == [
        "Length-balanced…", "Length ratio up to 1.5…", "Margins up to 4.5…"
    ]  # fmt: skip
    window.remedies.buttons[0].click()
    sets = active(driver, SetsDialog)
    driver.settle()
    assert sets.lengths.ways[Mitigation.BALANCED].isChecked()
    assert sets.lengths.figures[None].text().startswith("72 pairs · longer chosen 67 % (")
    assert sets.lengths.figures[Mitigation.BALANCED].text().startswith("48 of 72 · longer chosen 50 %")
    driver.type("even", sets.name)
    driver.key("Return", sets.name)
    driver.until(lambda: sets.chosen == "even")
    card = known(driver, "even").card
    assert (card.pairs, card.lengths and card.lengths.longer_chosen) == rows["length-balanced"] == (48, 0.5)
    assert card.mitigated is not None
    assert card.mitigated.choice.mitigation is Mitigation.BALANCED
    driver.until(lambda: window.banner.isVisible())
    choose(window, "gold pairs")
    window.remedies.buttons[1].click()
    driver.settle()
    assert sets.lengths.choice(seed=0) == window.section.remedies[1].choice  # type: ignore[union-attr]


def test_limits_and_filters_are_followed_by_their_figures(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Ctrl+2", "Ctrl+Shift+S")
    sets = active(driver, SetsDialog)
    driver.settle()
    ratio = sets.lengths.figures[Mitigation.RATIO]
    before = ratio.text()
    assert sets.lengths.limits[Mitigation.RATIO].value() == 1.5
    sets.lengths.limits[Mitigation.RATIO].setValue(100.0)
    assert sets.lengths.ways[Mitigation.RATIO].isChecked()
    driver.until(lambda: ratio.text() not in (before, "…"))
    assert ratio.text().startswith("72 of 72")
    sets.margin.setValue(3.0)
    driver.until(lambda: sets.lengths.figures[None].text().startswith("24 pairs"))
    sets.name.setText("far")
    sets.freeze_button.click()
    driver.until(lambda: sets.chosen == "far")
    card = known(driver, "far").card
    assert (card.pairs, card.wanted.margin) == (24, 3.0)
    assert card.mitigated is not None
    assert (card.mitigated.choice.mitigation, card.mitigated.choice.limit) == (Mitigation.RATIO, 100.0)


def test_a_set_is_verified_by_a_press(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.window.works.watch.stop()  # what it hears of is read anew, and that takes the answer away
    driver.press("Ctrl+2", "Ctrl+Shift+S")
    sets = active(driver, SetsDialog)
    sets.name.setText("mine")
    sets.freeze_button.click()
    driver.until(lambda: sets.chosen == "mine")
    driver.settle()
    sets.verify_button.click()
    driver.until(lambda: sets.verified.text().startswith("✓ Unchanged: hashed anew, 72 pairs"))
    project = driver.window.works.desk.project
    assert project is not None
    with project._store._connections.write() as connection:
        connection.execute(sa.text("UPDATE candidate SET text = 'another' WHERE candidate_id = 'good-0'"))
    sets.verify_button.click()
    driver.until(lambda: "good-0" in sets.verified.text())
    assert sets.verified.text().startswith("✕ Changed: the text of good-0")


def test_a_dot_and_its_row_open_the_candidate(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Ctrl+2")
    window = length_report(driver)
    choose(window, "reward · length")
    titles = [plot.title for plot in window.plots]
    window.plot_tabs.setCurrentIndex(titles.index("Reward against length within a question"))
    plot = window.shown_plot
    assert isinstance(plot, Dots)
    assert len(plot.curve.points) == 72
    (dots,) = [it for it in window.plot.plotItem.items if isinstance(it, pg.ScatterPlotItem)]
    dots.sigClicked.emit(dots, dots.points()[-1:], None)
    assert driver.window.works.beside.workspaces.shown is not Shown.PAIRS
    driver.until(lambda: driver.audit.focus.candidate_id == plot.curve.points[-1].name)
    grids = [grid.key for grid in window.grids]
    window.table_tabs.setCurrentIndex(grids.index("scatter"))
    window.table.selectRow(0)
    driver.key("Return", window.table)
    driver.until(lambda: driver.audit.focus.candidate_id == plot.curve.points[0].name)
    driver.settle()
