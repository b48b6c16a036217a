"""Ranking the chunks of a document by a query: BM25 over words."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from lrstudio.domain.text import Span
from lrstudio.text.words import content_words, stem

if TYPE_CHECKING:
    import bm25s


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk by its index, with the score of what found it; comparable only within one document and one method."""

    index: int
    score: float


class Bm25Index:
    """BM25 (Lucene's form, k1 1.5, b 0.75) over the stems of the content words of chunks.

    Recall@5 on the open part of QMSum (215 sentences of reference answers as queries, 128-token chunks of the shipped
    tokenizer, a hit overlaps a passage that people marked): all words 88.4 %, without stop words 88.4 %, stems of what
    is left 91.6 %. With chunks of 512 characters the three are 91.2, 92.6 and 93.0 %.
    """

    def __init__(self, scorer: bm25s.BM25 | None, *, terms: dict[str, int]) -> None:
        """Wrap an index and its terms; without a scorer no chunk has a content word."""
        self._scorer = scorer
        self._terms = terms

    @classmethod
    def build(cls, text: str, chunks: Sequence[Span]) -> Self:
        """Index the chunks of `text`; hits name them by their place in `chunks`."""
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)
        terms: dict[str, int] = {}
        known: dict[str, int] = {}
        ids: list[list[int]] = []
        for chunk in chunks:
            found = content_words(chunk.of(text))
            for word in found:
                if word not in known:
                    known[word] = terms.setdefault(stem(word), len(terms))
            ids.append([known[word] for word in found])
        if not terms:
            return cls(None, terms=terms)
        scorer = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
        scorer.index(bm25s.tokenization.Tokenized(ids=ids, vocab=terms), show_progress=False)
        return cls(scorer, terms=terms)

    def top(self, query: str, k: int) -> tuple[Hit, ...]:
        """Return at most `k` hits, best first, equal scores in document order.

        A chunk that shares no content word with the query is never returned, so there may be fewer than `k`. Scores
        are greater than 0.
        """
        wanted = [term for word in content_words(query) if (term := stem(word)) in self._terms]
        if self._scorer is None or not wanted:
            return ()
        scores = self._scorer.get_scores(wanted)
        found = np.flatnonzero(scores > 0)
        best = found[np.argsort(-scores[found], kind="stable")][:k]
        return tuple(Hit(int(index), float(scores[index])) for index in best)
