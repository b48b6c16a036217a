"""The rows below the texts: claims and key points, with what the judge said, what the person said, and the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lrstudio.domain.decisions import Act, Decision, Standing, StandingClaim, StandingKeyPoint, Target
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, Reason, State, Support
from lrstudio.viewstate.audit_signs import (
    HIDDEN_CHIP,
    PERSON_CHIP,
    UNDECIDED_CHIP,
    Chip,
    Sign,
    probability,
    sign_of,
)

PART_DIMENSIONS = (Dimension.FAITHFULNESS, Dimension.COMPLETENESS)
_VERDICT_ACTS = (Act.CONFIRM, Act.OVERRIDE)


@dataclass(frozen=True, slots=True)
class Passage:
    """A document span beside a claim or key point; `rank` counts from 1 in the order shown."""

    span: Span
    rank: int
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class PartRow:
    """One claim or key point as a row.

    `span` is in the candidate (claims only). `effective` is what the text's underline shows; it is HIDDEN while the
    person is blind to it. `decided` says that somebody's decision is in force and shown, `mine` that it is this
    reviewer's own.
    """

    target: Target
    number: int
    text: str
    span: Span | None
    passages: tuple[Passage, ...]
    judge: Chip
    you: Chip
    effective: Sign
    explanation: str = ""
    call_key: str = ""
    decided: bool = False
    mine: bool = False
    hidden: bool = False
    your_reason: str = ""
    by_person: bool = False

    @property
    def why(self) -> str:
        """The judge's reason, and the person's below it."""
        return "\n".join(it for it in (self.explanation, f"You: {self.your_reason}" if self.your_reason else "") if it)

    @property
    def part_id(self) -> str:
        """The id of the claim or key point."""
        return self.target.part_id


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and whether the judge's verdicts are hidden from them until they commit."""

    reviewer: str
    blind: bool = False


def committed(target: Target, decisions: Iterable[Decision], *, reviewer: str) -> bool:
    """Tell whether this reviewer ever gave a verdict on the target; one that is undone has shown the judge's, too."""
    return any(
        entry.target == target and entry.act in _VERDICT_ACTS and entry.reviewer == reviewer for entry in decisions
    )


def hidden_from(viewer: Viewer, target: Target, decisions: Iterable[Decision]) -> bool:
    """Tell whether the judge's verdict on the target must not be shown."""
    return viewer.blind and not committed(target, decisions, reviewer=viewer.reviewer)


def part_rows(
    candidate_id: str, standing: Standing, *, viewer: Viewer, decisions: Sequence[Decision]
) -> tuple[PartRow, ...]:
    """Return the claims or key points of one dimension in order; nothing for the score dimensions."""
    rows: list[PartRow] = []
    if standing.dimension is Dimension.FAITHFULNESS:
        for number, claim in enumerate(standing.claims, start=1):
            target = Target(candidate_id, standing.dimension, claim.claim.claim_id)
            rows.append(_claim_row(target, number, claim, viewer=viewer, decisions=decisions))
    elif standing.dimension is Dimension.COMPLETENESS:
        for number, point in enumerate(standing.key_points, start=1):
            target = Target(candidate_id, standing.dimension, point.key_point.key_point_id)
            rows.append(_key_point_row(target, number, point, viewer=viewer, decisions=decisions))
    return tuple(rows)


def _claim_row(
    target: Target, number: int, entry: StandingClaim, *, viewer: Viewer, decisions: Sequence[Decision]
) -> PartRow:
    claim = entry.claim
    sign = sign_of(claim.state, claim.support, claim.support_reason)
    chance = claim.support_probability
    row = PartRow(
        target=target,
        number=number,
        text=claim.text,
        span=claim.span,
        passages=tuple(Passage(item.span, rank, item.by_person) for rank, item in enumerate(claim.evidence, start=1)),
        judge=Chip(
            sign,
            _judge_word(claim.state, claim.reason, sign),
            note="" if chance is None else probability(chance),
            tooltip=_judge_tooltip(claim.reason, chance, votes=claim.votes),
        ),
        you=UNDECIDED_CHIP,
        effective=sign_of(entry.state, entry.support, entry.support_reason),
        explanation=claim.explanation,
        call_key=claim.call_key,
        by_person=entry.by_person,
    )
    return _decided_or_masked(row, entry.decision, viewer=viewer, decisions=decisions)


def _key_point_row(
    target: Target, number: int, entry: StandingKeyPoint, *, viewer: Viewer, decisions: Sequence[Decision]
) -> PartRow:
    point = entry.key_point
    sign = sign_of(point.state, point.covered)
    place = point.span or point.chunk
    row = PartRow(
        target=target,
        number=number,
        text=point.text,
        span=None,
        passages=(Passage(place, 1, entry.by_person),) if place else (),
        judge=Chip(sign, _judge_word(point.state, point.reason, sign), tooltip=point.reason.words),
        you=UNDECIDED_CHIP,
        effective=sign_of(entry.state, entry.covered),
        explanation=point.explanation,
        call_key=point.call_key,
        by_person=entry.by_person,
    )
    return _decided_or_masked(row, entry.decision, viewer=viewer, decisions=decisions)


def _decided_or_masked(
    row: PartRow, decision: Decision | None, *, viewer: Viewer, decisions: Sequence[Decision]
) -> PartRow:
    """Put in what a person said, or take out everything that would tell a blind person what was said."""
    if row.by_person:
        row = replace(row, judge=PERSON_CHIP)
    if hidden_from(viewer, row.target, decisions):
        return replace(row, judge=HIDDEN_CHIP, effective=Sign.HIDDEN, explanation="", call_key="", hidden=True)
    if decision is None:
        return row
    return replace(
        row,
        you=_your_chip(decision),
        decided=True,
        mine=decision.reviewer == viewer.reviewer,
        your_reason=decision.reason,
    )


def _judge_word(state: State, reason: Reason, sign: Sign) -> str:
    return reason.words if state is State.UNSCORED and reason is not Reason.NONE else sign.word


def _judge_tooltip(reason: Reason, chance: float | None, *, votes: Sequence[Support | None]) -> str:
    parts = [reason.words] if reason is not Reason.NONE else []
    if chance is not None:
        parts.append(f"probability that the document fully supports this: {chance:.2f}")
    if votes:
        parts.append(f"asked {len(votes)} times: " + ", ".join(it.word if it else "unreadable" for it in votes))
    return "; ".join(parts)


def _your_chip(decision: Decision) -> Chip:
    after = decision.after
    sign = sign_of(after.state, after.support, after.support_reason)
    did = "confirmed" if decision.act is Act.CONFIRM else "decided"
    blind = ", blind" if decision.blind else ""
    tooltip = f"{decision.reviewer} {did} this on {decision.time[:10]}{blind}"
    if decision.reason:
        tooltip += f": {decision.reason}"
    return Chip(sign, sign.word, decided=True, tooltip=tooltip)


def next_undecided(rows: Sequence[PartRow], part_id: str, *, pending: frozenset[str] = frozenset()) -> str | None:
    """Return the part after `part_id` that is still open, going round once; None when all are decided.

    Args:
        rows: the rows in order.
        part_id: where to start; "" starts at the top.
        pending: parts whose decision is on its way to the project.
    """
    ids = [row.part_id for row in rows]
    at = ids.index(part_id) + 1 if part_id in ids else 0
    for row in [*rows[at:], *rows[:at]]:
        if not row.decided and row.part_id not in pending and row.part_id != part_id:
            return row.part_id
    return None


def step_part(rows: Sequence[PartRow], part_id: str, *, by: int) -> str:
    """Return the part `by` rows away, stopping at both ends; the first one where `part_id` is not among them."""
    if not rows:
        return ""
    ids = [row.part_id for row in rows]
    if part_id not in ids:
        return ids[0]
    return ids[min(max(ids.index(part_id) + by, 0), len(ids) - 1)]


def row_of(rows: Sequence[PartRow], part_id: str) -> PartRow | None:
    """Return the row of a part."""
    return next((row for row in rows if row.part_id == part_id), None)


def users_of(span: Span, rows: Sequence[PartRow]) -> tuple[PartRow, ...]:
    """Return the rows that have a passage overlapping the document span."""
    return tuple(row for row in rows if any(passage.span.overlaps(span) for passage in row.passages))


def evidence_text(row: PartRow, *, passage: int, focused: bool) -> str:
    """Write the evidence column: "2 of 5" for the focused row, else how many there are."""
    if not row.passages:
        return "none"
    if focused:
        return f"{min(passage, len(row.passages) - 1) + 1} of {len(row.passages)}"
    return str(len(row.passages))
