"""A text cut into windows of equally many tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from lrstudio.domain.errors import Refused
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


def decoded_chunks(
    text: str, tokenizer: Tokenizer, *, ids: Sequence[int], size: int, chunks: Sequence[Span]
) -> Mapping[Span, str]:
    """Return what windows of `size` tokens read when each is decoded by itself, for those that differ from the text.

    They differ where a border cuts through a character, whose halves then become U+FFFD on both sides, and where the
    tokenizer does not bring every text back. `ids` are the tokens of `text`, `chunks` its windows by `token_chunks`.

    Raises:
        Refused: the tokenizer does not tell where its tokens are, so that its windows have no place.
    """
    starts = range(0, len(ids), size)
    if ids and len(starts) != len(chunks):
        raise Refused("this tokenizer does not say where its tokens are in the text", where=tokenizer.name)
    decoded = {chunk: tokenizer.decode(ids[at : at + size]) for at, chunk in zip(starts, chunks, strict=False)}
    return {chunk: said for chunk, said in decoded.items() if said != chunk.of(text)}
