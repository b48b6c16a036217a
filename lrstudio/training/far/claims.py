"""Who does a piece of work in a folder: numbered attempts, each with a holder that can be found dead."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lrstudio.training.folder import replace_file
from lrstudio.training.identity import Identity

CLAIMS: Final = "claims"
HOLDER: Final = "holder.json"
ENDED: Final = "ended.json"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: its number from 1, its folder, and the process that has it."""

    number: int
    folder: Path
    holder: Identity

    def ended(self) -> dict[str, Any] | None:
        """Return how it said that it ended, None where it has not."""
        try:
            row: dict[str, Any] = json.loads((self.folder / ENDED).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return row

    def goes_on(self) -> bool | None:
        """Tell whether it does; None where it was begun on another machine, which cannot be asked here."""
        return False if self.ended() is not None else self.holder.alive()


def attempts(folder: Path) -> tuple[Attempt, ...]:
    """List the attempts so far, the first one first."""
    found = []
    for entry in sorted((folder / CLAIMS).glob("[0-9]*")):
        row = json.loads((entry / HOLDER).read_text(encoding="utf-8"))
        found.append(Attempt(int(entry.name), entry, Identity.read(row)))
    return tuple(found)


def claim(folder: Path, *, number: int) -> Attempt | None:
    """Become the holder of an attempt; None where another has it. It appears with its holder inside, by one rename."""
    mine = Identity.own()
    home = folder / CLAIMS
    home.mkdir(parents=True, exist_ok=True)
    prepared = home / f".{secrets.token_hex(6)}"
    prepared.mkdir()
    replace_file(prepared / HOLDER, json.dumps(mine.row()))
    target = home / f"{number:06d}"
    try:
        os.rename(prepared, target)
    except OSError:
        shutil.rmtree(prepared, ignore_errors=True)
        if not target.is_dir():
            raise
        return None
    return Attempt(number, target, mine)
