"""The usual carrier: the package asyncssh, which reads ~/.ssh/config, asks the agent and goes through jump hosts."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, Any, Final, cast

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.address import Address
from lrstudio.training.hosts.host_keys import KnownHosts, machine_of, not_let_in
from lrstudio.training.hosts.link import ALIVE_TIMES, CONNECT_SECONDS
from lrstudio.training.hosts.quoting import ENTRY
from lrstudio.training.hosts.transport import Unreachable

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection, SSHClientConnectionOptions, SSHKey

MAX_HOPS: Final = 8
_CLOSE_SECONDS: Final = 1


class _Watch:
    """What is seen of a connection from within."""

    def __init__(self) -> None:
        self.shown: SSHKey | None = None
        self.ended: str | None = None
        self.listeners: list[Callable[[str], None]] = []

    def end(self, why: str) -> None:
        self.ended = why
        for told in self.listeners:
            told(why)


class AsyncsshCarrier:
    """A connection of asyncssh."""

    tells_status = False

    def __init__(self, connection: SSHClientConnection, hops: AsyncExitStack, watch: _Watch) -> None:
        self._connection = connection
        self._hops = hops
        self._watch = watch

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
        return self._watch.ended is None

    def when_lost(self, told: Callable[[str], None]) -> None:
        """Tell why, once, when the connection ends."""
        if self._watch.ended is None:
            self._watch.listeners.append(told)
        else:
            told(self._watch.ended)

    async def close(self) -> None:
        """Close the connection and those that it goes through."""
        self._watch.listeners.clear()
        await self._hops.aclose()


async def connect(address: str, *, alive_seconds: int) -> AsyncsshCarrier:
    """Connect to a host, and to the jump hosts before it.

    Raises:
        Refused: its key is unknown or has changed, nobody is let in, or ~/.ssh/config cannot be read.
        Unreachable: it does not answer.
    """
    async with AsyncExitStack() as hops:
        connection, watch = await _hop(Address.read(address), hops=hops, left=MAX_HOPS, alive_seconds=alive_seconds)
        return AsyncsshCarrier(connection, hops.pop_all(), watch)


async def _hop(
    address: Address, *, hops: AsyncExitStack, left: int, alive_seconds: int
) -> tuple[SSHClientConnection, _Watch]:
    """Connect to a machine behind those that lead to it. Each is a connection of ours, so that its key is shown to a
    person and its silence is noticed like any other's.
    """
    import asyncssh

    if not left:
        raise Refused("the jump hosts lead to each other without an end: see ProxyJump in ~/.ssh/config")
    options = _options(address)
    via: SSHClientConnection | None = None
    for jump in filter(None, str(options.tunnel or "").split(",")):
        via, _ = await _hop(Address.read(jump), hops=hops, left=left - 1, alive_seconds=alive_seconds)
    machine = machine_of(options.host, options.port, alias=options.host_key_alias or "")
    known = KnownHosts(users=_files(options, "UserKnownHostsFile"), everybodys=_files(options, "GlobalKnownHostsFile"))
    trusted = known.match(machine)
    watch = _Watch()

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: SSHKey) -> bool:
            del host, addr, port
            watch.shown = key
            return False

        def connection_lost(self, exc: Exception | None) -> None:
            watch.end(_why(exc) if exc else "the host closed the connection")

    settings = _settings(address) | {
        "client_factory": Client,
        "known_hosts": lambda *_: trusted,
        "tunnel": via,
        "keepalive_interval": alive_seconds,
        "keepalive_count_max": ALIVE_TIMES,
        "client_keys": _keys(options),
        "ignore_encrypted": True,  # nobody is asked for a passphrase; what the agent has is the agent's
    }
    try:
        connection = await _reach(address.machine, settings, is_known=bool(trusted[0]))
    except asyncssh.HostKeyNotVerifiable as error:
        if watch.shown:
            raise known.fault(machine, watch.shown) from error
        raise Refused(f"this host does not prove who it is ({error.reason})", where=machine) from error
    except asyncssh.PermissionDenied as error:
        raise not_let_in(machine, user=options.username) from error
    except ValueError as error:
        raise _unread(error, address) from error
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(f"{machine} cannot be reached ({_why(error)})") from error
    hops.push_async_callback(_close, connection)
    return connection, watch


async def _reach(machine: str, settings: dict[str, Any], *, is_known: bool) -> SSHClientConnection:
    """Connect, by a key of the kinds that are known. A host that has none of them ends the connection, as one that has
    no room does; only when it does so again, the key that it has is judged.
    """
    import asyncssh

    if not is_known:
        return await asyncssh.connect(machine, **settings)
    for _ in range(2):
        try:
            return await asyncssh.connect(machine, **settings)
        except asyncssh.KeyExchangeFailed:
            break
        except (asyncssh.ConnectionLost, ConnectionResetError):
            pass
    return await asyncssh.connect(machine, **settings, server_host_key_algs="default")


def _settings(address: Address) -> dict[str, Any]:
    """Say what ~/.ssh/config may not: how silence is noticed, and that nothing is forwarded or run beside."""
    return {
        "port": address.port or (),
        "username": address.user or (),
        "connect_timeout": CONNECT_SECONDS,
        "login_timeout": CONNECT_SECONDS,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "request_pty": False,
        "command": None,
    }


def _options(address: Address) -> SSHClientConnectionOptions:
    import asyncssh

    try:
        return asyncssh.SSHClientConnectionOptions(
            host=address.machine, config=(), client_keys=None, agent_path=None, **_settings(address)
        )
    except (ValueError, OSError) as error:
        raise _unread(error, address) from error


def _unread(error: Exception, address: Address) -> Refused:
    return Refused(f"~/.ssh/config or a key that it names cannot be read: {error}", where=address.machine)


def _keys(options: SSHClientConnectionOptions) -> list[str] | tuple[()]:
    """Return the keys that ~/.ssh/config names and that are there, as ssh takes them; () for its own choice."""
    named = _files(options, "IdentityFile")
    return [file for file in named if Path(file).expanduser().is_file()] if named else ()


def _files(options: SSHClientConnectionOptions, name: str) -> list[str]:
    found = options.config.get(name, ())
    return [str(file) for file in found] if isinstance(found, list | tuple) else []


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError):
        # asyncio puts an address into strerror, and lists the numbers alone where a name has several addresses.
        numbers = [error.errno] if error.errno else [int(it) for it in re.findall(r"\[Errno (\d+)\]", str(error))]
        known = dict.fromkeys(os.strerror(it).lower() for it in numbers if it > 0)
        return ", ".join(known) or error.strerror or str(error)
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
