"""Finding the passages for a claim: by words, by vectors, or by both. One small protocol that a judge is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

import anyio.to_thread

from lrstudio.domain.text import Span
from lrstudio.judge.embedding import VectorCache
from lrstudio.judge.protocol import CallLog
from lrstudio.judge.sharing import SingleFlight, concurrently
from lrstudio.text.retrieval import Bm25Index, Hit
from lrstudio.text.vectors import Vectors, fused, nearest


class Index(Protocol):
    """The passages of one document, ready to be ranked."""

    async def top(self, queries: Sequence[str], k: int, *, calls: CallLog) -> list[tuple[Hit, ...]]:
        """Return for each query at most `k` passages, best first, equal ones in document order.

        `calls` is where it is written down what a model is sent for them.

        Raises:
            NoVectors: the model behind it gave none for these texts; others may fare better.
            Environment: going on is useless: it cannot be reached, or refuses the key.
            Refused: the model cannot be used as it stands.
        """
        ...


NoteTexts = Callable[[Iterable[str], Iterable[str]], None]
"""Is told of texts that need vectors, and of those among them that have none yet, these by their SHA-256."""


class Retriever(Protocol):
    """A way to find passages. `name` tells it from every other way that may find other passages."""

    @property
    def name(self) -> str:
        """What stands in the identity of a judge that uses it."""
        ...

    def index(self, text: str, passages: Sequence[Span]) -> Index:
        """Make a document ready; called on a worker thread, may take seconds, asks no model."""
        ...

    def rehearsed(self, note: NoteTexts) -> Retriever:
        """Return one that asks no model, ever: `note` is told what this one would ask for.

        Where vectors are missing it finds the first passages of the document. It need not be closed.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and processes."""
        ...


class Bm25Retriever:
    """By the words that a claim and a passage share. Needs no model."""

    name = "bm25"

    def index(self, text: str, passages: Sequence[Span]) -> Index:
        """Index the words of every passage."""
        return _Words(Bm25Index.build(text, passages))

    def rehearsed(self, note: NoteTexts) -> Retriever:
        """Return itself."""
        return self

    async def aclose(self) -> None:
        """Nothing is held."""


class VectorRetriever:
    """By the cosine of vectors, the claim alone as the query (LongReward's way, arXiv 2410.21252, section 3.3)."""

    def __init__(self, vectors: VectorCache) -> None:
        """Take vectors from here."""
        self._vectors = vectors

    @property
    def name(self) -> str:
        """The space of the vectors."""
        return self._vectors.space

    def index(self, text: str, passages: Sequence[Span]) -> Index:
        """Remember the passages; their vectors are asked for when the first claim needs them."""
        return _Vectors(self._vectors, tuple(passage.of(text) for passage in passages))

    def rehearsed(self, note: NoteTexts) -> Retriever:
        """Return one that ranks by the vectors that are kept."""
        return _RehearsedRetriever(self._vectors, note)

    async def aclose(self) -> None:
        """Close what gives the vectors."""
        await self._vectors.aclose()


class FusedRetriever:
    """By the ranks that two others give, over all the passages that each of them finds."""

    def __init__(self, first: Retriever, second: Retriever) -> None:
        """Join these two."""
        self._both = (first, second)

    @property
    def name(self) -> str:
        """The names of both."""
        return " + ".join(retriever.name for retriever in self._both)

    def index(self, text: str, passages: Sequence[Span]) -> Index:
        """Make the document ready for both."""
        return _Fused([retriever.index(text, passages) for retriever in self._both], passages=len(passages))

    def rehearsed(self, note: NoteTexts) -> Retriever:
        """Return both rehearsed."""
        first, second = self._both
        return FusedRetriever(first.rehearsed(note), second.rehearsed(note))

    async def aclose(self) -> None:
        """Close both."""
        for retriever in self._both:
            await retriever.aclose()


class _Words:
    def __init__(self, index: Bm25Index) -> None:
        self._index = index

    async def top(self, queries: Sequence[str], k: int, *, calls: CallLog) -> list[tuple[Hit, ...]]:
        # Ranking a long document takes milliseconds, so a thread does it.
        return await anyio.to_thread.run_sync(lambda: [self._index.top(query, k) for query in queries])


class _Vectors:
    def __init__(self, vectors: VectorCache, passages: Sequence[str]) -> None:
        self._vectors = vectors
        self._passages = passages
        self._rows: Vectors | None = None
        self._work = SingleFlight()

    async def top(self, queries: Sequence[str], k: int, *, calls: CallLog) -> list[tuple[Hit, ...]]:
        if not queries or not self._passages:
            return [() for _ in queries]
        if self._rows is None:
            self._rows = await self._work.run("passages", partial(self._vectors.vectors, self._passages, calls=calls))
        wanted = await self._vectors.vectors(queries, calls=calls)
        return await anyio.to_thread.run_sync(nearest, self._rows, wanted, k)


class _RehearsedRetriever(VectorRetriever):
    def __init__(self, vectors: VectorCache, note: NoteTexts) -> None:
        super().__init__(vectors)
        self._note = note

    def index(self, text: str, passages: Sequence[Span]) -> Index:
        return _RehearsedVectors(self._vectors, tuple(passage.of(text) for passage in passages), self._note)


class _RehearsedVectors:
    def __init__(self, vectors: VectorCache, passages: Sequence[str], note: NoteTexts) -> None:
        self._vectors = vectors
        self._passages = passages
        self._index = _Vectors(vectors, passages)
        self._note = note
        self._work = SingleFlight()
        self._complete: bool | None = None

    async def top(self, queries: Sequence[str], k: int, *, calls: CallLog) -> list[tuple[Hit, ...]]:
        if not queries or not self._passages:
            return [() for _ in queries]
        if self._complete is None:
            self._complete = await self._work.run("passages", partial(self._known, self._passages))
        if await self._known(queries) and self._complete:
            return await self._index.top(queries, k, calls=calls)
        return [tuple(Hit(index, 0.0) for index in range(min(k, len(self._passages)))) for _ in queries]

    async def _known(self, texts: Sequence[str]) -> bool:
        missing = await self._vectors.missing(texts)
        self._note(texts, missing)
        return not missing


class _Fused:
    def __init__(self, indexes: Sequence[Index], *, passages: int) -> None:
        self._indexes = indexes
        self._passages = passages

    async def top(self, queries: Sequence[str], k: int, *, calls: CallLog) -> list[tuple[Hit, ...]]:
        rankings = await concurrently(
            partial(index.top, queries, self._passages, calls=calls) for index in self._indexes
        )
        return [fused(both, k) for both in zip(*rankings, strict=True)]
