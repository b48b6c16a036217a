"""What a merge would bring, or brought, as it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from lrstudio.domain.decisions import Target
from lrstudio.viewstate.adjudication import MOST, ConflictLine
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.import_words import named_counts

UNTAKEN = "Nothing is taken away here, and the other project is only read. A merge cannot be taken back."


@dataclass(frozen=True, slots=True)
class MergeView:
    """What is new, equal and differing, and where reviewers differ afterwards."""

    rows: tuple[tuple[str, str, str], ...]
    differing: tuple[str, ...]
    conflicts: tuple[ConflictLine, ...]
    sentence: str
    conflict_words: str
    anything: bool
    records: int


def merge_rows(
    new: Mapping[str, int], same: Mapping[str, int], *, kept: Mapping[str, int]
) -> tuple[tuple[str, str, str], ...]:
    """Return one row for each kind that there is some of: its name, how many are new, how many are there already.

    Args:
        new: how many of each kind are new, a kind being named as in `Counts`.
        same: how many are there already.
        kept: how many come along uncounted otherwise: calls, replies, vectors.
    """
    rows = [
        (
            kind.replace("_", " ").capitalize(),
            f"{number:,}" if number else "–",
            f"{same[kind]:,}" if same[kind] else "–",
        )
        for kind, number in new.items()
        if number or same[kind]
    ]
    rows += [(kind.capitalize(), f"{number:,}", "–") for kind, number in kept.items() if number]
    return tuple(rows)


def merge_sentence(new: Mapping[str, int], *, differing: int, done: bool) -> str:
    """Say what a merge would come to, or came to."""
    named = named_counts(new)
    if not named:
        said = "Nothing new came." if done else "It holds nothing that is not here already."
    else:
        said = f"Merged: {named} came." if done else f"{named[0].upper()}{named[1:]} would come."
    if differing:
        said += " One record differs and stays" if differing == 1 else f" {differing:,} records differ and stay"
        said += " as it is here." if differing == 1 else " as they are here."
    return said


def conflict_words(conflicts: Sequence[Target], before: frozenset[Target], *, done: bool) -> str:
    """Say how often reviewers differ afterwards; "" where they do not."""
    if not conflicts:
        return ""
    new = sum(it not in before for it in conflicts)
    differ = "differ" if done else "will differ"
    said = f"Reviewers {differ} in {counted(len(conflicts), 'place')}"
    return f"{said}, {new:,} of them because of this merge:" if new != len(conflicts) else f"{said}:"


def differing_lines(said: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return what differs, one line each, cut to what somebody reads."""
    lines = tuple(f"{where}: {sentence}" for where, sentence in islice(said, MOST))
    return (*lines, f"… and {len(said) - MOST:,} more") if len(said) > MOST else lines
