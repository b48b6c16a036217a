"""Hosts of a project's runs that cannot be asked now: since when, why, and when they are asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lrstudio.training.runs import RunRow
from lrstudio.training.status import Life
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.training_runs import clock_of

_LAST: Final = "A run needs no link to go on; what is shown is what was heard last."


@dataclass(frozen=True, slots=True)
class Lost:
    """A host that cannot be asked: since when (ISO 8601), why, and in how many seconds it is asked again, None: now."""

    host: str
    since: str
    why: str
    next_try: float | None = None


def watched_hosts(rows: Sequence[RunRow]) -> tuple[str, ...]:
    """Return the hosts on which a run goes on or may."""
    names = (it.host for it in rows if it.host and it.life in (Life.ALIVE, Life.UNKNOWN))
    return tuple(dict.fromkeys(names))


def lost_words(lost: Sequence[Lost]) -> str:
    """Say which hosts cannot be asked and what that means, "" where all can."""
    if not lost:
        return ""
    one = lost[0]
    if len(lost) > 1:
        names = ", ".join(it.host for it in lost[:-1]) + f" and {lost[-1].host}"
        return f"{names} cannot be asked. {_LAST} {_next(lost)}"
    since = f" since {clock_of(one.since)}" if one.since else ""
    why = f" ({one.why.rstrip('.')})" if one.why else ""
    return f"{one.host} cannot be asked{since}{why}. {_LAST} {_next(lost)}"


def _next(lost: Sequence[Lost]) -> str:
    waits = [it.next_try for it in lost if it.next_try is not None]
    if not waits:
        return "Asked again now."
    seconds = max(0, round(min(waits)))
    return f"Asked again in {counted(seconds, 'second')}." if seconds else "Asked again now."


def fetch_words(run: str, done: int, whole: int) -> tuple[str, float | None]:
    """Say how far a result of `whole` bytes is, and as a share; None while nobody knows how much there is."""
    if not whole:
        return f"The adapter of {run} is fetched …", None
    return f"The adapter of {run}: {_mib(done)} of {_mib(whole)} MiB", min(1.0, done / whole)


def _mib(size: int) -> str:
    mib = size / (1 << 20)
    return f"{mib:,.0f}" if mib >= 10 else f"{mib:.1f}"


def attached_words(count: int) -> str:
    """Say how many runs were attached."""
    if not count:
        return "Every run of this project is here already."
    return f"{counted(count, 'run')} on hosts {'is' if count == 1 else 'are'} shown now."
