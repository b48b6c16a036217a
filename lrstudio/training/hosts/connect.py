"""Connections to hosts, one at a time; `Links` keeps them."""

from __future__ import annotations

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts import asyncssh_link, host_keys, openssh_link
from lrstudio.training.hosts.far_faults import need_asyncssh
from lrstudio.training.hosts.host import Host, Way
from lrstudio.training.hosts.host_keys import UnknownHostKey
from lrstudio.training.hosts.link import ALIVE_SECONDS, Carrier, Link
from lrstudio.training.hosts.loop import Loop


def connect(host: Host, *, loop: Loop, alive_seconds: int = ALIVE_SECONDS) -> Link:
    """Connect to a host.

    Args:
        host: which, and by which way.
        loop: carries the connection.
        alive_seconds: how long a peer is silent before it is asked whether it lives; its loss is seen after
            (`ALIVE_TIMES` + 1) of these.

    Raises:
        UnknownHostKey: nobody has accepted its key yet, or that of a jump host before it; see `accept`.
        Refused: its key has changed, nobody is let in, ~/.ssh/config is broken, or a package is not installed.
        Unreachable: it does not answer.
    """
    need_asyncssh()
    return Link(host.name, loop.run(_dial(host, alive_seconds)), loop=loop)


def accept(host: Host, fingerprint: str, *, loop: Loop) -> None:
    """Know the key of a host, or of a jump host before it, that a person has compared.

    Raises:
        Refused: it shows another key than the one that was compared.
        Unreachable: it does not answer.
    """
    try:
        connect(host, loop=loop).close()
    except UnknownHostKey as unknown:
        if unknown.fingerprint != fingerprint:
            said = f"this host now shows {unknown.fingerprint}, not the key that was accepted ({fingerprint})"
            raise Refused(said, where=unknown.machine) from unknown
        host_keys.accept(unknown)


async def _dial(host: Host, alive_seconds: int) -> Carrier:
    if host.way is Way.OPENSSH:
        return await openssh_link.connect(host.address, alive_seconds=alive_seconds)
    return await asyncssh_link.connect(host.address, alive_seconds=alive_seconds)
