"""What a judge run will take, told before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from lrstudio.domain.text import content_hash
from lrstudio.domain.verdicts import Dimension, Support, SupportReason
from lrstudio.judge.caller import Ask
from lrstudio.judge.claims import statements
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.manner import Findings
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import CompletenessReply, Quoted, ScoreReply, SupportReply
from lrstudio.judge.rehearsal import DIMENSION_OF, Noted
from lrstudio.text.tokens import Tokenizer

KEY_POINTS_PER_CHUNK = 3
_KEY_POINT = "One sentence of the document that bears on the question, with who did what, when and where."
# Typical lengths of replies in our pack's own form, until the log has some; claims and key points quote what they read.
_OUTPUT_TOKENS: Mapping[CallName, int] = {
    CallName.HELPFULNESS: 120,
    CallName.LOGICALITY: 120,
    CallName.CLAIMS: 60,
    CallName.SUPPORT: 90,
    CallName.KEY_POINTS: 80 * KEY_POINTS_PER_CHUNK,
    CallName.COMPLETENESS: 150,
}
_CLAIMS_PER_ANSWER_TOKEN = 2.5


@dataclass(frozen=True, slots=True)
class Effort:
    """Calls with their tokens and cost; `guessed` of the calls are estimates. `cost` is None without prices."""

    calls: int = 0
    guessed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Effort) -> Effort:
        """Add up; a cost that is known to one alone is the sum's."""
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Effort(
            self.calls + other.calls,
            self.guessed + other.guessed,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            sum(costs) if costs else None,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is outstanding, and what all of it would take without the call log, by dimension.

    `embedded` counts the texts to be embedded, `embedded_without_log` those that would be if no vector were kept;
    `embedding` and `embedding_without_log` are the tokens of these texts and, where its price is known, the cost of an
    endpoint that embeds them; they count no calls. `assumptions` are sentences on what the estimates rest on.
    """

    candidates: int = 0
    outstanding: Mapping[Dimension, Effort] = field(default_factory=dict)
    without_log: Mapping[Dimension, Effort] = field(default_factory=dict)
    embedded: int = 0
    embedded_without_log: int = 0
    embedding: Effort = field(default_factory=Effort)
    embedding_without_log: Effort = field(default_factory=Effort)
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A call: whether it is outstanding, and its tokens; `measured` is the length of the reply in the log."""

    call: CallName
    missing: bool
    guessed: bool
    input_tokens: int
    typical: int
    measured: int | None


def stand_in(ask: Ask[Any]) -> Any:
    """Make up a reply: sentences of the answer as claims, a few key points per chunk; a score matters to nobody."""
    match ask.call:
        case CallName.HELPFULNESS | CallName.LOGICALITY:
            return ScoreReply(5.0, "")
        case CallName.CLAIMS:
            return tuple(Quoted(it.text) for it in statements(ask.answer) if it.checkable)
        case CallName.SUPPORT:
            return SupportReply(Support.FULL, SupportReason.UNSTATED, (), "")
        case CallName.KEY_POINTS:
            points = [f"{_KEY_POINT} ({number})" for number in range(KEY_POINTS_PER_CHUNK)]
            return Findings(tuple(map(Quoted, points)), "\n".join(points))
        case CallName.COMPLETENESS:
            return CompletenessReply(5.0, "", {})


class Planner:
    """Takes the notes of a rehearsal with `stand_in`, and adds up. Tokens are those of the prompts as they are sent."""

    def __init__(
        self, *, limits: Limits, tokenizer: Tokenizer, prices: Prices | None, embedding_price: float | None = None
    ) -> None:
        """Start with nothing noted."""
        self._embedding = None if embedding_price is None else Prices(input=embedding_price, output=0.0)
        self._limits = limits
        self._tokenizer = tokenizer
        self._prices = prices
        self._entries: list[_Entry] = []
        self._candidates = 0
        self._texts: dict[str, int] = {}
        self._missing_texts: set[str] = set()

    def note_candidate(self) -> None:
        """Count a candidate."""
        self._candidates += 1

    def note_texts(self, texts: Iterable[str], missing: Iterable[str]) -> None:
        """Count texts that need vectors; see `NoteTexts`."""
        for text in texts:
            if (name := content_hash(text)) not in self._texts:
                self._texts[name] = self._tokenizer.count(text)
        self._missing_texts.update(missing)

    def note(self, noted: Noted) -> None:
        """Count a call; the prompt is not kept."""
        ask, call = noted.ask, CallName(noted.ask.call)
        self._entries.append(
            _Entry(
                call=call,
                missing=noted.unsent is not None,
                guessed=noted.guessed,
                input_tokens=self._tokenizer.count(ask.prompt),
                typical=self._typical(ask, call),
                measured=noted.output_tokens,
            )
        )

    def plan(self) -> Plan:
        """Return what has been noted, by dimension."""
        means = {
            call: fmean(measured)
            for call in CallName
            if (measured := [it.measured for it in self._entries if it.call is call and it.measured is not None])
        }
        return Plan(
            candidates=self._candidates,
            outstanding=self._sums([it for it in self._entries if it.missing], means),
            without_log=self._sums(self._entries, means),
            embedded=len(self._missing_texts),
            embedded_without_log=len(self._texts),
            embedding=self._embedded(self._missing_texts),
            embedding_without_log=self._embedded(self._texts),
            assumptions=_assumptions(self._entries, means, guessed_passages=bool(self._missing_texts)),
        )

    def _sums(self, entries: Sequence[_Entry], means: Mapping[CallName, float]) -> dict[Dimension, Effort]:
        sums: dict[Dimension, Effort] = {}
        for entry in entries:
            written = entry.measured or round(means.get(entry.call, entry.typical))
            dimension = DIMENSION_OF[entry.call]
            effort = Effort(1, int(entry.guessed), entry.input_tokens, written)
            sums[dimension] = sums.get(dimension, Effort()) + effort
        return {dimension: self._priced(sums[dimension]) for dimension in Dimension if dimension in sums}

    def _embedded(self, names: Iterable[str]) -> Effort:
        tokens = sum(self._texts[name] for name in names)
        return Effort(input_tokens=tokens, cost=self._embedding.cost(tokens, 0) if self._embedding else None)

    def _priced(self, effort: Effort) -> Effort:
        cost = self._prices.cost(effort.input_tokens, effort.output_tokens) if self._prices else None
        return replace(effort, cost=cost)

    def _typical(self, ask: Ask[Any], call: CallName) -> int:
        tokens: float = _OUTPUT_TOKENS[call]
        if call is CallName.CLAIMS:
            tokens += _CLAIMS_PER_ANSWER_TOKEN * self._tokenizer.count(ask.answer)
        if call is CallName.COMPLETENESS:
            tokens += ask.max_tokens - self._limits.max_tokens[call]  # what the key points add
        return min(round(tokens), ask.max_tokens)


def _assumptions(
    entries: Sequence[_Entry], means: Mapping[CallName, float], *, guessed_passages: bool
) -> tuple[str, ...]:
    sentences = ["input tokens are counted by the judge's tokenizer; the model's own may count otherwise"]
    guessed = {it.call for it in entries if it.guessed}
    if CallName.SUPPORT in guessed:
        sentences.append("support checks are estimates: one claim for each sentence of an answer that states something")
    if guessed_passages:
        sentences.append("passages are those at the start of a document until its texts are embedded")
    if CallName.COMPLETENESS in guessed:
        sentences.append(f"completeness prompts are estimates: {KEY_POINTS_PER_CHUNK} key points for each chunk")
    if means:
        sentences.append(f"output tokens of {', '.join(means)} are the mean of the replies in the log")
    if {it.call for it in entries} - means.keys():
        sentences.append(f"{'other ' if means else ''}output tokens are typical lengths, not counted")
    if entries:
        sentences.append("first attempts only: a reply that cannot be read costs another call")
    return tuple(sentences)
