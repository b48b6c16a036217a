"""An SFTP session of asyncssh over the pipes of a program."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncssh import SFTPClient

_VERSION = 3


async def sftp_over(process: Process) -> SFTPClient:
    """Begin an SFTP session with what a process leads to.

    Raises:
        EOFError: the process ended before it answered.
        OSError: likewise.
    """
    from asyncssh.sftp import start_sftp_client

    connection: Any = _Tasks()
    pipe: Any = _Pipe(process)
    return await start_sftp_client(
        connection, asyncio.get_running_loop(), "strict", pipe, pipe, "utf-8", "surrogateescape", _VERSION
    )


class _Tasks:
    """What the session takes for its connection: it keeps the task that reads the answers."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def create_task(self, work: Any, _logger: Any = None) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Pipe:
    """What the session takes for its reader, its writer, and the channel of both."""

    def __init__(self, process: Process) -> None:
        from asyncssh.logging import logger

        if not process.stdin or not process.stdout:
            raise ValueError("the process has no pipes")
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self.logger = logger
        self.channel = self

    async def readexactly(self, size: int) -> bytes:
        return await self._stdout.readexactly(size)

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def write(self, data: bytes) -> None:
        self._stdin.write(data)

    def write_eof(self) -> None:
        self._stdin.close()

    def close(self) -> None:
        self._stdin.close()

    def is_closing(self) -> bool:
        return self._stdin.is_closing()

    async def wait_closed(self) -> None:
        await self._process.wait()
