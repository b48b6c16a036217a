"""What the prompt pack window says: packs, versions, use, differences and plans, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_progress import money

_ORIGINS = {
    "shipped": "comes with the studio, read-only",
    "own": "yours",
    "project": "beside the project",
    "folder": "a folder of yours",
}
_SHOWN_DIGITS = 6


class DiffKind(StrEnum):
    """What a line of a difference is."""

    FILE = "file"
    PLACE = "place"
    ADDED = "added"
    REMOVED = "removed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line to show; its sign stands in `text`, so that it never hangs on a colour."""

    kind: DiffKind
    text: str


def origin_words(origin: str) -> str:
    """Say where a pack lies."""
    return _ORIGINS[origin]


def version_words(digits: str, *, time: str, note: str, current: bool) -> str:
    """Say a version in a line."""
    when = time[:16].replace("T", " ")
    return " · ".join(it for it in (digits[:_SHOWN_DIGITS], "in use" if current else "", note, when) if it)


def use_words(version: str, uses: Mapping[str, tuple[int, int, int]]) -> str:
    """Say who used a version, and how many verdicts rest on other versions of the same pack.

    `uses` has, by version, the judge runs, the trials and the latest verdicts that rest on it.
    """
    runs, trials, judgments = uses.get(version, (0, 0, 0))
    name = version.rpartition("@")[0]
    stale = sum(it[2] for other, it in uses.items() if other != version and other.rpartition("@")[0] == name)
    parts = [counted(runs, "judge run") if runs else "No judge run"]
    if trials:
        parts.append(counted(trials, "trial"))
    parts.append(f"{counted(judgments, 'verdict')} in force")
    said = ", ".join(parts) + "."
    if stale:
        said += (
            f" {counted(stale, 'verdict')} in force {'is' if stale == 1 else 'are'} by another version: "
            "judge again to renew them; only prompts that changed cost anything."
        )
    return said


def tab_words(call: str, *, chinese: bool, edited: bool, problems: int) -> str:
    """Name a template on its tab, with a sign for what was edited and for what is wrong."""
    name = call.replace("_", " ").capitalize() + (" (Chinese)" if chinese else "")
    return name + (" *" if edited else "") + (f" ✕{problems}" if problems else "")


def diff_lines(files: Iterable[tuple[str, Iterable[str]]]) -> tuple[DiffLine, ...]:
    """Return the lines of a difference, file by file; those without one are left out."""
    shown: list[DiffLine] = []
    for file, lines in files:
        made = [_line(it) for it in lines]
        if made:
            if shown:
                shown.append(DiffLine(DiffKind.SAME, ""))
            shown += [DiffLine(DiffKind.FILE, file), *made]
    return tuple(shown)


def diff_summary(lines: Iterable[DiffLine]) -> str:
    """Count what a difference adds and takes away."""
    kinds = [it.kind for it in lines]
    added, removed = kinds.count(DiffKind.ADDED), kinds.count(DiffKind.REMOVED)
    if not added and not removed:
        return "No difference."
    return f"{counted(added, 'line')} added (+), {counted(removed, 'line')} removed (–)."


def split_words(counts: Iterable[tuple[str, int, int]]) -> str:
    """Say how labels are divided: for each part its name, labels and documents."""
    return " · ".join(
        f"{words}: {counted(labels, 'decision')} on {counted(documents, 'document')}"
        for words, labels, documents in counts
    )


def plan_words(*, calls: int, input_tokens: int, output_tokens: int, cost: float | None, candidates: int) -> str:
    """Say what a trial takes."""
    if not calls:
        return f"{counted(candidates, 'candidate')}; every call is in the log: it costs nothing."
    price = "cost unknown" if cost is None else f"about {money(cost)}"
    return (
        f"{counted(candidates, 'candidate')}; at most {counted(calls, 'call')}, {input_tokens:,} tokens in, about "
        f"{output_tokens:,} out, {price}."
    )


def _line(raw: str) -> DiffLine:
    if raw.startswith("@@"):
        return DiffLine(DiffKind.PLACE, raw)
    if raw.startswith("+"):
        return DiffLine(DiffKind.ADDED, f"+ {raw[1:]}")
    if raw.startswith("-"):
        return DiffLine(DiffKind.REMOVED, f"– {raw[1:]}")
    return DiffLine(DiffKind.SAME, f"  {raw[1:]}")
