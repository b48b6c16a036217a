"""What is still to be judged: by document, read as it is taken."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, JudgeRun, Judgment, Reason, RunState, State
from lrstudio.services.outstanding import outstanding
from lrstudio.store.store import Store

F, C = Dimension.FAITHFULNESS, Dimension.COMPLETENESS
RUN = JudgeRun("r", JudgeIdentity("talking"), (F, C), RunState.RUNNING, started="2026-01-01T00:00:00Z")
# question -> document, in order of import
QUESTIONS = {"q1": "d1", "q2": "d2", "q3": None, "q4": "d1", "q5": "d2", "q6": "d3"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "p.lrs") as made:
        for name in ("d1", "d2", "d3"):
            made.library.add_document(Document(name, f"the text of {name}"))
        for name, document in QUESTIONS.items():
            made.library.add_question(Question(name, document, f"{name}?"))
        for number in (1, 2):
            for name in QUESTIONS:
                made.library.add_candidate(Candidate(f"{name}-c{number}", name, f"answer {number} to {name}"))
        made.judging.start_run(RUN)
        yield made


def test_candidates_of_one_document_and_question_follow_each_other(store: Store) -> None:
    tasks = list(outstanding(store, RUN, candidate_ids=None))
    questions = ["q3", "q1", "q4", "q2", "q5", "q6"]
    assert [task.candidate.candidate_id for task in tasks] == [f"{name}-c{n}" for name in questions for n in (1, 2)]
    for task in tasks:
        name = QUESTIONS[task.question.question_id]
        assert task.document == (Document(name, f"the text of {name}") if name else None)
        assert task.candidate.text.endswith(task.question.question_id)
        assert task.dimensions == (F, C)


def test_what_is_judged_is_left_out_and_what_is_left_is_counted(store: Store) -> None:
    for candidate, dimension in (("q1-c1", F), ("q1-c1", C), ("q4-c2", C)):
        store.judging.save_judgment(Judgment("r", candidate, dimension, State.UNSCORED, Reason.NEAR_CHANCE))
    due = outstanding(store, RUN, candidate_ids=["q4-c2", "q1-c1", "q1-c2"])
    assert (len(due), due.judgments) == (2, 3)
    assert [(task.candidate.candidate_id, task.dimensions) for task in due] == [("q1-c2", (F, C)), ("q4-c2", (F,))]
    assert (len(due.first(1)), due.first(1).judgments, len(due.first(None)), len(due.first(9))) == (1, 2, 2, 2)
    with pytest.raises(Refused, match="no candidate 'nobody'"):
        outstanding(store, RUN, candidate_ids=["q1-c1", "nobody"])


def test_documents_are_read_as_they_come_and_not_kept(store: Store) -> None:
    gc.collect()
    before = sum(type(it) is Document for it in gc.get_objects())
    for task in outstanding(store, RUN, candidate_ids=None):
        alive = sum(type(it) is Document for it in gc.get_objects()) - before
        assert alive <= 2, "the one before goes when this one comes"
        assert (task.document is None) == (QUESTIONS[task.question.question_id] is None)
