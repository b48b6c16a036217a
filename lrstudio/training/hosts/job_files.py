"""What a scheduler is handed of a job: files in its folder, so that no value stands in a scheduler's own words."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from typing import Final

from lrstudio.domain.errors import Refused
from lrstudio.training.hosts.launcher import Job
from lrstudio.training.hosts.transport import Command, Transport

WITHDRAWN: Final = "withdrawn"
"""What stands in the place of a job's number where none may begin."""

_PLACE: Final = "job"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRANGE = re.compile(r"[^A-Za-z0-9._-]")


def name_of(job: Job) -> str:
    """Return the name by which a scheduler knows a job: its key, told from the same key of another project's run.

    A scheduler's list is one for all projects, and its names bear only plain characters.
    """
    digest = hashlib.sha256(f"{job.folder}\n{job.key}".encode()).hexdigest()
    return f"{_STRANGE.sub('_', job.key)[:80]}.{digest[:10]}"


def path_of(folder: str, name: str, kind: str) -> str:
    """Return where a file of a job is: `sh` its script, `env` its variables, `id` who began it, or that nobody may."""
    return f"{folder}/{_PLACE}/{name}.{kind}"


def begun(transport: Transport, folder: str, name: str) -> str:
    """Return which job of this name began, even where its scheduler has forgotten it; `WITHDRAWN`, or "" for none.

    Raises:
        Unreachable, Environment: as the transport.
    """
    done = transport.run(Command(("readlink", "--", path_of(folder, name, "id"))))
    return done.out.decode("utf-8", "replace").strip() if done.status == 0 else ""


def withdraw(transport: Transport, folder: str, name: str) -> None:
    """Let a job that has not begun never begin, whatever its scheduler still does with it.

    Raises:
        Unreachable, Environment: as the transport.
    """
    transport.run(Command(("ln", "-s", "--", WITHDRAWN, path_of(folder, name, "id"))))


def write(transport: Transport, job: Job, *, lines: Sequence[str], number: str) -> str:
    """Write a job's script and its variables, which nobody else may read, and return the script's path.

    Of all jobs that are ever submitted with it one alone goes on: the first that begins, and that one again.

    Args:
        transport: the host.
        job: what is to be run.
        lines: what stands before the job's words, in shell; `$mark` is the file that says who began first.
        number: what tells one job from another, in shell.

    Raises:
        Unreachable, Environment: as the transport.
        Refused: a variable has no name.
    """
    for it in job.environment:
        if not _VARIABLE.fullmatch(it):
            raise Refused("a variable's name has letters, digits and '_', and begins with no digit", where=repr(it))
    variables = [f"export {it}={shlex.quote(value)}\n" for it, value in job.environment.items()]
    name = name_of(job)
    transport.write(path_of(job.folder, name, "env"), "".join(variables).encode("utf-8", "surrogateescape"), mode=0o600)
    mark, env = shlex.quote(path_of(job.folder, name, "id")), shlex.quote(path_of(job.folder, name, "env"))
    script = [
        "#!/bin/sh",
        f"cd -- {shlex.quote(job.folder)} || exit 1",
        f"number={number} mark={mark}",
        'ln -s -- "$number" "$mark" 2>/dev/null || [ "$(readlink -- "$mark")" = "$number" ] || exit 0',
        f". {env} || exit 1",
        *lines,
    ]
    path = path_of(job.folder, name, "sh")
    transport.write(path, ("\n".join(script) + "\n").encode("utf-8", "surrogateescape"), mode=0o700)
    return path
