"""What lists and screens are made from: whole records, so that nothing is queried while painting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lrstudio.domain.decisions import Decision, Standing
from lrstudio.domain.reward import Reward
from lrstudio.domain.text import Candidate, Question, Source
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, Reason, State, Support, SupportReason


@dataclass(frozen=True, slots=True)
class Glyph:
    """One claim or key point in a list: enough to draw its sign."""

    state: State
    support: Support | None
    support_reason: SupportReason
    decided: bool


@dataclass(frozen=True, slots=True)
class DimensionSummary:
    """One dimension of a candidate in a list. `run_id` is "" where no judge has spoken."""

    dimension: Dimension
    state: State
    reason: Reason
    score: float | None
    decided: bool
    glyphs: tuple[Glyph, ...] = ()
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class CandidateSummary:
    """One candidate in a list. `label` is its letter in the question; `length` counts code points.

    `disagreement` is the largest difference of two judges in one dimension, 0-10, None with fewer than two judges.
    """

    candidate_id: str
    question_id: str
    label: str
    model: str
    length: int
    dimensions: Mapping[Dimension, DimensionSummary]
    reward: Reward | None
    disagreement: float | None

    @property
    def parts(self) -> int:
        """How many claims and key points a person can decide."""
        return sum(len(summary.glyphs) for summary in self.dimensions.values())

    @property
    def parts_decided(self) -> int:
        """How many of them a person has decided."""
        return sum(glyph.decided for summary in self.dimensions.values() for glyph in summary.glyphs)


@dataclass(frozen=True, slots=True)
class QuestionSummary:
    """One question in a list, with its candidates in order."""

    question_id: str
    document_id: str | None
    document_title: str
    query: str
    candidates: tuple[CandidateSummary, ...]


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """One document in a list, and how many questions and candidates it has.

    `length` counts code points; it is None, and `text_hash` "", where the source publishes no text. One that is
    `local_only` is never sent to another machine.
    """

    document_id: str
    title: str
    length: int | None
    text_hash: str = ""
    questions: int = 0
    candidates: int = 0
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document without its text; `length` counts code points, None where there is no text.

    It must stay on this machine where it is marked (`local_only`), and where the whole project is (`project_local`).
    """

    document_id: str
    title: str
    length: int | None
    source: Source | None
    text_hash: str = ""
    local_only: bool = False
    project_local: bool = False


@dataclass(frozen=True, slots=True)
class CandidateDetail:
    """Everything the Audit workspace shows of one candidate."""

    candidate: Candidate
    question: Question
    document: DocumentInfo | None
    label: str
    standings: Mapping[Dimension, Standing]
    runs: Mapping[Dimension, JudgeRun | None]
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class JudgeChoice:
    """A judge that has spoken in this project, and on how many candidates."""

    identity: JudgeIdentity
    candidates: int
    latest_run_id: str


@dataclass(frozen=True, slots=True)
class CallView:
    """One call to a model as kept: what was sent, what came back, what it cost. Times are ISO 8601 in UTC."""

    key: str
    purpose: str
    state: str
    model: str
    prompt_pack: str
    request: str
    reply: str
    finish_reason: str
    parse_state: str
    error: str
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    seconds: float | None
    created: str
