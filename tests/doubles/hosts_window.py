"""The window over hosts, opened and filled in by the keyboard."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from lrstudio.qt.views.dialogs.hosts_window import HostsWindow
from lrstudio.services.hosts import Hosts
from lrstudio.services.settings import SettingsStore
from lrstudio.training.hosts.host import Host
from tests.doubles.windows import Driver


def kept() -> tuple[Host, ...]:
    """The hosts of the profile, as another program reads them."""
    return Hosts(SettingsStore()).list()


def keep(*hosts: Host) -> None:
    for host in hosts:
        Hosts(SettingsStore()).save(host)


def hosts_window(driver: Driver) -> HostsWindow:
    """Open it by its shortcut and wait until the hosts are in it."""
    driver.key("Ctrl+Shift+h", to=driver.window)
    driver.until(lambda: isinstance(QApplication.activeWindow(), HostsWindow))
    window = QApplication.activeWindow()
    assert isinstance(window, HostsWindow)
    driver.until(lambda: not driver.window.works.operations.is_busy)
    return window
