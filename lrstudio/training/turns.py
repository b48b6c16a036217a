"""Whose turn it is on a machine: runs that share a queue run one after another, in the order in which they came."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from lrstudio.training.folder import replace_file
from lrstudio.training.identity import Identity
from lrstudio.training.wire import to_json


class Turns:
    """A queue: a folder with one numbered ticket for each run that waits or runs.

    A ticket whose holder is dead is thrown away by whoever comes by; one whose holder is on another machine, a shared
    folder, is waited for.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        """Prepare; no ticket is drawn yet."""
        self._folder = folder
        self._run_id = run_id
        self._mine: Path | None = None

    def draw(self) -> None:
        """Draw a ticket behind all others."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while self._mine is None:
            number = max((int(ticket.stem) for ticket in self._tickets()), default=0) + 1
            ticket = self._folder / f"{number:09d}.ticket"
            prepared = self._folder / f".{self._run_id}-{os.getpid()}"  # the folder may be shared by machines
            replace_file(prepared, to_json({"run_id": self._run_id, **Identity.own().row()}))
            try:
                os.link(prepared, ticket)
                self._mine = ticket
            except FileExistsError:
                continue
            finally:
                prepared.unlink(missing_ok=True)

    def ahead(self) -> tuple[str, ...]:
        """Name the runs that come before this one; it is this one's turn when there is none."""
        found = []
        for ticket in self._tickets():
            if ticket == self._mine:
                break
            with suppress(FileNotFoundError, ValueError, KeyError):
                row = json.loads(ticket.read_text(encoding="utf-8"))
                if Identity.read(row).alive() is False:
                    ticket.unlink(missing_ok=True)
                else:
                    found.append(str(row["run_id"]))
        return tuple(found)

    def leave(self) -> None:
        """Give the ticket back."""
        if self._mine is not None:
            self._mine.unlink(missing_ok=True)
            self._mine = None

    def _tickets(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.ticket"))
