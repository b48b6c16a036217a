"""Hosts are described in the window: added, changed, removed, by the keyboard; nothing typed is lost unasked."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from lrstudio.qt.views.dialogs.hosts_window import HostsWindow
from lrstudio.qt.views.dialogs.training_dialogs import SureDialog
from lrstudio.services.settings import SettingsStore
from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.probe import Finding, Gpu, Probe
from lrstudio.viewstate.hosts_found import PREPARING, PROBING, NewKey, Standing
from tests.doubles.hosts_window import hosts_window, keep, kept
from tests.doubles.windows import Driver
from tests.e2e.test_window_accessible import unnamed

pytestmark = pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing")

LAB = Host("lab", "ann@lab.example.org")
ATTIC = Host("attic", "attic", python=("/opt/env/bin/python",))


def test_the_first_host_is_added_by_the_keyboard_alone(driver: Driver) -> None:
    driver.show()
    window = hosts_window(driver)
    assert window.nothing.isVisible()
    assert window.focusWidget() is window.add_first
    driver.key("Return", window.add_first)
    assert window.focusWidget() is window.form.name
    driver.type("lab")
    driver.key("Tab")
    driver.type("ann@lab.example.org")
    driver.key("Return")
    driver.until(lambda: kept() == (LAB,))
    driver.until(lambda: window.shown == "lab")
    assert window.hosts.current == "lab"
    assert window.focusWidget() is window.standing.probe
    assert not window.unsaved


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_saved(driver: Driver) -> None:
    driver.show()
    window = hosts_window(driver)
    window.begin_new()
    form = window.form
    form.name.setText("a b")
    form.address.setText("lab; id")
    driver.key("Return", form.name)
    assert "letters, digits" in form._rows["name"].note
    assert window.focusWidget() is form.name
    form.name.setText("lab")
    driver.key("Return", form.name)
    assert "An address is an alias" in form._rows["address"].note
    form.address.setText("lab")
    form.scheduler.select(Scheduler.SLURM)
    form.options[Scheduler.SLURM, "time_limit"].setText("two hours")
    driver.key("Return", form.address)
    assert form._option_rows[Scheduler.SLURM, "time_limit"].problem.isVisible()
    assert window.focusWidget() is form.options[Scheduler.SLURM, "time_limit"]
    assert kept() == ()
    form.options[Scheduler.SLURM, "time_limit"].setText("02:00:00")
    driver.key("Return")
    driver.until(lambda: [it.options for it in kept()] == [{"time_limit": "02:00:00"}])


def test_a_host_is_renamed_and_changed_in_its_place(driver: Driver) -> None:
    keep(LAB, ATTIC)
    driver.show()
    window = hosts_window(driver)
    assert [it.title for it in window.hosts.rows] == ["lab", "attic"]
    window.form.name.setText("lab-h200")
    window.form.folder.setText("/scratch/ann")
    driver.key("Ctrl+s", window.form.folder)
    driver.until(lambda: [it.name for it in kept()] == ["lab-h200", "attic"])
    assert kept()[0].folder == "/scratch/ann"
    driver.until(lambda: window.hosts.current == "lab-h200")


def test_a_name_that_another_host_has_is_refused(driver: Driver) -> None:
    keep(LAB, ATTIC)
    driver.show()
    window = hosts_window(driver)
    window.form.name.setText("attic")
    driver.key("Return", window.form.name)
    assert window.form._rows["name"].note == "Another host has this name."
    window._drop()
    keep(Host("cellar", "cellar"))  # by another program, meanwhile
    window.form.name.setText("cellar")
    driver.key("Return", window.form.name)
    driver.until(lambda: "Another host has this name" in window.form._rows["name"].note)
    assert [it.name for it in kept()] == ["lab", "attic", "cellar"]


def test_what_was_typed_is_lost_only_the_second_time(driver: Driver) -> None:
    keep(LAB, ATTIC)
    driver.show()
    window = hosts_window(driver)
    window.form.folder.setText("elsewhere")
    window.hosts.setFocus()
    driver.key("Down", window.hosts)
    assert window.shown == "lab"
    assert window.hosts.current == "lab"
    assert "choose once more" in window.problem.text()
    window.reject()
    assert window.isVisible()
    assert "close once more" in window.problem.text()
    driver.key("Down", window.hosts)
    driver.until(lambda: window.shown == "attic")
    assert window.form.folder.text() == "lrstudio"
    assert not window.problem.isVisible()


def test_removing_asks_first_and_loses_nothing_by_enter(driver: Driver) -> None:
    keep(LAB, ATTIC)
    driver.show()
    window = hosts_window(driver)
    window.hosts.setFocus()
    driver.key("Delete", window.hosts)
    driver.until(lambda: isinstance(QApplication.activeWindow(), SureDialog))
    sure = QApplication.activeWindow()
    assert isinstance(sure, SureDialog)
    assert sure.focusWidget() is sure.leave
    assert "Nothing is removed on it" in sure.findChildren(QLabel)[0].text()
    driver.key("Return", sure.leave)
    assert kept() == (LAB, ATTIC)
    window.remove.click()
    driver.until(lambda: isinstance(QApplication.activeWindow(), SureDialog))
    sure = QApplication.activeWindow()
    assert isinstance(sure, SureDialog)
    sure.go.click()
    driver.until(lambda: kept() == (ATTIC,))
    driver.until(lambda: window.shown == "attic")


def test_a_list_that_cannot_be_read_is_said(driver: Driver) -> None:
    path = SettingsStore().profile / "hosts.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{", encoding="utf-8")
    driver.show()
    hosts_window(driver)
    driver.until(lambda: "not valid JSON" in driver.window.banner.text)


PROBED = Probe((Finding("disk", False, "3 GiB are free", "make room"),), gpus=(Gpu("NVIDIA H200", 140, 61),))
STANDINGS: dict[str, Standing] = {
    "nothing": Standing(),
    "probed": Standing(probe=PROBED, at="2026-11-21T08:10:00+00:00"),
    "new key": Standing(key=NewKey("ssh-ed25519", "SHA256:abc"), trouble="not known yet"),
    "other key": Standing(refused_key=True, trouble="this host shows another key than before"),
    "preparing": Standing(doing=PREPARING, said="torch: 4 of 9 MB", share=0.4),
}


@pytest.mark.parametrize("what", STANDINGS)
def test_everything_has_a_name_and_is_reached_by_tab(driver: Driver, what: str) -> None:
    keep(LAB)
    driver.show()
    window = hosts_window(driver)
    window.show_standing("lab", STANDINGS[what])
    assert unnamed(window) == []
    assert [it for it in window.findChildren(QPushButton) if it.isDefault()] == []
    assert not window.isModal()
    reached = by_tab(driver, window)
    pane = window.standing
    wanted: list[QWidget] = [window.hosts, window.add, window.form.name, window.form.batch, window.save]
    wanted += {
        "probed": [pane.found, pane.probe, pane.prepare],
        "new key": [pane.key.fingerprint, pane.key.accept],
        "preparing": [pane.cancel],
    }.get(what, [pane.probe])
    for widget in wanted:
        assert widget in reached, widget.accessibleName()


def test_a_key_is_accepted_by_no_accident(driver: Driver) -> None:
    keep(LAB)
    driver.show()
    window = hosts_window(driver)
    asked: list[tuple[str, str]] = []
    window.accepted.disconnect()  # nobody is asked here
    window.accepted.connect(lambda name, fingerprint: asked.append((name, fingerprint)))
    window.form.name.setFocus(Qt.FocusReason.OtherFocusReason)
    window.show_standing("lab", STANDINGS["new key"])
    assert window.focusWidget() is window.form.name
    assert not window.standing.prepare.isEnabled()
    assert "SHA256:abc" in window.standing.key.fingerprint.toPlainText()
    driver.key("Return", window.form.name)
    assert asked == []
    window.standing.key.accept.click()
    assert asked == [("lab", "SHA256:abc")]
    window.standing.key.accept.setFocus(Qt.FocusReason.OtherFocusReason)
    window.show_standing("lab", Standing(doing=PROBING))
    assert window.focusWidget() is window.standing.cancel
    window.show_standing("lab", STANDINGS["probed"])
    assert window.focusWidget() is window.standing.probe
    window.show_standing("lab", STANDINGS["other key"])
    assert not window.standing.key.isVisible()
    assert "another key" in window.standing.trouble.text()


def by_tab(driver: Driver, window: HostsWindow) -> list[QWidget]:
    """Every widget that Tab leads to, from the list of hosts on."""
    window.hosts.setFocus()
    found: list[QWidget] = []
    while (now := window.focusWidget()) is not None and now not in found:
        found.append(now)
        driver.key("Tab", now)
    return found


def test_hosts_are_in_the_menu_without_a_project(driver: Driver) -> None:
    driver.show()
    assert driver.window.actions_["hosts.open"].isEnabled()
