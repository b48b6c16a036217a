"""Everything out: the whole project to read in again, or flat rows for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.domain.places import same_place
from lrstudio.domain.queues import KeptQueue
from lrstudio.domain.verdicts import Judgment
from lrstudio.formats.archive import Record, write_archive
from lrstudio.formats.lines import write_lines
from lrstudio.formats.rows_out import decision_row, judgment_row
from lrstudio.services.consent import LOCAL_ONLY
from lrstudio.store.store import Store

WHAT = ("project", "judgments", "decisions")


class Exports:
    """Writes files; each is complete or not there, and shows one state of the project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def export(self, out: Path, *, what: str = "project", all_runs: bool = False) -> int:
        """Write JSON lines to `out`, gzip where its name ends in .gz, and return how many records were written.

        Args:
            out: the file; an existing one is replaced when the new one is complete.
            what: "project" is everything but the calls to models, and can be imported; "judgments" one line per
                candidate, dimension and judge run; "decisions" the journal.
            all_runs: for judgments, every judge run and not only the latest of each candidate and dimension.

        Raises:
            Refused: an unknown `what`; or the file to write is the project itself, or no file at all.
            Environment: the file cannot be written.
        """
        if what not in WHAT:
            raise Refused(f"unknown: {what!r}; choose one of {', '.join(WHAT)}", where="what")
        if same_place(out, self._store.path):
            raise Refused("this is the project itself; choose another file", where=str(out))
        with self._store.reading():
            if what == "project":
                return write_archive(out, self.records(), title=self._store.meta.title)
            if what == "judgments":
                return write_lines(out, self._judgment_rows(all_runs=all_runs))
            return write_lines(out, (decision_row(decision) for decision in self._store.journal.decisions()))

    def records(self) -> Iterator[Record]:
        """Yield what makes up the project, in an order in which each finds what it refers to."""
        library = self._store.library
        all_local = bool(self._store.meta.get(LOCAL_ONLY))
        for info in library.documents():
            document = library.document(info.document_id)
            # The mark travels with the documents: the project that reads them in is another one.
            yield replace(document, local_only=True) if all_local else document
        yield from library.questions()
        for question in library.questions():
            yield from library.candidates(question.question_id)
        yield from reversed(self._store.judging.runs())
        yield from self._store.judging.judgments(latest=False)
        yield from self._store.journal.decisions()
        yield from self._store.labels.labels()
        yield from self._store.pairs.entries()
        for frozen in self._store.sets.all():
            yield frozen
            yield from self._store.sets.pairs(frozen.name)
        yield from self._store.marks.marks()
        yield from reversed(self._store.marks.guidelines())
        queues = self._store.queues
        for queue in reversed(queues.queues()):
            yield KeptQueue(queue, queues.items(queue.queue_id), queues.visits(queue.queue_id))

    def _judgment_rows(self, *, all_runs: bool) -> Iterator[dict[str, Any]]:
        library = self._store.library
        runs = {run.run_id: run for run in self._store.judging.runs()}
        questions = {question.question_id: question for question in library.questions()}
        asked = {info.candidate_id: questions[info.question_id] for info in library.candidate_infos()}
        text_of = lru_cache(maxsize=4)(lambda document_id: library.text(document_id) if document_id else None)

        def row(judgment: Judgment) -> dict[str, Any]:
            question = asked[judgment.candidate_id]
            text = text_of(question.document_id)
            return judgment_row(
                judgment,
                run=runs[judgment.run_id],
                question=question,
                candidate=library.candidate(judgment.candidate_id),
                text=text,
            )

        yield from map(row, self._store.judging.judgments(latest=not all_runs))
