"""Search over the whole project: documents, questions, candidates, claims, key points, explanations, reasons, notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lrstudio.domain.errors import Environment
from lrstudio.domain.finding import Findings, Found, Hit
from lrstudio.domain.text import Span
from lrstudio.store.search import Unit
from lrstudio.store.search_sources import Passage
from lrstudio.store.store import Store
from lrstudio.text.queries import Term, occurrences, terms

BEFORE, AFTER = 60, 140
"""Code points of a snippet before and after the first match."""


class Finding:
    """Full-text search. Safe from any thread; the first search of a project reads all of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(
        self,
        query: str,
        *,
        kinds: Sequence[Found] = (),
        most: int = 100,
        keep_on: Callable[[], bool] = lambda: True,
    ) -> Findings:
        """Return the best places for a query: all words must occur in one passage of about a thousand characters.

        "In quotes" words follow each other, a last `*` stands for any ending, `-word` must not occur; case, accents
        and Chinese or Japanese word borders do not matter. A project that cannot be written to is searched as far as
        it has been indexed, and `complete` says so.

        Args:
            query: what was typed; one without words finds nothing.
            kinds: what to look in; all where none is named.
            most: hits at most.
            keep_on: asked while the index is brought up to date; once False, the search goes on with what is there.
        """
        wanted = terms(query)
        if not any(not term.no for term in wanted):
            return Findings((), {})
        complete = self._up_to_date(keep_on)
        with self._store.reading():
            # More than asked for: what several judge runs said in the same words is shown once.
            units = self._store.search.units(wanted, kinds=kinds, most=4 * most)
            made = [hit for unit in units if (hit := self._hit(unit, wanted)) is not None]
            counts = self._store.search.counts(wanted)
        return Findings(_once(made)[:most], counts, complete)

    def _up_to_date(self, keep_on: Callable[[], bool]) -> bool:
        if self._store.search.complete():
            return True
        try:
            self._store.search.index(keep_on=keep_on)
        except Environment:
            return False
        return self._store.search.complete()

    def _hit(self, unit: Unit, wanted: Sequence[Term]) -> Hit | None:
        passage = self._store.search.passage(unit)
        if passage is None:
            return None
        inside = occurrences(unit.span.of(passage.text), wanted)
        # Words that the index folded and a plain comparison does not (accents) leave the passage's start to show.
        first = inside[0] if inside else Span(0, 0)
        at = Span(unit.span.start + first.start, unit.span.start + first.end)
        snippet, matches = _snippet(passage.text, at, wanted)
        has_place = unit.found in (Found.DOCUMENT, Found.CANDIDATE, Found.QUESTION)
        return Hit(unit.found, snippet, matches, at if has_place else None, **_owners(passage))


def _owners(passage: Passage) -> dict[str, str]:
    names = ("document_id", "question_id", "candidate_id", "part_id", "title")
    return {name: getattr(passage, name) for name in names}


def _snippet(text: str, at: Span, wanted: Sequence[Term]) -> tuple[str, tuple[Span, ...]]:
    """Cut the text around a match at spaces, on one line, with an ellipsis where something is left out."""
    start, end = max(0, at.start - BEFORE), min(len(text), at.end + AFTER)
    if start:
        space = text.find(" ", start, at.start)
        start = space + 1 if space >= 0 else start
    if end < len(text):
        space = text.rfind(" ", at.end, end)
        end = space if space >= 0 else end
    line = " ".join(text[start:end].split())
    line = ("… " if start else "") + line + (" …" if end < len(text) else "")
    return line, occurrences(line, wanted)


def _once(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Keep the first of hits that read the same of one candidate: two judge runs found the same claim."""
    kept: dict[tuple[object, ...], Hit] = {}
    for hit in hits:
        same = hit.found in (Found.CLAIM, Found.KEY_POINT, Found.EXPLANATION)
        kept.setdefault((hit.found, hit.candidate_id, hit.snippet) if same else (hit.found, id(hit)), hit)
    return tuple(kept.values())
