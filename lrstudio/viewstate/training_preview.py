"""What a preflight found, in words: rows and their lengths, memory and time, what has to be mended or accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lrstudio.training.preflight import Preflight
from lrstudio.training.runs import Estimate
from lrstudio.viewstate.audit_signs import Chip, Sign, counted

_TITLES: Final = {
    "template": "Chat template",
    "ids": "Chosen answers alike",
    "rows": "Rows",
    "disk": "Disk",
    "device": "Device",
    "versions": "Packages",
    "memory": "Memory",
    "model": "Model",
    "parity": "Several processes",
    "pilot": "Pilot step",
}


_SHARE: Final = re.compile(r"([\d,]+) of ([\d,]+) rows?\b")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the histogram: the rows of up to so many tokens, and both in words."""

    label: str
    rows: int
    words: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Rows that a person must accept: the option that says so, how many, and which."""

    option: str
    count: int
    words: str
    row_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that is shown of a preflight."""

    counts: str
    bars: tuple[Bar, ...]
    memory: str
    time: str
    fits: bool
    acceptances: tuple[Acceptance, ...]
    checks: tuple[tuple[Chip, str], ...]
    ok: bool


def preview(found: Preflight, *, estimate: Estimate | None = None, left_out: Sequence[str] = ()) -> Preview:
    """Return what is shown of what a preflight found.

    Args:
        found: what it found.
        estimate: the memory as corrected by earlier runs, None for what it found itself.
        left_out: pairs of the set that the recipe cannot use; they count as dropped.
    """
    dropped = (*found.dropped, *left_out)
    return Preview(
        counts=f"kept {found.kept:,} · cut {len(found.cut):,} · dropped {len(dropped):,}",
        bars=tuple(_bars(found.histogram)),
        memory=_memory(found, estimate),
        time=_time(found),
        fits=all(it.passed for it in found.checks if it.name in ("memory", "pilot")),
        acceptances=tuple(_acceptances(found.cut, dropped)),
        checks=tuple((check_chip(it.name, passed=it.passed), it.said) for it in found.checks),
        ok=found.ok,
    )


def share_of(said: str) -> float | None:
    """Return how much is done of what a check says that it does, 0 to 1; None where it names no number."""
    found = _SHARE.match(said)
    done, of = (int(it.replace(",", "")) for it in found.groups()) if found else (0, 0)
    return done / of if of else None


def check_chip(name: str, *, passed: bool) -> Chip:
    """Return one check as a chip."""
    return Chip(Sign.FULL if passed else Sign.CONTRADICTED, _TITLES.get(name, name))


def tokens_text(tokens: int) -> str:
    """Write a number of tokens short: 512, 8k, 96k, 1M."""
    if tokens >= 1 << 20:
        return f"{tokens / (1 << 20):.3g}M"
    return f"{tokens / 1024:.3g}k" if tokens >= 1024 else str(tokens)


def duration(seconds: float) -> str:
    """Write a time as a person would: 40 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def accepted(shown: Preview, ticked: Mapping[str, bool]) -> dict[str, int]:
    """Return the options that say what a person has accepted."""
    return {it.option: it.count for it in shown.acceptances if ticked.get(it.option)}


def missing(shown: Preview, ticked: Mapping[str, bool]) -> str:
    """Say what has still to be accepted, "" for nothing."""
    left = [it for it in shown.acceptances if not ticked.get(it.option)]
    return " ".join(f"Accept that {it.words}, or change the form." for it in left)


def trouble_text(said: str) -> str:
    """Say what a preflight ended with that did not come to an end, and where the Python is chosen it is about."""
    words = f"{said[:1].upper()}{said[1:]}"
    return f"{words}. Another Python can be named under Advanced." if "Python" in said else words


def _bars(histogram: Sequence[tuple[int, int]]) -> list[Bar]:
    bars, before = [], 0
    for bound, rows in histogram:
        low = f"{tokens_text(before)} to " if before else "up to "
        bars.append(Bar(tokens_text(bound), rows, f"{counted(rows, 'row')} of {low}{tokens_text(bound)} tokens"))
        before = bound
    first = next((at for at, it in enumerate(bars) if it.rows), 0)
    return bars[max(0, first - 1) :]


def _memory(found: Preflight, estimate: Estimate | None) -> str:
    row = f"at the longest row ({found.longest:,} tokens)"
    used = found.peak_gib
    if used is None:
        used = estimate.memory_gib if estimate is not None else found.memory_gib
    if used is None:
        return f"Longest row: {found.longest:,} tokens" if found.longest else ""
    whole = f" of {found.device_gib:.3g}" if found.device_gib else ""
    how = "measured" if found.peak_gib is not None else "estimated"
    if found.peak_gib is None and estimate is not None and estimate.earlier:
        how = f"estimated, corrected by {counted(estimate.earlier, 'earlier run')}"
    return f"{used:.3g} GiB{whole} {row}, {how}"


def _time(found: Preflight) -> str:
    parts = []
    if found.seconds is not None:
        parts.append(f"about {duration(found.seconds)}")
    if found.engine:
        parts.append("shared prefix on" if found.engine == "shared" else "each answer with its document")
    if found.device:
        parts.append(f"on {found.device}")
    pilot = next((it for it in found.checks if it.name == "pilot"), None)
    if pilot is not None:
        parts.append("pilot step passed" if pilot.passed else "pilot step failed")
    return " · ".join(parts)


def _acceptances(cut: Sequence[str], dropped: Sequence[str]) -> list[Acceptance]:
    made = []
    for option, row_ids, deed in (("accept_cut", cut, "cut"), ("accept_dropped", dropped, "dropped")):
        if row_ids:
            verb = "is" if len(row_ids) == 1 else "are"
            words = f"{counted(len(row_ids), 'row')} {verb} {deed}"
            made.append(Acceptance(option, len(row_ids), words, tuple(row_ids)))
    return made
