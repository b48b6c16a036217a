"""What starts jobs on a host, by its scheduler."""

from __future__ import annotations

from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.launch_detached import DetachedLauncher
from lrstudio.training.hosts.launcher import Launcher
from lrstudio.training.hosts.transport import Transport


def launcher_for(host: Host, transport: Transport) -> Launcher:
    """Return what starts jobs on a host."""
    del host
    return DetachedLauncher(transport)
