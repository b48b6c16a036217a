"""Everything in: files, folders, a project written elsewhere, and what a person pastes by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from lrstudio.domain.changes import Changes
from lrstudio.domain.decisions import Decision
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Document, Question, Source, content_hash
from lrstudio.domain.verdicts import JudgeRun, Judgment
from lrstudio.formats.archive import Record, read_archive
from lrstudio.formats.detect import detect, read
from lrstudio.formats.records import (
    FormatName,
    ImportedCandidate,
    ImportedDocument,
    ImportedQuestion,
    ImportItem,
    RowError,
)
from lrstudio.formats.records import Mapping as Columns
from lrstudio.store.records import Added
from lrstudio.store.store import Store

_BATCH = 500  # items in one transaction: the writer is free for decisions in between

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each."""

    documents: int = 0
    questions: int = 0
    candidates: int = 0

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return self != Counts()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import came to: what is new, what was there already, and what was left out and why."""

    new: Counts
    same: Counts
    errors: tuple[RowError, ...]
    changes: Changes


@dataclass(frozen=True, slots=True)
class Made:
    """Something a person added by hand: its id, and what changed."""

    id: str
    changes: Changes


class Imports:
    """Adds to a project. What is there is never changed by an import; what is equal is counted and passed over."""

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
            Environment: the project cannot be written.
        """
        tally = _Tally()
        chosen = _format(file_format)
        mapped = _columns(columns or {})
        for path in paths:
            try:
                if _is_project(path, chosen):
                    own = _Tally()  # its counts hold only when all of it could be read
                    self._read_project(path, own, progress)
                    tally.absorb(own)
                else:
                    self._read_items(read(path, format=chosen, mapping=mapped), tally, progress)
            except Refused as error:
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
            known = self._store.library.find_question(document_id, query)
            question = known or self._numbered(document_id, query, ())
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
            taken = {it.candidate_id for it in self._store.library.candidates(question_id)}
            number = len(taken) + 1
            while (name := f"{question_id}-{number}") in taken:
                number += 1
            self._store.library.add_candidate(Candidate(name, question_id, text, model.strip()), origin="pasted")
        return Made(name, Changes(candidates=frozenset({name})))

    def _read_items(self, items: Iterable[ImportItem], tally: _Tally, progress: Told | None) -> None:
        for batch in _batches(items):
            with self._store.writing():
                for item in batch:
                    self._add(item, tally)
            tally.read += len(batch)
            if progress:
                progress(tally.read)

    def _add(self, item: ImportItem, tally: _Tally) -> None:
        if isinstance(item, RowError):
            tally.errors.append(item)
            return
        if item.where in tally.left_out:
            return  # its document was refused: its answers would land on another text
        try:
            if isinstance(item, ImportedDocument):
                added = self._store.library.add_document(item.document)
                tally.note("documents", item.document.document_id, added)
            elif isinstance(item, ImportedQuestion):
                question, added = self._add_question(item)
                tally.note("questions", question.question_id, added)
            else:
                question_id = item.question_id or self._question_of(item)
                candidate = Candidate(item.candidate_id, question_id, item.text, item.model)
                added = self._store.library.add_candidate(candidate, origin=item.where)
                tally.note("candidates", candidate.candidate_id, added)
        except Refused as error:
            tally.errors.append(RowError(item.where, error.sentence))
            if isinstance(item, ImportedDocument):
                tally.left_out.add(item.where)

    def _add_question(self, item: ImportedQuestion) -> tuple[Question, Added]:
        known = self._store.library.find_question(item.document_id, item.query)
        if known and item.question_id in (None, known.question_id):
            if known.reference_answers or not item.reference_answers:
                return known, Added.SAME
            question = replace(known, reference_answers=item.reference_answers)
        elif item.question_id is None:
            question = self._numbered(item.document_id, item.query, item.reference_answers)
        else:
            question = Question(item.question_id, item.document_id, item.query, item.reference_answers)
        return question, self._store.library.add_question(question)

    def _numbered(self, document_id: str | None, query: str, answers: tuple[str, ...]) -> Question:
        number = self._store.library.next_question_number(document_id)
        return Question(f"{document_id or 'no-document'}#{number}", document_id, query, answers)

    def _question_of(self, item: ImportedCandidate) -> str:
        question = self._store.library.find_question(item.document_id, item.query)
        if question is None:
            raise Refused("its question was left out")
        return question.question_id

    def _read_project(self, path: Path, tally: _Tally, progress: Told | None) -> None:
        """Read a project written by `export`: in one transaction, since its records refer to each other."""
        with self._store.writing():
            runs = {run.run_id for run in self._store.judging.runs()}
            journal = {replace(entry, decision_id=0, undoes=None) for entry in self._store.journal.decisions()}
            renumbered: dict[int, int] = {}
            for record in read_archive(path):
                if isinstance(record, JudgeRun):
                    if record.run_id not in runs:
                        self._store.judging.start_run(record)
                        tally.changed_runs.add(record.run_id)
                elif isinstance(record, Judgment):
                    if record.run_id not in runs:
                        self._store.judging.save_judgment(record)
                        tally.changed_judgments.add(record.candidate_id)
                elif isinstance(record, Decision):
                    self._add_decision(record, journal, renumbered, tally)
                else:
                    self._add_record(record, tally)
                tally.read += 1
        if progress:
            progress(tally.read)

    def _add_record(self, record: Record, tally: _Tally) -> None:
        if isinstance(record, Document):
            tally.note("documents", record.document_id, self._store.library.add_document(record))
        elif isinstance(record, Question):
            tally.note("questions", record.question_id, self._store.library.add_question(record))
        elif isinstance(record, Candidate):
            tally.note("candidates", record.candidate_id, self._store.library.add_candidate(record))

    def _add_decision(
        self, record: Decision, journal: set[Decision], renumbered: dict[int, int], tally: _Tally
    ) -> None:
        if replace(record, decision_id=0, undoes=None) in journal:
            return  # read before
        undoes = None if record.undoes is None else renumbered.get(record.undoes)
        if record.undoes is not None and undoes is None:
            return  # what it undid was there before, and so was this
        stored = self._store.journal.append(replace(record, undoes=undoes))
        renumbered[record.decision_id] = stored.decision_id
        tally.changed_decisions.add(record.target.candidate_id)


class _Tally:
    """Counts while an import runs."""

    def __init__(self) -> None:
        self.read = 0
        self.errors: list[RowError] = []
        self.left_out: set[str] = set()
        self.ids: dict[tuple[str, bool], set[str]] = {}
        self.changed_runs: set[str] = set()
        self.changed_judgments: set[str] = set()
        self.changed_decisions: set[str] = set()

    def note(self, kind: str, identifier: str, added: Added) -> None:
        """Count one record; one that several rows bring counts once, as new if this import brought it."""
        new = self.ids.setdefault((kind, True), set())
        if added is not Added.SAME:
            new.add(identifier)
        elif identifier not in new:
            self.ids.setdefault((kind, False), set()).add(identifier)

    def absorb(self, other: _Tally) -> None:
        """Add what another tally counted."""
        self.read += other.read
        for key, ids in other.ids.items():
            self.ids.setdefault(key, set()).update(ids)
        self.changed_runs |= other.changed_runs
        self.changed_judgments |= other.changed_judgments
        self.changed_decisions |= other.changed_decisions

    def report(self) -> ImportReport:
        """Return what the import came to."""
        new = {kind: self.ids.get((kind, True), set()) for kind in ("documents", "questions", "candidates")}
        same = {kind: self.ids.get((kind, False), set()) - new[kind] for kind in new}
        changes = Changes(
            documents=frozenset(new["documents"]),
            questions=frozenset(new["questions"]),
            candidates=frozenset(new["candidates"]),
            judgments=frozenset(self.changed_judgments),
            decisions=frozenset(self.changed_decisions),
            runs=frozenset(self.changed_runs),
        )
        return ImportReport(
            new=Counts(**{kind: len(ids) for kind, ids in new.items()}),
            same=Counts(**{kind: len(ids) for kind, ids in same.items()}),
            errors=tuple(self.errors),
            changes=changes,
        )


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
    return (chosen or (detect(path) if path.is_file() else None)) is FormatName.PROJECT


def _batches(items: Iterable[ImportItem]) -> Iterator[list[ImportItem]]:
    """Cut into batches; what was read before a reader gives up is still handed over."""
    stream = iter(items)
    while True:
        batch: list[ImportItem] = []
        try:
            batch.extend(islice(stream, _BATCH))
        except Refused:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch
