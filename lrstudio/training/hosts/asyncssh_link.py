"""The usual carrier: the package asyncssh, which reads ~/.ssh/config, asks the agent and goes through jump hosts."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from signal import Signals
from typing import TYPE_CHECKING, Any, Final, cast

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.host_keys import KnownHosts, machine_of
from lrstudio.training.hosts.link import ALIVE_SECONDS, ALIVE_TIMES, CONNECT_SECONDS
from lrstudio.training.hosts.quoting import ENTRY
from lrstudio.training.hosts.transport import Unreachable

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection, SSHClientConnectionOptions, SSHKey

MAX_HOPS: Final = 8
_CLOSE_SECONDS: Final = 1
_ADDRESS = re.compile(r"(?:(?P<user>[^@]+)@)?(?:\[(?P<ip>[^\]]+)\]|(?P<machine>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a host is: an alias or machine, and what was said of user and port."""

    machine: str
    user: str = ""
    port: int | None = None

    @classmethod
    def read(cls, text: str) -> Address:
        """Read `[user@]machine[:port]`.

        Raises:
            Refused: it is no address.
        """
        found = _ADDRESS.fullmatch(text)
        port = int(found["port"]) if found and found["port"] else None
        if not found or (port is not None and not 0 < port < 65536):
            raise Refused("an address is an alias of ~/.ssh/config, or [user@]machine[:port]", where=text)
        return cls(found["ip"] or found["machine"], found["user"] or "", port)


class AsyncsshCarrier:
    """A connection of asyncssh."""

    tells_status = False

    def __init__(self, connection: SSHClientConnection, hops: AsyncExitStack) -> None:
        self._connection = connection
        self._hops = hops

    async def run(self, data: bytes) -> tuple[int, bytes, bytes]:
        """Send bytes to `quoting.ENTRY`."""
        done = await self._connection.run(ENTRY, input=data, encoding=None, request_pty=False)
        out, err = cast("bytes", done.stdout or b""), cast("bytes", done.stderr or b"")
        if done.exit_signal:
            return -_number(done.exit_signal[0]), out, err
        if done.exit_status is None:
            raise Unreachable("the connection broke while a command ran")
        return done.exit_status, out, err

    async def sftp(self) -> SFTPClient:
        """Open an SFTP session."""
        return await self._connection.start_sftp_client(path_errors="surrogateescape")

    def is_up(self) -> bool:
        """Tell whether the connection is there, as far as it is known."""
        return not self._connection.is_closed()

    async def close(self) -> None:
        """Close the connection and those that it goes through."""
        await self._hops.aclose()


async def connect(address: str) -> AsyncsshCarrier:
    """Connect to a host, and to the jump hosts before it.

    Raises:
        Refused: its key is unknown or has changed, nobody is let in, or ~/.ssh/config cannot be read.
        Unreachable: it does not answer.
    """
    async with AsyncExitStack() as hops:
        connection = await _hop(Address.read(address), hops=hops, left=MAX_HOPS)
        return AsyncsshCarrier(connection, hops.pop_all())


async def _hop(address: Address, *, hops: AsyncExitStack, left: int) -> SSHClientConnection:
    """Connect to a machine behind those that lead to it. Each is a connection of ours, so that its key is shown to a
    person and its silence is noticed like any other's.
    """
    import asyncssh

    if not left:
        raise Refused("the jump hosts lead to each other without an end: see ProxyJump in ~/.ssh/config")
    options = _options(address)
    via: SSHClientConnection | None = None
    for jump in filter(None, str(options.tunnel or "").split(",")):
        via = await _hop(Address.read(jump), hops=hops, left=left - 1)
    machine = machine_of(options.host, options.port, alias=options.host_key_alias or "")
    known = KnownHosts(users=_files(options, "UserKnownHostsFile"), everybodys=_files(options, "GlobalKnownHostsFile"))
    trusted = known.match(machine)
    shown: list[SSHKey] = []

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:
            del host, addr, port
            shown.append(key)
            return False

    settings = _settings(address) | {"client_factory": Client, "known_hosts": lambda *_: trusted, "tunnel": via}
    try:
        connection = await asyncssh.connect(address.machine, **settings)
    except asyncssh.HostKeyNotVerifiable as error:
        if shown:
            raise known.fault(machine, shown[0]) from error
        raise Refused(f"this host does not prove who it is ({error.reason})", where=machine) from error
    except asyncssh.PermissionDenied as error:
        raise _not_let_in(machine, user=options.username) from error
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(f"{machine} cannot be reached ({_why(error)})") from error
    hops.push_async_callback(_close, connection)
    return connection


def _settings(address: Address) -> dict[str, Any]:
    """Say what ~/.ssh/config may not: how silence is noticed, and that nothing is forwarded or run beside."""
    return {
        "port": address.port or (),
        "username": address.user or (),
        "connect_timeout": CONNECT_SECONDS,
        "login_timeout": CONNECT_SECONDS,
        "keepalive_interval": ALIVE_SECONDS,
        "keepalive_count_max": ALIVE_TIMES,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "request_pty": False,
        "command": None,
    }


def _options(address: Address) -> SSHClientConnectionOptions:
    import asyncssh

    try:
        return asyncssh.SSHClientConnectionOptions(host=address.machine, **_settings(address))
    except (ValueError, OSError) as error:
        raise Refused(f"~/.ssh/config or a key that it names cannot be read: {error}", where=address.machine) from error


def _files(options: SSHClientConnectionOptions, name: str) -> list[str]:
    found = options.config.get(name, ())
    return [str(file) for file in found] if isinstance(found, list | tuple) else []


def _not_let_in(machine: str, *, user: str) -> Refused:
    return Refused(
        f"this host does not let {user} in with the keys that are here. Put your public key there (ssh-copy-id); a key "
        "with a passphrase must be with the agent (ssh-add). Where it asks for more than a key, choose the way openssh",
        where=machine,
    )


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(getattr(error, "reason", "") or error)


def _number(signal: str) -> int:
    try:
        return Signals[f"SIG{signal}"]
    except KeyError:
        return Signals.SIGKILL


async def _close(connection: SSHClientConnection) -> None:
    connection.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.wait_closed()
            return
    connection.abort()
