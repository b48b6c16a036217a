"""Vectors of texts: asked for once, kept in the project, shared by everyone who needs them at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

import anyio
import numpy as np

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import content_hash
from lrstudio.judge.protocol import CallLog
from lrstudio.judge.sharing import concurrently
from lrstudio.text.vectors import Vectors, unit

BATCH = 32
"""Texts in one request: the least that a common server takes at once (text-embeddings-inference)."""

# Half precision keeps a cosine of unit vectors to about 1e-5, finer than the bfloat16 of the reference scorer, and
# halves the file. Fresh vectors are rounded too, so that a resumed run ranks as an undisturbed one.
_STORED = np.dtype("<f2")


class NoVectors(Exception):
    """A model gave no vectors for these texts; for others it may."""


class Embedder(Protocol):
    """A model that turns texts into vectors."""

    @property
    def name(self) -> str:
        """Where it is and what it is called: vectors under one name can be compared and are kept under it."""
        ...

    async def embed(self, texts: Sequence[str], *, calls: CallLog) -> Vectors:
        """Return one row of finite numbers for each text, at most `BATCH` of them, in order.

        What is sent to another program that may want money for it is written down in `calls`.

        Raises:
            NoVectors: it gave none for these texts.
            Environment: it cannot be reached, or refuses the key.
            Refused: it cannot be used as it stands, or the spend limit is reached.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and processes."""
        ...


class VectorStore(Protocol):
    """Where vectors are kept, by space and by the SHA-256 of the text."""

    async def load(self, space: str, hashes: Sequence[str]) -> Mapping[str, bytes]:
        """Return what is known of these."""
        ...

    async def save(self, space: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these; they are on disk when this returns."""
        ...


class VectorCache:
    """Gives the vectors of texts, and has each text embedded once: in the project's life, not in the run's.

    A passage is known by its own text, so by the text, the chunking and the tokenizer it came out of.
    """

    def __init__(self, embedder: Embedder, store: VectorStore) -> None:
        """Take what is known from `store`, the rest from `embedder`."""
        self._embedder = embedder
        self._store = store
        self._pending: dict[str, anyio.Event] = {}

    @property
    def space(self) -> str:
        """The name under which vectors can be compared."""
        return self._embedder.name

    async def vectors(self, texts: Sequence[str], *, calls: CallLog) -> Vectors:
        """Return one unit row for each text, in order; `calls` gets what is sent for them.

        Raises:
            NoVectors, Environment, Refused: as `Embedder.embed`.
        """
        hashes = [content_hash(text) for text in texts]
        wanted = dict(zip(hashes, texts, strict=True))
        found: dict[str, bytes] = {}
        while missing := [it for it in wanted if it not in found]:
            mine = [it for it in missing if it not in self._pending]
            if mine:
                found |= await self._own(mine, wanted, calls)
            else:
                await self._pending[missing[0]].wait()
        return self._rows([found[it] for it in hashes])

    async def missing(self, texts: Sequence[str]) -> frozenset[str]:
        """Return which of these have no vector yet, as the SHA-256 of the text; asks no model."""
        hashes = frozenset(map(content_hash, texts))
        return hashes - (await self._store.load(self.space, sorted(hashes))).keys()

    async def aclose(self) -> None:
        """Close the embedder."""
        await self._embedder.aclose()

    async def _own(self, mine: Sequence[str], texts: Mapping[str, str], calls: CallLog) -> dict[str, bytes]:
        """Look up and embed what nobody else is working on; whoever wants it meanwhile waits, then looks it up."""
        landed = anyio.Event()
        self._pending.update(dict.fromkeys(mine, landed))
        try:
            found = dict(await self._store.load(self.space, mine))
            new = [it for it in mine if it not in found]
            batches = [new[start : start + BATCH] for start in range(0, len(new), BATCH)]
            for made in await concurrently(partial(self._embed, batch, texts, calls) for batch in batches):
                found |= made
            return found
        finally:
            for it in mine:
                del self._pending[it]
            landed.set()

    async def _embed(self, hashes: Sequence[str], texts: Mapping[str, str], calls: CallLog) -> dict[str, bytes]:
        rows = unit(await self._embedder.embed([texts[it] for it in hashes], calls=calls)).astype(_STORED)
        made = {it: row.tobytes() for it, row in zip(hashes, rows, strict=True)}
        with anyio.CancelScope(shield=True):  # paid for
            await self._store.save(self.space, made)
        return made

    def _rows(self, blobs: Iterable[bytes]) -> Vectors:
        rows = [np.frombuffer(blob, dtype=_STORED) for blob in blobs]
        widths = {len(row) for row in rows}
        if len(widths) > 1:
            raise Refused(
                f"this model gave vectors of {' and of '.join(map(str, sorted(widths)))} numbers: another model stands "
                "behind its name now; give it a name of its own",
                where=self.space,
            )
        return np.stack(rows).astype(np.float32)
