"""The other carrier: the system's own ssh, for hosts that ask for more than asyncssh can answer.

One process of it carries the files and, where ssh can share a connection, the commands too. It never asks anything: a
connection that a person has opened and shares (`ControlMaster` in ~/.ssh/config) is used as it is.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrstudio.domain.errors import Refused, StudioError
from lrstudio.training.hosts.address import Address
from lrstudio.training.hosts.host_keys import SSH_PORT, KnownHosts, machine_of, not_let_in
from lrstudio.training.hosts.link import ALIVE_TIMES, CONNECT_SECONDS
from lrstudio.training.hosts.piped_sftp import sftp_over
from lrstudio.training.hosts.quoting import ENTRY
from lrstudio.training.hosts.transport import Unreachable

if TYPE_CHECKING:
    from asyncssh import SFTPClient

_OPTIONS: Final = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "ServerAliveCountMax": str(ALIVE_TIMES),
    "ConnectTimeout": str(CONNECT_SECONDS),
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "ClearAllForwardings": "yes",
    "RequestTTY": "no",
    "RemoteCommand": "none",
    "PermitLocalCommand": "no",
    "LogLevel": "ERROR",
}
_LOGIN_SECONDS: Final = 3 * CONNECT_SECONDS
_LAST_WORDS_SECONDS: Final = 5.0
"""The connection, its jump hosts and the login; ssh bounds only the first of them."""

_SHARED: Final = os.name == "posix"
_KEPT: Final = 1 << 14


class OpensshCarrier:
    """A connection of the system's ssh."""

    tells_status = True  # its own status says 255 both of a broken link and of a command that ends so

    def __init__(self, words: Sequence[str], machine: str, folder: Path, *, later: Sequence[str]) -> None:
        self._words = [*words, "-T"]
        self._later = later
        self._machine = machine
        self._folder = folder
        self._processes: list[Process] = []
        self._first: SFTPClient | None = None
        self._listeners: list[Callable[[str], None]] = []
        self._ended: str | None = None
        self._said = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ears: list[asyncio.Task[None]] = []

    async def open(self, *, alive_seconds: int) -> None:
        """Start the process that carries the connection.

        Args:
            alive_seconds: a connection of somebody else is asked so often whether it lives; one's own asks by itself.

        Raises:
            EOFError, asyncssh.Error, OSError: it ended or does not answer; `said` tells why.
        """
        control = ["-o", "ControlMaster=yes"] if self._later else []
        async with asyncio.timeout(_LOGIN_SECONDS):
            self._first = await self._sftp([*self._words, *control])
        self._watch(self._lifeline(self._processes[0]))
        if _SHARED and not self._later:
            self._watch(self._ask_often(self._first, self._processes[0], alive_seconds))
        self._words += self._later

    @property
    def said(self) -> str:
        """What ssh wrote about itself."""
        return self._said.decode("utf-8", "replace")

    async def run(self, data: bytes) -> tuple[int, bytes, bytes]:
        """Send bytes to `quoting.ENTRY`."""
        process = await _start([*self._words, "--", self._machine, ENTRY])
        try:
            out, err = await process.communicate(data)
        except BaseException:
            await _end(process)
            raise
        return process.returncode or 0, out, err

    async def sftp(self) -> SFTPClient:
        """Open an SFTP session; the first one came with the connection."""
        first, self._first = self._first, None
        return first or await self._sftp(self._words)

    def is_up(self) -> bool:
        """Tell whether the connection is there, as far as it is known."""
        return self._ended is None

    def when_lost(self, told: Callable[[str], None]) -> None:
        """Tell why, once, when the connection ends."""
        if self._ended is None:
            self._listeners.append(told)
        else:
            told(self._ended)

    async def heard(self) -> str:
        """Return what ssh wrote about itself, to the end where it has ended: its reasons come last."""
        if self._ears:
            await asyncio.wait(self._ears, timeout=_LAST_WORDS_SECONDS)
        return self.said

    async def close(self) -> None:
        """Close the connection."""
        self._listeners.clear()
        self._ended = "closed"
        for process in self._processes:
            await _end(process)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _sftp(self, words: Sequence[str]) -> SFTPClient:
        process = await _start([*words, "-s", "--", self._machine, "sftp"])
        self._processes.append(process)
        self._ears.append(self._watch(self._listen(process)))
        return await sftp_over(process)

    def _watch(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _listen(self, process: Process) -> None:
        """Read what ssh says of itself, so that it never waits for a reader."""
        while process.stderr and (data := await process.stderr.read(_KEPT)):
            self._said += data
            del self._said[:-_KEPT]

    async def _ask_often(self, files: SFTPClient, process: Process, seconds: int) -> None:
        """End the process when nothing is answered for as long as ssh itself would wait."""
        import asyncssh

        with suppress(asyncssh.Error):
            while process.returncode is None:
                await asyncio.sleep(seconds)
                try:
                    async with asyncio.timeout(seconds * ALIVE_TIMES):
                        await files.exists(".")
                except TimeoutError:
                    self._said += b"\nthe shared connection does not answer\n"
                    await _end(process)

    async def _lifeline(self, process: Process) -> None:
        await process.wait()
        if self._ended is None:
            self._ended = last_line(self.said) or "the connection ended"
            for told in self._listeners:
                told(self._ended)


async def connect(text: str, *, alive_seconds: int) -> OpensshCarrier:
    """Connect to a host, as ~/.ssh/config says.

    Raises:
        Refused: ssh is not installed, the host's key is unknown or has changed, nobody is let in, or ~/.ssh/config
            cannot be read.
        Unreachable: it does not answer.
    """
    import asyncssh

    if not shutil.which("ssh"):
        raise Refused("the program ssh is not installed here; install OpenSSH's client, or choose the way asyncssh")
    address = Address.read(text)
    folder = Path(tempfile.mkdtemp(prefix="lrs-"))
    words = _words(address, ServerAliveInterval=str(alive_seconds))
    later: list[str] = []
    if _SHARED and await _asked([*words, "-O", "check", "--", address.machine]) is None:
        words += ["-o", f"ControlPath={folder / 'm'}", "-o", "ControlPersist=no"]
        later = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false"]  # nothing connects past the shared connection
    carrier = OpensshCarrier(words, address.machine, folder, later=later)
    try:
        await carrier.open(alive_seconds=alive_seconds)
    except (asyncssh.Error, EOFError, OSError) as error:
        said = await carrier.heard()
        await carrier.close()
        raise await _fault(address, said, error) from error
    except BaseException:
        await carrier.close()
        raise
    return carrier


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _words(address: Address, **options: str) -> list[str]:
    words = ["ssh"]
    config = Path("~/.ssh/config").expanduser()
    if config.is_file():  # ssh itself looks in the home of the password database, whatever HOME says
        words += ["-F", str(config)]
    for name, value in (_OPTIONS | options).items():
        words += ["-o", f"{name}={value}"]
    words += ["-p", str(address.port)] if address.port else []
    return words + (["-l", address.user] if address.user else [])


async def _start(words: Sequence[str], *, limit: int = 1 << 20) -> Process:
    # A session of its own has no terminal to ask on, and an interrupt at one does not reach it.
    return await asyncio.create_subprocess_exec(
        *words,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=limit,
        start_new_session=True,
        env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
    )


async def _end(process: Process) -> None:
    """End a process and those that it started, the ssh of a jump host for one."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    # A process that shares a connection lends its pipes to the one that carries it, which may keep them for long.
    for number in (0, 1, 2):
        if pipe := process._transport.get_pipe_transport(number):  # type: ignore[attr-defined]
            pipe.close()
    await process.wait()


async def _asked(words: Sequence[str]) -> str | None:
    """Return what ssh says to a question, None where it ends with another status than 0, or does not end."""
    process, out = await _start(words), b""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOGIN_SECONDS):
                out, _ = await process.communicate()
    finally:
        await _end(process)
    return out.decode("utf-8", "replace") if process.returncode == 0 else None


async def _fault(address: Address, said: str, error: Exception) -> StudioError:
    """Say why ssh ended before it was connected."""
    if re.search(r"host key verification failed|host key is known|identification has changed", said, re.IGNORECASE):
        return await _host_key_fault(address, said)
    if "Permission denied" in said or "Too many authentication failures" in said:
        return not_let_in(address.machine, user=address.user or "you")
    if re.search(r"bad configuration option|bad owner or permissions|configuration file", said, re.IGNORECASE):
        return Refused(f"~/.ssh/config cannot be read: {said.strip()}", where=address.machine)
    why = "no answer" if isinstance(error, TimeoutError) else last_line(said) or "no reason given"
    return Unreachable(f"{address.machine} cannot be reached ({why})")


async def _host_key_fault(address: Address, said: str) -> StudioError:
    """Find the key that is not accepted: this host's, or that of a jump host before it."""
    settings = await _settings(address)
    jumps = [jump for jump in settings.get("proxyjump", "none").split(",") if jump != "none"]
    for hop in [*map(Address.read, jumps), address]:
        if fault := await _key_fault(hop):
            return fault
    return Refused(f"a host's key is not accepted: {last_line(said)}", where=address.machine)


async def _key_fault(address: Address) -> StudioError | None:
    """Let ssh note the key that a host shows in a file of ours, and say what is wrong with it."""
    import asyncssh

    settings = await _settings(address)
    port, alias = int(settings.get("port", SSH_PORT)), settings.get("hostkeyalias", "")
    machine = machine_of(settings.get("hostname", address.machine), port, alias=alias)
    known = KnownHosts(
        users=settings.get("userknownhostsfile", "").split(),
        everybodys=settings.get("globalknownhostsfile", "").split(),
    )
    with tempfile.TemporaryDirectory(prefix="lrs-") as folder:
        noted = Path(folder, "known_hosts")
        options = {
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": str(noted),
            "GlobalKnownHostsFile": os.devnull,
            "HashKnownHosts": "no",
            "PreferredAuthentications": "none",
            "ControlMaster": "no",
            "ControlPath": "none",
        }
        await _asked([*_words(address, **options), "--", address.machine, "exit"])
        lines = noted.read_text().splitlines() if noted.exists() else []
    keys = [asyncssh.import_public_key(line.split(None, 1)[1]) for line in lines]
    trusted = known.match(machine)[0]
    return known.fault(machine, keys[0]) if keys and not any(key in trusted for key in keys) else None


async def _settings(address: Address) -> dict[str, str]:
    """Return what ~/.ssh/config says of a host, by names in small letters."""
    said = await _asked([*_words(address), "-G", "--", address.machine]) or ""
    return dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
