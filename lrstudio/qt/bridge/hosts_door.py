"""The hosts of a person as the window has them: one service with one connection to each, made when first wanted."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrstudio.services.hosts import Hosts
    from lrstudio.services.settings import SettingsStore


class HostsDoor:
    """Light: what speaks to hosts is imported only when one is to be asked."""

    def __init__(self, settings: SettingsStore) -> None:
        self._settings = settings
        self._lock = Lock()
        self._service: Hosts | None = None

    def service(self) -> Hosts:
        """Return the hosts; to be called off the GUI thread."""
        with self._lock:
            if self._service is None:
                from lrstudio.services.wiring import person_hosts

                self._service = person_hosts(self._settings)
            return self._service

    def close(self) -> None:
        """Close the connections; what waits for an answer gets none."""
        with self._lock:
            service = self._service
        if service is not None:
            service.close()
