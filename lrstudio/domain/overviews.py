"""Judge runs seen from above: what was said of many candidates, without the texts."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import (
    Coverage,
    Dimension,
    JudgeIdentity,
    JudgeRun,
    Reason,
    State,
    Support,
    SupportReason,
)


@dataclass(frozen=True, slots=True)
class JudgmentFacts:
    """A judgment without its texts and parts; the fields are those of `Judgment`."""

    run_id: str
    candidate_id: str
    dimension: Dimension
    state: State
    reason: Reason
    score: float | None
    coverage: Coverage
    samples: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """The verdict on one claim of a candidate; `span` is its place there, None where it has none."""

    candidate_id: str
    claim_id: str
    span: Span | None
    state: State
    support: Support | None
    support_reason: SupportReason


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a judge run came to."""

    run: JudgeRun
    judgments: tuple[JudgmentFacts, ...]


@dataclass(frozen=True, slots=True)
class JudgeSource:
    """Whose verdicts are compared: one judge run, or with `run_id` "" the latest of a judge on each candidate.

    `started` is when the run, or the judge's latest one, began; ISO 8601 in UTC. `candidates` counts those judged.
    """

    identity: JudgeIdentity
    run_id: str
    started: str
    candidates: int


@dataclass(frozen=True, slots=True)
class SourceVerdicts:
    """Everything that one source said, without texts."""

    source: JudgeSource
    judgments: tuple[JudgmentFacts, ...]
    claims: tuple[ClaimVerdict, ...]
