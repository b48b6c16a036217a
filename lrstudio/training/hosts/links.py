"""The connections of this process: one for each host, made when it is asked for, and made anew when it breaks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from lrstudio.domain.errors import StudioError
from lrstudio.training.hosts import connect as connecting
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.link import ALIVE_SECONDS, Link
from lrstudio.training.hosts.loop import Loop
from lrstudio.training.hosts.transport import Command, Entry, Piece, Progress, Ran, Unreachable

T = TypeVar("T")

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
JITTER: Final = 0.25
"""By which part a wait is longer or shorter, so that many windows do not come back at once."""

STEADY_SECONDS: Final = 10.0
"""A link that held so long was a good one: the next loss starts from the first wait."""

FRUITLESS: Final = 5
"""A transfer is given up after so many tries that brought no byte further."""

_TICK: Final = 0.1


@dataclass(frozen=True, slots=True)
class LinkState:
    """How a link stands: up or down `since` (seconds since 1970), and why it is down.

    `generation` counts the connections so far: an answer that was asked for in an earlier one is an old one. `again` is
    when a link that is down is tried next, seconds since 1970; until then every call fails with the same fault.
    """

    up: bool
    since: float
    why: str = ""
    generation: int = 0
    again: float = 0.0


Listener = Callable[[str, LinkState], None]
"""Told a host's name and how its link stands now; from any thread, and quick."""


class Links:
    """Keeps one connection for each host. Close it at the end of the process."""

    def __init__(self, *, alive_seconds: int = ALIVE_SECONDS) -> None:
        self._alive_seconds = alive_seconds
        self._loop = Loop()
        self._lock = threading.Lock()
        self._kept: dict[str, KeptLink] = {}
        self._listeners: tuple[Listener, ...] = ()

    def transport(self, host: Host) -> KeptLink:
        """Return the transport of a host; nothing is asked of it yet. A host described anew gets a new connection."""
        with self._lock:
            kept = self._kept.get(host.name)
            if kept and kept.host == host:
                return kept
            new = self._kept[host.name] = KeptLink(
                host, loop=self._loop, told=self._tell, alive_seconds=self._alive_seconds
            )
        if kept:
            kept.close()
        return new

    def state(self, name: str) -> LinkState | None:
        """Tell how a host's link stands, None where nobody has asked for it yet."""
        kept = self._kept.get(name)
        return kept.state if kept else None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell of every change from now on; call what is returned to end that."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(it for it in self._listeners if it is not listener)

        return end

    def accept(self, host: Host, fingerprint: str) -> None:
        """Know a host's key that a person has compared, and try its link at once; see `connect.accept`."""
        connecting.accept(host, fingerprint, loop=self._loop)
        self.transport(host).try_now()

    def forget(self, name: str) -> None:
        """Close a host's connection and know nothing of it any more."""
        with self._lock:
            kept = self._kept.pop(name, None)
        if kept:
            kept.close()

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
        for link in kept:
            link.close()
        self._loop.close()

    def _tell(self, name: str, state: LinkState) -> None:
        for listener in self._listeners:
            listener(name, state)


class KeptLink:
    """A `Transport` that outlives its connections: a call after a loss makes a new one, when it is time for that.

    Raises, from every method beside those of `Transport`:
        Refused: the host lets nobody in, or its key is not accepted; again and again until it is time for another try.
    """

    def __init__(self, host: Host, *, loop: Loop, told: Listener, alive_seconds: int) -> None:
        self.host = host
        self.state = LinkState(up=False, since=time.time(), why="nobody has asked yet")
        self._loop = loop
        self._told = told
        self._alive_seconds = alive_seconds
        self._making = threading.Lock()
        self._link: Link | None = None
        self._fault: StudioError | None = None
        self._failed = 0
        self._not_before = 0.0

    def run(self, command: Command) -> Ran:
        """Run a command to its end, see `Transport`."""
        return self._ask(lambda link: link.run(command))

    def read(self, path: str, *, start: int = 0, most: int = 1 << 20) -> Piece | None:
        """Read a part of a file, see `Transport`."""
        return self._ask(lambda link: link.read(path, start=start, most=most))

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file whole, see `Transport`."""
        self._ask(lambda link: link.write(path, data, mode=mode))

    def make(self, path: str) -> bool:
        """Make a folder, see `Transport`."""
        return self._ask(lambda link: link.make(path))

    def entries(self, path: str) -> tuple[Entry, ...] | None:
        """List a folder, see `Transport`."""
        return self._ask(lambda link: link.entries(path))

    def upload(self, source: Path, path: str, *, progress: Progress | None = None) -> None:
        """Send a file, see `Transport`; a loss on the way is waited out, what `progress` raises ends it."""
        self._through(lambda link, told: link.upload(source, path, progress=told), progress)

    def download(self, path: str, target: Path, *, sha256: str = "", progress: Progress | None = None) -> None:
        """Fetch a file, see `Transport`; a loss on the way is waited out, what `progress` raises ends it."""
        self._through(lambda link, told: link.download(path, target, sha256=sha256, progress=told), progress)

    def try_now(self) -> None:
        """Let the next call try to connect, however short ago the last try was."""
        self._failed, self._not_before = 0, 0.0

    def close(self) -> None:
        """Let go of the connection; a later call makes a new one."""
        with self._making:
            link, self._link = self._link, None
            if link:
                link.close()
                self._says(LinkState(up=False, since=time.time(), why="closed", generation=self.state.generation))

    def _ask(self, action: Callable[[Link], T]) -> T:
        link = self._current()
        try:
            return action(link)
        except Unreachable as fault:
            if not link.is_up:
                self._lost(link, fault.sentence)
            raise

    def _current(self) -> Link:
        with self._making:
            if self._link:
                if self._link.is_up:
                    return self._link
                self._down(self._link, "the connection ended")
            if self._fault and time.monotonic() < self._not_before:
                raise self._fault
            try:
                link = connecting.connect(self.host, loop=self._loop, alive_seconds=self._alive_seconds)
            except StudioError as fault:
                self._fault = fault
                self._wait_longer(fault.sentence)
                raise
            self._link, self._fault = link, None
            self._says(LinkState(up=True, since=time.time(), generation=self.state.generation + 1))
            link.when_lost(lambda why: self._lost(link, why))
            return link

    def _lost(self, link: Link, why: str) -> None:
        """Know of a loss, from the thread of the loop or of a call; only the first word of it counts."""
        with self._making:
            self._down(link, why)

    def _down(self, link: Link, why: str) -> None:
        if self._link is not link:
            return
        self._link = None
        self._fault = None
        if time.time() - self.state.since > STEADY_SECONDS:
            self._failed = 0
        self._says(LinkState(up=False, since=time.time(), why=why, generation=self.state.generation))

    def _wait_longer(self, why: str) -> None:
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2**self._failed) * random.uniform(1 - JITTER, 1 + JITTER)
        self._failed += 1
        self._not_before = time.monotonic() + wait
        since = self.state.since if not self.state.up else time.time()
        again = time.time() + wait
        self._says(LinkState(up=False, since=since, why=why, generation=self.state.generation, again=again))

    def _says(self, state: LinkState) -> None:
        self.state = state
        self._told(self.host.name, state)

    def _through(self, action: Callable[[Link, Progress], None], progress: Progress | None) -> None:
        """Go on with a transfer over one connection after the other, as long as it gets further."""
        at, size, furthest, fruitless = 0, 0, 0, 0

        def told(done: int, of: int) -> None:
            nonlocal at, size
            at, size = done, of
            if progress:
                progress(done, of)

        while True:
            try:
                return self._ask(lambda link: action(link, told))
            except Unreachable:
                fruitless = 0 if at > furthest else fruitless + 1
                furthest = max(at, furthest)
                if fruitless >= FRUITLESS:
                    raise
            while time.monotonic() < self._not_before:
                told(at, size)
                time.sleep(_TICK)
