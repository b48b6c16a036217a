"""Finding where a quoted stretch stands in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from lrstudio.domain.text import Span


def place(wordings: Iterable[Sequence[str]], text: str) -> tuple[Span | None, ...]:
    """Return a span of `text` for each item, None where no wording of it stands there.

    An item is its possible wordings, the best first. Each is looked for as it is, then with any run of white space
    taken for any other. An occurrence is given out once: the second item with the same wording gets the next one.
    """
    used: set[Span] = set()
    places: list[Span | None] = []
    for item in wordings:
        found = next((span for wording in item for span in _occurrences(wording, text) if span not in used), None)
        if found:
            used.add(found)
        places.append(found)
    return tuple(places)


def _occurrences(wording: str, text: str) -> Iterator[Span]:
    wanted = wording.strip()
    if not wanted:
        return
    at = text.find(wanted)
    while at >= 0:
        yield Span(at, at + len(wanted))
        at = text.find(wanted, at + 1)
    tolerant = re.compile(r"\s+".join(re.escape(word) for word in wanted.split()))
    for found in tolerant.finditer(text):
        yield Span(*found.span())
