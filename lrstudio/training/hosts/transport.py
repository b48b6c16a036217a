"""What a host is asked through: commands and files, one connection, whichever program carries it.

Every call is safe from any thread, blocks until it is answered, and has an end: a link that says nothing for long is
`Unreachable`, which is never taken for an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lrstudio.domain.errors import Environment

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are there, in the thread that waits; what it raises ends the transfer, which a later
one goes on with."""


class Unreachable(Environment):
    """The host cannot be asked: no network, no server, a link that broke. Nothing is known of what goes on there."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command on a host ended: its exit status (negative: minus the signal), and what it wrote."""

    status: int
    out: bytes
    err: bytes

    @property
    def said(self) -> str:
        """Its last line of errors, else of output, "" where it wrote none."""
        lines = [line for text in (self.out, self.err) for line in text.decode("utf-8", "replace").splitlines() if line]
        return lines[-1].strip() if lines else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a folder: `size` in bytes, `modified` in seconds since 1970 by the host's clock."""

    name: str
    size: int
    modified: float
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file: its bytes from where it was asked, and the size of the whole file at that time."""

    data: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be run: words that reach the program as they are, whatever is in them."""

    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    input: bytes = b""
    seconds: float = 60.0


class Transport(Protocol):
    """A connected host. Paths are POSIX and absolute, or relative to the home there.

    Raises, from every method:
        Unreachable: the link is lost or says nothing.
        Environment: the host answers, and says that it cannot: no such folder, no rights, a full disk.
        Refused: it lets nobody in, its key is not accepted, or ~/.ssh/config is broken.
    """

    def run(self, command: Command) -> Ran:
        """Run a command to its end. Its environment goes in through its standard input, never its command line."""

    def read(self, path: str, *, start: int = 0, most: int = 1 << 20) -> Piece | None:
        """Read a part of a file, None where there is no such file.

        A handle stays open for the next read behind the beginning, which is for files that only grow: of a file that is
        replaced within one second by one of the same size the old end may be read; from the beginning never.
        """

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file whole: a reader sees the old one or the new one. Its folder is made if need be."""

    def make(self, path: str) -> bool:
        """Make a folder whose parent is there; False where it exists. Of several who try one is told True."""

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        """List a folder by name, None where there is none."""

    def upload(self, source: Path, path: str, *, progress: Progress | None = None) -> None:
        """Send a file, going on behind what an earlier try left, checked by SHA-256 before it takes its name."""

    def download(self, path: str, target: Path, *, sha256: str = "", progress: Progress | None = None) -> None:
        """Fetch a file, going on behind what an earlier try left, checked by SHA-256 before it takes its name."""

    def close(self) -> None:
        """Let go of the connection; nothing on the host ends by that."""
