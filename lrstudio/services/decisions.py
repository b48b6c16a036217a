"""What a person decides, written into the journal: nothing is ever changed in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

from lrstudio.domain.changes import Changes
from lrstudio.domain.decisions import (
    Act,
    Decision,
    Shown,
    Standing,
    StandingClaim,
    StandingKeyPoint,
    Target,
    Value,
    Wording,
    standing,
    undo_and_redo,
)
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, State, Support, SupportReason, part_id
from lrstudio.services.audit import judgments_of
from lrstudio.services.who_when import Clock, ReviewerName, utc_now
from lrstudio.store.store import Store


class Circumstances(TypedDict, total=False):
    """What goes with every decision: a reason in words, whether the judge was hidden, what was on screen."""

    reason: str
    blind: bool
    shown: Shown


@dataclass(frozen=True, slots=True)
class _Part:
    """A claim or key point as it stands, seen alike."""

    wording: Wording
    value: Value
    evidence: tuple[Span, ...]


class Decisions:
    """Confirm, override and edit, for one reviewer. Every method returns what changed.

    Methods raise Refused where the target does not exist or the request makes no sense; nothing is written then.
    """

    def __init__(self, store: Store, *, reviewer: ReviewerName, clock: Clock = utc_now) -> None:
        self._store = store
        self._reviewer = reviewer
        self._clock = clock
        self.last: Decision | None = None
        """The entry of the journal that this object appended last."""

    def confirm(self, target: Target, **around: Unpack[Circumstances]) -> Changes:
        """Take over what stands as this person's own verdict.

        Raises:
            Refused: there is no verdict to confirm, or it was hidden from the person.
        """
        if around.get("blind"):
            raise Refused("the judge's verdict is hidden: give your own with 1, 2, 3 or 0, or a score")
        with self._store.writing():
            now = self._standing(target, around)
            if target.part_id:
                before = _part(now, target).value
                if before.state not in (State.SCORED, State.NOT_CHECKABLE):
                    raise Refused("the judge gives no verdict here: choose full, partial, none or not checkable")
            else:
                before = Value(state=now.score.state, score=now.score.score)
                if before.score is None:
                    raise Refused(f"the judge gives no score for {target.dimension.value}: type one from 0 to 10")
            return self._write(Act.CONFIRM, target, before=before, after=before, around=around)

    def override(
        self,
        target: Target,
        *,
        support: Support | None,
        support_reason: SupportReason = SupportReason.UNSTATED,
        **around: Unpack[Circumstances],
    ) -> Changes:
        """State the support of a claim or the cover of a key point; None says that it cannot be checked."""
        if support_reason is not SupportReason.UNSTATED and support is not Support.NONE:
            raise Refused("only support none has a reason (contradicted, not found)")
        state = State.NOT_CHECKABLE if support is None else State.SCORED
        after = Value(state=state, support=support, support_reason=support_reason)
        with self._store.writing():
            before = _part(self._standing(target, around), target).value
            return self._write(Act.OVERRIDE, target, before=before, after=after, around=around)

    def set_score(self, target: Target, score: float, **around: Unpack[Circumstances]) -> Changes:
        """State the score of a whole dimension, 0-10."""
        if target.part_id:
            raise Refused("a score belongs to a dimension, not to one of its claims")
        if not 0.0 <= score <= 10.0:
            raise Refused(f"a score goes from 0 to 10, not {score:g}", where=target.dimension.value)
        with self._store.writing():
            now = self._standing(target, around).score
            before = Value(state=now.state, score=now.score)
            after = Value(state=State.SCORED, score=float(score))
            return self._write(Act.OVERRIDE, target, before=before, after=after, around=around)

    def add_claim(
        self, candidate_id: str, *, span: Span | None, text: str = "", **around: Unpack[Circumstances]
    ) -> Changes:
        """Add a claim the judge missed: a span of the candidate, or a wording of one's own."""
        whole = self._store.library.candidate(candidate_id).text
        span, text = _trimmed(whole, span) if span else _find(whole, text)
        return self._add(Dimension.FAITHFULNESS, "c", candidate_id, Wording("", text, span), around)

    def add_key_point(
        self, candidate_id: str, *, span: Span | None, text: str = "", **around: Unpack[Circumstances]
    ) -> Changes:
        """Add a key point the judge missed: a span of the document, or a wording of one's own."""
        whole = self._document_text(candidate_id)
        span, text = _trimmed(whole, span) if span else _find(whole, text)
        return self._add(Dimension.COMPLETENESS, "k", candidate_id, Wording("", text, span), around)

    def split_claim(self, target: Target, *, at: int, **around: Unpack[Circumstances]) -> Changes:
        """Split a claim in two at a code point of the candidate."""
        _of_claims(target)
        whole = self._store.library.candidate(target.candidate_id).text
        with self._store.writing():
            old = _part(self._standing(target, around), target).wording
            if old.span is None or not old.span.start < at < old.span.end:
                raise Refused("put the cursor inside the claim, where it is to be split")
            halves = (Span(old.span.start, at), Span(at, old.span.end))
            new = tuple(self._named(target, "c", *_trimmed(whole, half)) for half in halves)
            before, after = Value(wordings=(old,)), Value(wordings=new)
            return self._write(Act.SPLIT, target, before=before, after=after, around=around)

    def merge_claims(self, target: Target, *, others: Sequence[str] = (), **around: Unpack[Circumstances]) -> Changes:
        """Make one claim of a claim and others; without `others`, of it and the next one."""
        _of_claims(target)
        whole = self._store.library.candidate(target.candidate_id).text
        with self._store.writing():
            now = self._standing(target, around)
            order = [entry.claim.claim_id for entry in now.claims]
            at = order.index(_part(now, target).wording.part_id)
            chosen = {target.part_id, *(others or order[at + 1 : at + 2])}
            old = tuple(_wording(entry) for entry in now.claims if entry.claim.claim_id in chosen)
            if len(old) < 2 or len(old) < len(chosen):
                raise Refused("there is no other claim to merge this one with")
            spans = [wording.span for wording in old if wording.span]
            if len(spans) == len(old):
                span, text = _trimmed(whole, Span(min(spans).start, max(it.end for it in spans)))
                new = self._named(target, "c", span, text)
            else:
                new = self._named(target, "c", None, " ".join(wording.text for wording in old))
            before, after = Value(wordings=old), Value(wordings=(new,))
            return self._write(Act.MERGE, target, before=before, after=after, around=around)

    def reword(self, target: Target, text: str, **around: Unpack[Circumstances]) -> Changes:
        """Word a claim or key point anew; it keeps the place it speaks of."""
        text = text.strip()
        if not text:
            raise Refused("the new wording is empty")
        with self._store.writing():
            old = _part(self._standing(target, around), target).wording
            if text == old.text:
                raise Refused("the wording is the same as before")
            kind = "c" if target.dimension is Dimension.FAITHFULNESS else "k"
            new = self._named(target, kind, old.span, text)
            before, after = Value(wordings=(old,)), Value(wordings=(new,))
            return self._write(Act.REWORD, target, before=before, after=after, around=around)

    def mark_evidence(self, target: Target, span: Span, **around: Unpack[Circumstances]) -> Changes:
        """Mark a document span as evidence of a claim."""
        span, _ = _trimmed(self._document_text(target.candidate_id), span)
        return self._evidence(target, around, change=lambda old: tuple(sorted({*old, span})))

    def unmark_evidence(self, target: Target, span: Span, **around: Unpack[Circumstances]) -> Changes:
        """Take back a span that a person marked as evidence."""
        return self._evidence(target, around, change=lambda old: tuple(item for item in old if item != span))

    def undo(self) -> Changes:
        """Turn off this reviewer's last decision by a decision that says so; nothing where there is none."""
        return self._compensate(Act.UNDO)

    def redo(self) -> Changes:
        """Turn the decision undone last on again; nothing where there is none."""
        return self._compensate(Act.REDO)

    def _document_text(self, candidate_id: str) -> str:
        question = self._store.library.question(self._store.library.candidate(candidate_id).question_id)
        return (self._store.library.text(question.document_id) if question.document_id else None) or ""

    def _standing(self, target: Target, around: Circumstances) -> Standing:
        shown = around.get("shown", Shown())
        self._store.library.candidate(target.candidate_id)  # refuses an unknown one
        said = judgments_of(self._store, target.candidate_id, run_id=shown.run_id)
        return standing(
            target.dimension, said.get(target.dimension), self._store.journal.decisions(target.candidate_id)
        )

    def _add(
        self, dimension: Dimension, kind: str, candidate_id: str, wording: Wording, around: Circumstances
    ) -> Changes:
        with self._store.writing():
            bare = Target(candidate_id, dimension)
            now = self._standing(bare, around)
            ids = {it.claim.claim_id for it in now.claims} | {it.key_point.key_point_id for it in now.key_points}
            new = self._named(bare, kind, wording.span, wording.text)
            if new.part_id in ids:
                raise Refused("this is in the list already")
            target = Target(candidate_id, dimension, new.part_id)
            return self._write(Act.ADD, target, before=Value(), after=Value(wordings=(new,)), around=around)

    def _named(self, target: Target, kind: str, span: Span | None, text: str) -> Wording:
        return Wording(part_id(kind, target.candidate_id, text, span=span), text, span)

    def _evidence(
        self, target: Target, around: Circumstances, *, change: Callable[[tuple[Span, ...]], tuple[Span, ...]]
    ) -> Changes:
        _of_claims(target)
        with self._store.writing():
            old = _part(self._standing(target, around), target).evidence
            new = change(old)
            if new == old:
                raise Refused("this passage is marked already" if old else "this passage is not one that you marked")
            before, after = Value(evidence=old), Value(evidence=new)
            return self._write(Act.MARK_EVIDENCE, target, before=before, after=after, around=around)

    def _compensate(self, act: Act) -> Changes:
        with self._store.writing():
            undo, redo = undo_and_redo(self._store.journal.decisions(), reviewer=self._reviewer())
            other = undo if act is Act.UNDO else redo
            if other is None:
                return Changes()
            before, after = (other.after, other.before) if act is Act.UNDO else (other.before, other.after)
            return self._write(act, other.target, before=before, after=after, around={}, undoes=other.decision_id)

    def _write(
        self,
        act: Act,
        target: Target,
        *,
        before: Value,
        after: Value,
        around: Circumstances,
        undoes: int | None = None,
    ) -> Changes:
        self.last = self._store.journal.append(
            Decision(
                decision_id=0,
                reviewer=self._reviewer(),
                time=self._clock(),
                act=act,
                target=target,
                before=before,
                after=after,
                reason=around.get("reason", "").strip(),
                blind=around.get("blind", False),
                shown=around.get("shown", Shown()),
                undoes=undoes,
            )
        )
        return Changes(decisions=frozenset({target.candidate_id}))


def _of_claims(target: Target) -> None:
    if target.dimension is not Dimension.FAITHFULNESS:
        raise Refused("claims are split, merged and given evidence; key points and scores are not")


def _wording(entry: StandingClaim) -> Wording:
    return Wording(entry.claim.claim_id, entry.claim.text, entry.claim.span)


def _part(now: Standing, target: Target) -> _Part:
    """Return the claim or key point that the target names.

    Raises:
        Refused: there is none of that id among those that stand.
    """
    if target.dimension is Dimension.COMPLETENESS:
        for point in now.key_points:
            if point.key_point.key_point_id == target.part_id:
                return _key_point_part(point)
    for claim in now.claims:
        if claim.claim.claim_id == target.part_id:
            value = Value(state=claim.state, support=claim.support, support_reason=claim.support_reason)
            marked = tuple(sorted(entry.span for entry in claim.claim.evidence if entry.by_person))
            return _Part(_wording(claim), value, marked)
    kind = "key point" if target.dimension is Dimension.COMPLETENESS else "claim"
    raise Refused(
        f"there is no {kind} {target.part_id!r} now; an export of the judgments lists their ids",
        where=target.candidate_id,
    )


def _key_point_part(point: StandingKeyPoint) -> _Part:
    item = point.key_point
    return _Part(
        Wording(item.key_point_id, item.text, item.span or item.chunk),
        Value(state=point.state, support=point.covered),
        (),
    )


def _trimmed(whole: str, span: Span) -> tuple[Span, str]:
    """Drop white space at both ends of a span.

    Raises:
        Refused: nothing is left, or the span is not in the text.
    """
    if span.end > len(whole):
        raise Refused("the selection ends beyond the text")
    text = span.of(whole)
    start = span.start + len(text) - len(text.lstrip())
    text = text.strip()
    if not text:
        raise Refused("select some text first")
    return Span(start, start + len(text)), text


def _find(whole: str, text: str) -> tuple[Span | None, str]:
    text = text.strip()
    if not text:
        raise Refused("the text is empty")
    at = whole.find(text)
    alone = at >= 0 and whole.find(text, at + 1) < 0
    return (Span(at, at + len(text)) if alone else None), text
