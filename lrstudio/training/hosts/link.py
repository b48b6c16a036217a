"""One connection to a host as a transport: commands and files, whichever program carries them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from lrstudio.training.hosts import blobs
from lrstudio.training.hosts.far_faults import told
from lrstudio.training.hosts.far_files import FarFiles
from lrstudio.training.hosts.loop import Loop
from lrstudio.training.hosts.quoting import script
from lrstudio.training.hosts.transport import Command, Entry, Piece, Progress, Ran, Unreachable

if TYPE_CHECKING:
    from asyncssh import SFTPClient

T = TypeVar("T")

ALIVE_SECONDS: Final = 3
ALIVE_TIMES: Final = 3
"""A peer that says nothing is given up (3 + 1) x 3 = 12 s after its last word."""

CONNECT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 60
"""A host that lives may still hang, on its network disk for one."""

COMMANDS_AT_ONCE: Final = 6
"""An OpenSSH server lets ten sessions of a connection be open, and files are one of them."""


class Carrier(Protocol):
    """A program or package that carries an SSH connection. For the thread of the loop only."""

    tells_status: bool
    """Whether the status of a command must be told among its errors, as its own could be the carrier's."""

    async def run(self, data: bytes) -> tuple[int, bytes, bytes]:
        """Send bytes to `quoting.ENTRY`, and return status, output and errors."""

    async def sftp(self) -> SFTPClient:
        """Open an SFTP session."""

    def is_up(self) -> bool:
        """Tell whether the connection is there, as far as it is known."""

    def when_lost(self, told: Callable[[str], None]) -> None:
        """Tell why, once, when the connection ends."""

    async def close(self) -> None:
        """Close the connection."""


class Link:
    """A `Transport` over one connection, which is not made anew when it breaks."""

    def __init__(self, name: str, carrier: Carrier, *, loop: Loop) -> None:
        self.name = name
        self._carrier = carrier
        self._loop = loop
        self._files: FarFiles | None = None
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(COMMANDS_AT_ONCE)

    @property
    def is_up(self) -> bool:
        """Whether the connection is there, as far as it is known."""
        return self._carrier.is_up()

    def run(self, command: Command) -> Ran:
        """Run a command to its end, see `Transport`."""
        return self._loop.run(self._run(command))

    def read(self, path: str, *, start: int = 0, most: int = 1 << 20) -> Piece | None:
        """Read a part of a file, see `Transport`."""
        return self.do(lambda files: files.read(path, start=start, most=most), path=path)

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file whole, see `Transport`."""
        self.do(lambda files: files.write(path, data, mode=mode), path=path)

    def make(self, path: str) -> bool:
        """Make a folder, see `Transport`."""
        return self.do(lambda files: files.make(path), path=path)

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        """List a folder, see `Transport`."""
        return self.do(lambda files: files.entries(path), path=path)

    def upload(self, source: Path, path: str, *, progress: Progress | None = None) -> None:
        """Send a file, see `Transport`."""
        blobs.upload(self, source, path, progress=progress)

    def download(self, path: str, target: Path, *, sha256: str = "", progress: Progress | None = None) -> None:
        """Fetch a file, see `Transport`."""
        blobs.download(self, path, target, sha256=sha256, progress=progress)

    def when_lost(self, told: Callable[[str], None]) -> None:
        """Tell why, once, when the connection ends, from a thread of the loop's own."""

        async def listen() -> None:
            loop = asyncio.get_running_loop()

            def lost(why: str) -> None:
                loop.run_in_executor(None, told, why)

            self._carrier.when_lost(lost)

        self._loop.run(listen())

    def close(self) -> None:
        """Let go of the connection."""
        self._loop.run(self._carrier.close())

    def do(
        self,
        action: Callable[[FarFiles], Coroutine[Any, Any, T]],
        *,
        path: str = "",
        seconds: float | None = ANSWER_SECONDS,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        """Do something with the files there, within a time.

        Raises:
            Unreachable: the link is lost or says nothing.
            Environment: the host says that it cannot.
        """
        return self._loop.run(self._do(action, path=path, seconds=seconds), meanwhile=meanwhile)

    async def _run(self, command: Command) -> Ran:
        sent = script(command, tells_status=self._carrier.tells_status)
        with told(self.name):
            async with self._room, asyncio.timeout(command.seconds):
                status, out, err = await self._carrier.run(sent.data)
            ran = sent.ran(status=status, out=out, err=err)
        if ran is None:
            raise Unreachable(f"the link to {self.name} is lost ({Ran(status, out, err).said or 'no reason given'})")
        return ran

    async def _do(self, action: Callable[[FarFiles], Coroutine[Any, Any, T]], *, path: str, seconds: float | None) -> T:
        with told(self.name, path=path):
            try:
                async with asyncio.timeout(seconds):
                    async with self._opening:
                        if self._files is None:
                            self._files = FarFiles(await self._carrier.sftp())
                    return await action(self._files)
            except TimeoutError:
                # What the session still holds back must not be taken for a later answer.
                self._files = None
                raise
