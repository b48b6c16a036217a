"""Reports from the keyboard of the real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doubles.windows import Driver

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")


def test_a_report_is_a_key_away_and_follows_a_decision(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("Ctrl+Shift+A")
    window = driver.window.works.beside.reports.window
    assert window is not None
    driver.until(lambda: window.report is not None)
    assert window.empty.isVisible()
    driver.activate()
    driver.press("1", "Return")
    assert window.banner.isVisible()
    window.banner.action_button.click()
    driver.until(lambda: window.section is not None)
    assert "1 of 1" in window.counts.text() or "0 of 1" in window.counts.text()
    window.close()


def test_a_blind_person_sees_no_figure_unless_they_end_it(
    make_driver: Callable[..., Driver], project_path: Path
) -> None:
    driver = make_driver(blind=True)
    driver.show(project_path)
    driver.press("1", "Return", "Ctrl+Shift+A")
    window = driver.window.works.beside.reports.window
    assert window is not None
    driver.settle()
    assert window.report is None
    assert window.veil.isVisible()
    assert "no longer blind" in window.veil.sentence.text()
    assert not window.compute.isEnabled()
    assert not window.export.isEnabled()
    window.ask()
    driver.settle()
    assert window.report is None
    window.unblind.click()
    driver.until(lambda: window.section is not None)
    assert not driver.window.settings.blind
    assert not window.veil.isVisible()
    assert window.compute.isEnabled()
    assert window.counts.text()
    driver.window.actions_["view.blind"].trigger()
    assert window.veil.isVisible()
    assert window.report is None
    assert window.sections.topLevelItemCount() == 0
    assert (window.shown_plot, window.shown_grid, window.export.isEnabled()) == (None, None, False)
    driver.settle()
    window.close()


def test_turning_blind_ends_the_report_under_way(driver: Driver, project_path: Path) -> None:
    driver.show(project_path)
    driver.press("1", "Return", "Ctrl+Shift+A")
    window = driver.window.works.beside.reports.window
    assert window is not None
    window.ask()
    driver.window.actions_["view.blind"].trigger()
    driver.settle()
    assert window.report is None
    assert window.veil.isVisible()
    assert not window.cancel.isVisible()
    window.close()
