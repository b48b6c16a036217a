"""Several reviewers on one project: who says what, where they differ, and what was adjudicated. Pure functions."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lrstudio.domain.decisions import Act, Decision, Target, Value, in_force
from lrstudio.domain.verdicts import SupportReason

VERDICTS = frozenset({Act.CONFIRM, Act.OVERRIDE})
"""The acts that say what is so; the others make or mark claims and key points."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A target on which reviewers differ, with the last verdict of each that is in force, in order of the journal.

    `adjudication` is the one in force on the target, `settled` whether it knew of all these verdicts.
    """

    target: Target
    verdicts: tuple[Decision, ...]
    adjudication: Decision | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing is left to decide: no verdict came after the adjudication that says otherwise."""
        after = self.adjudication
        if after is None:
            return False
        known = set(after.adjudicates)
        return all(it.decision_id in known or agree(it.after, after.after) for it in self.verdicts)


@dataclass(frozen=True, slots=True)
class ReviewerCount:
    """What one reviewer did: entries of the journal, verdicts in force, of those blind; first and last time."""

    reviewer: str
    entries: int
    verdicts: int
    blind: int
    adjudications: int
    first: str
    last: str


def by_reviewer(decisions: Iterable[Decision]) -> dict[Target, dict[str, Decision]]:
    """Return every reviewer's own latest verdict in force on every target; adjudications are nobody's own.

    Args:
        decisions: a journal, of one candidate or of the whole project, in its order.
    """
    found: dict[Target, dict[str, Decision]] = {}
    for entry in in_force(decisions):
        if entry.act in VERDICTS and not entry.adjudicates:
            own = found.setdefault(entry.target, {})
            own.pop(entry.reviewer, None)  # so that the order stays that of the journal
            own[entry.reviewer] = entry
    return found


def conflicts(decisions: Iterable[Decision]) -> tuple[Conflict, ...]:
    """List the targets on which two reviewers' latest verdicts in force differ, settled or not."""
    entries = tuple(decisions)
    adjudications = {it.target: it for it in in_force(entries) if it.adjudicates}
    return tuple(
        Conflict(target, tuple(own.values()), adjudications.get(target))
        for target, own in by_reviewer(entries).items()
        if _differ(tuple(own.values()))
    )


def agree(one: Value, other: Value) -> bool:
    """Tell whether two verdicts say the same; a reason that only one of them states is no difference."""
    if (one.state, one.support, one.score) != (other.state, other.support, other.score):
        return False
    reasons = {one.support_reason, other.support_reason} - {SupportReason.UNSTATED}
    return len(reasons) < 2


def counts(decisions: Iterable[Decision]) -> tuple[ReviewerCount, ...]:
    """Count what each reviewer did, by name."""
    entries = tuple(decisions)
    live = in_force(entries)
    made: dict[str, list[Decision]] = defaultdict(list)
    for entry in entries:
        made[entry.reviewer].append(entry)
    found = []
    for reviewer, own in sorted(made.items()):
        verdicts = [it for it in live if it.reviewer == reviewer and it.act in VERDICTS]
        times = sorted(it.time for it in own)
        found.append(
            ReviewerCount(
                reviewer,
                entries=len(own),
                verdicts=len(verdicts),
                blind=sum(it.blind for it in verdicts),
                adjudications=sum(bool(it.adjudicates) for it in verdicts),
                first=times[0],
                last=times[-1],
            )
        )
    return tuple(found)


def without_names(conflict: Conflict) -> dict[str, Decision]:
    """Return the verdicts of a conflict under the labels A, B, ...; who is A changes from target to target.

    The order comes from a hash of target and name: it is the same each time, and no name is always first.
    """

    def place(verdict: Decision) -> str:
        it = verdict.target
        words = "\0".join((it.candidate_id, it.dimension.value, it.part_id, verdict.reviewer))
        return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()

    ordered = sorted(conflict.verdicts, key=place)
    return {_label(number): verdict for number, verdict in enumerate(ordered)}


def _label(number: int) -> str:
    letters = chr(ord("A") + number % 26)
    return letters if number < 26 else f"{letters}{number // 26}"


def _differ(verdicts: tuple[Decision, ...]) -> bool:
    return any(not agree(one.after, other.after) for at, one in enumerate(verdicts) for other in verdicts[at + 1 :])
