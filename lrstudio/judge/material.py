"""What a judge makes of a document once and then uses for every candidate: chunks, and an index over them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import anyio.to_thread

from lrstudio.domain.text import Span, content_hash
from lrstudio.domain.verdicts import Evidence
from lrstudio.judge.sharing import SingleFlight
from lrstudio.text.chunks import EXTRACTION_TOKENS, RETRIEVAL_TOKENS, token_chunks
from lrstudio.text.retrieval import Bm25Index
from lrstudio.text.tokens import Tokenizer

TOP_K = 5
_RETRIEVAL_PER_EXTRACTION = EXTRACTION_TOKENS // RETRIEVAL_TOKENS


@dataclass(frozen=True, slots=True)
class Material:
    """A document made ready: `passages` to retrieve from and `chunks` to extract from, both covering the text."""

    text: str
    document_hash: str
    passages: tuple[Span, ...]
    chunks: tuple[Span, ...]
    index: Bm25Index

    @classmethod
    def build(cls, text: str, *, tokenizer: Tokenizer) -> Self:
        """Tokenise once and index; takes seconds for a long document."""
        passages = token_chunks(text, tokenizer, RETRIEVAL_TOKENS)
        groups = [
            passages[i : i + _RETRIEVAL_PER_EXTRACTION] for i in range(0, len(passages), _RETRIEVAL_PER_EXTRACTION)
        ]
        return cls(
            text=text,
            document_hash=content_hash(text),
            passages=passages,
            chunks=tuple(Span(group[0].start, group[-1].end) for group in groups),
            index=Bm25Index.build(text, passages),
        )

    def evidence(self, query: str) -> tuple[Evidence, ...]:
        """Return the `TOP_K` best passages for a query in document order, ranked from 1."""
        hits = self.index.top(query, TOP_K)
        found = [Evidence(self.passages[hit.index], rank, hit.score) for rank, hit in enumerate(hits, start=1)]
        return tuple(sorted(found, key=lambda evidence: evidence.span))


class Shelf:
    """Keeps the last few documents ready. Work on a document is done once and in a thread, however many wait for it."""

    def __init__(self, *, tokenizer: Tokenizer, size: int = 4) -> None:
        """Start empty; `size` documents are kept."""
        self._tokenizer = tokenizer
        self._size = size
        self._ready: OrderedDict[str, Material] = OrderedDict()
        self._work = SingleFlight()

    @property
    def tokenizer(self) -> Tokenizer:
        """What the chunks are measured in."""
        return self._tokenizer

    async def material(self, text: str) -> Material:
        """Return the material of a document's text."""
        if text not in self._ready:
            self._ready[text] = await self._work.run(text, partial(self._build, text))
        self._ready.move_to_end(text)
        while len(self._ready) > self._size:
            self._ready.popitem(last=False)
        return self._ready[text]

    async def _build(self, text: str) -> Material:
        build = partial(Material.build, text, tokenizer=self._tokenizer)
        return await anyio.to_thread.run_sync(build, abandon_on_cancel=True)


async def retrieve(material: Material, queries: Iterable[str]) -> list[tuple[Evidence, ...]]:
    """Return the evidence of each query; ranking a long document takes milliseconds, so a thread does it."""
    wanted: Sequence[str] = tuple(queries)
    return await anyio.to_thread.run_sync(lambda: [material.evidence(query) for query in wanted])
