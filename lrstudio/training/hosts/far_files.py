"""Files of a host through SFTP, with handles kept open for what is read again and again."""

from __future__ import annotations

import asyncio
import posixpath
import secrets
import stat
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar, cast

from lrstudio.training.hosts.far_faults import unwritten
from lrstudio.training.hosts.transport import Entry, Piece

if TYPE_CHECKING:
    from asyncssh import SFTPAttrs, SFTPClient, SFTPClientFile

T = TypeVar("T")

HANDLES: Final = 32
"""A server may allow few open files; OpenSSH's allows 100 and more."""

STEP_BACK: Final = 4 << 20
"""So many bytes are on their way together; after a loss the end of an unfinished file may have holes this far back."""

PIECE: Final = 1 << 18
AT_ONCE: Final = STEP_BACK // PIECE
_SAFE: Final = 1 << 15
"""What every server takes at once, where it names no limit."""

PIECE_SECONDS: Final = 300
"""A slow link is no fault: 16 pieces in this time are 14 KiB a second."""

Report = Callable[[int], None]
"""Told up to which byte a file is there."""


class FarFiles:
    """The files of one host through one SFTP session. For the thread of the loop only."""

    def __init__(self, sftp: SFTPClient) -> None:
        self.sftp = sftp
        self._open: OrderedDict[str, SFTPClientFile] = OrderedDict()
        self._read_size = min(PIECE, sftp.limits.max_read_len or _SAFE)
        self._write_size = min(PIECE, sftp.limits.max_write_len or _SAFE)

    async def read(self, path: str, *, start: int, most: int) -> Piece | None:
        """Read a part of a file, None where there is none.

        A file that grows is read at its end through one handle, which is given up when the name means another file;
        one read from its beginning is opened afresh, because small files are replaced by rename.
        """
        from asyncssh import SFTPNoSuchFile

        try:
            if kept := self._open.get(path) if start else None:
                piece = await self._read_kept(path, kept, start=start, most=most)
                if piece:
                    return piece
            file = await self._opened(path)
            await self._keep(path, file)
            return await self._piece(file, start=start, most=most)
        except SFTPNoSuchFile:
            await self._forget(path)
            return None
        finally:
            if not start:
                await self._forget(path)

    async def _read_kept(self, path: str, file: SFTPClientFile, *, start: int, most: int) -> Piece | None:
        """Read through a handle, None where the name means another file by now, or the handle is gone."""
        from asyncssh import SFTPFailure, SFTPInvalidHandle

        try:
            named, piece, held = await asyncio.gather(
                self.sftp.stat(path), self._piece(file, start=start, most=most), file.stat()
            )
        except (SFTPFailure, SFTPInvalidHandle):
            return None  # NFS takes a handle away when the file is removed elsewhere
        if _looks(named) != _looks(held):
            return None
        self._open.move_to_end(path)
        return piece

    async def write(self, path: str, data: bytes, *, mode: int) -> None:
        """Replace a file whole; its folder is made if need be."""
        from asyncssh import SFTPAttrs, SFTPNoSuchFile

        folder, name = posixpath.split(path)
        unfinished = posixpath.join(folder, f".{name[:100]}.{secrets.token_hex(6)}.tmp")
        attributes = SFTPAttrs(permissions=mode)
        try:
            file = await self.sftp.open(unfinished, "xb", attributes, block_size=0)
        except SFTPNoSuchFile:
            await self.sftp.makedirs(folder, exist_ok=True)
            file = await self.sftp.open(unfinished, "xb", attributes, block_size=0)
        try:
            async with file:
                await self._pour(BytesIO(data).read, file, start=0)
                await _sync(file)
            await self.settle(unfinished, path)
        except BaseException:
            with suppress(Exception):  # the link may be gone, and the reason is on its way already
                await self.sftp.remove(unfinished)
            raise

    async def make(self, path: str) -> bool:
        """Make a folder; False where something of that name exists."""
        from asyncssh import SFTPFailure, SFTPFileAlreadyExists

        try:
            await self.sftp.mkdir(path)
        except (SFTPFailure, SFTPFileAlreadyExists):
            if await self.sftp.lexists(path):
                return False
            raise
        return True

    async def entries(self, path: str) -> tuple[Entry, ...] | None:
        """List a folder by name, None where there is none."""
        from asyncssh import SFTPNoSuchFile

        found = []
        try:
            async for it in self.sftp.scandir(path):
                name = str(it.filename)
                if name not in (".", ".."):
                    found.append(_entry(name, it.attrs))
        except SFTPNoSuchFile:
            return None
        return tuple(sorted(found, key=lambda entry: entry.name))

    async def size(self, path: str) -> int | None:
        """Tell a file's size, None where there is no such file."""
        from asyncssh import SFTPNoSuchFile

        try:
            return (await self.sftp.stat(path)).size or 0
        except SFTPNoSuchFile:
            return None

    async def free(self, path: str) -> int | None:
        """Tell how many bytes may still be written where a file lies, None where the host does not say."""
        from asyncssh import SFTPError

        try:
            found = await self.sftp.statvfs(path)
        except SFTPError:
            return None
        return found.bavail * found.frsize

    async def send(self, source: Path, path: str, *, report: Report) -> None:
        """Write a local file's bytes behind those that are there already, making the folder if need be."""
        from asyncssh import FXF_CREAT, FXF_WRITE

        await self._have_folder(path)
        start = max(0, min(await self.size(path) or 0, source.stat().st_size) - STEP_BACK)
        async with await self.sftp.open(path, FXF_WRITE | FXF_CREAT, encoding=None, block_size=0) as file:
            with source.open("rb") as local:
                local.seek(start)
                await self._pour(local.read, file, start=start, report=report)
            await _sync(file)

    async def _pour(
        self, read: Callable[[int], bytes], file: SFTPClientFile, *, start: int, report: Report | None = None
    ) -> None:
        """Write what `read` gives, some pieces at once; asyncssh's own way leaves the faults of all but one unheard."""
        waiting: deque[asyncio.Task[int]] = deque()
        at = done = start
        try:
            while (data := read(self._write_size)) or waiting:
                if data:
                    waiting.append(asyncio.ensure_future(file.write(data, at)))
                    at += len(data)
                if len(waiting) >= AT_ONCE or not data:
                    done += await self._soon(waiting.popleft())
                    if report:
                        report(done)
        finally:
            await _drop(waiting)

    async def fetch(self, path: str, target: Path, *, report: Report) -> None:
        """Append to a local file the bytes that it lacks."""
        async with await self._opened(path) as file:
            size = (await file.stat()).size or 0
            with _open_here(target) as local:
                at = local.tell()

                def take(data: bytes) -> None:
                    try:
                        local.write(data)
                    except OSError as error:
                        raise unwritten(target, error) from error
                    report(local.tell())

                await self._draw(file, start=at, most=size - at, take=take)

    async def _draw(self, file: SFTPClientFile, *, start: int, most: int, take: Callable[[bytes], object]) -> None:
        """Read a part in its order, some pieces at once."""
        waiting: deque[asyncio.Task[bytes]] = deque()
        asked = at = start
        try:
            while True:
                while len(waiting) < AT_ONCE and asked < start + most:
                    size = min(self._read_size, start + most - asked)
                    waiting.append(asyncio.ensure_future(_bytes(file, asked, size)))
                    asked += size
                if not waiting:
                    return
                data = await self._soon(waiting.popleft())
                if not data:
                    return
                take(data)
                at += len(data)
                if len(data) < min(self._read_size, start + most - at + len(data)):
                    await _drop(waiting)  # the server gave less than it was asked for, so that there is a hole
                    asked = at
        finally:
            await _drop(waiting)

    async def _piece(self, file: SFTPClientFile, *, start: int, most: int) -> Piece:
        first = min(most, self._read_size)
        data, attributes = await asyncio.gather(_bytes(file, start, first), file.stat())
        if len(data) == first < most:
            parts = bytearray(data)
            await self._draw(file, start=start + first, most=most - first, take=parts.extend)
            data = bytes(parts)
        return Piece(data, max(attributes.size or 0, start + len(data) if data else 0))

    async def _opened(self, path: str) -> SFTPClientFile:
        return await self.sftp.open(path, "rb", block_size=0)

    async def settle(self, unfinished: str, path: str) -> None:
        """Give a finished file its name."""
        await self.sftp.posix_rename(unfinished, path)
        await self._forget(path)

    async def remove(self, path: str) -> None:
        """Remove a file that may be there."""
        from asyncssh import SFTPNoSuchFile

        with suppress(SFTPNoSuchFile):
            await self.sftp.remove(path)

    @staticmethod
    async def _soon(answer: Awaitable[T]) -> T:
        async with asyncio.timeout(PIECE_SECONDS):
            return await answer

    async def _have_folder(self, path: str) -> None:
        folder = posixpath.dirname(path)
        if folder:
            await self.sftp.makedirs(folder, exist_ok=True)

    async def _keep(self, path: str, file: SFTPClientFile) -> None:
        await self._forget(path)
        self._open[path] = file
        while len(self._open) > HANDLES:
            _, oldest = self._open.popitem(last=False)
            await oldest.close()

    async def _forget(self, path: str) -> None:
        if file := self._open.pop(path, None):
            from asyncssh import SFTPError

            with suppress(SFTPError):
                await file.close()


def _open_here(target: Path) -> BinaryIO:
    try:
        return target.open("ab", buffering=0)
    except OSError as error:
        raise unwritten(target, error) from error


async def _bytes(file: SFTPClientFile, start: int, size: int) -> bytes:
    return cast("bytes", await file.read(size, start))  # text only of a file that was opened as text


async def _drop(waiting: deque[asyncio.Task[T]]) -> None:
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    waiting.clear()


async def _sync(file: SFTPClientFile) -> None:
    from asyncssh import SFTPOpUnsupported

    with suppress(SFTPOpUnsupported):
        await file.fsync()


def _looks(attributes: SFTPAttrs) -> tuple[int | None, ...]:
    return attributes.size, attributes.mtime, attributes.uid, attributes.permissions


def _entry(name: str, attributes: SFTPAttrs) -> Entry:
    is_folder = stat.S_ISDIR(attributes.permissions or 0)
    return Entry(name, attributes.size or 0, float(attributes.mtime or 0), is_folder)
