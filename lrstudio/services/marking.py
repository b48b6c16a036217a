"""Tags, bookmarks, notes, the labelling guideline, and the place where a reviewer stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.marks import Guideline, Mark, MarkKind, Place, Thing, mark_id
from lrstudio.domain.text import Span
from lrstudio.services.who_when import Clock, ReviewerName, utc_now
from lrstudio.store.store import Store

MOST_TAG = 60
"""Characters of a tag at most."""

_STOPPED = "stopped:"


class Marking:
    """What people leave on things to find them again. Each change is one transaction and says what it changed."""

    def __init__(self, store: Store, *, reviewer: ReviewerName, clock: Clock = utc_now) -> None:
        self._store = store
        self._reviewer = reviewer
        self._clock = clock

    def tag(self, places: Sequence[Place], name: str) -> Changes:
        """Put a tag on things; one that is on already stays. A tag is the project's: everybody's is the same.

        Raises:
            Refused: the name is empty, has a comma or a line break, or is longer than 60 characters.
        """
        name = " ".join(name.split(" ")).strip()
        if not name or len(name) > MOST_TAG or any(it in name for it in ",\n\r\t"):
            raise Refused(f"a tag has 1 to {MOST_TAG} characters and no comma or line break", where=name[:MOST_TAG])
        return self._put(MarkKind.TAG, places, name, owner="")

    def bookmark(self, places: Sequence[Place], text: str = "") -> Changes:
        """Bookmark things for oneself, with a word on why where one is wanted."""
        return self._put(MarkKind.BOOKMARK, places, text.strip(), owner=self._reviewer())

    def note(self, places: Sequence[Place], text: str) -> Changes:
        """Write a note on things.

        Raises:
            Refused: it is empty.
        """
        if not text.strip():
            raise Refused("the note is empty")
        return self._put(MarkKind.NOTE, places, text.strip(), owner=self._reviewer())

    def rewrite(self, mark: Mark, text: str) -> Changes:
        """Replace the text of a note; the old one is kept as taken away."""
        with self._store.writing():
            return self.remove(mark.mark_id) | self.note([mark.place], text)

    def remove(self, mark_id: str) -> Changes:
        """Take a mark away.

        Raises:
            Refused: none of this id stands.
        """
        gone = self._store.marks.take_away(mark_id, time=self._clock())
        return Changes(marks=frozenset({gone.place.item_id}))

    def marks(
        self, *, kind: MarkKind | None = None, thing: Thing | None = None, item_ids: Sequence[str] | None = None
    ) -> tuple[Mark, ...]:
        """List the marks that stand; bookmarks are those of this reviewer."""
        me = self._reviewer()
        found = self._store.marks.marks(kind=kind, thing=thing, item_ids=item_ids)
        return tuple(it for it in found if it.what is not MarkKind.BOOKMARK or it.reviewer == me)

    def tags(self) -> dict[str, int]:
        """Return the tags in use, by name, and on how many things each is."""
        return self._store.marks.tags()

    def guideline(self) -> Guideline | None:
        """Return the labelling guideline as it stands, None where there is none."""
        return next(iter(self._store.marks.guidelines()), None)

    def guidelines(self) -> tuple[Guideline, ...]:
        """Return every version of it, the newest first."""
        return self._store.marks.guidelines()

    def write_guideline(self, text: str) -> Changes:
        """Keep a new version of the guideline.

        Raises:
            Refused: nothing changed.
        """
        with self._store.writing():
            now = self.guideline()
            if text.strip() == (now.text if now else ""):
                raise Refused("the guideline reads like this already")
            self._store.marks.write_guideline(text.strip(), reviewer=self._reviewer(), time=self._clock())
        return Changes(settings=True)

    def stop_at(self, place: Place) -> None:
        """Remember where this reviewer is; nobody's screen is stale because of it."""
        span = [place.span.start, place.span.end] if place.span else None
        said = {"thing": place.thing.value, "item_id": place.item_id, "part_id": place.part_id, "span": span}
        self._store.meta.set(_STOPPED + self._reviewer(), json.dumps(said))

    def stopped_at(self) -> Place | None:
        """Return where this reviewer was last, None on the first day."""
        kept = self._store.meta.get(_STOPPED + self._reviewer())
        if kept is None:
            return None
        said = json.loads(kept)
        span = Span(*said["span"]) if said["span"] else None
        return Place(Thing(said["thing"]), said["item_id"], said["part_id"], span)

    def _put(self, kind: MarkKind, places: Sequence[Place], text: str, *, owner: str) -> Changes:
        if not places:
            raise Refused("choose something first")
        time = self._clock()
        with self._store.writing():
            for place in places:
                self._check(place)
                own = mark_id(kind, place, text, reviewer=owner)
                self._store.marks.put(Mark(own, kind, place, text, self._reviewer(), time))
        return Changes(marks=frozenset(place.item_id for place in places))

    def _check(self, place: Place) -> None:
        """Refuse a mark on something that is not there."""
        library = self._store.library
        if place.thing is Thing.DOCUMENT:
            library.document(place.item_id, with_text=False)
        elif place.thing is Thing.QUESTION:
            library.question(place.item_id)
        elif place.thing in (Thing.CANDIDATE, Thing.PART):
            library.candidate(place.item_id)
