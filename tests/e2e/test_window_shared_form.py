"""A shared project is made, tried and opened in the window; its password ends nowhere in plain text."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import keyring.backend
import pytest
from PySide6.QtWidgets import QApplication, QPushButton

from lrstudio.domain.places import DatabaseUrl
from lrstudio.qt.views.dialogs.shared_dialog import SharedDialog
from lrstudio.services.database_keys import find_database_password
from lrstudio.services.settings import SettingsStore
from lrstudio.services.wiring import open_project
from tests.doubles.postgres_server import PASSWORD, USER, PostgresServer
from tests.doubles.windows import Driver, make_project

pytestmark = [
    pytest.mark.server("postgresql"),
    pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing"),
]


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.delenv("PGPASSFILE", raising=False)
    before, ring = keyring.get_keyring(), Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def over_the_network(place: DatabaseUrl) -> DatabaseUrl:
    return DatabaseUrl("127.0.0.1", place.port, place.database, USER)


def form(driver: Driver) -> SharedDialog:
    driver.key("Ctrl+Shift+o", to=driver.window)
    driver.until(lambda: isinstance(QApplication.activeWindow(), SharedDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, SharedDialog)
    driver.until(lambda: not driver.window.works.operations.is_busy)
    return dialog


def fill(dialog: SharedDialog, place: DatabaseUrl, password: str = "") -> None:
    dialog.host.setText(place.host)
    dialog.port.setValue(place.port)
    dialog.database.setText(place.database)
    dialog.user.setText(place.user)
    dialog.password.setText(password)


def everything_written() -> str:
    profile = SettingsStore().profile
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in profile.rglob("*") if path.is_file())


def test_a_project_is_opened_with_a_typed_password_that_is_written_nowhere(
    driver: Driver, postgres: PostgresServer, ring: Ring
) -> None:
    place = over_the_network(make_project(postgres.new_database()))
    driver.show()
    dialog = form(driver)
    fill(dialog, place, PASSWORD)
    dialog.password.setFocus()
    driver.key("Return")
    driver.until(lambda: driver.window.works.desk.project is not None)
    driver.settle()
    assert driver.window.windowTitle().startswith("Skarrow")
    assert len(driver.audit.rows) > 1
    driver.until(lambda: SettingsStore().load().recent == (place,))
    assert PASSWORD not in everything_written()
    assert PASSWORD not in str(driver.window.works.desk.project.path)
    assert ring.kept == {}


def test_an_empty_database_is_tried_and_a_project_made_in_it(driver: Driver, postgres: PostgresServer) -> None:
    place = postgres.new_database()
    driver.show()
    dialog = form(driver)
    fill(dialog, place)
    dialog.test_button.click()
    driver.until(lambda: "empty" in dialog.outcome.text())
    assert dialog.outcome.text() == "It answers, not encrypted: the database is empty. Create makes a project in it."
    dialog.open_button.click()
    driver.until(lambda: "Create makes a project" in dialog.problem.text())
    assert driver.window.works.desk.project is None
    dialog.title.setText("Harbours")
    dialog.title.setFocus()
    driver.key("Return")
    driver.until(lambda: driver.window.works.desk.project is not None)
    driver.settle()
    assert driver.window.windowTitle().startswith("Harbours")
    made = open_project(place)
    assert made.title == "Harbours"
    made.close()


def test_a_test_changes_nothing_and_names_the_project(driver: Driver, postgres: PostgresServer) -> None:
    place = make_project(postgres.new_database())
    driver.show()
    dialog = form(driver)
    dialog.host.setText(str(place))
    dialog.test_button.click()
    driver.until(lambda: "Skarrow" in dialog.outcome.text())
    assert (dialog.host.text(), dialog.database.text()) == (place.host, place.database)
    assert driver.window.works.desk.project is None


def test_what_keeps_one_out_is_said_in_the_form(driver: Driver, postgres: PostgresServer) -> None:
    place = over_the_network(postgres.new_database())
    driver.show()
    dialog = form(driver)
    dialog.open_button.click()
    assert dialog.problem.text() == "Database: name the database"
    fill(dialog, place, "a wrong one")
    dialog.open_button.click()
    driver.until(lambda: "does not let this user in" in dialog.problem.text())
    assert dialog.focusWidget() is dialog.password
    assert "a wrong one" not in dialog.problem.text()
    fill(dialog, DatabaseUrl(place.host, place.port, "nowhere", USER), PASSWORD)
    dialog.open_button.click()
    driver.until(lambda: "no database of this name" in dialog.problem.text())
    fill(dialog, DatabaseUrl(place.host, 1, "nowhere", USER), PASSWORD)
    dialog.open_button.click()
    driver.until(lambda: "port 1" in dialog.problem.text())
    assert dialog.open_button.isEnabled()
    assert driver.crashes == []


def test_a_database_with_other_tables_is_left_alone(driver: Driver, postgres: PostgresServer) -> None:
    place = postgres.new_database()
    postgres.run("CREATE TABLE theirs (one integer)", on=place)
    driver.show()
    dialog = form(driver)
    fill(dialog, place)
    dialog.test_button.click()
    driver.until(lambda: "1 other table" in dialog.outcome.text())
    dialog.create_button.click()
    driver.until(lambda: "holds other tables" in dialog.problem.text())


def test_a_password_that_is_to_be_kept_goes_to_the_key_store(
    driver: Driver, postgres: PostgresServer, ring: Ring
) -> None:
    place = over_the_network(make_project(postgres.new_database()))
    driver.show()
    dialog = form(driver)
    fill(dialog, place, PASSWORD)
    dialog.keep.setChecked(True)
    dialog.open_button.click()
    driver.until(lambda: driver.window.works.desk.project is not None and bool(ring.kept))
    driver.settle()
    assert find_database_password(place) == PASSWORD
    assert PASSWORD not in everything_written()


def test_a_wrong_password_is_not_kept(driver: Driver, postgres: PostgresServer, ring: Ring) -> None:
    place = over_the_network(make_project(postgres.new_database()))
    driver.show()
    dialog = form(driver)
    fill(dialog, place, "a wrong one")
    dialog.keep.setChecked(True)
    dialog.open_button.click()
    driver.until(lambda: "does not let" in dialog.problem.text())
    assert ring.kept == {}


def test_a_recent_project_whose_password_is_not_kept_leads_to_the_form(
    driver: Driver, postgres: PostgresServer
) -> None:
    place = over_the_network(make_project(postgres.new_database()))
    driver.window.painted.connect(lambda: driver.window.begin(place))
    driver.window.show()
    driver.activate()
    driver.until(lambda: driver.window.banner.action_button.text() == "Connect…")
    driver.window.banner.action_button.click()
    driver.until(lambda: isinstance(QApplication.activeWindow(), SharedDialog))
    dialog = QApplication.activeWindow()
    assert isinstance(dialog, SharedDialog)
    assert (dialog.host.text(), dialog.database.text()) == (place.host, place.database)
    assert "does not let this user in" in dialog.problem.text()
    dialog.password.setText(PASSWORD)
    dialog.open_button.click()
    driver.until(lambda: driver.window.works.desk.project is not None)
    driver.settle()


def test_the_open_project_stays_until_the_other_one_is_there(
    driver: Driver, project_path, postgres: PostgresServer
) -> None:
    driver.show(project_path)
    here = driver.window.works.desk.project
    dialog = form(driver)
    fill(dialog, postgres.url("nowhere"))
    dialog.open_button.click()
    driver.until(lambda: "no database of this name" in dialog.problem.text())
    assert driver.window.works.desk.project is here
    fill(dialog, make_project(postgres.new_database()))
    dialog.open_button.click()
    driver.until(lambda: isinstance(getattr(driver.window.works.desk.project, "path", None), DatabaseUrl))
    driver.settle()
    assert driver.audit.rows


def test_closing_the_form_gives_up_what_is_under_way(driver: Driver, postgres: PostgresServer) -> None:
    place = make_project(postgres.new_database())
    driver.show()
    dialog = form(driver)
    fill(dialog, place)
    gate = driver.hold_up()
    dialog.open_button.click()
    dialog.close()
    gate.set()
    driver.until(lambda: not driver.window.works.operations.is_busy)
    assert driver.window.works.desk.project is None
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'"
    driver.until(lambda: postgres.run(count.format(place.database)) == [[0]])


def test_the_password_is_hidden_and_no_button_blocks(driver: Driver) -> None:
    driver.show()
    dialog = form(driver)
    dialog.password.setText("hunter2")
    assert "hunter2" not in dialog.password.displayText()
    assert not dialog.isModal()
    assert [it for it in dialog.findChildren(QPushButton) if it.isDefault()] == []
