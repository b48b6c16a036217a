"""What a person said: append-only decisions, and the values that are in force because of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lrstudio.domain.text import Span
from lrstudio.domain.undoing import in_force as in_force
from lrstudio.domain.undoing import undo_and_redo as undo_and_redo
from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    Evidence,
    Judgment,
    KeyPoint,
    Reason,
    State,
    Support,
    SupportReason,
    faithfulness_score,
    mean_support,
)


class Act(StrEnum):
    """What a decision does. Undo and redo name the decision they turn off or on again."""

    CONFIRM = "confirm"
    OVERRIDE = "override"
    ADD = "add"
    SPLIT = "split"
    MERGE = "merge"
    REWORD = "reword"
    MARK_EVIDENCE = "mark_evidence"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True)
class Target:
    """What a decision is about: a claim or key point by `part_id`, or the whole dimension where it is ""."""

    candidate_id: str
    dimension: Dimension
    part_id: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """A claim or key point as a person words it: `span` is in the candidate for a claim, in the document else."""

    part_id: str
    text: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Value:
    """What held before a decision or holds after it; only the fields that the act concerns are set."""

    state: State = State.NOT_CHECKED
    support: Support | None = None
    support_reason: SupportReason = SupportReason.UNSTATED
    score: float | None = None
    wordings: tuple[Wording, ...] = ()
    evidence: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        """Keep scores on their scale."""
        if self.score is not None and not 0.0 <= self.score <= 10.0:
            raise ValueError(f"score {self.score} is outside 0-10")


@dataclass(frozen=True, slots=True)
class Shown:
    """What was on screen when the decision was made.

    `inclusion_probability` is the chance, above 0 and at most 1, with which a random audit drew the item; None where it
    was not drawn at random, so that no estimate may rest on it.
    """

    run_id: str = ""
    judge_visible: bool = True
    evidence: tuple[Span, ...] = ()
    surface: str = ""
    inclusion_probability: float | None = None

    def __post_init__(self) -> None:
        """Keep a probability that can be divided by."""
        if self.inclusion_probability is not None and not 0.0 < self.inclusion_probability <= 1.0:
            raise ValueError(f"not a chance to be drawn: {self.inclusion_probability}")


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of the journal. `decision_id` counts from 1 and is 0 before it is stored; `time` is ISO 8601 in UTC.

    `adjudicates` names the decisions of several reviewers that this one settles; it outranks them, and later ones.
    """

    decision_id: int
    reviewer: str
    time: str
    act: Act
    target: Target
    before: Value = field(default_factory=Value)
    after: Value = field(default_factory=Value)
    reason: str = ""
    blind: bool = False
    shown: Shown = field(default_factory=Shown)
    undoes: int | None = None
    adjudicates: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """Its place in the journal."""
        return self.decision_id

    @property
    def is_undo(self) -> bool:
        """Whether it turns a decision off."""
        return self.act is Act.UNDO

    @property
    def is_redo(self) -> bool:
        """Whether it turns a decision on again."""
        return self.act is Act.REDO


@dataclass(frozen=True, slots=True)
class StandingClaim:
    """A claim as it stands: the judge's or a person's wording, and the decision in force on it, if any."""

    claim: Claim
    decision: Decision | None = None
    by_person: bool = False

    @property
    def state(self) -> State:
        """Effective state."""
        return self.decision.after.state if self.decision else self.claim.state

    @property
    def support(self) -> Support | None:
        """Effective support."""
        return self.decision.after.support if self.decision else self.claim.support

    @property
    def support_reason(self) -> SupportReason:
        """Effective reason of support none."""
        return self.decision.after.support_reason if self.decision else self.claim.support_reason


@dataclass(frozen=True, slots=True)
class StandingKeyPoint:
    """A key point as it stands, and the decision in force on it, if any."""

    key_point: KeyPoint
    decision: Decision | None = None
    by_person: bool = False

    @property
    def state(self) -> State:
        """Effective state."""
        return self.decision.after.state if self.decision else self.key_point.state

    @property
    def covered(self) -> Support | None:
        """Effective cover."""
        return self.decision.after.support if self.decision else self.key_point.covered


@dataclass(frozen=True, slots=True)
class StandingScore:
    """The effective score of a dimension; `decided` when a person stated it or one of the parts it is the mean of.

    `rests_on` are the ids of those decisions.
    """

    state: State
    reason: Reason
    score: float | None
    decided: bool = False
    rests_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything in force for one candidate in one dimension."""

    dimension: Dimension
    judgment: Judgment | None
    claims: tuple[StandingClaim, ...]
    key_points: tuple[StandingKeyPoint, ...]
    score: StandingScore
    score_decision: Decision | None = None


def verdicts_that_count(live: Sequence[Decision]) -> tuple[Decision, ...]:
    """Leave out the verdicts that an adjudication of the same target outranks, of decisions that are in force."""
    settled = {entry.target for entry in live if entry.adjudicates}
    return tuple(
        entry
        for entry in live
        if entry.adjudicates or entry.target not in settled or entry.act not in (Act.CONFIRM, Act.OVERRIDE)
    )


def standing(dimension: Dimension, judgment: Judgment | None, decisions: Sequence[Decision]) -> Standing:
    """Apply the decisions on one candidate and dimension to what the judge said.

    Args:
        dimension: the dimension.
        judgment: the judgment it starts from, None where no judge has spoken.
        decisions: the whole journal of that candidate; other dimensions are passed over.
    """
    live = verdicts_that_count([entry for entry in in_force(decisions) if entry.target.dimension is dimension])
    claims = _standing_claims(judgment.claims if judgment else (), live, dimension=dimension)
    points = _standing_key_points(judgment.key_points if judgment else (), live, dimension=dimension)
    on_score = [entry for entry in live if not entry.target.part_id]
    ids = {it.claim.claim_id for it in claims} | {it.key_point.key_point_id for it in points}
    on_parts = [entry for entry in live if _bears_on(entry, ids)]
    score_decision = on_score[-1] if on_score else None
    if score_decision and (not on_parts or _outweighs(score_decision, on_parts, live)):
        after = score_decision.after
        score = StandingScore(
            after.state, Reason.NONE, after.score, decided=True, rests_on=(score_decision.decision_id,)
        )
    elif on_parts and (dimension is Dimension.FAITHFULNESS or (judgment and judgment.aggregated)):
        score = replace(
            _score_from_parts(dimension, claims, points), rests_on=tuple(entry.decision_id for entry in on_parts)
        )
    elif judgment:
        score = StandingScore(judgment.state, judgment.reason, judgment.score)
    else:
        score = StandingScore(State.NOT_CHECKED, Reason.NONE, None)
    return Standing(dimension, judgment, claims, points, score, score_decision)


def _outweighs(score: Decision, on_parts: Sequence[Decision], live: Sequence[Decision]) -> bool:
    """Tell whether the score that a person stated holds, and not that of the parts: the later of the two does.

    Only another adjudication, of a part, can come after an adjudicated score.
    """
    parts = [entry for entry in on_parts if entry.adjudicates or not score.adjudicates]
    return not parts or live.index(score) > live.index(parts[-1])


def _bears_on(decision: Decision, standing_ids: set[str]) -> bool:
    """Tell whether a decision decided or made one of the parts that stand; those of another judge's parts did not."""
    if decision.act is Act.MARK_EVIDENCE or not decision.target.part_id:
        return False
    made = {wording.part_id for wording in decision.after.wordings}
    return not standing_ids.isdisjoint(made | {decision.target.part_id})


def _standing_claims(
    claims: Sequence[Claim], live: Sequence[Decision], *, dimension: Dimension
) -> tuple[StandingClaim, ...]:
    standing_claims = [StandingClaim(claim) for claim in claims]
    if dimension is not Dimension.FAITHFULNESS:
        return tuple(standing_claims)
    for decision in live:
        if decision.target.part_id:
            standing_claims = _apply_to_claims(standing_claims, decision)
    return tuple(standing_claims)


def _apply_to_claims(claims: list[StandingClaim], decision: Decision) -> list[StandingClaim]:
    at = next((i for i, it in enumerate(claims) if it.claim.claim_id == decision.target.part_id), None)
    new = [
        StandingClaim(Claim(claim_id=w.part_id, text=w.text, span=w.span), by_person=True)
        for w in decision.after.wordings
    ]
    if decision.act is Act.ADD:
        known = {it.claim.claim_id for it in claims}  # a judge can find what a person had added
        return _in_text_order([*claims, *(it for it in new if it.claim.claim_id not in known)])
    if at is None:
        return claims  # made on another judge's claims, which this judge did not make
    if decision.act in (Act.CONFIRM, Act.OVERRIDE):
        claims[at] = replace(claims[at], decision=decision)
    elif decision.act is Act.MARK_EVIDENCE:
        marked = tuple(Evidence(span, rank=i + 1, by_person=True) for i, span in enumerate(decision.after.evidence))
        kept = tuple(entry for entry in claims[at].claim.evidence if not entry.by_person)
        claims[at] = replace(claims[at], claim=replace(claims[at].claim, evidence=marked + kept))
    else:
        gone = {wording.part_id for wording in decision.before.wordings} | {decision.target.part_id}
        head = [it for it in claims[:at] if it.claim.claim_id not in gone]
        return head + new + [it for it in claims[at:] if it.claim.claim_id not in gone]
    return claims


def _in_text_order(claims: list[StandingClaim]) -> list[StandingClaim]:
    """Put claims that have a place in order of it and leave the others at the end, in the order they came."""
    last = max((it.claim.span.end for it in claims if it.claim.span), default=0) + 1
    return sorted(claims, key=lambda it: it.claim.span.start if it.claim.span else last)


def _standing_key_points(
    points: Sequence[KeyPoint], live: Sequence[Decision], *, dimension: Dimension
) -> tuple[StandingKeyPoint, ...]:
    result = {point.key_point_id: StandingKeyPoint(point) for point in points}
    if dimension is not Dimension.COMPLETENESS:
        return tuple(result.values())
    for decision in live:
        if decision.act in (Act.ADD, Act.REWORD):
            for wording in decision.after.wordings:
                if wording.part_id not in result:  # a judge can find what a person had added
                    point = KeyPoint(wording.part_id, wording.text, chunk=wording.span, span=wording.span)
                    result[wording.part_id] = StandingKeyPoint(point, by_person=True)
            if decision.act is Act.REWORD:
                result.pop(decision.target.part_id, None)
        elif decision.act in (Act.CONFIRM, Act.OVERRIDE) and decision.target.part_id in result:
            result[decision.target.part_id] = replace(result[decision.target.part_id], decision=decision)
    return tuple(result.values())


def _score_from_parts(
    dimension: Dimension, claims: Sequence[StandingClaim], points: Sequence[StandingKeyPoint]
) -> StandingScore:
    if dimension is Dimension.FAITHFULNESS:
        effective = [
            replace(
                it.claim,
                state=it.state,
                support=it.support,
                support_reason=it.support_reason,
                reason=Reason.NONE if it.decision else it.claim.reason,
            )
            for it in claims
        ]
        state, reason, score = faithfulness_score(effective)
        return StandingScore(state, reason, score, decided=True)
    score = mean_support(point.covered for point in points if point.covered is not None)
    if score is None:
        return StandingScore(State.UNSCORED, Reason.NO_KEY_POINTS, None, decided=True)
    return StandingScore(State.SCORED, Reason.NONE, score, decided=True)
