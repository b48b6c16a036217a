"""What a judge makes of a document once and then uses for every candidate: chunks, and an index over them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import anyio.to_thread

from lrstudio.domain.text import Span, content_hash
from lrstudio.domain.verdicts import Evidence
from lrstudio.judge.protocol import CallLog
from lrstudio.judge.retrieval import Bm25Retriever, Index, NoteTexts, Retriever
from lrstudio.judge.sharing import SingleFlight
from lrstudio.text.chunks import EXTRACTION_TOKENS, RETRIEVAL_TOKENS, decoded_chunks, token_chunks
from lrstudio.text.retrieval import Hit
from lrstudio.text.tokens import Tokenizer

TOP_K = 5
_RETRIEVAL_PER_EXTRACTION = EXTRACTION_TOKENS // RETRIEVAL_TOKENS


@dataclass(frozen=True, slots=True)
class Material:
    """A document made ready: `passages` to retrieve from and `chunks` to extract from, both covering the text.

    `tokens` and `decoded` (see `decoded_chunks`) are there where they were asked for.
    """

    text: str
    document_hash: str
    passages: tuple[Span, ...]
    chunks: tuple[Span, ...]
    index: Index
    tokens: int = 0
    decoded: Mapping[Span, str] = field(default_factory=dict)

    @classmethod
    def build(
        cls, text: str, *, tokenizer: Tokenizer, retriever: Retriever | None = None, decoded: bool = False
    ) -> Self:
        """Tokenise and index, by BM25 where no retriever is given; takes seconds for a long document.

        `decoded` asks for what its windows decode to.
        """
        passages = token_chunks(text, tokenizer, RETRIEVAL_TOKENS)
        groups = [
            passages[i : i + _RETRIEVAL_PER_EXTRACTION] for i in range(0, len(passages), _RETRIEVAL_PER_EXTRACTION)
        ]
        chunks = tuple(Span(group[0].start, group[-1].end) for group in groups)
        ids = tokenizer.ids(text) if decoded else []
        read = partial(decoded_chunks, text, tokenizer, ids=ids)
        return cls(
            text=text,
            document_hash=content_hash(text),
            passages=passages,
            chunks=chunks,
            index=(retriever or Bm25Retriever()).index(text, passages),
            tokens=len(ids),
            decoded={
                **read(size=RETRIEVAL_TOKENS, chunks=passages),
                **read(size=EXTRACTION_TOKENS, chunks=chunks),
            },
        )

    def reads(self, chunk: Span) -> str:
        """Return what a passage or chunk reads: its slice of the text, or what its tokens decode to."""
        return self.decoded[chunk] if chunk in self.decoded else chunk.of(self.text)


class Shelf:
    """Keeps the last few documents ready. Work on a document is done once and in a thread, however many wait for it."""

    def __init__(
        self, *, tokenizer: Tokenizer, retriever: Retriever | None = None, size: int = 4, decoded: bool = False
    ) -> None:
        """Start empty; `size` documents are kept, with what their windows decode to where `decoded` asks for it.

        `retriever` None means BM25.
        """
        self._tokenizer = tokenizer
        self._retriever = retriever or Bm25Retriever()
        self._decoded = decoded
        self._size = size
        self._ready: OrderedDict[str, Material] = OrderedDict()
        self._work = SingleFlight()

    @property
    def tokenizer(self) -> Tokenizer:
        """What the chunks are measured in."""
        return self._tokenizer

    def rehearsed(self, note: NoteTexts) -> Shelf:
        """Return an empty one that makes documents ready alike and asks no model; see `Retriever.rehearsed`."""
        retriever = self._retriever.rehearsed(note)
        return Shelf(tokenizer=self._tokenizer, retriever=retriever, size=self._size, decoded=self._decoded)

    async def material(self, text: str) -> Material:
        """Return the material of a document's text."""
        if text not in self._ready:
            self._ready[text] = await self._work.run(text, partial(self._build, text))
        self._ready.move_to_end(text)
        while len(self._ready) > self._size:
            self._ready.popitem(last=False)
        return self._ready[text]

    async def _build(self, text: str) -> Material:
        build = partial(
            Material.build, text, tokenizer=self._tokenizer, retriever=self._retriever, decoded=self._decoded
        )
        return await anyio.to_thread.run_sync(build, abandon_on_cancel=True)


async def retrieve(material: Material, queries: Iterable[str], *, calls: CallLog) -> list[tuple[Evidence, ...]]:
    """Return for each query the `TOP_K` best passages in document order, ranked from 1.

    `calls` is where it is written down what a model is sent for them.

    Raises:
        NoVectors, Environment, Refused: the model behind the retrieval gave nothing; see `Index.top`.
    """
    found = await material.index.top(tuple(queries), TOP_K, calls=calls)
    return [_evidence(material, hits) for hits in found]


def _evidence(material: Material, hits: Iterable[Hit]) -> tuple[Evidence, ...]:
    found = [Evidence(material.passages[hit.index], rank, hit.score) for rank, hit in enumerate(hits, start=1)]
    return tuple(sorted(found, key=lambda evidence: evidence.span))
