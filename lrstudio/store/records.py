"""What the store hands out besides domain records: plain frozen rows, standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lrstudio.domain.verdicts import Dimension, Reason, State, Support, SupportReason


class Added(StrEnum):
    """What adding a record did. FILLED: it was known and lacked something that it now has."""

    NEW = "new"
    SAME = "same"
    FILLED = "filled"


@dataclass(frozen=True, slots=True)
class CandidateInfo:
    """A candidate without its text; `ordinal` counts from 1 within its question, in order of import."""

    candidate_id: str
    question_id: str
    ordinal: int
    model: str
    characters: int
    origin: str


@dataclass(frozen=True, slots=True)
class PartSummary:
    """The verdict on one claim or key point; for a key point `support` is its cover."""

    state: State
    support: Support | None
    support_reason: SupportReason


@dataclass(frozen=True, slots=True)
class Summary:
    """A judgment without its texts; `parts` are its claims, then its key points, in order."""

    candidate_id: str
    dimension: Dimension
    run_id: str
    state: State
    reason: Reason
    score: float | None
    aggregated: bool
    parts: tuple[PartSummary, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a judgment."""

    candidate_id: str
    dimension: Dimension
    run_id: str
    score: float


class CallState(StrEnum):
    """How far a call got. `planned` with nobody running it means that a crash came between."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallRow:
    """One request to a model, and the last reply to it where there is one.

    `request` is the body as sent. Times are ISO 8601 in UTC, "" until they come. `attempts` counts how often it was
    begun. `parse_state` is the judge's own word.
    """

    key: str
    purpose: str
    run_id: str
    candidate_id: str
    document_hash: str
    model: str
    prompt_pack: str
    request: str
    state: CallState = CallState.PLANNED
    reply: str = ""
    finish_reason: str = ""
    parse_state: str = "pending"
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    error: str = ""
    created: str = ""
    finished: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class CallTotals:
    """What the replies of one judge run came to, every attempt counted; `cost` is None where no reply had a price."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None


class BatchState(StrEnum):
    """How far the calls got that were sent to a host as files."""

    WRITTEN = "written"
    STARTED = "started"
    OVER = "over"
    """Nothing works on it any more; what is answered has not been taken in."""
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One file of calls: its SHA-256, its size in bytes, and how many calls it holds."""

    name: str
    sha256: str
    size: int
    calls: int


@dataclass(frozen=True, slots=True)
class JudgeBatch:
    """One wave of a judge run's calls, sent to a host as files. Written before anything is sent there.

    `scope` tells which candidates were to be judged, "" for all; `described` is the host as JSON, as it was then.
    `handle` is what the job there is asked about by, "" until it is started. `created` is ISO 8601 in UTC.
    """

    batch_id: str
    run_id: str
    scope: str
    host: str
    described: str
    model: str
    wave: int
    files: tuple[BatchFile, ...]
    created: str
    handle: str = ""
    state: BatchState = BatchState.WRITTEN
    why: str = ""

    @property
    def calls(self) -> int:
        """How many calls it holds."""
        return sum(file.calls for file in self.files)


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock, and what for. `alive` is None where it cannot be asked: another machine."""

    name: str
    pid: int
    process_start: str
    boot_id: str
    host: str
    since: str
    about: str
    alive: bool | None


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An upgrade that opening the project made, and the copy of the file as it was; a server's copies are its own."""

    before: int
    after: int
    backup: Path | None
