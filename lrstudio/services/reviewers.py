"""Who decided what, where reviewers differ, and one verdict that settles it."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.domain.changes import Changes
from lrstudio.domain.decisions import Act, Decision, Shown, Target, Value
from lrstudio.domain.errors import Refused
from lrstudio.domain.reviewers import Conflict, ReviewerCount, agree, by_reviewer, conflicts, counts
from lrstudio.domain.verdicts import State, Support, SupportReason
from lrstudio.services.who_when import Clock, ReviewerName, utc_now
from lrstudio.store.store import Store


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an adjudicator says: a score for a dimension, else a support, where None is not checkable."""

    score: float | None = None
    support: Support | None = None
    support_reason: SupportReason = SupportReason.UNSTATED


class Reviewers:
    """Reads the journal by reviewer, and appends adjudications to it."""

    def __init__(self, store: Store, *, reviewer: ReviewerName, clock: Clock = utc_now) -> None:
        self._store = store
        self._reviewer = reviewer
        self._clock = clock
        self.last: Decision | None = None
        """The adjudication that this object appended last."""

    def reviewers(self) -> tuple[ReviewerCount, ...]:
        """Count what each reviewer did."""
        return counts(self._store.journal.decisions())

    def decisions(self, reviewer: str | None = None) -> tuple[Decision, ...]:
        """List the journal, of one reviewer or of all.

        Raises:
            Refused: nobody of this name decided anything.
        """
        entries = self._store.journal.decisions()
        kept = tuple(it for it in entries if reviewer in (None, it.reviewer))
        if reviewer is not None and not kept:
            names = ", ".join(sorted({it.reviewer for it in entries})) or "nobody yet"
            raise Refused(f"there is no reviewer {reviewer!r} here; these decided: {names}")
        return kept

    def conflicts(self, *, settled: bool = False) -> tuple[Conflict, ...]:
        """List the targets on which reviewers differ; with `settled`, those that were adjudicated, too."""
        return tuple(it for it in conflicts(self._store.journal.decisions()) if settled or not it.settled)

    def conflict(self, target: Target) -> Conflict:
        """Return the conflict on a target, settled or not.

        Raises:
            Refused: there is none.
        """
        self._store.library.candidate(target.candidate_id)  # refuses an unknown one
        entries = self._store.journal.decisions(target.candidate_id)
        found = next((it for it in conflicts(entries) if it.target == target), None)
        if found is None:
            many = len(by_reviewer(entries).get(target, {}))
            said = "they say the same" if many > 1 else f"{many or 'no'} reviewer decided it"
            raise Refused(f"there is nothing to adjudicate: {said}", where=target.candidate_id)
        return found

    def adjudicate(self, target: Target, ruling: Ruling | Decision, *, reason: str = "", named: bool = True) -> Changes:
        """Settle a conflict: append a verdict that outranks those it names, and later ones that do not settle.

        Args:
            target: what it is about.
            ruling: one of the verdicts in conflict, to be taken over, or a verdict of its own.
            reason: why, in words.
            named: whether the adjudicator saw who said what.

        Raises:
            Refused: there is no conflict, or the ruling does not fit the target.
        """
        with self._store.writing():
            conflict = self.conflict(target)
            if isinstance(ruling, Decision):
                if ruling not in conflict.verdicts:
                    raise Refused("this verdict is not in force any more; look at the conflict again")
                after = ruling.after
            else:
                after = _value(target, ruling)
            before = conflict.adjudication or conflict.verdicts[-1]
            self.last = self._store.journal.append(
                Decision(
                    decision_id=0,
                    reviewer=self._reviewer(),
                    time=self._clock(),
                    act=Act.CONFIRM if agree(before.after, after) else Act.OVERRIDE,
                    target=target,
                    before=before.after,
                    after=after,
                    reason=reason.strip(),
                    shown=Shown(
                        run_id=before.shown.run_id, surface="adjudication" if named else "adjudication without names"
                    ),
                    adjudicates=tuple(sorted(it.decision_id for it in conflict.verdicts)),
                )
            )
        return Changes(decisions=frozenset({target.candidate_id}))


def _value(target: Target, ruling: Ruling) -> Value:
    if target.part_id:
        if ruling.score is not None:
            raise Refused("a score belongs to a dimension, not to one of its claims")
        state = State.NOT_CHECKABLE if ruling.support is None else State.SCORED
        return Value(state=state, support=ruling.support, support_reason=ruling.support_reason)
    if ruling.score is None:
        raise Refused("the score of a dimension is in conflict: give one from 0 to 10")
    if not 0.0 <= ruling.score <= 10.0:
        raise Refused(f"a score goes from 0 to 10, not {ruling.score:g}", where=target.dimension.value)
    return Value(state=State.SCORED, score=float(ruling.score))
