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
_ADDRESS = re.compile(
    r"(?:[A-Za-z0-9._~][A-Za-z0-9._~-]*@)?"
    r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.%]+\])(?::(?P<port>[0-9]{1,5}))?"
)


class Scheduler(StrEnum):
    """Who gives jobs their turn on a host."""

    NONE = "none"
    SLURM = "slurm"
    RAY = "ray"


class Way(StrEnum):
    """How a host is spoken to."""

    ASYNCSSH = "asyncssh"
    OPENSSH = "openssh"


_PLAIN: Final = (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,+-]{0,127}"), "a name that the scheduler knows")
_COUNT: Final = (re.compile(r"[0-9]{1,4}"), "a whole number")
_GPUS: Final = (re.compile(r"(?:[A-Za-z0-9_.-]+:)?[0-9]{1,4}"), "a number of GPUs, or type:number")
_TIME: Final = (re.compile(r"(?:[0-9]{1,3}-)?[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]"), "a time as HH:MM:SS")
_URL: Final = (
    re.compile(r"https?://(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?"),
    "an address such as http://127.0.0.1:8265, without name or password",
)
_OPTIONS: Final[Mapping[Scheduler, Mapping[str, tuple[re.Pattern[str], str]]]] = {
    Scheduler.NONE: {},
    Scheduler.SLURM: {"partition": _PLAIN, "account": _PLAIN, "gpus": _GPUS, "nodes": _COUNT, "time_limit": _TIME},
    Scheduler.RAY: {"address": _URL, "gpus": _COUNT},
}


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
        for name in ("name", "address"):
            if name not in row:
                raise Refused("a host needs it", where=name)
        given = {name: _value(name, row[name]) for name in cls.__dataclass_fields__ if name in row}
        host = cls(**given)
        check(host)
        return host


def check(host: Host) -> None:
    """Refuse what no host can be called or described by.

    Raises:
        Refused: names the field and says what may stand there.
    """
    if not _NAME.fullmatch(host.name) or host.name == THIS_MACHINE:
        raise Refused("a name has letters, digits, '.', '_' and '-', and begins with a letter or digit", where="name")
    address = _ADDRESS.fullmatch(host.address)
    if address is None or not 0 < int(address["port"] or 22) < 65536:
        raise Refused("an address is an alias of ~/.ssh/config, or [user@]machine[:port]", where="address")
    for name, value in (("folder", host.folder), ("wheels", host.wheels), *host.options.items()):
        if not value.isprintable():
            raise Refused("line ends and control characters have no place here", where=name)
    for name, words in (("python", host.python), ("batch", host.batch)):
        if not all(word and word.isprintable() for word in words):
            raise Refused("line ends and control characters have no place here", where=name)
        if words and words[0].startswith("-"):
            raise Refused("begin with the program; a word that begins with '-' is an option", where=name)
    _check_folder(host.folder)
    _check_options(host.scheduler, host.options)


def _check_folder(folder: str) -> None:
    parts = folder.split("/")
    if not folder.strip("/ ") or ".." in parts:
        raise Refused("name a folder on the host, without '..'", where="folder")
    if parts[0].startswith("~"):
        raise Refused("leave out '~/': without a slash in front it lies in the home there", where="folder")
    if ":" in folder or "%" in folder or "\\" in folder:
        raise Refused("a path with ':', '%' or a backslash cannot be handed to Python and Slurm", where="folder")


def _check_options(scheduler: Scheduler, options: Mapping[str, str]) -> None:
    known = _OPTIONS[scheduler]
    for name, value in options.items():
        if name not in known:
            takes = ", ".join(known) or "none"
            raise Refused(f"this is no option of the scheduler {scheduler.value!r}, which takes {takes}", where=name)
        pattern, meant = known[name]
        if value and not pattern.fullmatch(value):
            raise Refused(f"this must be {meant}", where=name)


def _value(name: str, given: Any) -> Any:
    """Take a JSON value for a field, of the type that the field has."""
    if name in ("python", "batch"):
        if not isinstance(given, list | tuple) or not all(isinstance(it, str) for it in given):
            raise Refused("this must be a list of words", where=name)
        return tuple(given)
    if name == "options":
        if not isinstance(given, Mapping) or not all(isinstance(it, str) for pair in given.items() for it in pair):
            raise Refused("options are names with texts", where=name)
        return dict(given)
    if not isinstance(given, str):
        raise Refused("this must be a text", where=name)
    kinds: dict[str, type[Scheduler] | type[Way]] = {"scheduler": Scheduler, "way": Way}
    if name not in kinds:
        return given
    try:
        return kinds[name](given)
    except ValueError as error:
        raise Refused(f"this must be one of {', '.join(kinds[name])}", where=name) from error


def options_for(scheduler: Scheduler, options: Mapping[str, str]) -> dict[str, str]:
    """Return those of some options that a scheduler takes."""
    return {name: value for name, value in options.items() if name in _OPTIONS[scheduler]}


def words_of(text: str, *, where: str) -> tuple[str, ...]:
    """Split what a person typed into words, as a shell would, without anything that a shell would do with them.

    Raises:
        Refused: a quote is left open.
    """
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise Refused(f"this cannot be split into words ({error})", where=where) from error
