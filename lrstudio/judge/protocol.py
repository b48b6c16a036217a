"""What a judge is, what it is given, and where it writes down what it was sent and answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import anyio

from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment


@dataclass(frozen=True, slots=True)
class Task:
    """One candidate with what it answers, and the dimensions in which it is still to be judged.

    `document` is None, or has text None, where there is nothing to check against.
    """

    candidate: Candidate
    question: Question
    document: Document | None
    dimensions: tuple[Dimension, ...] = tuple(Dimension)


class ParseState(StrEnum):
    """What became of a reply."""

    PENDING = "pending"
    PARSED = "parsed"
    UNREADABLE = "unreadable"
    OUT_OF_RANGE = "out_of_range"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    CONTEXT_OVERFLOW = "context_overflow"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model, as it is written down before it is sent.

    `key` is the SHA-256 of everything that decides the reply: endpoint, model, prompt pack, messages, parameters and
    attempt; fields that the endpoint turned out not to take still count. `request` is the JSON body, byte for byte as
    sent.
    """

    key: str
    purpose: str
    candidate_id: str
    document_hash: str
    model: str
    prompt_pack: str
    request: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, kept whole. `seconds` is wall time; tokens are the endpoint's count, None where it gives none."""

    text: str
    finish_reason: str
    parse_state: ParseState
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    seconds: float
    error: str = ""


class CallLog(Protocol):
    """Where calls are kept. Implementations write through to disk before they return."""

    async def finished(self, key: str) -> Reply | None:
        """Return the reply that the model gave to this call earlier, in this run or another; None where it gave none.

        A reply that could not be read, was cut off or refused counts: it has been paid for, and the caller goes on with
        the next attempt. A call that failed, overflowed the context or never ended does not.
        """
        ...

    async def begin(self, call: Call) -> None:
        """Write the request down before it is sent. After a crash or failure a key begins again; the latest stands."""
        ...

    async def end(self, key: str, reply: Reply) -> None:
        """Write down what came back, whatever could be made of it."""
        ...


async def write_end(calls: CallLog, key: str, reply: Reply) -> None:
    """Write a reply down even while the run is being cancelled: it has been paid for."""
    with anyio.CancelScope(shield=True):
        await calls.end(key, reply)


class Judge(Protocol):
    """A judge: the lexical one, one behind an HTTP endpoint, or a scripted one."""

    @property
    def identity(self) -> JudgeIdentity:
        """Everything that tells its verdicts from another judge's."""
        ...

    async def judge(self, task: Task, dimension: Dimension, *, run_id: str, calls: CallLog) -> Judgment:
        """Judge one candidate in one dimension.

        A reply that cannot be read, a missing document or a failed call ends in a judgment that is unscored with its
        reason. Raises Environment only where going on is useless (no connection at all, key refused).
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and caches."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of a running judge. `seconds_left` is None until it can be told, `cost` where no price is known.

    `stage` says what a judge is at whose calls are answered in batches, "" for any other.
    """

    done: int
    total: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    seconds: float
    seconds_left: float | None
    stage: str = ""


@dataclass(frozen=True, slots=True)
class JudgeEvent:
    """One judgment finished (`judgment`), or only the counts moved."""

    progress: Progress
    judgment: Judgment | None = None


Emit = Callable[[JudgeEvent], None]


class JudgmentSink(Protocol):
    """Where finished judgments go, one transaction each."""

    async def judged(self, judgment: Judgment) -> None:
        """Store a judgment before it is announced."""
        ...
