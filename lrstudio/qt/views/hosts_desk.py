"""Shows the hosts, and carries out what a person wants of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from lrstudio.domain.errors import Refused
from lrstudio.qt.bridge.operations import Operations
from lrstudio.qt.theme.palette import ThemeSwitch
from lrstudio.qt.views.desk import Desk, bring_up
from lrstudio.qt.views.hosts_known import HostsKnown
from lrstudio.training.hosts.host import Host

if TYPE_CHECKING:
    from lrstudio.qt.views.dialogs.hosts_window import HostsWindow


class HostsDesk(Desk):
    """One window at most. Hosts are the profile's, so no project need be open."""

    def __init__(self, window: QWidget, operations: Operations, switch: ThemeSwitch, *, known: HostsKnown) -> None:
        super().__init__(window, operations, switch)
        self._known = known
        self._dialog: HostsWindow | None = None
        self._wanted = ""
        known.listed.connect(self._listed)
        known.changed.connect(self._standing)
        known.told.connect(self.told)

    def show(self, name: str = "") -> None:
        """Show the hosts, and one of them."""
        from lrstudio.qt.views.dialogs.hosts_window import HostsWindow

        self._wanted = name
        if self._dialog is None:
            dialog = self._dialog = HostsWindow(self._switch, self._window)
            dialog.save_wanted.connect(self._save)
            dialog.remove_wanted.connect(self._ask_remove)
            dialog.probe_wanted.connect(self._known.probe)
            dialog.prepare_wanted.connect(self._known.prepare)
            dialog.cancel_wanted.connect(self._known.cancel)
            dialog.accepted.connect(self._known.accept)
            dialog.destroyed.connect(self._forget)
            for it in self._known.hosts:
                dialog.show_standing(it.name, self._known.standing(it.name))
        self._known.load()
        bring_up(self._dialog)

    def _listed(self) -> None:
        if self._dialog is not None:
            chosen, self._wanted = self._wanted, ""
            self._dialog.show_hosts(self._known.hosts, chosen=chosen)

    def _standing(self, name: str) -> None:
        if self._dialog is not None:
            self._dialog.show_standing(name, self._known.standing(name))

    def _save(self, host: Host, old: str) -> None:
        dialog = self._dialog

        def done() -> None:
            if dialog is not None and self._dialog is dialog:
                dialog.saved(host.name)
                dialog.show_hosts(self._known.hosts, chosen=host.name)
                dialog.standing.probe.setFocus()

        def failed(error: Refused) -> None:
            if dialog is not None and self._dialog is dialog:
                dialog.refuse(error)

        self._known.save(host, old, done=done, failed=failed)

    def _ask_remove(self, name: str) -> None:
        from lrstudio.qt.views.dialogs.training_dialogs import SureDialog
        from lrstudio.viewstate.hosts_found import remove_words

        dialog = SureDialog(f"Remove {name}?", remove_words(name), "Remove", self._dialog or self._window)
        dialog.agreed.connect(lambda: self._known.remove(name))
        dialog.show()

    def _forget(self) -> None:
        self._dialog = None
