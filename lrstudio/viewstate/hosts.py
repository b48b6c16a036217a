"""The form for hosts: what its fields mean, the host they describe, and what is wrong with them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.host import Host, Scheduler, Way, words_of
from lrstudio.viewstate.judge_fields import FieldWords

FIELDS: Final[Mapping[str, FieldWords]] = {
    "name": FieldWords("Name", "What it is called here."),
    "address": FieldWords("Address", "An alias of ~/.ssh/config, or [user@]machine[:port]."),
    "folder": FieldWords(
        "Folder", "For runs and their environment; below the home there unless it begins with a slash."
    ),
    "python": FieldWords(
        "Python", "Words that start one that can train, such as conda run -n train python. Empty: Prepare makes one."
    ),
    "scheduler": FieldWords("Scheduler", ""),
    "way": FieldWords("Way", ""),
    "wheels": FieldWords("Wheel folder", "For a host without a network: a folder here with every wheel it needs."),
    "batch": FieldWords("Batch judge", "Words that answer a file of judge calls."),
}

SCHEDULERS: Final = (
    (Scheduler.NONE, "none: runs start at once"),
    (Scheduler.SLURM, "Slurm"),
    (Scheduler.RAY, "Ray"),
)
WAYS: Final = (
    (Way.ASYNCSSH, "built in (asyncssh)"),
    (Way.OPENSSH, "this computer's OpenSSH"),
)
WAY_MEANINGS: Final[Mapping[Way, str]] = {
    Way.ASYNCSSH: "Keys, agent, jump hosts and known hosts as in ~/.ssh.",
    Way.OPENSSH: "For what only ssh itself can: Kerberos, ProxyCommand, hardware keys.",
}
OPTIONS: Final[Mapping[Scheduler, tuple[tuple[str, str, str], ...]]] = {
    Scheduler.NONE: (),
    Scheduler.SLURM: (
        ("partition", "Partition", "the usual one"),
        ("account", "Account", "the usual one"),
        ("gpus", "GPUs", "1"),
        ("nodes", "Nodes", "1"),
        ("time_limit", "Time limit", "HH:MM:SS"),
    ),
    Scheduler.RAY: (
        ("address", "Ray address", "http://127.0.0.1:8265"),
        ("gpus", "GPUs", "1"),
    ),
}
"""The options of each scheduler: name, label, and what stands for it where it is empty."""

OPTION: Final = "option "
"""Begins the name of a problem with an option of the scheduler: one of them is called as a field of the host is."""


@dataclass(frozen=True, slots=True)
class TypedHost:
    """What stands in the fields."""

    name: str = ""
    address: str = ""
    folder: str = "lrstudio"
    python: str = ""
    scheduler: Scheduler = Scheduler.NONE
    options: Mapping[str, str] = field(default_factory=dict)
    way: Way = Way.ASYNCSSH
    wheels: str = ""
    batch: str = "vllm run-batch"


def typed_host(host: Host) -> TypedHost:
    """Return what the fields show for a host."""
    return TypedHost(
        host.name,
        host.address,
        host.folder,
        shlex.join(host.python),
        host.scheduler,
        dict(host.options),
        host.way,
        host.wheels,
        shlex.join(host.batch),
    )


def host_of(typed: TypedHost) -> Host:
    """Return the host that the fields describe.

    Raises:
        Refused: they describe none; names the field.
    """
    given = {name: typed.options.get(name, "").strip() for name, _, _ in OPTIONS[typed.scheduler]}
    row = {
        "name": typed.name.strip(),
        "address": typed.address.strip(),
        "folder": typed.folder.strip(),
        "python": words_of(typed.python, where="python"),
        "scheduler": typed.scheduler.value,
        "options": {name: text for name, text in given.items() if text},
        "way": typed.way.value,
        "wheels": typed.wheels.strip(),
        "batch": words_of(typed.batch, where="batch"),
    }
    return Host.read(row)


def host_problems(typed: TypedHost, *, others: Sequence[str] = ()) -> dict[str, str]:
    """Return what is wrong, by field; of options behind `OPTION`. Empty where the host can be saved.

    `others` are the names of the other hosts.
    """
    found = {}
    if not typed.name.strip():
        found["name"] = "Give it a name."
    elif typed.name.strip() in others:
        found["name"] = "Another host has this name."
    if not typed.address.strip():
        found["address"] = "Say where it is."
    if typed.wheels.strip() and not Path(typed.wheels.strip()).expanduser().is_dir():
        found["wheels"] = "There is no such folder on this computer."
    if found:
        return found
    try:
        host_of(replace(typed, options={}))
    except Refused as error:
        return {error.where: _sentence(error)}
    try:
        host_of(typed)
    except Refused as error:
        return {f"{OPTION}{error.where}": _sentence(error)}
    return found


def reached_by(host: Host) -> str:
    """Say in a word what gives a job its place on a host."""
    return {Scheduler.NONE: "SSH", Scheduler.SLURM: "Slurm", Scheduler.RAY: "Ray"}[host.scheduler]


def host_line(host: Host) -> str:
    """Say in a line where a host is and who gives jobs their turn there."""
    return host.address if host.scheduler is Scheduler.NONE else f"{host.address} · {reached_by(host)}"


def _sentence(error: Refused) -> str:
    return f"{error.sentence[:1].upper()}{error.sentence[1:].rstrip('.')}."
