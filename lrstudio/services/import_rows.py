"""Rows of files into the store: ids resolved, and nothing ever attached to what merely bears the same name."""

from __future__ import annotations

from dataclasses import replace

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Question, content_hash
from lrstudio.formats.records import (
    ImportedCandidate,
    ImportedDecision,
    ImportedDocument,
    ImportedJudgment,
    ImportedPair,
    ImportedQuestion,
    ImportItem,
    RowError,
)
from lrstudio.formats.said import ImportedLabels
from lrstudio.services.import_labels import LabelImporter
from lrstudio.services.import_preferences import PreferenceImporter
from lrstudio.services.import_report import Tally
from lrstudio.services.import_verdicts import VerdictImporter
from lrstudio.store.records import Added
from lrstudio.store.store import Store

_Asked = tuple[str | None, str | None, str]


class RowImporter:
    """Adds the items of one file or folder, in the order in which its reader yields them.

    What names a document or a question that was refused is left out with it: an answer to another text of the same id
    must not land on the text that is there.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refused: set[str] = set()
        self._questions: dict[_Asked, str] = {}
        self._told: set[str] = set()
        self._labels = LabelImporter(store)
        self._verdicts = VerdictImporter(store)
        self._pairs = PreferenceImporter(store)
        self._row = ""
        self._candidates: dict[str, Candidate] = {}

    def add(self, item: ImportItem, tally: Tally) -> None:
        """Add one item inside the caller's transaction and count it."""
        if isinstance(item, RowError):
            tally.errors.append(item)
            return
        try:
            if isinstance(item, ImportedDocument):
                self._document(item, tally)
            elif isinstance(item, ImportedQuestion):
                self._question(item, tally)
            elif isinstance(item, ImportedCandidate):
                self._candidate(item, tally)
            else:
                self._said(item, tally)
        except Refused as error:
            self._leave_out(item.where, error.sentence, tally)

    def end_batch(self, tally: Tally) -> None:
        """Write, inside the caller's transaction, what waited for the rest of the batch."""
        self._pairs.flush(tally)

    def finish(self) -> None:
        """Say, inside the caller's transaction, that the file was read to its end."""
        self._verdicts.finish()

    def _document(self, item: ImportedDocument, tally: Tally) -> None:
        name = item.document.document_id
        try:
            tally.note("documents", name, self._store.library.add_document(item.document))
        except Refused:
            self._refused.add(name)
            raise

    def _question(self, item: ImportedQuestion, tally: Tally) -> None:
        if item.document_id in self._refused:
            raise Refused(f"its document '{item.document_id}' was left out")
        question, added = self._resolve(item)
        self._questions[_asked(item)] = question.question_id
        tally.note("questions", question.question_id, added)

    def _candidate(self, item: ImportedCandidate, tally: Tally) -> None:
        question_id = self._questions.get(_asked(item))
        if question_id is None:
            raise Refused("its question was left out")
        candidate = Candidate(item.candidate_id, question_id, item.text, item.model)
        if not item.named:
            candidate = self._equal(candidate) or candidate
        added = self._store.library.add_candidate(candidate, origin=item.where)
        tally.note("candidates", candidate.candidate_id, added)
        if item.where != self._row:
            self._row = item.where
            self._candidates.clear()
        self._candidates[item.candidate_id] = candidate

    def _equal(self, wanted: Candidate) -> Candidate | None:
        """Return the candidate that the question has already with this text, by the same model as far as is known."""
        return next(
            (
                it
                for it in self._store.library.candidates(wanted.question_id)
                if it.text == wanted.text and (it.model == wanted.model or not wanted.model)
            ),
            None,
        )

    def _said(self, item: ImportedJudgment | ImportedDecision | ImportedPair | ImportedLabels, tally: Tally) -> None:
        """Add what was said of candidates of the same row."""
        known = self._candidates if item.where == self._row else {}
        names = {item.chosen_id, item.rejected_id} if isinstance(item, ImportedPair) else {item.candidate_id}
        if names - known.keys():
            raise Refused("its candidate was left out")
        match item:
            case ImportedPair():
                self._pairs.add(item, known[item.chosen_id], known[item.rejected_id])
            case ImportedJudgment():
                self._verdicts.judgment(item, known[item.candidate_id], tally)
            case ImportedDecision():
                self._verdicts.decision(item, known[item.candidate_id], tally)
            case ImportedLabels():
                self._labels.add(item, known[item.candidate_id], tally)

    def _resolve(self, item: ImportedQuestion) -> tuple[Question, Added]:
        """Return the question as it is in the project; rows with equal document and query are one question.

        Two ids given by files stay two questions; a given id joins a question that was only numbered.
        """
        library = self._store.library
        known = library.find_question(item.document_id, item.query)
        if known and item.question_id not in (None, known.question_id) and not _numbered(known):
            known = None
        if known and (known.reference_answers or not item.reference_answers):
            return known, Added.SAME
        if known:
            question = replace(known, reference_answers=item.reference_answers)
        else:
            name = item.question_id or free_question_id(self._store, item.document_id)
            question = Question(name, item.document_id, item.query, item.reference_answers)
        return question, library.add_question(question)

    def _leave_out(self, where: str, sentence: str, tally: Tally) -> None:
        """Say why, once for a row: what else it holds is left out for the same reason."""
        follows = sentence.startswith("its ")
        if not (follows and where in self._told):
            tally.errors.append(RowError(where, sentence))
        self._told.add(where)


def _asked(item: ImportedQuestion | ImportedCandidate) -> _Asked:
    """Return what makes a question of a file one; of a long query its hash, for every question is remembered."""
    return item.question_id, item.document_id, content_hash(item.query)


def free_question_id(store: Store, document_id: str | None) -> str:
    """Return `<document>#<n>`, n counting the questions on it and on past ids that a file has given away."""
    stem = document_id or "no-document"
    number = store.library.next_question_number(document_id)
    while _known(store, f"{stem}#{number}"):
        number += 1
    return f"{stem}#{number}"


def _known(store: Store, question_id: str) -> bool:
    try:
        store.library.question(question_id)
    except Refused:
        return False
    return True


def _numbered(question: Question) -> bool:
    stem, sign, number = question.question_id.rpartition("#")
    return bool(sign) and stem == (question.document_id or "no-document") and number.isdigit()
