"""A host: a machine that runs jobs, as a person has described it, and what it was found to be."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from lrstudio.domain.errors import Refused

THIS_MACHINE: Final = "this machine"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9._~-]+@)?(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.%]+\])(?::[0-9]{1,5})?")


class Scheduler(StrEnum):
    """Who gives jobs their turn on a host."""

    NONE = "none"
    SLURM = "slurm"
    RAY = "ray"


class Way(StrEnum):
    """How a host is spoken to."""

    ASYNCSSH = "asyncssh"
    OPENSSH = "openssh"


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that runs jobs.

    `address` is an alias of `~/.ssh/config`, or `[user@]machine[:port]`. `folder` is where the studio keeps its things
    on the host; one that does not begin with a slash lies in the home there. `python` are the words that start a Python
    which can train (`/opt/env/bin/python`, or `conda run -n train python`); none means an environment that the studio
    makes. `options` are the scheduler's: of Slurm partition, account, gpus, nodes, time_limit (HH:MM:SS); of Ray
    address (as seen from the host), gpus. `wheels` is a folder on this machine with every wheel that a host without a
    network needs, "" where it has one. `batch` are the words that run a file of judge calls.
    """

    name: str
    address: str
    folder: str = "lrstudio"
    python: tuple[str, ...] = ()
    scheduler: Scheduler = Scheduler.NONE
    options: Mapping[str, str] = field(default_factory=dict)
    way: Way = Way.ASYNCSSH
    wheels: str = ""
    batch: tuple[str, ...] = ("vllm", "run-batch")

    def row(self) -> dict[str, Any]:
        """Return the host as JSON values."""
        return {
            "name": self.name,
            "address": self.address,
            "folder": self.folder,
            "python": list(self.python),
            "scheduler": self.scheduler.value,
            "options": dict(self.options),
            "way": self.way.value,
            "wheels": self.wheels,
            "batch": list(self.batch),
        }

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Host:
        """Read what `row` gave.

        Raises:
            Refused: it is no host; names the field.
        """
        known = {name: row[name] for name in cls.__dataclass_fields__ if name in row}
        try:
            host = cls(
                **known
                | {
                    "python": tuple(known.get("python", ())),
                    "scheduler": Scheduler(known.get("scheduler", "none")),
                    "way": Way(known.get("way", "asyncssh")),
                    "batch": tuple(known.get("batch", ("vllm", "run-batch"))),
                }
            )
        except (TypeError, ValueError) as error:
            raise Refused(f"not the description of a host ({error})", where="host") from error
        check(host)
        return host


def check(host: Host) -> None:
    """Refuse what no host can be called or described by.

    Raises:
        Refused: names the field and says what may stand there.
    """
    if not _NAME.fullmatch(host.name) or host.name == THIS_MACHINE:
        raise Refused("a name has letters, digits, '.', '_' and '-', and begins with a letter or digit", where="name")
    if not _ADDRESS.fullmatch(host.address):
        raise Refused("an address is an alias of ~/.ssh/config, or [user@]machine[:port]", where="address")
    for name, value in (("folder", host.folder), ("wheels", host.wheels), *host.options.items()):
        if not value.isprintable():
            raise Refused("line ends and control characters have no place here", where=name)
    for name, words in (("python", host.python), ("batch", host.batch)):
        if not all(word and word.isprintable() for word in words):
            raise Refused("line ends and control characters have no place here", where=name)
    if not host.folder or ".." in host.folder.split("/"):
        raise Refused("name a folder on the host, without '..'", where="folder")


def words_of(text: str, *, where: str) -> tuple[str, ...]:
    """Split what a person typed into words, as a shell would, without anything that a shell would do with them.

    Raises:
        Refused: a quote is left open.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise Refused(f"this cannot be split into words ({error})", where=where) from error
