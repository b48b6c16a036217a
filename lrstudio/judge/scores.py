"""Helpfulness and logicality: one call, one score."""

from __future__ import annotations

from functools import partial

from lrstudio.domain.verdicts import Coverage, Dimension, Judgment, State
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import read_score
from lrstudio.judge.protocol import Task
from lrstudio.judge.samples import by_mean, scores_of
from lrstudio.judge.session import Session

_CALLS = {Dimension.HELPFULNESS: CallName.HELPFULNESS, Dimension.LOGICALITY: CallName.LOGICALITY}


async def judge_score(session: Session, task: Task, *, dimension: Dimension) -> Judgment:
    """Rate the answer against its question alone (LongReward, arXiv 2410.21252, sections 3.1 and 3.2)."""
    answer = await session.ask(
        _CALLS[dimension],
        read_score,
        candidate_id=task.candidate.candidate_id,
        settle=by_mean,
        question=task.question.query,
        answer=task.candidate.text,
    )
    judgment = partial(
        Judgment,
        session.run_id,
        task.candidate.candidate_id,
        dimension,
        coverage=Coverage(attempts=answer.attempts),
        call_key=answer.call_key,
    )
    if answer.value is None:
        return judgment(State.UNSCORED, answer.reason)
    value = answer.value
    return judgment(State.SCORED, score=value.score, explanation=value.analysis, samples=scores_of(answer))
