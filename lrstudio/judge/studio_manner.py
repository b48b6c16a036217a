"""The studio's own packs: JSON replies, one-pass templates, what calls share first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lrstudio.domain.text import Span, canonical
from lrstudio.domain.verdicts import Evidence, Judgment
from lrstudio.judge.caller import Ask
from lrstudio.judge.limits import Limits
from lrstudio.judge.manner import Findings, Point
from lrstudio.judge.material import Material
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.parsing import (
    CompletenessReply,
    Parsed,
    Quoted,
    Reader,
    ScoreReply,
    SupportReply,
    T,
    read_claims,
    read_completeness,
    read_key_points,
    read_score,
    read_support,
)


@dataclass(frozen=True, slots=True)
class StudioManner:
    """Words calls by a pack of the studio's kind."""

    pack: PromptPack
    limits: Limits
    decodes: bool = False

    def score(self, call: CallName, *, question: str, answer: str) -> Ask[ScoreReply]:
        """Ask for an analysis and a score."""
        return self._ask(call, read_score, question=question, answer=answer)

    def claims(self, *, question: str, answer: str) -> Ask[tuple[Quoted, ...]]:
        """Ask for statements with the stretch each was taken from."""
        return replace(self._ask(CallName.CLAIMS, read_claims, question=question, answer=answer), answer=answer)

    def wording(self, statement: str) -> str:
        """Return the canonical wording."""
        return canonical(statement)

    def evidence(self, material: Material, found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        """Return what was retrieved, which may be nothing."""
        return found

    def support(self, *, claim: str, material: Material, evidence: Sequence[Evidence]) -> Ask[SupportReply]:
        """Ask for a verdict and the passages that decide it."""
        passages = [
            f"[Passage {number}]\n{found.span.of(material.text).strip()}"
            for number, found in enumerate(evidence, start=1)
        ]
        shown = "\n\n".join(passages) or "(no passage shares a word with the claim)"
        return self._ask(CallName.SUPPORT, read_support, passages=shown, claim=claim)

    def key_points(self, *, question: str, material: Material, chunk: Span) -> Ask[Findings]:
        """Ask for points with the stretch each was taken from."""
        return self._ask(CallName.KEY_POINTS, _read_findings, chunk=chunk.of(material.text), question=question)

    def kept(self, material: Material) -> frozenset[int]:
        """Return all chunks."""
        return frozenset(range(len(material.chunks)))

    def completeness(
        self, *, question: str, answer: str, material: Material, points: Sequence[Point], findings: Sequence[Findings]
    ) -> Ask[CompletenessReply] | None:
        """Ask for the cover of every key point and a score; without any key point there is nothing to ask."""
        if not points:
            return None
        length = len(material.text)
        lines = [
            f"{number}. [{100 * point.chunk.start // length}-{100 * point.chunk.end // length}%] {point.text}"
            for number, point in enumerate(points, start=1)
        ]
        return self._ask(
            CallName.COMPLETENESS,
            read_completeness,
            more_tokens=self.limits.completeness_tokens_per_key_point * len(points),
            question=question,
            key_points="\n".join(lines),
            answer=answer,
        )

    def unasked(self, judgment: Judgment, note: str) -> Judgment:
        """Return it as it is: the published script does not read such packs."""
        return judgment

    def _ask(self, call: CallName, reader: Reader[T], *, more_tokens: int = 0, **values: str) -> Ask[T]:
        max_tokens = self.limits.max_tokens[call] + more_tokens
        return Ask(call, self.pack.render(call, **values), reader, max_tokens=max_tokens)


def _read_findings(text: str) -> Parsed[Findings]:
    parsed = read_key_points(text)
    return Parsed(parsed.state, None if parsed.value is None else Findings(parsed.value), parsed.error)
