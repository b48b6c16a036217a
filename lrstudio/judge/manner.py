"""What the dimensions need of a prompt pack: how calls are worded, with which parameters, and how replies are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Evidence, Judgment
from lrstudio.judge.caller import Ask
from lrstudio.judge.limits import Limits
from lrstudio.judge.material import Material
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import CompletenessReply, Quoted, ScoreReply, SupportReply


@dataclass(frozen=True, slots=True)
class Findings:
    """What the extraction from a chunk brought: its points, and the text that the next call is shown."""

    points: tuple[Quoted, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A key point found in a chunk, before anyone has asked whether it is covered."""

    text: str
    chunk: Span
    span: Span | None
    call_key: str


class Manner(Protocol):
    """The manner of one kind of prompt packs. Each method that returns an `Ask` words one kind of call."""

    @property
    def limits(self) -> Limits:
        """The limits of the judge, with those that the kind of pack prescribes."""
        ...

    @property
    def decodes(self) -> bool:
        """Whether passages and chunks are shown as their tokens decode, not as they stand in the document."""
        ...

    def score(self, call: CallName, *, question: str, answer: str) -> Ask[ScoreReply]:
        """Rate helpfulness or logicality."""
        ...

    def claims(self, *, question: str, answer: str) -> Ask[tuple[Quoted, ...]]:
        """List the claims of an answer."""
        ...

    def wording(self, statement: str) -> str:
        """Return the wording under which a claim is checked; equal ones are checked once."""
        ...

    def evidence(self, material: Material, found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        """Return the passages that a claim is checked against, from those retrieved, in document order."""
        ...

    def support(self, *, claim: str, material: Material, evidence: Sequence[Evidence]) -> Ask[SupportReply]:
        """Check a claim against its evidence."""
        ...

    def key_points(self, *, question: str, material: Material, chunk: Span) -> Ask[Findings]:
        """Take out of a chunk what bears on the question."""
        ...

    def kept(self, material: Material) -> frozenset[int]:
        """Return which chunks, by index, the next call is shown the findings of."""
        ...

    def completeness(
        self, *, question: str, answer: str, material: Material, points: Sequence[Point], findings: Sequence[Findings]
    ) -> Ask[CompletenessReply] | None:
        """Rate how completely the answer gives what was found; None where there is nothing to ask.

        `points` are those of the kept chunks, `findings` has one entry for every chunk.
        """
        ...

    def unasked(self, judgment: Judgment, note: str) -> Judgment:
        """Return a judgment without any call, saying what the published script would have done where it matters."""
        ...
