"""What a scheduler is handed of a job: files in its folder, so that no value stands in a scheduler's own words."""

from __future__ import annotations

import hashlib
import re
import shlex
from typing import Final

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.launcher import Job
from lrstudio.training.hosts.transport import Transport

_PLACE: Final = "job"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRANGE = re.compile(r"[^A-Za-z0-9._-]")


def name_of(job: Job) -> str:
    """Return the name by which a scheduler knows a job: its key, told from the same key of another project's run.

    A scheduler's list is one for all projects, and its names bear only plain characters.
    """
    digest = hashlib.sha256(f"{job.folder}\n{job.key}".encode()).hexdigest()
    return f"{_STRANGE.sub('_', job.key)[:80]}.{digest[:10]}"


def path_of(job: Job, kind: str) -> str:
    """Return where a file of a job is: `sh` its script, `env` its variables, `id` the one job that it may be."""
    return f"{job.folder}/{_PLACE}/{name_of(job)}.{kind}"


def write(transport: Transport, job: Job, *, head: str = "", log: bool = False) -> str:
    """Write a job's script and its variables, which nobody else may read, and return the script's path.

    The script becomes the job: a signal to it is one to the supervisor. `head` stands before that, in shell; with `log`
    the script sends the output to the job's log itself.

    Raises:
        Unreachable, Environment: as the transport.
        Refused: a variable has no name.
    """
    for name in job.environment:
        if not _VARIABLE.fullmatch(name):
            raise Refused("a variable's name has letters, digits and '_', and begins with no digit", where=repr(name))
    variables = [f"export {name}={shlex.quote(value)}" for name, value in job.environment.items()]
    transport.write(path_of(job, "env"), ("\n".join(variables) + "\n").encode("utf-8", "surrogateescape"), mode=0o600)
    lines = ["#!/bin/sh", f"cd -- {shlex.quote(job.folder)} || exit 1"]
    lines += [head] if head else []
    lines += [f". {shlex.quote(path_of(job, 'env'))} || exit 1"]
    lines += [f"exec >>{shlex.quote(job.log)} 2>&1"] if log else []
    # The sign that time runs out may come before the supervisor listens; without this it would be its end.
    lines += ["trap '' USR1", f"exec {shlex.join(job.words)}"]
    path = path_of(job, "sh")
    transport.write(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"), mode=0o700)
    return path
