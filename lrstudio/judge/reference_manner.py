"""Packs of the LongReward repository's kind, asked as its script asks: message for message, attempt for attempt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Evidence, Judgment
from lrstudio.judge import reference_replies as replies
from lrstudio.judge.caller import Ask, Script
from lrstudio.judge.limits import Limits
from lrstudio.judge.manner import Findings, Point
from lrstudio.judge.material import TOP_K, Material
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.parsing import CompletenessReply, Quoted, Reader, ScoreReply, SupportReply, T
from lrstudio.judge.published import Publish, publisher
from lrstudio.text.chunks import EXTRACTION_TOKENS

TEMPERATURES = (0.01, 0.95, 0.95, 0.95, 0.95)
MAX_TOKENS = {
    CallName.HELPFULNESS: 512,
    CallName.LOGICALITY: 512,
    CallName.CLAIMS: 2048,
    CallName.SUPPORT: 512,
    CallName.KEY_POINTS: 1024,
    CallName.COMPLETENESS: 512,
}

# The script counts every code point from A to z, six signs between the cases included.
_LATIN = re.compile("[A-z]")
_CJK = re.compile("[\u4e00-\u9fff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LATIN_PER_CJK = 4
_FILLED_AGAIN = "a text held a placeholder, which was filled in as well"


@dataclass(frozen=True, slots=True)
class ReferenceManner:
    """Words calls by a pack of the reference kind."""

    pack: PromptPack
    limits: Limits
    decodes: bool = True

    @classmethod
    def under(cls, pack: PromptPack, limits: Limits) -> Self:
        """Take the script's temperatures and reply limits, and the rest of the limits as given."""
        own = replace(
            limits, temperatures=TEMPERATURES, max_tokens=dict(MAX_TOKENS), completeness_tokens_per_key_point=0
        )
        return cls(pack, own)

    def score(self, call: CallName, *, question: str, answer: str) -> Ask[ScoreReply]:
        """Ask for an analysis and a number in double square brackets."""
        prompt, note = fill(self.pack.templates[call], question=question, answer=answer)
        # Of all the calls only this one is read before it is seen to have any content.
        crashes = "logicality reply without content" if call is CallName.LOGICALITY else ""
        publish = publisher(replies.publish_score, show=lambda reply: f"{reply.score:g}", crashes=crashes)
        return self._ask(call, prompt, replies.read_score, publish=publish, note=note)

    def claims(self, *, question: str, answer: str) -> Ask[tuple[Quoted, ...]]:
        """Ask for statement elements."""
        prompt, note = fill(self.pack.templates[CallName.CLAIMS], question=question, answer=answer)
        publish = publisher(replies.publish_claims, show=lambda items: f"{len(items)} claims")
        ask = self._ask(CallName.CLAIMS, prompt, replies.read_claims, publish=publish, note=note)
        return replace(ask, answer=answer)

    def wording(self, statement: str) -> str:
        """Return the statement as it is: only equal ones make equal calls."""
        return statement

    def evidence(self, material: Material, found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        """Return five passages, or all there are: what retrieval left open is taken from the start of the document."""
        spans = {evidence.span for evidence in found}
        others = [span for span in material.passages if span not in spans][: TOP_K - len(found)]
        more = (Evidence(span, rank, 0.0) for rank, span in enumerate(others, start=len(found) + 1))
        return tuple(sorted((*found, *more), key=lambda evidence: evidence.span))

    def support(self, *, claim: str, material: Material, evidence: Sequence[Evidence]) -> Ask[SupportReply]:
        """Ask for a label in double square brackets; neither question nor answer is shown."""
        passages = "\n\n".join(
            f"[文段{number}]\n{material.reads(found.span)}" for number, found in enumerate(evidence, start=1)
        )
        prompt, note = fill(self.pack.templates[CallName.SUPPORT], statement=claim, context=passages)
        publish = publisher(replies.publish_support, show=lambda reply: reply.support.word)
        return self._ask(CallName.SUPPORT, prompt, replies.read_support, publish=publish, note=note)

    def key_points(self, *, question: str, material: Material, chunk: Span) -> Ask[Findings]:
        """Ask for a numbered list, in English or Chinese by what the chunk is written in."""
        text = material.reads(chunk)
        templates = self.pack.templates if is_latin(text) else self.pack.chinese
        prompt, note = fill(templates[CallName.KEY_POINTS], context=text, question=question)
        publish = publisher(replies.publish_findings, show=lambda _: "findings")
        return self._ask(CallName.KEY_POINTS, prompt, replies.read_findings, publish=publish, note=note)

    def kept(self, material: Material) -> frozenset[int]:
        """Return all chunks but those whose percent range another one further on has, too."""
        return frozenset({share: index for index, share in enumerate(shares(material))}.values())

    def completeness(
        self, *, question: str, answer: str, material: Material, points: Sequence[Point], findings: Sequence[Findings]
    ) -> Ask[CompletenessReply] | None:
        """Ask for an analysis and a number in double square brackets, also where nothing was found."""
        found = dict(zip(shares(material), findings, strict=True))  # by range, as the script keeps them
        shown = "\n\n".join(f"[文档{share}部分的有关信息]\n{it.text}" for share, it in found.items())
        template = self.pack.templates[CallName.COMPLETENESS]
        prompt, note = fill(template, question=question, context=shown, answer=answer)
        lost = len(findings) - len(found)
        notes = [note, f"{lost} chunks lost, which share a percent range with another" if lost else ""]
        publish = publisher(replies.publish_completeness, show=lambda reply: f"{reply.score:g}")
        return self._ask(
            CallName.COMPLETENESS,
            prompt,
            replies.read_completeness,
            publish=publish,
            note="; ".join(filter(None, notes)),
        )

    def unasked(self, judgment: Judgment, note: str) -> Judgment:
        """Return it with the note."""
        return replace(judgment, reference_note=note)

    def _ask(self, call: CallName, prompt: str, reader: Reader[T], *, publish: Publish[T], note: str) -> Ask[T]:
        return Ask(call, prompt, reader, self.limits.max_tokens[call], Script(publish, note))


def fill(template: str, **values: str) -> tuple[str, str]:
    """Fill in a template one placeholder after the other, in the order of `values`, as the script does.

    A value that holds a later placeholder is therefore filled in, too; the second text says so where it happened. Lone
    surrogates, which no request could carry, become U+FFFD.
    """
    note = ""
    names = list(values)
    for at, name in enumerate(names):
        value = _SURROGATE.sub("\ufffd", values[name])
        template = template.replace(f"<<{name}>>", value)
        if any(f"<<{later}>>" in value for later in names[at + 1 :]):
            note = _FILLED_AGAIN
    return template, note


def is_latin(text: str) -> bool:
    """Tell whether a chunk gets the English template: Latin letters exceed four times the CJK ones."""
    return len(_LATIN.findall(text)) > _LATIN_PER_CJK * len(_CJK.findall(text))


def shares(material: Material) -> list[str]:
    """Return where each chunk stands, by tokens, in percent rounded half to even: `0% - 33%`."""
    total = max(1, material.tokens)
    edges = [(at, min(at + EXTRACTION_TOKENS, material.tokens)) for at in range(0, total, EXTRACTION_TOKENS)]
    return [f"{round(start / total * 100)}% - {round(end / total * 100)}%" for start, end in edges]
