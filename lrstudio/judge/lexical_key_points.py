"""The sentences of a document that speak of a question, and whether an answer covers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Support
from lrstudio.judge.claims import is_checkable
from lrstudio.judge.lexical_features import LexicalDocument, Stems
from lrstudio.text.chunks import EXTRACTION_TOKENS, RETRIEVAL_TOKENS
from lrstudio.text.sentences import sentences
from lrstudio.text.words import stem

PER_CHUNK = 3
# A sentence counts by the share of the question's words that it has, weighted by rarity, with 0.3 of its neighbours and
# 0.3 of its passage's BM25 score (the best passage at 1). It must reach a fifth, and half of the best sentence. On
# QMSum 32 % of the sentences chosen so lie in passages that people marked as relevant (11 % of all sentences do), and
# 76 % of those passages have one. Without the passage's score it is 36 % and 67 %, and 8 of 73 questions have none.
_NEIGHBOURS, _PASSAGE, _LEAST, _OF_BEST = 0.3, 0.3, 0.2, 0.5
_FEWEST_WORDS, _MOST_CHARACTERS = 4, 600
# On SummHay (325 reference points against 56 summaries; 39 % full, 31 % partial, 30 % none by people) these give a
# balanced accuracy of 0.66 over the three and an AUROC of 0.87 for full. The words of the question do not count.
FULL_FROM, PARTIAL_FROM = 0.4, 0.2
# What a question asks to be done, not what it asks about.
_ASKING_WORDS = (
    "summarize summarise summary describe description explain explanation list give write overview outline report "
    "document article text passage story book chapter paper news question answer following brief briefly detail main "
    "key point discuss discussion tell based provide think say mention conclude conclusion according author"
)
_ASKING = frozenset(map(stem, _ASKING_WORDS.split()))


@dataclass(frozen=True, slots=True)
class Point:
    """A sentence that speaks of a question: its span, and that of the extraction chunk in which it starts."""

    span: Span
    chunk: Span


def extraction_chunks(document: LexicalDocument) -> tuple[Span, ...]:
    """Return the windows of 4096 tokens: each is made of 32 retrieval chunks, so the text is tokenised once."""
    size = EXTRACTION_TOKENS // RETRIEVAL_TOKENS
    groups = (document.chunks[i : i + size] for i in range(0, len(document.chunks), size))
    return tuple(Span(group[0].start, group[-1].end) for group in groups)


def key_points(document: LexicalDocument, query: str) -> tuple[Point, ...]:
    """Return at most `PER_CHUNK` sentences of each extraction chunk that speak of the question, in document order.

    A question about the document as a whole ("Summarise the report") is answered by its central sentences: those whose
    words are the most frequent ones. A question whose words the document lacks has no key points.
    """
    relevance = _relevance(document, query)
    best = max(relevance, default=0.0)
    if best <= 0.0:
        return ()
    least = max(_LEAST, _OF_BEST * best)
    chunks = extraction_chunks(document)
    chosen: dict[Span, list[tuple[float, int]]] = {chunk: [] for chunk in chunks}
    seen: set[tuple[str, ...]] = set()
    at = 0
    for i, value in enumerate(relevance):
        span = document.sentences[i]
        while span.start >= chunks[at].end:
            at += 1
        stems = document.sentence_stems(i)
        if value < least or stems in seen or not _is_point(span.of(document.text), stems):
            continue
        seen.add(stems)
        chosen[chunks[at]].append((-value, i))
    return tuple(
        Point(document.sentences[i], chunk)
        for chunk, ranked in chosen.items()
        for i in sorted(i for _, i in sorted(ranked)[:PER_CHUNK])
    )


def _is_point(sentence: str, stems: Sequence[str]) -> bool:
    """Tell whether a sentence says something of its own: no heading, no question, no fragment, no page of text."""
    return len(set(stems)) >= _FEWEST_WORDS and len(sentence) <= _MOST_CHARACTERS and is_checkable(sentence)


def _relevance(document: LexicalDocument, query: str) -> list[float]:
    """Return for each sentence about which share of the question it has, 0 and up."""
    asked = [name for name in dict.fromkeys(Stems.of(query).stems) if name not in _ASKING]
    if not asked:
        return _centrality(document)
    weights = {name: document.rarity(name) for name in asked}
    total = sum(weights.values())
    own = []
    for i in range(len(document.sentences)):
        held = set(document.sentence_stems(i)).intersection(asked)
        own.append(sum(weights[name] for name in asked if name in held) / total)
    passages = {hit.index: hit.score for hit in document.top(query, len(document.chunks))}
    best = max(passages.values(), default=1.0)
    padded = [0.0, *own, 0.0]
    result, chunk = [], 0
    for i, value in enumerate(own):
        while document.sentences[i].start >= document.chunks[chunk].end:
            chunk += 1
        around = _NEIGHBOURS * (padded[i] + padded[i + 2]) + _PASSAGE * passages.get(chunk, 0.0) / best
        result.append(value + around if value else 0.0)
    return result


def _centrality(document: LexicalDocument) -> list[float]:
    """Return for each sentence the mean share of chunks that have its words, the best at 1 (the idea of SumBasic)."""
    count = max(1, len(document.chunks))
    own = []
    for i in range(len(document.sentences)):
        distinct = dict.fromkeys(document.sentence_stems(i))
        shares = [document.frequency[name] / count for name in distinct]
        own.append(sum(shares) / len(shares) if len(shares) >= _FEWEST_WORDS else 0.0)
    best = max(own, default=0.0)
    return [value / best for value in own] if best else own


def cover(
    document: LexicalDocument, point: str, query: str, candidate: Iterable[frozenset[str]]
) -> tuple[Support, float]:
    """Return how far one sentence of a candidate covers a key point, and the share of its words found, by rarity.

    `candidate` are the stems of the candidate's sentences. The question's own words do not count: every answer has
    them.
    """
    distinct = dict.fromkeys(Stems.of(point).stems)
    asked = set(Stems.of(query).stems)
    weights = {name: document.rarity(name) for name in distinct if name not in asked}
    weights = weights or {name: document.rarity(name) for name in distinct}
    total = sum(weights.values()) or 1.0
    share = (
        max(
            (sum(weight for name, weight in weights.items() if name in sentence) for sentence in candidate), default=0.0
        )
        / total
    )
    if share >= FULL_FROM:
        return Support.FULL, share
    return (Support.PARTIAL if share >= PARTIAL_FROM else Support.NONE), share


def sentence_stems(text: str) -> tuple[frozenset[str], ...]:
    """Return the stems of each sentence of a candidate."""
    return tuple(frozenset(Stems.of(span.of(text)).stems) for span in sentences(text))
