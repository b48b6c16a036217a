"""What a person types into a search field, and where it is in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lrstudio.domain.text import Span
from lrstudio.text.words import words

PASSAGE = 1_000
"""Code points of a passage at most, as it is indexed: long enough for words that belong together."""

_TERM = re.compile(r'(?P<no>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]")
_RUN = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must follow each other, normalised; `prefix`: the last one may go on; `no`: they must not occur."""

    words: tuple[str, ...]
    prefix: bool = False
    no: bool = False


def terms(query: str) -> tuple[Term, ...]:
    """Read a query: words that must all occur, "phrases", a last `*` for any ending, `-` before what must not occur.

    Nothing that can be typed is an error. A query of punctuation alone has no terms.
    """
    found = []
    for match in _TERM.finditer(query):
        raw = match["phrase"] if match["phrase"] is not None else match["word"]
        said = tuple(words(raw))
        if said:
            found.append(Term(said, prefix=raw.endswith("*"), no=match["no"] is not None))
    return tuple(found)


def passages(text: str, *, size: int = PASSAGE) -> Iterator[Span]:
    """Cut a text into passages of at most `size` code points that cover it, at the best break in their second half.

    A blank line is better than a line end, that better than the end of a sentence, that better than a space.
    """
    start = 0
    while len(text) - start > size:
        end = _cut(text, start + size // 2, start + size)
        yield Span(start, end)
        start = end
    if start < len(text):
        yield Span(start, len(text))


def _cut(text: str, first: int, last: int) -> int:
    for mark in ("\n\n", "\n"):
        at = text.rfind(mark, first, last)
        if at >= 0:
            return at + len(mark)
    ends = [match.end() for match in _SENTENCE_END.finditer(text, first, last)]
    if ends:
        return ends[-1]
    at = text.rfind(" ", first, last)
    return at + 1 if at >= 0 else last


def occurrences(text: str, wanted: Sequence[Term], *, most: int = 50) -> tuple[Span, ...]:
    """Return where the words of the terms are in a text, in order, at most `most` of them; accents do not matter."""
    whole = {bare(word) for term in wanted if not term.no for word in term.words}
    open_ended = tuple(bare(term.words[-1]) for term in wanted if term.prefix and not term.no)

    def found() -> Iterator[Span]:
        for match in _RUN.finditer(text):
            said = [bare(word) for word in words(match.group())]
            hits = [n for n, it in enumerate(said) if it in whole or (open_ended and it.startswith(open_ended))]
            if not hits:
                continue
            if len(said) > 1 and len(said) == len(match.group()) - 1:  # character pairs of a run without spaces
                yield from _runs(hits, match.start())
            else:
                yield Span(match.start(), match.end())

    return tuple(islice(found(), most))


def bare(word: str) -> str:
    """Return a normalised word without its accents."""
    if word.isascii():
        return word
    return "".join(it for it in unicodedata.normalize("NFKD", word) if not unicodedata.combining(it))


def _runs(pairs: Sequence[int], start: int) -> Iterator[Span]:
    """Join character pairs that overlap or touch into spans."""
    first = last = pairs[0]
    for at in pairs[1:]:
        if at > last + 2:
            yield Span(start + first, start + last + 2)
            first = at
        last = at
    yield Span(start + first, start + last + 2)
