"""Helpfulness and logicality: one call, one score."""

from __future__ import annotations

from functools import partial

from lrstudio.domain.verdicts import Coverage, Dimension, Judgment, State
from lrstudio.judge.packs import CallName
from lrstudio.judge.protocol import Task
from lrstudio.judge.published import with_reference
from lrstudio.judge.samples import by_mean, scores_of
from lrstudio.judge.session import Session

_CALLS = {Dimension.HELPFULNESS: CallName.HELPFULNESS, Dimension.LOGICALITY: CallName.LOGICALITY}


async def judge_score(session: Session, task: Task, *, dimension: Dimension) -> Judgment:
    """Rate the answer against its question alone (LongReward, arXiv 2410.21252, sections 3.1 and 3.2)."""
    ask = session.manner.score(_CALLS[dimension], question=task.question.query, answer=task.candidate.text)
    answer = await session.ask(ask, candidate_id=task.candidate.candidate_id, settle=by_mean)
    judgment = partial(
        Judgment,
        session.run_id,
        task.candidate.candidate_id,
        dimension,
        coverage=Coverage(attempts=answer.attempts),
        call_key=answer.call_key,
    )
    if answer.value is None:
        judged = judgment(State.UNSCORED, answer.reason)
    else:
        value = answer.value
        judged = judgment(State.SCORED, score=value.score, explanation=value.analysis, samples=scores_of(answer))
    said = answer.taken
    return with_reference(judged, [("", answer.published)], score=lambda: said.score if said else 0.0)
