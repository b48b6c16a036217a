"""The launcher of a host, by its scheduler."""

from __future__ import annotations

from lrstudio.training.hosts.host import Host, Scheduler
from lrstudio.training.hosts.launch_detached import DetachedLauncher
from lrstudio.training.hosts.launch_ray import RayLauncher
from lrstudio.training.hosts.launch_slurm import SlurmLauncher
from lrstudio.training.hosts.launcher import Launcher
from lrstudio.training.hosts.transport import Transport


def launcher_for(host: Host, transport: Transport) -> Launcher:
    """Return what starts jobs on a host, through a connection to it."""
    match host.scheduler:
        case Scheduler.SLURM:
            return SlurmLauncher(transport, host.options)
        case Scheduler.RAY:
            return RayLauncher(transport, host.options)
        case Scheduler.NONE:
            return DetachedLauncher(transport)
