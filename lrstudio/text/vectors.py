"""Ranking the chunks of a document by vectors, and joining two rankings into one. Vectors come from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lrstudio.text.retrieval import Hit

RRF_K = 60
"""The constant of reciprocal-rank fusion in Cormack, Clarke and Büttcher (SIGIR 2009)."""

# Cosines that differ by less are equal: a matrix product may add the parts of two equal rows in different orders.
_DIGITS = 6

Vectors = NDArray[np.float32]
"""One row per text, each of length 1."""


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Return the rows scaled to length 1; a row of zeros stays as it is, equally far from everything."""
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths == 0, 1.0, lengths), dtype=np.float32)


def nearest(passages: Vectors, queries: Vectors, k: int) -> list[tuple[Hit, ...]]:
    """Return for each query the `k` passages of the highest cosine, best first, equal ones in document order.

    Args:
        passages: unit rows, one per passage in document order.
        queries: unit rows of the same width.
        k: how many are wanted; fewer where there are fewer passages.
    """
    cosines = np.round(queries.astype(np.float64) @ passages.astype(np.float64).T, _DIGITS)
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return [
        tuple(Hit(int(index), float(row[index])) for index in order) for row, order in zip(cosines, best, strict=True)
    ]


def fused(rankings: Iterable[Sequence[Hit]], k: int) -> tuple[Hit, ...]:
    """Join rankings of the same passages: each gives 1 / (60 + rank) to those it found; equal sums in document order.

    Reciprocal-rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009, with their constant). Returns at most `k` hits.
    """
    sums: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            sums[hit.index] += 1 / (RRF_K + rank)
    best = sorted(sums.items(), key=lambda item: (-round(item[1], 12), item[0]))
    return tuple(Hit(index, value) for index, value in best[:k])
