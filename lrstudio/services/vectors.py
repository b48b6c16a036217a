"""The judge's store of vectors, kept in the project file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anyio import to_thread

from lrstudio.store.store import Store


class StoreVectors:
    """Vectors by space and text, on disk when `save` returns."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, space: str, hashes: Sequence[str]) -> Mapping[str, bytes]:
        """Return what is known of these."""
        return await to_thread.run_sync(self._store.vectors.load, space, hashes)

    async def save(self, space: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these."""
        await to_thread.run_sync(self._store.vectors.save, space, vectors)
