"""A project of scored candidates, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lrstudio.domain.text import Candidate, Document, Question, Source
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, Judgment, Reason, RunState, State
from lrstudio.store.store import Store

H, L, F, C = Dimension
JUDGE = JudgeIdentity("scripted", "m1", "pack1")
Scores = Mapping[str, Sequence[float | None]]
"""Scores by candidate id, in the order helpfulness, logicality, faithfulness, completeness."""

FIVE: Scores = {
    "a": (9, 9, 9, 9),
    "b": (8, 8, 8, 8),
    "c": (7, 7, 7, 7),
    "d": (6, 6, 6, 6),
    "e": (2, 3, 4, 5),
}


def start_run(store: Store, run_id: str = "r1", *, judge: JudgeIdentity = JUDGE, hour: int = 0) -> None:
    """Write a judge run down."""
    started = f"2026-01-01T{hour:02d}:00:00Z"
    store.judging.start_run(JudgeRun(run_id, judge, tuple(Dimension), RunState.DONE, started))


def judge_as(store: Store, candidate_id: str, scores: Sequence[float | None], *, run_id: str = "r1") -> None:
    """Save a judgment in every dimension."""
    for dimension, score in zip(Dimension, scores, strict=True):
        state = State.UNSCORED if score is None else State.SCORED
        reason = Reason.UNREADABLE if score is None else Reason.NONE
        given = None if score is None else float(score)
        store.judging.save_judgment(Judgment(run_id, candidate_id, dimension, state, reason, given))


def add_question(
    store: Store,
    scores: Scores,
    *,
    question_id: str = "q",
    document_id: str | None = "d",
    texts: Mapping[str, str] | None = None,
    run_id: str = "r1",
    licence: str = "",
    text: str = "",
) -> None:
    """Add a question with its candidates, each with a text of its own, judged in this run."""
    with store.writing():
        if document_id is not None:
            source = Source("d.txt", "txt", licence=licence)
            store.library.add_document(
                Document(document_id, text or f"The text of {document_id}.", document_id, source)
            )
        store.library.add_question(Question(question_id, document_id, f"What of {question_id}?"))
        for candidate_id, values in scores.items():
            text = (texts or {}).get(candidate_id, f"answer {candidate_id}")
            store.library.add_candidate(Candidate(candidate_id, question_id, text, f"model-{candidate_id[-1]}"))
            judge_as(store, candidate_id, values, run_id=run_id)


def five_candidates(store: Store) -> Store:
    """Fill a new project with one question whose five candidates, a to e, get worse."""
    start_run(store)
    add_question(store, FIVE)
    return store
