"""Judge runs and what they said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.domain.finding import Found
from lrstudio.domain.verdicts import (
    Dimension,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    Reason,
    RunState,
    State,
    SupportReason,
)
from lrstudio.store import mapping
from lrstudio.store import review_tables as r
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.dialects import among, insert
from lrstudio.store.records import PartSummary, Score, Summary
from lrstudio.store.suspects import suspect_pairs_of

_RESUMABLE = (RunState.RUNNING, RunState.INTERRUPTED, RunState.CANCELLED, RunState.FAILED)
_LATEST_FIRST = (t.judge_run.c.started.desc(), t.judge_run.c.id.desc())
_JOINED = t.judgment.join(t.judge_run).join(t.candidate)
_PROJECT_ORDER = (
    t.candidate.c.question_key,
    t.candidate.c.ordinal,
    sa.case({dimension.value: n for n, dimension in enumerate(Dimension)}, value=t.judgment.c.dimension),
    t.judge_run.c.id,
)

_OF_JUDGMENT = r.search_unit.c.found.in_([Found.CLAIM.value, Found.KEY_POINT.value, Found.EXPLANATION.value])
"""What the search has indexed of a judgment; it reads a judgment kept anew again."""

_BATCH = 100
_MOST_IDS = 5000
"""Above this many candidate ids the rows are filtered here: SQLite takes 32,766 parameters at most."""


class Judging:
    """Judge runs and judgments. Judgments come in the order of the project: question, candidate, dimension, run.

    The latest judgment of a candidate in a dimension is that of the judge run started last among those that have one;
    trials are passed over, unless one is asked for by its id.
    """

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def start_run(self, run: JudgeRun) -> None:
        """Write a new judge run down."""
        with self._at.write() as connection:
            connection.execute(t.judge_run.insert(), mapping.run_values(run))

    def unfinished_run(self, identity: JudgeIdentity, dimensions: Collection[Dimension]) -> JudgeRun | None:
        """Return the last judge run of this judge over these dimensions that can be carried on, if there is one."""
        wanted = mapping.identity_values(identity) | {"dimensions": mapping.dimensions_json(dimensions)}
        statement = (
            sa.select(t.judge_run)
            .where(*(t.judge_run.c[name] == value for name, value in wanted.items()))
            .where(t.judge_run.c.state.in_([state.value for state in _RESUMABLE]), ~t.judge_run.c.trial)
            .order_by(*_LATEST_FIRST)
        )
        with self._at.read() as connection:
            row = connection.execute(statement).first()
        return None if row is None else mapping.run_of(row)

    def set_run_state(
        self,
        run_id: str,
        state: RunState,
        *,
        finished: str | None = None,
        calls: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost: float | None = None,
    ) -> None:
        """Say where a judge run stands; what is None stays as it is.

        Raises:
            Refused: there is no judge run of this id.
        """
        given = {
            "finished": finished,
            "calls": calls,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cost": cost,
        }
        values = {"state": state.value} | {name: value for name, value in given.items() if value is not None}
        with self._at.write() as connection:
            statement = t.judge_run.update().where(t.judge_run.c.run_id == run_id)
            if connection.execute(statement, values).rowcount != 1:
                raise _no_run(run_id)

    def runs(self) -> tuple[JudgeRun, ...]:
        """List the judge runs, the one started last first."""
        with self._at.read() as connection:
            return tuple(
                mapping.run_of(row) for row in connection.execute(sa.select(t.judge_run).order_by(*_LATEST_FIRST))
            )

    def run(self, run_id: str) -> JudgeRun:
        """Return a judge run.

        Raises:
            Refused: there is no judge run of this id.
        """
        with self._at.read() as connection:
            row = connection.execute(sa.select(t.judge_run).where(t.judge_run.c.run_id == run_id)).first()
        if row is None:
            raise _no_run(run_id)
        return mapping.run_of(row)

    def save_judgment(self, judgment: Judgment) -> None:
        """Keep a judgment whole, in place of an earlier one of the same run, candidate and dimension.

        Raises:
            Refused: its judge run or its candidate is not in the project.
        """
        with self._at.write(savepoint=True) as connection:
            keys = {
                "run_key": _key(connection, t.judge_run, "run_id", judgment.run_id),
                "candidate_key": _key(connection, t.candidate, "candidate_id", judgment.candidate_id),
            }
            if keys["run_key"] is None:
                raise _no_run(judgment.run_id)
            if keys["candidate_key"] is None:
                raise Refused(f"there is no candidate '{judgment.candidate_id}' in this project")
            values = mapping.judgment_values(judgment)
            statement = insert(t.judgment).on_conflict_do_update(
                index_elements=["run_key", "candidate_key", "dimension"], set_=values
            )
            own = connection.execute(statement.returning(t.judgment.c.id), keys | values).scalar_one()
            of = {"judgment_key": own}
            connection.execute(t.claim.delete().where(t.claim.c.judgment_key == own))
            connection.execute(t.key_point.delete().where(t.key_point.c.judgment_key == own))
            connection.execute(r.search_unit.delete().where(r.search_unit.c.key == own, _OF_JUDGMENT))
            if judgment.claims:
                claims = [of | mapping.claim_values(it, ordinal=n) for n, it in enumerate(judgment.claims)]
                connection.execute(t.claim.insert(), claims)
            if judgment.key_points:
                points = [of | mapping.key_point_values(it, ordinal=n) for n, it in enumerate(judgment.key_points)]
                connection.execute(t.key_point.insert(), points)
            if not connection.scalar(sa.select(t.judge_run.c.trial).where(t.judge_run.c.id == keys["run_key"])):
                suspect_pairs_of(connection, judgment.candidate_id)

    def judged_pairs(self, run_id: str) -> set[tuple[str, Dimension]]:
        """Return what a judge run has judged, as candidate ids with dimensions."""
        statement = (
            sa.select(t.candidate.c.candidate_id, t.judgment.c.dimension)
            .select_from(_JOINED)
            .where(t.judge_run.c.run_id == run_id)
        )
        with self._at.read() as connection:
            return {(candidate_id, Dimension(name)) for candidate_id, name in connection.execute(statement)}

    def judgments(
        self,
        candidate_ids: Collection[str] | None = None,
        *,
        run_id: str | None = None,
        identity: JudgeIdentity | None = None,
        latest: bool = True,
    ) -> Iterator[Judgment]:
        """Stream judgments whole, a batch at a time; no connection is held between two of them.

        Args:
            candidate_ids: only these candidates.
            run_id: only this judge run.
            identity: only the runs of this judge.
            latest: for each candidate and dimension the latest of the judgments asked for, instead of all.
        """
        with self._at.read() as connection:
            rows = _select(
                connection, [t.judgment.c.id], candidate_ids, run_id=run_id, identity=identity, latest=latest
            )
            keys = [row.id for row in rows]
        for start in range(0, len(keys), _BATCH):
            yield from self._load(keys[start : start + _BATCH])

    def judgment(self, run_id: str, candidate_id: str, dimension: Dimension) -> Judgment | None:
        """Return what a judge run said of a candidate in a dimension, None if it has said nothing."""
        found = self.judgments([candidate_id], run_id=run_id, latest=False)
        return next((it for it in found if it.dimension is dimension), None)

    def summaries(
        self,
        candidate_ids: Collection[str] | None = None,
        *,
        run_id: str | None = None,
        identity: JudgeIdentity | None = None,
    ) -> tuple[Summary, ...]:
        """Return the latest judgments without their texts, for lists; the arguments are those of `judgments`."""
        columns = [t.judgment.c[name] for name in ("id", "dimension", "state", "reason", "score", "aggregated")]
        with self._at.read() as connection:
            rows = _select(connection, columns, candidate_ids, run_id=run_id, identity=identity, latest=True)
            parts = _part_summaries(connection, [row.id for row in rows])
        return tuple(
            Summary(
                candidate_id=row.candidate_id,
                dimension=Dimension(row.dimension),
                run_id=row.run_id,
                state=State(row.state),
                reason=Reason(row.reason),
                score=row.score,
                aggregated=row.aggregated,
                parts=tuple(parts.get(row.id, ())),
            )
            for row in rows
        )

    def scores(
        self, candidate_ids: Collection[str] | None = None, *, identity: JudgeIdentity | None = None
    ) -> tuple[Score, ...]:
        """Return the scores of the latest judgments and nothing else of them; the arguments are those of `judgments`.

        Judgments without a score are left out.
        """
        with self._at.read() as connection:
            columns = [t.judgment.c.dimension, t.judgment.c.score]
            rows = _select(connection, columns, candidate_ids, run_id=None, identity=identity, latest=True)
        return tuple(
            Score(row.candidate_id, Dimension(row.dimension), row.run_id, row.score)
            for row in rows
            if row.score is not None
        )

    def _load(self, keys: Sequence[int]) -> Iterator[Judgment]:
        statement = (
            sa.select(t.judgment, t.judge_run.c.run_id, t.candidate.c.candidate_id)
            .select_from(_JOINED)
            .where(among(t.judgment.c.id, keys))
        )
        with self._at.read() as connection:
            rows = {row.id: row for row in connection.execute(statement)}
            claims = _parts(connection, t.claim, keys)
            points = _parts(connection, t.key_point, keys)
        for key in keys:
            if key in rows:
                yield mapping.judgment_of(
                    rows[key],
                    claims=tuple(mapping.claim_of(row) for row in claims[key]),
                    key_points=tuple(mapping.key_point_of(row) for row in points[key]),
                )


def _no_run(run_id: str) -> Refused:
    return Refused(f"there is no judge run '{run_id}' in this project")


def _key(connection: sa.Connection, table: sa.Table, column: str, value: str) -> int | None:
    return connection.execute(sa.select(table.c.id).where(table.c[column] == value)).scalar_one_or_none()


def _select(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    candidate_ids: Collection[str] | None,
    *,
    run_id: str | None,
    identity: JudgeIdentity | None,
    latest: bool,
) -> list[Any]:
    """Select columns of judgments in the order of the project, together with their run's and candidate's ids."""
    statement = sa.select(*columns, t.judge_run.c.run_id, t.candidate.c.candidate_id).select_from(_JOINED)
    if run_id is not None:
        statement = statement.where(t.judge_run.c.run_id == run_id)
    if identity is not None:
        wanted = mapping.identity_values(identity)
        statement = statement.where(*(t.judge_run.c[name] == value for name, value in wanted.items()))
    if candidate_ids is not None and len(candidate_ids) <= _MOST_IDS:
        statement = statement.where(t.candidate.c.candidate_id.in_(candidate_ids))
    statement = statement.order_by(*_PROJECT_ORDER)
    if latest:
        if run_id is None:
            statement = statement.where(~t.judge_run.c.trial)
        place = sa.func.row_number().over(
            partition_by=(t.judgment.c.candidate_key, t.judgment.c.dimension), order_by=_LATEST_FIRST
        )
        statement = statement.add_columns(place.label("place"))
    rows: list[Any] = list(connection.execute(statement).all())
    if latest:
        rows = [row for row in rows if row.place == 1]
    if candidate_ids is not None:
        kept = frozenset(candidate_ids)
        rows = [row for row in rows if row.candidate_id in kept]
    return rows


def _parts(connection: sa.Connection, table: sa.Table, keys: Sequence[int]) -> dict[int, list[Any]]:
    statement = (
        sa.select(table).where(among(table.c.judgment_key, keys)).order_by(table.c.judgment_key, table.c.ordinal)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for row in connection.execute(statement):
        found[row.judgment_key].append(row)
    return found


def _part_summaries(connection: sa.Connection, keys: Sequence[int]) -> dict[int, list[PartSummary]]:
    """Return the verdicts on all parts of these judgments by judgment; equal ones are one object."""
    known: dict[tuple[str, float | None, str], PartSummary] = {}
    found: dict[int, list[PartSummary]] = defaultdict(list)
    for table, *verdict_columns in (
        (t.claim, t.claim.c.state, t.claim.c.support, t.claim.c.support_reason),
        (t.key_point, t.key_point.c.state, t.key_point.c.covered, sa.literal("")),
    ):
        statement = (
            sa.select(table.c.judgment_key, *verdict_columns)
            .where(among(table.c.judgment_key, keys))
            .order_by(table.c.judgment_key, table.c.ordinal)
        )
        for key, state, support, reason in connection.execute(statement).all():
            verdict = (state, support, reason)
            part = known.get(verdict)
            if part is None:
                part = PartSummary(State(state), mapping.support_of(support), SupportReason(reason))
                known[verdict] = part
            found[key].append(part)
    return found
