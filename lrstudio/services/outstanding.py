"""What is still to be judged in a judge run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Document, Question
from lrstudio.domain.verdicts import Dimension, JudgeRun
from lrstudio.judge.protocol import Task
from lrstudio.store.records import CandidateInfo
from lrstudio.store.store import Store


@dataclass(frozen=True, slots=True)
class _Due:
    candidate_id: str
    question: Question
    dimensions: tuple[Dimension, ...]


class Outstanding:
    """Candidates with the dimensions in which they are still to be judged, those of one document together.

    Answers and documents are read while it is iterated over; of the documents only the latest is kept.
    """

    def __init__(self, store: Store, due: Sequence[_Due]) -> None:
        """Put together what `outstanding` found."""
        self._store = store
        self._due = due

    def __len__(self) -> int:
        """Return how many candidates there are."""
        return len(self._due)

    def __iter__(self) -> Iterator[Task]:
        """Yield the tasks; safe on any thread."""
        document = lru_cache(1)(self._document)
        for it in self._due:
            candidate = self._store.library.candidate(it.candidate_id)
            yield Task(candidate, it.question, document(it.question.document_id), it.dimensions)

    @property
    def judgments(self) -> int:
        """How many judgments they come to."""
        return sum(len(it.dimensions) for it in self._due)

    def first(self, limit: int | None) -> Outstanding:
        """Return so many of the candidates, all for None."""
        return Outstanding(self._store, self._due[:limit])

    def _document(self, document_id: str | None) -> Document | None:
        return self._store.library.document(document_id) if document_id else None


def outstanding(store: Store, run: JudgeRun, *, candidate_ids: Sequence[str] | None) -> Outstanding:
    """Return what this run has not judged yet; `candidate_ids` None means all candidates.

    Raises:
        Refused: a candidate is not in the project, or there is none at all.
    """
    infos = store.library.candidate_infos()
    chosen = _chosen(infos, candidate_ids)
    judged = store.judging.judged_pairs(run.run_id)
    by_question: dict[str, list[CandidateInfo]] = {}
    for info in infos:
        by_question.setdefault(info.question_id, []).append(info)
    due = []
    for question in sorted(store.library.questions(), key=lambda it: it.document_id or ""):
        for info in by_question.get(question.question_id, ()):
            dimensions = tuple(it for it in run.dimensions if (info.candidate_id, it) not in judged)
            if dimensions and info.candidate_id in chosen:
                due.append(_Due(info.candidate_id, question, dimensions))
    return Outstanding(store, due)


def _chosen(infos: Sequence[CandidateInfo], candidate_ids: Sequence[str] | None) -> set[str]:
    known = {info.candidate_id for info in infos}
    missing = [name for name in candidate_ids or () if name not in known]
    if missing:
        raise Refused(f"there is no candidate {missing[0]!r} in this project")
    if not known:
        raise Refused("there is nothing to judge: import questions with candidates first")
    return known if candidate_ids is None else set(candidate_ids)
