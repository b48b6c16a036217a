"""The window over a shared database: two people at once, and a server that goes away."""

from __future__ import annotations

import pytest

from lrstudio.domain.places import DatabaseUrl, whereabouts
from lrstudio.domain.verdicts import Support
from lrstudio.qt.views.buttons import Button
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import open_project
from tests.doubles.postgres_server import PostgresServer
from tests.doubles.windows import Driver, make_project

pytestmark = pytest.mark.server("postgresql")


@pytest.fixture
def shared(postgres: PostgresServer) -> DatabaseUrl:
    return make_project(postgres.new_database())


def test_what_somebody_else_decides_appears_and_ones_own_is_kept(driver: Driver, shared: DatabaseUrl) -> None:
    driver.show(shared)
    first, second = (row.target for row in driver.audit.rows[:2])
    other = open_project(shared, reviewer="bob")
    other.decisions.override(second, support=Support.FULL)
    driver.until(lambda: driver.audit.rows[1].decided)
    assert driver.audit.rows[1].you.tooltip.startswith("bob")
    driver.press("3", "Return")
    driver.until(lambda: driver.audit.rows[0].decided)
    assert [it.reviewer for it in other.reviewers.decisions()] == ["bob", "ada"]
    assert other.reviewers.decisions("ada")[0].target == first
    other.close()
    assert driver.crashes == []


def test_it_is_among_the_recent_projects(driver: Driver, shared: DatabaseUrl) -> None:
    driver.show(shared)
    driver.until(lambda: SettingsStore().load().recent == (shared,))
    recent = SettingsStore().load().recent
    driver.window.start_page.set_recent(recent)
    entry = next(it for it in driver.window.start_page.findChildren(Button) if it.toolTip() == str(shared))
    assert entry.accessibleName() == f"Open {shared.database} in {whereabouts(shared)}"
    driver.window.works.desk.close()
    driver.until(lambda: driver.window.works.desk.project is None)
    entry = next(it for it in driver.window.start_page.findChildren(Button) if it.toolTip() == str(shared))
    entry.click()
    driver.until(lambda: driver.window.works.desk.project is not None)
    driver.settle()


def test_a_server_that_goes_away_is_a_banner_and_comes_back(
    driver: Driver, shared: DatabaseUrl, postgres: PostgresServer
) -> None:
    driver.show(shared)
    postgres.stop()
    try:
        driver.key("3")
        driver.key("Return")
        driver.until(lambda: "server" in driver.window.banner.text)
    finally:
        postgres.start()
    driver.window.banner.action_button.click()
    driver.until(lambda: driver.audit.rows[0].decided)
    assert driver.crashes == []
