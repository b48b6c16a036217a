"""How well the words of a claim are found in a document: plain counts, no model."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from lrstudio.domain.text import Span
from lrstudio.text.chunks import RETRIEVAL_TOKENS, token_chunks
from lrstudio.text.retrieval import Bm25Index, Hit
from lrstudio.text.sentences import sentences
from lrstudio.text.tokens import Tokenizer, pieces
from lrstudio.text.words import content_words, names, numbers, stem, words

TOP_K = 5
# The margin compares the best passage with the fifth best; ranks beyond these hardly ever reach it.
_RIVALS = 40
# What a claim says often runs over the border of a chunk. Lifting neighbours by 0.1 to 0.2 of a chunk's score brings
# Recall@5 on QMSum from 91.6 to 92.1 %; 0.3 is worse than none. The cut at 200 chunks changes nothing there.
_SPILL, _CONSIDERED = 0.15, 200
# Three words in a row may stand anywhere.
_FEWEST_COPIED = 4
_RUN = re.compile(r"\w+(?:['’]\w+)*")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CLAUSE = re.compile(
    r"[,;:()]|\b(?:and|or|but|with|while|including|as well as|who|which|that|for)\b|[，。；：、（）]", re.IGNORECASE
)
# What follows one of these is denied or affirmed on its own.
_TURN = re.compile(r";|\b(?:but|however|while|although|though|whereas)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[“\"]([^“”\"]{6,})[”\"]")
_CLOCK = re.compile(r"(?<![\d.:])(\d{1,2})(?::(\d{1,2}))?\s?([ap])\.?m\b|(?<![\d.:])(\d{1,2}):(\d{1,2})(?![\d:])", re.I)
# A line of a record that denies its key: `attributes.WiFi: no`, `"parking": false,`.
_DENIAL = re.compile(
    r"""^[ \t]*["']?(?P<key>[^\W\d][\w.\[\] /-]{0,79})["']?[ \t]*[:=][ \t]*
    ["']?(?:false|none|null|no|never|n/a)["']?,?[ \t]*$""",
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST_DENIAL = 120
_RECORD = re.compile(r"[\"']?[^\W\d][\w.\[\] /-]{0,79}[\"']?[ \t]*[:=][ \t]")
_LINE_END = re.compile(r"\s*\n\s*")
# Sentences without an end (tables, minified text) are cut here, at about the length of a passage.
_LONGEST_UNIT = 600
_DENYING = re.compile(r"\b(?:no|not|none|never|neither|nor|without|lacks?|cannot|unable|unavailable)\b|n['’]t\b", re.I)


@dataclass(frozen=True, slots=True)
class Stems:
    """The stems of the content words of a text, and where each word starts there (code points)."""

    stems: tuple[str, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Take a text apart. Runs without spaces are pairs of characters; `camelCase` is several words."""
        known: dict[str, tuple[str, ...]] = {}
        stems: list[str] = []
        starts: list[int] = []
        for found in _RUN.finditer(text):
            run = found[0]
            parts = known.get(run)
            if parts is None:
                parts = known[run] = tuple(stem(word) for word in content_words(_HUMP.sub(" ", run)))
            # Pairs of characters lie one further each; the parts of one word all start with it.
            step = 1 if len(parts) == len(run) - 1 else 0
            stems.extend(parts)
            starts.extend(found.start() + step * i for i in range(len(parts)))
        return cls(tuple(stems), tuple(starts))


class LexicalDocument:
    """A document made ready: retrieval chunks with their index, stems, sentences, and what its records deny.

    `chunks` cover the text; a chunk is what evidence points at. `novelty` is the share of its content words that stand
    in it once: the chance that the next word of such a text is a new one (Good 1953).
    """

    def __init__(self, text: str, *, tokenizer: Tokenizer) -> None:
        """Index a document; takes about 1 s for 800,000 characters.

        Expressions run over pieces of the text: one search holds the interpreter lock, which the window needs.
        """
        self.text = text
        self.chunks = token_chunks(text, tokenizer, RETRIEVAL_TOKENS)
        self.sentences = tuple(_units(text))
        self._index = Bm25Index.build(text, self.chunks)
        content = Stems.of(text)
        self.stems = content.stems
        starts = np.array(content.starts, dtype=np.int64)
        self._borders = [*np.searchsorted(starts, [chunk.start for chunk in self.chunks]).tolist(), len(self.stems)]
        self._sentence_starts = np.array([unit.start for unit in self.sentences], dtype=np.int64)
        self._sentence_borders = [*np.searchsorted(starts, self._sentence_starts).tolist(), len(self.stems)]
        self.frequency = Counter(name for i in range(len(self.chunks)) for name in set(self.chunk_stems(i)))
        self.numbers = frozenset(number.value for _, piece in pieces(text) for number in numbers(piece))
        self.novelty = self._novelty()
        self.clock = frozenset(time for _, piece in pieces(text) for time in _clock_times(piece))
        self.denied = _denied(text, self.stems)
        self._plain = f" {' '.join(word for _, piece in pieces(text) for word in words(piece))} "

    def _novelty(self) -> float:
        """Leave repeated sentences out: a text that is there twice has no word once."""
        counts: Counter[str] = Counter()
        for stems in {self.sentence_stems(i): None for i in range(len(self.sentences))}:
            counts.update(stems)
        return sum(count == 1 for count in counts.values()) / max(1, counts.total())

    def chunk_stems(self, chunk: int) -> tuple[str, ...]:
        """Return the stems of the words that start in a chunk."""
        return self.stems[self._borders[chunk] : self._borders[chunk + 1]]

    def top(self, query: str, k: int) -> tuple[Hit, ...]:
        """Return the best `k` chunks for a query, best first; the neighbours of a good chunk are lifted a little."""
        own = {hit.index: hit.score for hit in self._index.top(query, _CONSIDERED)}
        lifted = (
            Hit(index, score + _SPILL * (own.get(index - 1, 0.0) + own.get(index + 1, 0.0)))
            for index, score in own.items()
        )
        return tuple(sorted(lifted, key=lambda hit: (-hit.score, hit.index))[:k])

    def rarity(self, name: str) -> float:
        """Return the inverse document frequency of a stem over the chunks (the BM25 form, always positive)."""
        n, count = len(self.chunks), self.frequency.get(name, 0)
        return math.log(1.0 + (n - count + 0.5) / (count + 0.5))

    def says(self, text: str) -> bool:
        """Tell whether the words of `text` stand in the document in this order without a gap."""
        return f" {' '.join(words(text))} " in self._plain

    def sentences_over(self, span: Span) -> range:
        """Return the indices of the sentences that overlap a span."""
        first = int(np.searchsorted(self._sentence_starts, span.start, side="right")) - 1
        last = int(np.searchsorted(self._sentence_starts, span.end, side="left"))
        if first >= 0 and self.sentences[first].end <= span.start:
            first += 1
        return range(max(0, first), last)

    def sentence_stems(self, sentence: int) -> tuple[str, ...]:
        """Return the stems of a sentence."""
        return self.stems[self._sentence_borders[sentence] : self._sentence_borders[sentence + 1]]

    def stems_of(self, units: range) -> tuple[str, ...]:
        """Return the stems of consecutive sentences."""
        return self.stems[self._sentence_borders[units.start] : self._sentence_borders[units.stop]]


@dataclass(frozen=True, slots=True)
class Passages:
    """What was retrieved for a claim: hits best first, and the whole sentences they touch, in document order."""

    hits: tuple[Hit, ...]
    runs: tuple[range, ...]

    @classmethod
    def of(cls, document: LexicalDocument, hits: Sequence[Hit]) -> Self:
        """Gather the sentences under the hits; runs that touch are one."""
        runs: list[range] = []
        for hit in sorted(hits, key=lambda hit: hit.index):
            run = document.sentences_over(document.chunks[hit.index])
            if runs and run.start <= runs[-1].stop:
                run = range(runs.pop().start, run.stop)
            runs.append(run)
        return cls(tuple(hits), tuple(runs))

    def text(self, document: LexicalDocument) -> str:
        """Return the retrieved sentences as they stand, runs parted by a blank line."""
        return "\n\n".join(
            document.text[document.sentences[run.start].start : document.sentences[run.stop - 1].end]
            for run in self.runs
            if run
        )


@dataclass(frozen=True, slots=True)
class Match:
    """How a claim compares with a document.

    `values` are the features by name (see `resources/lexical/card.md`). `stems` are the claim's distinct content stems;
    `missing` those of them that no retrieved sentence has, in order; `absent` the share that the whole document lacks.
    `strength` says how far the best passage stands out, `new_values` that a number or name of the claim is nowhere in
    the document, `verbatim` that the document has the claim word for word; `denied` is the record line that says the
    opposite, or "".
    """

    passages: Passages
    values: dict[str, float]
    stems: tuple[str, ...]
    missing: tuple[str, ...]
    absent: float
    strength: float
    new_values: bool
    verbatim: bool
    denied: str

    def has(self, words_of_claim: str) -> bool:
        """Tell whether the retrieved sentences have all content words of a part of the claim."""
        return not set(self.missing).intersection(Stems.of(words_of_claim).stems)


def match(document: LexicalDocument, claim: str) -> Match:
    """Compare a claim, one sentence of a candidate, with a document."""
    content = Stems.of(claim).stems
    distinct = tuple(dict.fromkeys(content))
    rivals = document.top(claim, _RIVALS)
    passages = Passages.of(document, rivals[:TOP_K])
    found = [name for run in passages.runs for name in (*document.stems_of(run), "")]
    known = frozenset(found)
    missing = tuple(name for name in distinct if name not in known)
    absent = sum(name not in document.frequency for name in distinct)
    margin = _margin(document, distinct, rivals)
    strength = best_window(found, distinct, max(15, math.ceil(1.5 * len(content)))) + margin
    denied = _denied_word(document, claim)
    named = [frozenset(Stems.of(name.value).stems) for name in names(claim)]
    claimed = [number.value for number in numbers(claim)]
    have = {number.value for number in numbers(passages.text(document))}
    return Match(
        passages=passages,
        values={
            "strength": strength,
            "margin": margin,
            "missing": float(len(missing)),
            "clause": _worst_clause(claim, found),
            "novel_numbers": float(sum(number not in have for number in claimed)),
            "has_numbers": float(bool(claimed)),
            "novel_names": float(sum(not name <= known for name in named)),
            "denied": float(bool(denied)),
            "novel_times": float(sum(time not in document.clock for time in _clock_times(claim))),
            "quoted": float(any(document.says(quote) for quote in _QUOTED.findall(claim))),
        },
        stems=distinct,
        missing=missing,
        absent=absent / max(1, len(distinct)),
        strength=strength,
        new_values=not document.numbers.issuperset(claimed)
        or not document.frequency.keys() >= frozenset().union(*named),
        verbatim=len(words(claim)) >= _FEWEST_COPIED and document.says(claim),
        denied=denied,
    )


def best_window(found: Sequence[str], wanted: Iterable[str], width: int) -> float:
    """Return the largest share of the `wanted` stems that any `width` consecutive stems of `found` hold, 0-1.

    An empty string in `found` parts two runs of text but counts as a word.
    """
    distinct = frozenset(wanted)
    inside: Counter[str] = Counter()
    have = best = 0
    for i, name in enumerate(found):
        if name in distinct:
            inside[name] += 1
            have += inside[name] == 1
        if i >= width and (gone := found[i - width]) in distinct:
            inside[gone] -= 1
            have -= inside[gone] == 0
        best = max(best, have)
    return best / len(distinct) if distinct else 0.0


def _worst_clause(claim: str, found: Sequence[str]) -> float:
    """Return the window recall of the clause that is found worst; clauses of one word have no say."""
    clauses = (frozenset(Stems.of(clause).stems) for clause in _CLAUSE.split(claim))
    return min((best_window(found, clause, 20) for clause in clauses if len(clause) > 1), default=1.0)


def _margin(document: LexicalDocument, distinct: Sequence[str], rivals: Sequence[Hit]) -> float:
    """Return by how much the best chunk holds more of the claim's words, weighted by rarity, than the fifth best.

    In a document of any length it is near 0 where the claim's words are spread all over and nothing stands out.
    """
    weights = {name: document.rarity(name) for name in distinct}
    chunks = (frozenset(document.chunk_stems(hit.index)) for hit in rivals)
    held = sorted((sum(w for name, w in weights.items() if name in chunk) for chunk in chunks), reverse=True)
    held += [0.0] * TOP_K
    return (held[0] - held[TOP_K - 1]) / (sum(weights.values()) or 1.0)


def _units(text: str) -> Iterator[Span]:
    """Yield the sentences, the lines of records one by one, and nothing much longer than a passage."""
    for sentence in sentences(text):
        start = sentence.start
        for found in _LINE_END.finditer(text, sentence.start, sentence.end):
            if _RECORD.match(text, start) and _RECORD.match(text, found.end()):
                yield Span(start, found.start())
                start = found.end()
        while sentence.end - start > _LONGEST_UNIT:
            space = text.rfind(" ", start + 1, start + _LONGEST_UNIT)
            cut = space if space > 0 else start + _LONGEST_UNIT
            yield Span(start, cut)
            start = cut
        yield Span(start, sentence.end)


def _clock_times(text: str) -> list[int]:
    """Return the times of day as minutes after noon or midnight, since records use both clocks."""
    return [int(found[1] or found[4]) % 12 * 60 + int(found[2] or found[5] or 0) for found in _CLOCK.finditer(text)]


def _denied(text: str, stems: Sequence[str]) -> dict[str, str]:
    """Map each stem that stands only in the keys of denying record lines to the first such line."""
    counts: Counter[str] = Counter()
    lines: dict[str, str] = {}
    short = (line for line in text.splitlines() if len(line) <= _LONGEST_DENIAL)
    for found in filter(None, map(_DENIAL.match, short)):
        for name in Stems.of(found["key"]).stems:
            counts[name] += 1
            lines.setdefault(name, found[0].strip())
    everywhere = Counter(name for name in stems if name in counts) if counts else counts
    return {name: line for name, line in lines.items() if everywhere[name] <= counts[name]}


def _denied_word(document: LexicalDocument, claim: str) -> str:
    """Return the record line that denies a word of the claim; clauses that are denials themselves are passed over."""
    if not document.denied:
        return ""
    for clause in _TURN.split(claim):
        for name in () if _DENYING.search(clause) else Stems.of(clause).stems:
            if name in document.denied:
                return document.denied[name]
    return ""
