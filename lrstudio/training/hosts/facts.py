"""A small program sent to a host as one word of a command, run in the best Python there, and what it answers."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.transport import Command, Ran, Transport

NEEDED: Final = ("torch", "transformers", "peft")
"""What a Python that trains must be able to import."""

OLDEST: Final = (3, 11)

_MARK: Final = "lrstudio-probe "
_SECONDS: Final = 120.0
_TRIED: Final = ("python3.11", "python3.12", "python3.13", "python3", "python3.14", "python")
# One line, as a login shell of another kind may not take more. First one that can make an environment, then one that is
# new enough, then any, so that a person is told which there is.
_CHOOSE: Final = (
    'c=$1; a=$2; shift 2; set -- "$@" "$HOME/.local/bin/python3" "$HOME/miniforge3/bin/python3" '
    '"$HOME/miniconda3/bin/python3" /opt/conda/bin/python3 /usr/local/bin/python3; '
    'for t in "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))" '
    '"import sys; sys.exit(sys.version_info < (3, 11))" "import sys; sys.exit(sys.version_info < (3, 6))"; do '
    'for p in "$@"; do if "$p" -c "$t" </dev/null >/dev/null 2>&1; then exec "$p" -c "$c" "$a"; fi; done; done; '
    "exit 127"
)


class NoPython(Refused):
    """The host has no Python that could be asked: what was seen, and what to do."""

    def __init__(self, said: str, todo: str) -> None:
        super().__init__(f"{said}; {todo}", where="python")
        self.said = said
        self.todo = todo


def ask(host: Host, transport: Transport, wish: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a host what it has; see `lrstudio.training.far.probe` for what is wished and answered.

    Raises:
        NoPython: there is none, or the one that the host's description names does not start.
        Unreachable: the host cannot be asked.
    """
    wished = base64.b64encode(json.dumps({"folder": host.folder, **wish}).encode()).decode()
    words = [*host.python, "-c", _program(), wished] if host.python else _chosen(wished)
    ran = transport.run(Command(words, seconds=_SECONDS))
    answer = answered(ran, _MARK)
    if answer is None:
        raise _none(host, ran)
    return answer


def answered(ran: Ran, mark: str) -> dict[str, Any] | None:
    """Return the JSON object behind a mark in what a program wrote among a host's banners, None where there is none."""
    for line in reversed(ran.out.decode("utf-8", "replace").splitlines()):
        before, found, rest = line.partition(mark)
        if found and not before.strip():
            try:
                row = json.loads(rest)
            except ValueError:
                return None
            return row if isinstance(row, dict) else None
    return None


def _chosen(wished: str) -> list[str]:
    return ["sh", "-c", _CHOOSE, "sh", _program(), wished, *_TRIED]


def _program() -> str:
    """Return the program as one line: some starters of Python take no line ends."""
    from lrstudio.training.far import probe

    try:
        source = Path(probe.__file__).read_bytes()
    except OSError as error:
        raise Environment("the studio's own source is not there to be sent; install it with pip") from error
    packed = base64.b64encode(zlib.compress(source, 9)).decode()
    return f"import base64,zlib;exec(zlib.decompress(base64.b64decode('{packed}')))"


def _none(host: Host, ran: Ran) -> NoPython:
    if host.python:
        said = f" ({ran.said})" if ran.said else ""
        return NoPython(
            f"`{' '.join(host.python)}` starts no Python there{said}",
            "name one by its full path, such as /opt/env/bin/python, or leave the field empty to have one made",
        )
    return NoPython(
        "no Python was found there",
        "install Python 3.11 or newer, or name one in the host's field Python by its full path, such as "
        "/opt/python/3.11/bin/python3",
    )


def version_of(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the version of the Python that answered."""
    version: Sequence[int] = facts["python"]["version"]
    return tuple(int(it) for it in version)
