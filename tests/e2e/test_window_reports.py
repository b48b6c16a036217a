"""Reports from the keyboard of the real window."""

from __future__ import annotations

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
