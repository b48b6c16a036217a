"""From the name of a host to what can be asked there: the connection, the studio's package, what starts jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from lrstudio.training.hosts.batch_job import Reached
from lrstudio.training.hosts.bootstrap import Bootstrap, Prepared, training_wanted
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.launcher import Launcher
from lrstudio.training.hosts.transport import Transport


class KnownHosts(Protocol):
    """The hosts of a person, as batches need them."""

    def get(self, name: str) -> Host:
        """Return a host; Refused where there is none of this name."""

    def transport(self, name: str) -> Transport:
        """Return the way to a host; what it raises is its own."""


class BatchReach:
    """Reaches hosts and puts the studio's package there, once; nothing that trains is needed. Safe from any thread."""

    def __init__(self, hosts: KnownHosts, *, launcher: Callable[[Host, Transport], Launcher]) -> None:
        self._hosts = hosts
        self._launcher = launcher
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Host, Prepared]] = {}

    def __call__(self, name: str) -> Reached:
        """Return a host that can be asked.

        Raises:
            Refused: there is no such host, nobody is let in, or it has no Python that is new enough.
            Unreachable: it does not answer.
            Environment: the package cannot be put there.
        """
        host, transport = self._hosts.get(name), self._hosts.transport(name)
        with self._lock:
            described, made = self._known.get(name, (None, None))
        if made is None or described != host:
            bootstrap = Bootstrap(host, transport, wanted=training_wanted())
            made = bootstrap.carry(progress=lambda _step: None, cancelled=lambda: False)
            with self._lock:
                self._known[name] = (host, made)
        return Reached(host, transport, self._launcher(host, transport), made.python, made.variables, made.folder)
