"""The mirror of a run that works on another machine: its folder here, and what is known of it here only.

    host.json    which host, which folder there, and what the run was started as
    asked.json   when the host last answered, and what it said of the run's life
    mirror.lock  held by the one process that is bringing the mirror up to date

Everything else in it is a copy of what the host has, or waits to be sent there (`ctl/`, `rounds/`).
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Refused
from lrstudio.training import wire
from lrstudio.training.folder import replace_file
from lrstudio.training.hosts.host import Host

if sys.platform != "win32":
    import fcntl

HOST: Final = "host.json"
ASKED: Final = "asked.json"
LOCK: Final = "mirror.lock"

WAITS: Final = "waits"
WITHDRAWN: Final = "withdrawn"

STALE_SECONDS: Final = 60.0
"""What was answered longer ago is no answer to whether a run goes on now."""


@dataclass(frozen=True, slots=True)
class Away:
    """Where a run works: a host, its folder there (absolute), and the job that it is.

    `python` starts a Python there and `path` is what it needs to find this package (PYTHONPATH). `home` is the host's
    folder of the studio. `handle` is by what the launcher knows the job, "" before it was started; `starts` counts the
    jobs; one without a handle is to be started, `take_over` for a supervisor that a person says is gone, and `before`
    is then the job before it. `mirror` tells this mirror from those of other computers. `model` is the folder here that
    is to be sent as the run's model, "" for none.
    """

    host: Host
    folder: str
    home: str
    python: tuple[str, ...]
    path: str = ""
    handle: str = ""
    starts: int = 0
    mirror: str = ""
    model: str = ""
    take_over: bool = False
    before: str = ""

    def row(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "host": self.host.row(),
            "python": list(self.python),
        }

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Away:
        """Read what `row` gave.

        Raises:
            Refused: it is none.
        """
        try:
            known = {name: row[name] for name in cls.__dataclass_fields__ if name in row}
            given = {"host": Host.read(row["host"]), "python": tuple(row["python"])}
            return cls(**(known | given))
        except (KeyError, TypeError) as error:
            raise Refused(f"this does not say where a run works ({error})", where=HOST) from error

    @property
    def project(self) -> str:
        """The folder on the host in which the runs of the same project lie."""
        return self.folder.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of the life of a run on a host.

    `answered` is when the host last answered, by this computer's clock. `life` is alive, dead or unknown as it then
    was, `why` a sentence. `turn` is the scheduler's answer where it was asked: waits, works, over, never, or withdrawn
    where a person took the job out of the queue. `down` is since when the host cannot be asked, "" while it can, and
    `trouble` why not. `attempts` counts those that were known when it was asked, `starts` the jobs. `doubted` is since
    when its life is gone by all answers, which is believed only when it was asked for twice.
    """

    answered: str = ""
    life: str = "unknown"
    why: str = ""
    turn: str = ""
    down: str = ""
    trouble: str = ""
    doubted: str = ""
    attempts: int = 0
    starts: int = 0

    @property
    def since(self) -> str:
        """Since when nothing is known, ISO 8601, "" where something is known now."""
        if self.down:
            return self.answered or self.down
        return self.answered if age(self.answered) > STALE_SECONDS else ""


def make(run: Path, away: Away) -> Away:
    """Make a run folder here the mirror of one on a host."""
    made = replace(away, mirror=away.mirror or secrets.token_hex(6))
    replace_file(run / HOST, wire.to_json(made.row()))
    return made


def is_mirror(run: Path) -> bool:
    """Tell whether a run folder here is the mirror of one on a host."""
    return (run / HOST).is_file()


def away_of(run: Path) -> Away:
    """Return where a run works.

    Raises:
        Refused: it works here.
    """
    try:
        return Away.read(json.loads((run / HOST).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise Refused("this run works on this machine", where=run.name) from error
    except ValueError as error:
        raise Refused(f"not valid JSON ({error})", where=str(run / HOST)) from error


def write_away(run: Path, away: Away) -> None:
    """Replace where a run works, and what was started there."""
    replace_file(run / HOST, wire.to_json(away.row()))


def asked_of(run: Path) -> Asked | None:
    """Return what is known of a run's life on its host, None for a run of this machine."""
    if not is_mirror(run):
        return None
    with suppress(OSError, ValueError, TypeError):
        row = json.loads((run / ASKED).read_text(encoding="utf-8"))
        return Asked(**{it.name: row[it.name] for it in fields(Asked) if it.name in row})
    return Asked()


def write_asked(run: Path, asked: Asked) -> None:
    """Replace what is known of a run's life."""
    # Not to the disk each time: what a power cut loses is asked again.
    temporary = run / f".{ASKED}-{secrets.token_hex(4)}"
    temporary.write_text(wire.to_json(asdict(asked)) + "\n", encoding="utf-8")
    temporary.replace(run / ASKED)


def clock(moment: str) -> str:
    """Return a time as a person here reads it: hh:mm of today, else with its date; "" for none."""
    if not moment:
        return ""
    there = datetime.fromisoformat(moment).astimezone()
    today = there.date() == datetime.now().astimezone().date()
    return there.strftime("%H:%M") if today else there.strftime("%d %B, %H:%M").lstrip("0")


def age(moment: str) -> float:
    """Return how many seconds ago a time was, by this clock; infinite for none."""
    if not moment:
        return float("inf")
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


@contextmanager
def locked(run: Path) -> Iterator[bool]:
    """Hold the mirror's lock for the block; gives False, and holds nothing, where another process has it."""
    with (run / LOCK).open("ab") as file:
        if sys.platform == "win32":
            yield True
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
