"""A project as pandas frames, for whoever wants to count something that no report counts. Reads only.

    from pathlib import Path
    from lrstudio.services import open_project

    with open_project(Path("study.lrs")).frames() as frames:
        print(frames.effective.groupby("dimension")["score"].mean())

Every frame is read when it is first asked for, shows one state of the project, and stays as it is from then on. Columns
and their types are those of `frame_columns.COLUMNS`, also where a frame is empty. Ids are those of the imported files;
offsets count code points, the end is exclusive; scores go from 0 to 10; support is 1, 0.5 or 0; times are ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lrstudio.domain.decisions import in_force
from lrstudio.domain.reward import reward
from lrstudio.domain.text import Question
from lrstudio.domain.verdicts import JudgeRun, Judgment
from lrstudio.services.audit import Audit, label
from lrstudio.services.frame_columns import COLUMNS
from lrstudio.services.import_verdicts import SURFACE
from lrstudio.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

_Row = dict[str, Any]


class Frames:
    """The frames of one project. Close it, or use it in a `with` block: the project is closed with it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def documents(self) -> pd.DataFrame:
        """One row per document; `characters` is missing where the source publishes no text. See `text`."""
        rows = (
            {
                "document_id": it.document_id,
                "title": it.title,
                "characters": it.length,
                "text_hash": it.text_hash or None,
                "questions": it.questions,
                "candidates": it.candidates,
                "local_only": it.local_only,
            }
            for it in self._store.library.documents()
        )
        return self._frame("documents", rows)

    @cached_property
    def questions(self) -> pd.DataFrame:
        """One row per question; `reference_answers` counts them."""
        rows = (
            {
                "question_id": it.question_id,
                "document_id": it.document_id,
                "query": it.query,
                "reference_answers": len(it.reference_answers),
            }
            for it in self._store.library.questions()
        )
        return self._frame("questions", rows)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """One row per candidate; `label` is its letter in the question."""
        return self._frame("candidates", self._candidates())

    @cached_property
    def judgments(self) -> pd.DataFrame:
        """One row per judge run, candidate and dimension; `claims` and `key_points` count them."""
        return self._frame("judgments", (_judgment_row(it, self._runs[it.run_id]) for it in self._said()))

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row per claim of each judge run; the evidence ranked first gives `evidence_start` and `evidence_end`."""
        return self._frame("claims", (row for it in self._said() for row in _claim_rows(it)))

    @cached_property
    def key_points(self) -> pd.DataFrame:
        """One row per key point of each judge run; `start` and `end` are the passage, else the chunk."""
        return self._frame("key_points", (row for it in self._said() for row in _key_point_rows(it)))

    @cached_property
    def decisions(self) -> pd.DataFrame:
        """The journal; `in_force` says that an entry is neither undone nor an undo or redo itself."""
        journal = self._store.journal.decisions()
        live = {it.decision_id for it in in_force(journal)}
        rows = (
            {
                "decision_id": it.decision_id,
                "reviewer": it.reviewer,
                "time": it.time,
                "act": it.act.value,
                "candidate_id": it.target.candidate_id,
                "dimension": it.target.dimension.value,
                "part_id": it.target.part_id or None,
                "state": it.after.state.value,
                "support": it.after.support.value if it.after.support else None,
                "score": it.after.score,
                "support_before": it.before.support.value if it.before.support else None,
                "score_before": it.before.score,
                "reason": it.reason,
                "blind": it.blind,
                "imported": it.shown.surface.startswith(SURFACE),
                "inclusion_probability": it.shown.inclusion_probability,
                "in_force": it.decision_id in live,
                "undoes": it.undoes,
            }
            for it in journal
        )
        return self._frame("decisions", rows)

    @cached_property
    def labels(self) -> pd.DataFrame:
        """What came with imported candidates and is no decision."""
        names = COLUMNS["labels"]
        return self._frame(
            "labels", ({name: getattr(it, name) for name in names} for it in self._store.labels.labels())
        )

    @cached_property
    def effective(self) -> pd.DataFrame:
        """What stands: one row per candidate and dimension, the latest decision, else the latest judgment."""
        rows = (
            {
                "candidate_id": candidate.candidate_id,
                "question_id": candidate.question_id,
                "model": candidate.model,
                "dimension": dimension.value,
                "state": it.state.value,
                "reason": it.reason.value,
                "score": it.score,
                "decided": it.decided,
                "run_id": it.run_id or None,
            }
            for candidate in self._standing
            for dimension, it in candidate.dimensions.items()
        )
        return self._frame("effective", rows)

    @cached_property
    def rewards(self) -> pd.DataFrame:
        """One row per candidate: the mean of its effective scores, and how many dimensions have one."""
        rows = []
        for candidate in self._standing:
            now = reward({dimension: it.score for dimension, it in candidate.dimensions.items()})
            rows.append(
                {
                    "candidate_id": candidate.candidate_id,
                    "question_id": candidate.question_id,
                    "model": candidate.model,
                    "reward": now.value if now else None,
                    "dimensions": len(now.dimensions) if now else 0,
                }
            )
        return self._frame("rewards", rows)

    @cached_property
    def calls(self) -> pd.DataFrame:
        """One row per call to a model, with what was sent and the last reply."""
        names = [name for name in COLUMNS["calls"] if name != "state"]
        rows = (
            {**{name: getattr(it, name) for name in names}, "state": it.state.value} for it in self._store.calls.all()
        )
        return self._frame("calls", rows)

    def text(self, document_id: str) -> str | None:
        """Return the text of a document, None where its source publishes none.

        Raises:
            Refused: there is no document of this id.
        """
        return self._store.library.text(document_id)

    def close(self) -> None:
        """Close the project; frames that were read stay."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _runs(self) -> dict[str, JudgeRun]:
        return {run.run_id: run for run in self._store.judging.runs()}

    @cached_property
    def _standing(self) -> tuple[Any, ...]:
        questions = Audit(self._store, reviewer=lambda: "").questions()
        return tuple(candidate for question in questions for candidate in question.candidates)

    def _said(self) -> Iterator[Judgment]:
        return self._store.judging.judgments(latest=False)

    def _candidates(self) -> Iterator[_Row]:
        questions: dict[str, Question] = {it.question_id: it for it in self._store.library.questions()}
        ordinals = {it.candidate_id: it.ordinal for it in self._store.library.candidate_infos()}
        for question in questions.values():
            for it in self._store.library.candidates(question.question_id):
                yield {
                    "candidate_id": it.candidate_id,
                    "question_id": it.question_id,
                    "document_id": question.document_id,
                    "label": label(ordinals[it.candidate_id]),
                    "model": it.model,
                    "characters": len(it.text),
                    "text": it.text,
                }

    def _frame(self, name: str, rows: Iterable[_Row]) -> pd.DataFrame:
        import pandas as pd

        with self._store.reading():
            found = list(rows)
        kinds = COLUMNS[name]
        return pd.DataFrame(
            {column: pd.Series([row[column] for row in found], dtype=kind) for column, kind in kinds.items()}
        )


def _judgment_row(it: Judgment, run: JudgeRun) -> _Row:
    return {
        "run_id": it.run_id,
        "judge": run.identity.judge,
        "model": run.identity.model,
        "prompt_pack": run.identity.prompt_pack,
        "candidate_id": it.candidate_id,
        "dimension": it.dimension.value,
        "state": it.state.value,
        "reason": it.reason.value,
        "score": it.score,
        "aggregated": it.aggregated,
        "claims": len(it.claims),
        "key_points": len(it.key_points),
        "chunks_read": it.coverage.chunks_read,
        "chunks_total": it.coverage.chunks_total,
        "explanation": it.explanation,
    }


def _claim_rows(it: Judgment) -> Iterator[_Row]:
    for claim in it.claims:
        first = min(claim.evidence, key=lambda entry: entry.rank, default=None)
        yield {
            "run_id": it.run_id,
            "candidate_id": it.candidate_id,
            "claim_id": claim.claim_id,
            "text": claim.text,
            "start": None if claim.span is None else claim.span.start,
            "end": None if claim.span is None else claim.span.end,
            "state": claim.state.value,
            "reason": claim.reason.value,
            "support": claim.support.value if claim.support else None,
            "support_reason": claim.support_reason.value,
            "support_probability": claim.support_probability,
            "evidence": len(claim.evidence),
            "evidence_start": None if first is None else first.span.start,
            "evidence_end": None if first is None else first.span.end,
            "explanation": claim.explanation,
        }


def _key_point_rows(it: Judgment) -> Iterator[_Row]:
    for point in it.key_points:
        place = point.span if point.span is not None else point.chunk
        yield {
            "run_id": it.run_id,
            "candidate_id": it.candidate_id,
            "key_point_id": point.key_point_id,
            "text": point.text,
            "start": None if place is None else place.start,
            "end": None if place is None else place.end,
            "state": point.state.value,
            "covered": point.covered.value if point.covered else None,
            "explanation": point.explanation,
        }
