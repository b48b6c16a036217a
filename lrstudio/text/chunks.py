"""A text cut into windows of equally many tokens."""

from __future__ import annotations

from itertools import pairwise

from lrstudio.domain.text import Span
from lrstudio.text.tokens import Tokenizer

RETRIEVAL_TOKENS = 128
EXTRACTION_TOKENS = 4096


def token_chunks(text: str, tokenizer: Tokenizer, size: int) -> tuple[Span, ...]:
    """Cut `text` into windows of `size` tokens without overlap (LongReward: 128 to retrieve, 4096 to extract).

    The windows cover the text exactly: the first starts at 0, each begins where the former ends, the last ends at
    `len(text)`. A character whose tokens lie on both sides of a border goes whole to the later window. No window is
    empty; an empty text has none.
    """
    if size < 1:
        raise ValueError(f"a window needs at least one token, not {size}")
    starts, _ = tokenizer.offsets(text)
    borders = sorted({int(start) for start in starts[size::size]} - {0})
    edges = [0, *borders, len(text)] if text else []
    return tuple(Span(a, b) for a, b in pairwise(edges))
