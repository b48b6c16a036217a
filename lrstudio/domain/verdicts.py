"""What a judge says of a candidate, dimension by dimension."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from lrstudio.domain.text import Span


class Dimension(StrEnum):
    """The four dimensions of LongReward (arXiv 2410.21252, section 3)."""

    HELPFULNESS = "helpfulness"
    LOGICALITY = "logicality"
    FAITHFULNESS = "faithfulness"
    COMPLETENESS = "completeness"

    @property
    def letter(self) -> str:
        """The capital under which lists show it: H, L, F, C."""
        return self.value[0].upper()


class State(StrEnum):
    """Whether there is a value, and if not, why there is none."""

    SCORED = "scored"
    UNSCORED = "unscored"
    NOT_CHECKABLE = "not_checkable"
    NOT_CHECKED = "not_checked"


class Reason(StrEnum):
    """Why something is not scored. Each is counted apart; none ever becomes a number."""

    NONE = ""
    NO_DOCUMENT = "no_document"
    NO_CLAIMS = "no_claims"
    NEAR_CHANCE = "near_chance"
    TOO_FEW_DECIDED = "too_few_decided"
    NEEDS_LANGUAGE_MODEL = "needs_language_model"
    NO_KEY_POINTS = "no_key_points"
    UNREADABLE = "unreadable"
    OUT_OF_RANGE = "out_of_range"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    CONTEXT_OVERFLOW = "context_overflow"
    CALL_FAILED = "call_failed"
    OPINION = "opinion"

    @property
    def words(self) -> str:
        """Say the reason to a person."""
        return _REASON_WORDS[self]


_REASON_WORDS = {
    Reason.NONE: "",
    Reason.NO_DOCUMENT: "no document",
    Reason.NO_CLAIMS: "no claims to check",
    Reason.NEAR_CHANCE: "near chance",
    Reason.TOO_FEW_DECIDED: "too few claims decided",
    Reason.NEEDS_LANGUAGE_MODEL: "needs a language model",
    Reason.NO_KEY_POINTS: "no key points found",
    Reason.UNREADABLE: "unreadable reply",
    Reason.OUT_OF_RANGE: "score out of range",
    Reason.REFUSED: "the model refused",
    Reason.TRUNCATED: "reply cut off",
    Reason.CONTEXT_OVERFLOW: "too long for the model",
    Reason.CALL_FAILED: "call failed",
    Reason.OPINION: "an opinion or a phrase without a fact",
}


class Support(Enum):
    """How far the document supports a claim, or an answer covers a key point (LongReward's 1 / 0.5 / 0)."""

    FULL = 1.0
    PARTIAL = 0.5
    NONE = 0.0

    @property
    def word(self) -> str:
        """The word used on screen and in the command line."""
        return self.name.lower()


class SupportReason(StrEnum):
    """Why support is none."""

    UNSTATED = ""
    CONTRADICTED = "contradicted"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A document span retrieved for a claim; `rank` counts from 1, `score` is the retriever's own."""

    span: Span
    rank: int
    score: float | None = None
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """One factual statement of a candidate and what was found about it.

    `span` is the place in the candidate that it speaks of, None where that could not be found; the wording there may
    differ from `text`. `support` is set exactly when
    `state` is scored. `support_probability` in [0, 1] is the probability that the document fully supports the claim
    (not the confidence in the verdict); it is kept when the judge abstains and is None when the judge gives none.
    `votes` are the verdicts of the repeats of a check, None for one that could not be read; empty where it was made
    once. `reference_support` is what the published LongReward script takes the same reply for, None where it takes it
    for nothing and for every judge that does not follow the script.
    """

    claim_id: str
    text: str
    span: Span | None
    state: State = State.NOT_CHECKED
    reason: Reason = Reason.NONE
    support: Support | None = None
    support_reason: SupportReason = SupportReason.UNSTATED
    support_probability: float | None = None
    evidence: tuple[Evidence, ...] = ()
    explanation: str = ""
    call_key: str = ""
    reference_support: Support | None = None
    votes: tuple[Support | None, ...] = ()

    def __post_init__(self) -> None:
        """Hold state and support together, and keep probabilities probabilities."""
        _agree(self.state, self.support, self.support_reason)
        if self.support_probability is not None and not 0.0 <= self.support_probability <= 1.0:
            raise ValueError(f"not a probability: {self.support_probability}")


@dataclass(frozen=True, slots=True)
class KeyPoint:
    """One piece of question-relevant information in a document chunk, and whether the candidate covers it.

    `chunk` is the document span it was read from; `span` the exact passage where the judge can point at one.
    """

    key_point_id: str
    text: str
    chunk: Span | None
    span: Span | None = None
    state: State = State.NOT_CHECKED
    reason: Reason = Reason.NONE
    covered: Support | None = None
    explanation: str = ""
    call_key: str = ""

    def __post_init__(self) -> None:
        """Hold state and cover together."""
        _agree(self.state, self.covered, SupportReason.UNSTATED)


def _agree(state: State, support: Support | None, support_reason: SupportReason) -> None:
    if (state is State.SCORED) != (support is not None):
        raise ValueError(f"state {state.value} does not go with support {support}")
    if support_reason is not SupportReason.UNSTATED and support is not Support.NONE:
        raise ValueError("only support none has a reason")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the material a judgment rests on: chunks read of all, tokens cut away, attempts made."""

    chunks_read: int = 0
    chunks_total: int = 0
    tokens_cut: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Judgment:
    """What one judge run says about one candidate in one dimension.

    `score` is 0-10 and set exactly when `state` is scored. `aggregated` says that the score is the mean of the parts,
    so that a decision on a part changes the effective score. `samples` are the scores of the repeats that could be
    read, for faithfulness those that each round of checks would have given alone; empty where all was asked once.

    `reference_score` is what the published LongReward script makes of the same replies, in its own way: not held to
    0-10, an unknown label counts 0, a cut-off reply counts. It is None where the script drops the answer or crashes,
    and for every judge that does not follow the script. `reference_note` says why the two differ and what else the
    script does to the answer; rewards and pairs never look at either.
    """

    run_id: str
    candidate_id: str
    dimension: Dimension
    state: State
    reason: Reason = Reason.NONE
    score: float | None = None
    aggregated: bool = False
    claims: tuple[Claim, ...] = ()
    key_points: tuple[KeyPoint, ...] = ()
    explanation: str = ""
    coverage: Coverage = field(default_factory=Coverage)
    call_key: str = ""
    reference_score: float | None = None
    reference_note: str = ""
    samples: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Hold state and score together; a score outside 0-10 never gets in, nor a number that is none."""
        if (self.state is State.SCORED) != (self.score is not None):
            raise ValueError(f"state {self.state.value} does not go with score {self.score}")
        if self.score is not None and not 0.0 <= self.score <= 10.0:
            raise ValueError(f"score {self.score} is outside 0-10")
        if self.reference_score is not None and not math.isfinite(self.reference_score):
            raise ValueError(f"reference score {self.reference_score} is not a finite number")

    @property
    def spread(self) -> tuple[float, float] | None:
        """The lowest and the highest of the repeats; None where there are none."""
        return (min(self.samples), max(self.samples)) if self.samples else None


@dataclass(frozen=True, slots=True)
class JudgeIdentity:
    """What a judge run ran: enough to tell two runs apart and to run it again.

    `parameters` is canonical JSON (sorted keys) of everything else that changes a verdict.
    """

    judge: str
    model: str = ""
    prompt_pack: str = ""
    tokenizer: str = ""
    parameters: str = "{}"


class RunState(StrEnum):
    """Where a judge run stands. `running` with a dead holder is shown as interrupted."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class JudgeRun:
    """One execution of one judge over candidates. Times are ISO 8601 in UTC; `finished` is "" until it ends.

    A `trial` tries a judge out: what it says is kept, but never stands as a candidate's latest verdict.
    """

    run_id: str
    identity: JudgeIdentity
    dimensions: tuple[Dimension, ...]
    state: RunState
    started: str
    finished: str = ""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    trial: bool = False


def part_id(kind: str, owner_id: str, text: str, *, span: Span | None, ordinal: int = 0) -> str:
    """Return the id of a claim (`kind` "c") or key point ("k"): equal content has an equal id in every judge run.

    Args:
        kind: one letter, put in front.
        owner_id: the candidate it belongs to.
        text: its wording.
        span: its place, where it has one.
        ordinal: tells apart repeats of a wording without a place.
    """
    place = f"{span.start}:{span.end}" if span else f"#{ordinal}"
    digest = hashlib.sha256("\x1f".join((kind, owner_id, place, text)).encode("utf-8", "surrogatepass"))
    return kind + digest.hexdigest()[:16]


def mean_support(supports: Iterable[Support]) -> float | None:
    """Return 10 times the mean support, on the scale of scores; None for no supports."""
    values = [support.value for support in supports]
    return 10.0 * sum(values) / len(values) if values else None


def faithfulness_score(claims: Sequence[Claim]) -> tuple[State, Reason, float | None]:
    """Return state, reason and score of faithfulness from the claims of a candidate.

    The score is 10 x the mean support over the decided claims (LongReward, arXiv 2410.21252, section 3.3), given only
    when at least half of the checkable claims are decided. Without checkable claims it is not checkable.
    """
    checkable = [claim for claim in claims if claim.state is not State.NOT_CHECKABLE]
    if not checkable:
        return State.NOT_CHECKABLE, Reason.NO_CLAIMS, None
    decided = [claim.support for claim in checkable if claim.support is not None]
    score = mean_support(decided)
    if score is None or 2 * len(decided) < len(checkable):
        return State.UNSCORED, Reason.TOO_FEW_DECIDED, None
    return State.SCORED, Reason.NONE, score
