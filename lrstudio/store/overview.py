"""Verdicts in bulk, without texts: for summaries of judge runs and for judges side by side."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.overviews import ClaimVerdict, JudgmentFacts
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Coverage, Dimension, JudgeIdentity, Reason, State, SupportReason
from lrstudio.store import mapping
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections

_JOINED = t.judgment.join(t.judge_run).join(t.candidate)
_PLACE = (
    sa.func.row_number()
    .over(
        partition_by=(t.judgment.c.candidate_key, t.judgment.c.dimension),
        order_by=(t.judge_run.c.started.desc(), t.judge_run.c.id.desc()),
    )
    .label("place")
)


class Overview:
    """Reads the judgments of one judge run, or the latest ones of one judge; trials count only by their id."""

    def __init__(self, connections: Connections) -> None:
        """Read on these connections."""
        self._at = connections

    def judgments(self, *, run_id: str = "", identity: JudgeIdentity | None = None) -> tuple[JudgmentFacts, ...]:
        """Return the judgments in the order of the project: question, candidate, dimension."""
        kept = _kept(run_id, identity).subquery()
        statement = (
            sa.select(t.judgment, t.judge_run.c.run_id, t.candidate.c.candidate_id)
            .select_from(_JOINED.join(kept, kept.c.id == t.judgment.c.id))
            .where(kept.c.place == 1)
            .order_by(t.candidate.c.question_key, t.candidate.c.ordinal, t.judgment.c.dimension)
        )
        with self._at.read() as connection:
            return tuple(_facts(row) for row in connection.execute(statement))

    def claims(self, *, run_id: str = "", identity: JudgeIdentity | None = None) -> tuple[ClaimVerdict, ...]:
        """Return the verdicts on the claims of those judgments, in their order."""
        kept = _kept(run_id, identity).subquery()
        columns = [t.claim.c[name] for name in ("claim_id", "start", "end", "state", "support", "support_reason")]
        statement = (
            sa.select(*columns, kept.c.candidate_id)
            .select_from(t.claim.join(kept, kept.c.id == t.claim.c.judgment_key))
            .where(kept.c.place == 1)
            .order_by(t.claim.c.judgment_key, t.claim.c.ordinal)
        )
        with self._at.read() as connection:
            return tuple(_claim(row) for row in connection.execute(statement))


def _kept(run_id: str, identity: JudgeIdentity | None) -> sa.Select[Any]:
    statement = sa.select(t.judgment.c.id, t.candidate.c.candidate_id, _PLACE).select_from(_JOINED)
    if run_id:
        return statement.where(t.judge_run.c.run_id == run_id)
    wanted = mapping.identity_values(identity) if identity else {}
    return statement.where(~t.judge_run.c.trial, *(t.judge_run.c[name] == value for name, value in wanted.items()))


def _facts(row: Any) -> JudgmentFacts:
    return JudgmentFacts(
        run_id=row.run_id,
        candidate_id=row.candidate_id,
        dimension=Dimension(row.dimension),
        state=State(row.state),
        reason=Reason(row.reason),
        score=row.score,
        coverage=Coverage(row.chunks_read, row.chunks_total, row.tokens_cut, row.attempts),
        samples=tuple(json.loads(row.samples)),
    )


def _claim(row: Any) -> ClaimVerdict:
    return ClaimVerdict(
        candidate_id=row.candidate_id,
        claim_id=row.claim_id,
        span=None if row.start is None else Span(row.start, row.end),
        state=State(row.state),
        support=mapping.support_of(row.support),
        support_reason=SupportReason(row.support_reason),
    )
