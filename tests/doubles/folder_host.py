"""A host that is a folder of this machine: real processes, real files, and a link that can be spoilt.

What a command does is done even where its answer is lost, as on a real link.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256 as digest_of
from pathlib import Path

from lrstudio.domain.errors import Environment
from lrstudio.training.hosts.transport import Command, Entry, Piece, Progress, Ran, Unreachable


@dataclass(slots=True)
class Link:
    """How the link is: `down` answers nothing at once, `frozen` nothing for a while, `cut_after` goes down behind so
    many more calls, `lose` does what it is told and loses the answer, `room` is what is left on the disk there."""

    down: bool = False
    frozen: bool = False
    cut_after: int | None = None
    lose: bool = False
    room: int | None = None
    patience: float = 0.3
    closed: threading.Event = field(default_factory=threading.Event)
    calls: list[str] = field(default_factory=list)

    def ask(self, what: str) -> None:
        self.calls.append(what)
        if self.cut_after is not None:
            self.cut_after -= 1
            if self.cut_after < 0:
                self.down = True
                self.cut_after = None
        if self.frozen:
            self.closed.wait(self.patience)
            raise Unreachable("the host says nothing")
        if self.down:
            raise Unreachable("the link is down")

    def answer(self) -> None:
        if self.lose or self.down:
            raise Unreachable("the link broke before the answer")

    def fill(self, count: int) -> None:
        if self.room is not None:
            self.room -= count
            if self.room < 0:
                raise Environment("No space left on device", where="the host")


class FolderHost:
    """The transport; `home` is the home there."""

    def __init__(self, home: Path, *, link: Link | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.link = link or Link()
        self.between: Callable[[str], None] = lambda _what: None

    def _at(self, path: str) -> Path:
        return self.home / path

    def run(self, command: Command) -> Ran:
        self.link.ask(f"run {' '.join(command.words)}")
        done = subprocess.run(
            list(command.words),
            input=command.input,
            capture_output=True,
            cwd=self.home,
            env={**_plain_environment(), "HOME": str(self.home), **command.environment},
            timeout=command.seconds,
            check=False,
        )
        self.link.answer()
        return Ran(done.returncode, done.stdout, done.stderr)

    def read(self, path: str, *, start: int = 0, most: int = 1 << 20) -> Piece | None:
        self.link.ask(f"read {path}")
        self.between(path)
        try:
            with self._at(path).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(start)
                return Piece(file.read(most), size)
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        self.link.ask(f"write {path}")
        self.link.fill(len(data))
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.part")
        beside.write_bytes(data)
        beside.chmod(mode)
        beside.replace(target)
        self.link.answer()

    def make(self, path: str) -> bool:
        self.link.ask(f"make {path}")
        try:
            self._at(path).mkdir()
        except FileExistsError:
            return False
        return True

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        self.link.ask(f"entries {path}")
        folder = self._at(path)
        if not folder.is_dir():
            return None
        found = []
        for it in sorted(folder.iterdir()):
            with suppress(FileNotFoundError):
                stat = it.stat()
                found.append(Entry(it.name, stat.st_size, stat.st_mtime, it.is_dir()))
        return tuple(found)

    def upload(self, source: Path, path: str, *, progress: Progress | None = None) -> None:
        self._copy(source, self._at(path), fill=True, progress=progress)

    def download(self, path: str, target: Path, *, sha256: str = "", progress: Progress | None = None) -> None:
        if sha256 and digest_of(self._at(path).read_bytes()).hexdigest() != sha256:
            raise Environment("what came is not what was sent", where=path)
        self._copy(self._at(path), target, progress=progress)

    def _copy(self, source: Path, target: Path, *, fill: bool = False, progress: Progress | None = None) -> None:
        """Copy in blocks, going on behind what an earlier try left."""
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = digest_of(source.read_bytes()).hexdigest()
        part = target.with_name(f".{target.name}.{digest[:16]}.part")
        at = part.stat().st_size if part.exists() else 0
        whole = source.stat().st_size
        with source.open("rb") as file, part.open("ab") as out:
            file.seek(at)
            while True:
                self.link.ask(f"copy {target.name} {at}")
                block = file.read(1 << 12)
                if not block:
                    break
                if fill:
                    self.link.fill(len(block))
                out.write(block)
                at += len(block)
                if progress is not None:
                    progress(at, whole)
        shutil.move(part, target)

    def close(self) -> None:
        self.link.closed.set()


def _plain_environment() -> dict[str, str]:
    """What a login has, nothing of this process."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
