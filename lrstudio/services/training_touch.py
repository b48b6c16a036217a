"""Keeping in touch with the hosts that the runs of a project are on: one that is silent holds up no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lrstudio.domain.errors import Refused
from lrstudio.services.training_drafts import run_folders
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import mirror
from lrstudio.training.listing import is_finished
from lrstudio.training.status import Life, status_of

log = logging.getLogger(__name__)

SECONDS: Final = 1.0
"""Between two looks at a host that answers."""
_LONGEST = 10.0
_STILL_EVERY = 60  # looks: a run that nobody works on may be gone on with from another computer

Sync = Callable[[Iterable[str]], tuple[str, ...]]


class Touch:
    """Looks again and again until it is closed; then no thread of it is left."""

    def __init__(
        self, home: Path, *, sync: Sync, on_change: Callable[[tuple[str, ...]], None], seconds: float = SECONDS
    ) -> None:
        """Begin to look at the runs in a folder."""
        self._home = home
        self._sync = sync
        self._on_change = on_change
        self._seconds = seconds
        self._closed = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._finder = threading.Thread(target=self._find, name="hosts", daemon=True)
        self._finder.start()

    def close(self) -> None:
        """Stop looking. A look that goes on ends first; a link that says nothing gives it up within 15 s."""
        self._closed.set()
        self._finder.join()
        for thread in self._threads.values():
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _find(self) -> None:
        """Give each host that a run is on a thread."""
        while not self._closed.is_set():
            for name in {host for _, host in self._away()} - self._threads.keys():
                thread = threading.Thread(target=self._look, args=(name,), name=f"host {name}", daemon=True)
                self._threads[name] = thread
                thread.start()
            self._closed.wait(self._seconds)

    def _away(self) -> list[tuple[RunFolder, str]]:
        found = []
        for folder in run_folders(self._home):
            try:
                if mirror.is_mirror(folder.path) and not is_finished(folder):
                    found.append((folder, mirror.away_of(folder.path).host.name))
            except Refused as error:
                log.debug("run %s cannot be read: %s", folder.path.name, error)
        return found

    def _look(self, host: str) -> None:
        pause, looks = self._seconds, 0
        while not self._closed.is_set():
            mine = [folder for folder, name in self._away() if name == host]
            due = [it for it in mine if looks % _STILL_EVERY == 0 or _goes_on(it)]
            changed = self._sync([it.path.name for it in due]) if due else ()
            if changed and not self._closed.is_set():
                self._on_change(changed)
            down = any(asked.down for it in due if (asked := mirror.asked_of(it.path)) is not None)
            pause = min(2 * pause, _LONGEST) if down else self._seconds
            looks += 1
            self._closed.wait(pause)


def _goes_on(folder: RunFolder) -> bool:
    """Tell whether a run goes on, or may; one that cannot be read holds up no other."""
    try:
        return status_of(folder).life is not Life.DEAD
    except Refused as error:
        log.debug("run %s cannot be read: %s", folder.path.name, error)
        return False
