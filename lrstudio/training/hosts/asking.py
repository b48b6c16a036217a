"""Asking a host's own copy of this package: one program, JSON in, one line of JSON out."""

from __future__ import annotations

import json
from typing import Any, Final

from lrstudio.domain.errors import Environment
from lrstudio.training import wire
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.hosts.transport import Command, Transport

_FAR_SECONDS: Final = 60.0


def ask_far(
    transport: Transport, away: Away, program: str, *words: str, given: Any = None, seconds: float = _FAR_SECONDS
) -> dict[str, Any]:
    """Run one of the programs of `lrstudio.training.far` on a host and return what it answers.

    Args:
        transport: the host.
        away: tells the Python there.
        program: its module.
        words: its arguments.
        given: what it reads, as JSON.
        seconds: how long it may take.

    Raises:
        Unreachable: the link is lost.
        Environment: it does not run there; in its last words.
    """
    data = b"" if given is None else wire.to_json(given).encode("ascii")
    far = (*away.python, "-m", f"lrstudio.training.far.{program}", *words)
    done = transport.run(Command(far, {"PYTHONPATH": away.path} if away.path else {}, data, seconds))
    if done.status != 0:
        raise Environment(f"the host cannot do this: {done.said or f'status {done.status}'}", where=away.host.name)
    try:
        answer: dict[str, Any] = json.loads(done.out.decode("utf-8").strip().rpartition("\n")[2])
        return answer
    except ValueError as error:
        raise Environment(f"the host said something unreadable: {done.said[:200]}", where=away.host.name) from error
