"""Files that travel: they go on where they were cut, are checked by SHA-256, and have their name only when whole."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.hosts.far_faults import unwritten
from lrstudio.training.hosts.far_files import FarFiles
from lrstudio.training.hosts.transport import Command, Progress, Ran, Transport, Unreachable

T = TypeVar("T")

FOLDER: Final = "blobs"
TRIES: Final = 2
_HASH_SECONDS: Final = 1800.0
_MIB: Final = 1 << 20
_HASH = (
    'sha256sum < "$1" 2>/dev/null || shasum -a 256 < "$1" 2>/dev/null || openssl dgst -sha256 -r < "$1" 2>/dev/null'
    ' || python3 -c "import hashlib,sys;h=hashlib.sha256()\n'
    'for b in iter(lambda:sys.stdin.buffer.read(1<<20),b\'\'):h.update(b)\nprint(h.hexdigest())" < "$1"'
)


class Files(Protocol):
    """A link, as far as a transfer needs it."""

    name: str

    def run(self, command: Command) -> Ran:
        """Run a command, see `Transport`."""

    def do(
        self,
        action: Callable[[FarFiles], Coroutine[Any, Any, T]],
        *,
        path: str = "",
        seconds: float | None = ...,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        """Do something with the files there."""


def put(transport: Transport, source: Path, *, folder: str, progress: Progress | None = None) -> str:
    """Send a file to where its content is its name, and return that place: `<folder>/blobs/<sha256>`.

    Raises:
        Refused: there is no such file here.
        Unreachable, Environment: see `Transport.upload`.
    """
    path = posixpath.join(folder, FOLDER, local_sha256(source))
    transport.upload(source, path, progress=progress)
    return path


def local_sha256(path: Path) -> str:
    """Hash a file here.

    Raises:
        Refused: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Refused(f"this file cannot be read ({error.strerror or error})", where=str(path)) from error


def upload(link: Files, source: Path, path: str, *, progress: Progress | None = None) -> None:
    """Send a file; one that is there already with the same content is left alone."""
    sha256, size = local_sha256(source), source.stat().st_size
    if link.do(lambda files: files.size(path), path=path) == size and far_sha256(link, path) == sha256:
        _tell(progress, size, size)
        return
    folder, name = posixpath.split(path)
    unfinished = posixpath.join(folder, f".{name[:100]}.{sha256[:16]}.part")
    for _ in range(TRIES):
        _send(link, source, unfinished, size=size, progress=progress)
        if far_sha256(link, unfinished) == sha256:
            link.do(lambda files: files.settle(unfinished, path), path=path)
            return
        # An earlier try may have left what a power cut spoiled; the next one begins at the beginning.
        link.do(lambda files: files.remove(unfinished), path=unfinished)
        if local_sha256(source) != sha256:
            raise Refused("this file changed while it was sent; send it again", where=str(source))
    raise Environment("the bytes that arrive are not those that were sent", where=f"{link.name}:{path}")


def download(link: Files, path: str, target: Path, *, sha256: str = "", progress: Progress | None = None) -> None:
    """Fetch a file; one that is here already with the same content is left alone."""
    size = link.do(lambda files: files.size(path), path=path)
    if size is None:
        raise Environment(f"{link.name} has no such file", where=f"{link.name}:{path}")
    wanted = sha256 or far_sha256(link, path)
    if target.is_file() and target.stat().st_size == size and local_sha256(target) == wanted:
        _tell(progress, size, size)
        return
    unfinished = target.with_name(f".{target.name[:100]}.{wanted[:16]}.part")
    for _ in range(TRIES):
        _fetch(link, path, unfinished, size=size, progress=progress)
        if local_sha256(unfinished) == wanted:
            try:
                unfinished.replace(target)
            except OSError as error:
                raise unwritten(target, error) from error
            return
        unfinished.unlink(missing_ok=True)
    raise Environment("the bytes that arrive are not those that were asked for", where=f"{link.name}:{path}")


def far_sha256(link: Files, path: str) -> str:
    """Hash a file on the host.

    Raises:
        Unreachable: the link is lost or says nothing.
        Environment: it cannot be read there, or the host has nothing to hash with.
    """
    ran = link.run(Command(("/bin/sh", "-c", _HASH, "sh", path), seconds=_HASH_SECONDS))
    words = ran.out.decode("ascii", "replace").split()
    if ran.status or not words or len(words[0]) != hashlib.sha256().digest_size * 2:
        raise Environment(f"this file cannot be hashed there: {ran.said}", where=f"{link.name}:{path}")
    return words[0]


def _send(link: Files, source: Path, unfinished: str, *, size: int, progress: Progress | None) -> None:
    have = link.do(lambda files: files.size(unfinished), path=unfinished) or 0
    if have > size:
        link.do(lambda files: files.remove(unfinished), path=unfinished)
        have = 0
    at = _At(have, size, progress)
    folder = posixpath.dirname(unfinished) or "."
    free = link.do(lambda files: files.free(folder), path=folder)
    if free is not None and free < size - have:
        raise _full(link, unfinished, lacks=size - have, free=free)
    try:
        link.do(
            lambda files: files.send(source, unfinished, report=at.set),
            path=unfinished,
            seconds=None,
            meanwhile=at.tell,
        )
    except Environment as error:
        free = None if isinstance(error, Unreachable) else link.do(lambda files: files.free(folder), path=folder)
        if free is None or free >= size - at.done:
            raise
        raise _full(link, unfinished, lacks=size - at.done, free=free) from error


def _full(link: Files, unfinished: str, *, lacks: int, free: int) -> Environment:
    """Say that a disk is full; what was sent must then not fill it for those who work there."""
    with suppress(Environment):
        link.do(lambda files: files.remove(unfinished), path=unfinished)
    said = f"the disk of {link.name} is full: {lacks / _MIB:,.1f} MiB are to be sent, {free / _MIB:,.1f} MiB are free"
    return Environment(said, where=f"{link.name}:{unfinished}")


def _fetch(link: Files, path: str, unfinished: Path, *, size: int, progress: Progress | None) -> None:
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        at = _At(unfinished.stat().st_size if unfinished.exists() else 0, size, progress)
        link.do(
            lambda files: files.fetch(path, unfinished, report=at.set),
            path=path,
            seconds=None,
            meanwhile=at.tell,
        )
    except OSError as error:
        raise unwritten(unfinished, error) from error


class _At:
    """How far a transfer is, set by one thread and told by another."""

    def __init__(self, done: int, size: int, progress: Progress | None) -> None:
        self.done = done
        self._size = size
        self._progress = progress

    def set(self, done: int) -> None:
        self.done = done

    def tell(self) -> None:
        _tell(self._progress, self.done, self._size)


def _tell(progress: Progress | None, done: int, size: int) -> None:
    if progress:
        progress(done, size)
