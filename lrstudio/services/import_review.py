"""Marks, guidelines and review queues of a project file into this one."""

from __future__ import annotations

from lrstudio.domain.marks import Guideline, Mark
from lrstudio.domain.queues import KeptQueue
from lrstudio.services.import_report import Tally
from lrstudio.store.records import Added
from lrstudio.store.store import Store


class ReviewImporter:
    """Adds what people left for themselves and each other; what is there already stays as it is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def mark(self, mark: Mark, tally: Tally) -> None:
        """Put a mark on, unless it stands."""
        known = any(it.mark_id == mark.mark_id for it in self._store.marks.marks(item_ids=[mark.place.item_id]))
        if not known:
            self._store.marks.put(mark)
        tally.note("marks", mark.mark_id, Added.SAME if known else Added.NEW, touches=mark.place.item_id)

    def guideline(self, guideline: Guideline, tally: Tally) -> None:
        """Add a version that reads like none that is there; it becomes the newest."""
        known = any(it.text == guideline.text for it in self._store.marks.guidelines())
        if not known:
            self._store.marks.write_guideline(guideline.text, reviewer=guideline.reviewer, time=guideline.time)
        tally.note("guidelines", str(guideline.version), Added.SAME if known else Added.NEW)

    def queue(self, kept: KeptQueue, tally: Tally) -> None:
        """Add a queue with its items, and the visits that are not there yet.

        Raises:
            Refused: one of its candidates is not in the project.
        """
        queue = kept.queue
        known = any(it.queue_id == queue.queue_id for it in self._store.queues.queues())
        if not known:
            self._store.queues.add(queue, kept.items)
        here = set(self._store.queues.visits(queue.queue_id))
        for visit in kept.visits:
            if visit not in here:
                self._store.queues.visit(queue.queue_id, visit)
        tally.note("queues", queue.queue_id, Added.SAME if known else Added.NEW)
