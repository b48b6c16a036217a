"""Everything in: files, folders, a project written elsewhere, and what a person pastes by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused, StudioError
from lrstudio.domain.text import Candidate, Document, Question, Source, content_hash
from lrstudio.formats.archive import read_archive, read_title
from lrstudio.formats.detect import detect, read
from lrstudio.formats.records import FormatName, ImportItem, RowError
from lrstudio.formats.records import Mapping as Columns
from lrstudio.services.import_project import ProjectImporter
from lrstudio.services.import_report import ImportReport, Tally
from lrstudio.services.import_rows import RowImporter, free_question_id
from lrstudio.store.meta import TITLE
from lrstudio.store.store import Store

_BATCH = 500  # items in one transaction: the writer is free for decisions in between

Told = Callable[[int], None]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Made:
    """Something a person added by hand: its id, and what changed."""

    id: str
    changes: Changes


class Imports:
    """Adds to a project: gaps are filled, what is equal is counted and passed over, nothing is ever replaced."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def import_paths(
        self,
        paths: Sequence[Path],
        *,
        file_format: str = "auto",
        columns: Mapping[str, str] | None = None,
        progress: Told | None = None,
    ) -> ImportReport:
        """Import files and folders. A bad row or file is named in the report; all good rows are kept.

        Args:
            paths: files, or folders whose files are read.
            file_format: "auto" or the name of a format, for all of them.
            columns: for tables and rows: which column holds what.
            progress: told how many items have been read, every so often.

        Raises:
            Refused: an unknown format or column role.
        """
        tally = Tally()
        chosen = _format(file_format)
        mapped = _columns(columns or {})
        for path in paths:
            try:
                if _is_project(path, chosen):
                    self._read_project(path, tally, progress)
                else:
                    self._read_rows(read(path, format=chosen, mapping=mapped), tally, progress)
            except StudioError as error:
                tally.errors.append(RowError(error.where or path.name, error.sentence))
        return tally.report()

    def add_document(self, *, title: str, text: str, document_id: str = "") -> Made:
        """Add a document that a person pasted; without an id it is named after its content.

        Raises:
            Refused: the text is empty, or the id names another text.
        """
        if not text.strip():
            raise Refused("the document is empty: paste its text", where="text")
        name = document_id.strip() or f"doc-{content_hash(text)[:12]}"
        document = Document(name, text, title.strip() or name, Source(name="pasted", format="txt"))
        self._store.library.add_document(document)
        return Made(name, Changes(documents=frozenset({name})))

    def add_question(self, *, document_id: str | None, query: str) -> Made:
        """Add a question that a person typed.

        Raises:
            Refused: it is empty, or there is no such document.
        """
        if not query.strip():
            raise Refused("the question is empty", where="question")
        with self._store.writing():
            question = self._store.library.find_question(document_id, query)
            if question is None:
                question = Question(free_question_id(self._store, document_id), document_id, query)
                self._store.library.add_question(question)
        return Made(question.question_id, Changes(questions=frozenset({question.question_id})))

    def add_candidate(self, *, question_id: str, text: str, model: str = "") -> Made:
        """Add an answer that a person pasted.

        Raises:
            Refused: it is empty, or there is no such question.
        """
        if not text.strip():
            raise Refused("the answer is empty: paste its text", where="answer")
        with self._store.writing():
            self._store.library.question(question_id)
            taken = {it.candidate_id for it in self._store.library.candidate_infos()}
            number = 1
            while (name := f"{question_id}-{number}") in taken:
                number += 1
            self._store.library.add_candidate(Candidate(name, question_id, text, model.strip()), origin="pasted")
        return Made(name, Changes(candidates=frozenset({name})))

    def _read_rows(self, items: Iterable[ImportItem], tally: Tally, progress: Told | None) -> None:
        importer = RowImporter(self._store)
        for batch in _batches(items, together=lambda item: item.where):
            self._commit(batch, importer.add, tally, progress, end=importer.end_batch)
        with self._store.writing():
            importer.finish()

    def _read_project(self, path: Path, tally: Tally, progress: Told | None) -> None:
        """Read a project written by `export`; it is read through once before the first record is written."""
        for _ in read_archive(path):
            pass
        importer = ProjectImporter(self._store, file=path.name)
        for batch in _batches(read_archive(path), together=None):
            self._commit(batch, importer.add, tally, progress)
        with self._store.writing():
            importer.finish(tally)
            if not self._store.meta.title:
                self._store.meta.set(TITLE, read_title(path))

    def _commit(
        self,
        batch: Sequence[Item],
        add: Callable[[Item, Tally], None],
        tally: Tally,
        progress: Told | None,
        *,
        end: Callable[[Tally], None] | None = None,
    ) -> None:
        own = Tally()  # a batch counts when it is in the file
        with self._store.writing():
            for item in batch:
                add(item, own)
            if end:
                end(own)
        own.read = len(batch)
        tally.absorb(own)
        if progress:
            progress(tally.read)


def _format(name: str) -> FormatName | None:
    if name == "auto":
        return None
    try:
        return FormatName(name)
    except ValueError as error:
        known = ", ".join(it.value for it in FormatName)
        raise Refused(f"unknown format {name!r}: choose auto or one of {known}", where="format") from error


def _columns(pairs: Mapping[str, str]) -> Columns | None:
    if not pairs:
        return None
    known = set(Columns.__dataclass_fields__)
    unknown = sorted(set(pairs) - known)
    if unknown:
        raise Refused(f"unknown role {unknown[0]!r}: choose among {', '.join(sorted(known))}", where="map")
    return Columns(**pairs)


def _is_project(path: Path, chosen: FormatName | None) -> bool:
    if chosen is None and os.path.isdir(path):
        return False
    return (chosen or detect(path)) is FormatName.PROJECT


def _batches(items: Iterable[Item], *, together: Callable[[Item], str] | None) -> Iterator[list[Item]]:
    """Cut into batches, never between two items of one row; what came before a reader gives up is handed over, too."""
    batch: list[Item] = []
    try:
        for item in items:
            row_goes_on = bool(batch) and together is not None and together(batch[-1]) == together(item)
            if len(batch) >= _BATCH and not row_goes_on:
                yield batch
                batch = []
            batch.append(item)
    except StudioError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
