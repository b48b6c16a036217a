"""Pairs: the entries about them, append-only by triggers in the file itself, and what these leave standing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_lists import PairCounts, PairFilter, PairPage, PairRow, PairSort
from lrstudio.domain.pairs import BY_HAND, Pair, PairAct, PairEntry, PairState, RuleName, Stale, standing_pair
from lrstudio.store import pair_mapping as mapping
from lrstudio.store import pair_tables as p
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections

_BATCH = 400
_BY_HAND = [act.value for act in (*BY_HAND, PairAct.UNDO, PairAct.REDO)]
_PAIR = sa.select(p.pair, t.question.c.question_id).join_from(p.pair, t.question)
_ENTRY = (
    sa.select(p.pair_entry, p.pair.c.pair_id, t.question.c.question_id)
    .select_from(p.pair_entry.join(p.pair).join(t.question))
    .order_by(p.pair_entry.c.placed, p.pair_entry.c.id)
)
_PROJECT_ORDER = (p.pair.c.question_key, p.pair.c.id)


class Pairs:
    """What was said of pairs, in the order in which it was, and every pair as it stands."""

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def append(
        self, entries: Sequence[PairEntry], *, placed: Sequence[str] | None = None, suspect: bool = False
    ) -> tuple[PairEntry, ...]:
        """Add entries and return them with their ids; the ids they came with are not used.

        Args:
            entries: in the order in which they are to be written.
            placed: the place of each in their order, a time; else its own time, or the last place where its clock is
                behind: what is said now comes after everything else.
            suspect: whether what their pairs rest on may have changed since; else it is taken for what stands now.

        Raises:
            Refused: a candidate is not in the project or answers another question, or the entry undone is not there.
        """
        written: list[PairEntry] = []
        with self._at.write() as connection:
            if placed is None and entries:
                last = connection.execute(sa.select(sa.func.max(p.pair_entry.c.placed))).scalar_one() or ""
                placed = list(accumulate((max(entry.time, last) for entry in entries), max))
            for start in range(0, len(entries), _BATCH):
                some = slice(start, start + _BATCH)
                written += self._append(connection, entries[some], (placed or [])[some], suspect=suspect)
        return tuple(written)

    def _append(
        self, connection: sa.Connection, entries: Sequence[PairEntry], placed: Sequence[str], *, suspect: bool
    ) -> list[PairEntry]:
        known = _known_candidates(connection, entries)
        keys = _keys(connection, {entry.pair_id for entry in entries})
        old = set(keys)
        new: dict[str, PairEntry] = {}
        for entry in entries:
            if entry.pair_id not in old:
                new.setdefault(entry.pair_id, entry)
        if new:
            rows = [
                _values(standing_pair([entry]), known)
                | {"question_key": known[entry.chosen_id].question_key, "stale": "", "suspect": suspect}
                for entry in new.values()
            ]
            connection.execute(p.pair.insert(), rows)
            keys |= _keys(connection, new)
        _check_undone(connection, entries)
        # Returning the ids in order would send the rows one by one.
        before = connection.execute(sa.select(sa.func.coalesce(sa.func.max(p.pair_entry.c.id), 0))).scalar_one()
        values = [
            mapping.entry_values(entry) | {"pair_key": keys[entry.pair_id], "placed": place}
            for entry, place in zip(entries, placed, strict=True)
        ]
        connection.execute(p.pair_entry.insert(), values)
        own = sa.select(p.pair_entry.c.id).where(p.pair_entry.c.id > before, p.pair_entry.c.pair_key.in_(keys.values()))
        numbers = connection.execute(own.order_by(p.pair_entry.c.id)).scalars().all()
        named = Counter(entry.pair_id for entry in entries)
        again = {pair_id for pair_id, times in named.items() if pair_id in old or times > 1}
        self._stand(connection, again, known, suspect=suspect)
        return [replace(entry, entry_id=number) for entry, number in zip(entries, numbers, strict=True)]

    def _stand(
        self, connection: sa.Connection, pair_ids: Collection[str], known: Mapping[str, Any], *, suspect: bool
    ) -> None:
        """Make the pairs what their entries leave standing.

        One that does not rest on its last entry, after an undo for instance, may be out of date: it is suspect.
        """
        entries: dict[str, list[PairEntry]] = defaultdict(list)
        if pair_ids:
            for row in connection.execute(_ENTRY.where(p.pair.c.pair_id.in_(pair_ids))):
                entries[row.pair_id].append(mapping.entry_of(row))
        for pair_id, of in entries.items():
            stands, last = standing_pair(of), of[-1]
            values = _values(stands, known) | {"suspect": True}
            fresh = not (last.is_undo or last.is_redo) and (stands.grounds, stands.time) == (last.grounds, last.time)
            if fresh and not suspect:
                values |= {"suspect": False, "stale": ""}
            connection.execute(p.pair.update().where(p.pair.c.pair_id == pair_id), values)

    def entries(self, pair_id: str | None = None) -> Iterator[PairEntry]:
        """Stream the entries of one pair or of the whole project, a batch at a time."""
        statement = _ENTRY if pair_id is None else _ENTRY.where(p.pair.c.pair_id == pair_id)
        place = sa.tuple_(p.pair_entry.c.placed, p.pair_entry.c.id)
        after = ("", 0)
        while True:
            here = sa.tuple_(sa.literal(after[0], t.AnyText), sa.literal(after[1]))
            with self._at.read() as connection:
                rows = connection.execute(statement.where(place > here).limit(_BATCH)).all()
            yield from map(mapping.entry_of, rows)
            if len(rows) < _BATCH:
                return
            after = (rows[-1].placed, rows[-1].id)

    def entries_by_hand(self, reviewer: str) -> tuple[PairEntry, ...]:
        """List what a reviewer said of pairs by hand, undo and redo among it."""
        statement = _ENTRY.where(p.pair_entry.c.reviewer == reviewer, p.pair_entry.c.act.in_(_BY_HAND))
        with self._at.read() as connection:
            return tuple(mapping.entry_of(row) for row in connection.execute(statement))

    def pair(self, pair_id: str) -> Pair:
        """Return a pair.

        Raises:
            Refused: there is no pair of this id.
        """
        with self._at.read() as connection:
            row = connection.execute(_PAIR.where(p.pair.c.pair_id == pair_id)).first()
        if row is None:
            raise Refused(f"there is no pair '{pair_id}' in this project")
        return mapping.pair_of(row)

    def known(self, pair_ids: Collection[str]) -> dict[str, Pair]:
        """Return those of these pairs that are in the project."""
        found: dict[str, Pair] = {}
        with self._at.read() as connection:
            wanted = list(pair_ids)
            for start in range(0, len(wanted), _BATCH):
                statement = _PAIR.where(p.pair.c.pair_id.in_(wanted[start : start + _BATCH]))
                found |= {row.pair_id: mapping.pair_of(row) for row in connection.execute(statement)}
        return found

    def of_question(self, question_id: str) -> tuple[Pair, ...]:
        """Return the pairs of a question, but for those withdrawn."""
        statement = (
            _PAIR.where(t.question.c.question_id == question_id)
            .where(p.pair.c.state != PairState.WITHDRAWN.value)
            .order_by(p.pair.c.id)
        )
        with self._at.read() as connection:
            return tuple(mapping.pair_of(row) for row in connection.execute(statement))

    def proposed_by(self, rule: RuleName, question_ids: Collection[str]) -> tuple[Pair, ...]:
        """Return the pairs of some hundred questions that are proposed, by this rule among others."""
        statement = _PAIR.where(t.question.c.question_id.in_(question_ids), p.pair.c.rules.contains(rule.value))
        with self._at.read() as connection:
            rows = connection.execute(statement.where(p.pair.c.state == PairState.PROPOSED.value)).all()
        return tuple(map(mapping.pair_of, rows))

    def page(self, wanted: PairFilter, *, sort: PairSort, descending: bool, offset: int, limit: int) -> PairPage:
        """Return a stretch of the list of the pairs wanted, and how many there are. A missing number sorts last."""
        where = _where(wanted)
        chosen = sa.select(p.pair.c.id).where(*where).order_by(*_order(sort, descending=descending))
        chosen = chosen.offset(offset).limit(limit)
        with self._at.read() as connection:
            total = connection.execute(sa.select(sa.func.count()).select_from(p.pair).where(*where)).scalar_one()
            rows = connection.execute(
                _row_statement()
                .where(p.pair.c.id.in_(chosen.subquery().select()))
                .order_by(*_order(sort, descending=descending))
            ).all()
        return PairPage(tuple(map(mapping.pair_row_of, rows)), total)

    def stream(self, wanted: PairFilter) -> Iterator[PairRow]:
        """Stream the pairs wanted in the order of the project, a batch at a time."""
        at = (0, 0)
        columns = sa.tuple_(*_PROJECT_ORDER)
        while True:
            statement = _row_statement().where(*_where(wanted)).where(columns > sa.tuple_(*map(sa.literal, at)))
            with self._at.read() as connection:
                rows = connection.execute(statement.order_by(*_PROJECT_ORDER).limit(_BATCH)).all()
            yield from map(mapping.pair_row_of, rows)
            if len(rows) < _BATCH:
                return
            at = (rows[-1].question_key, rows[-1].id)

    def counts(self) -> PairCounts:
        """Count the pairs by state."""
        statement = sa.select(
            p.pair.c.state, sa.func.count(), sa.func.sum(sa.case((p.pair.c.stale != "", 1), else_=0))
        ).group_by(p.pair.c.state)
        with self._at.read() as connection:
            rows = {state: (count, stale) for state, count, stale in connection.execute(statement)}
        proposed, gold, rejected = (
            rows.get(state.value, (0, 0)) for state in (PairState.PROPOSED, PairState.GOLD, PairState.REJECTED)
        )
        return PairCounts(proposed[0], gold[0], rejected[0], int(proposed[1] + gold[1]))

    def suspects(self, pair_ids: Collection[str] | None = None, *, most: int = _BATCH) -> tuple[Pair, ...]:
        """Return some pairs of which something may have changed since it was found out whether they are stale."""
        statement = _PAIR.where(p.pair.c.suspect).limit(most)
        if pair_ids is not None:
            statement = statement.where(p.pair.c.pair_id.in_(pair_ids))
        with self._at.read() as connection:
            return tuple(mapping.pair_of(row) for row in connection.execute(statement))

    def suspect_all(self) -> None:
        """Take every pair for one of which something may have changed."""
        with self._at.write() as connection:
            connection.execute(p.pair.update().values(suspect=True))

    def settle(self, found: Mapping[str, Stale | None]) -> None:
        """Write down which pairs are stale and which are not; they are no longer suspect."""
        statement = (
            p.pair.update()
            .where(p.pair.c.pair_id == sa.bindparam("at", type_=t.AnyText))
            .values(stale=sa.bindparam("why", type_=t.AnyText), suspect=False)
        )
        rows = [{"at": pair_id, "why": mapping.stale_json(stale)} for pair_id, stale in found.items()]
        if rows:
            with self._at.write() as connection:
                connection.execute(statement, rows)


def _row_statement() -> sa.Select[Any]:
    chosen, rejected = t.candidate.alias(), t.candidate.alias()
    return sa.select(
        p.pair,
        t.question.c.question_id,
        t.question.c.query,
        t.document.c.document_id,
        t.document.c.title,
        chosen.c.model.label("chosen_model"),
        rejected.c.model.label("rejected_model"),
    ).select_from(
        p.pair.join(t.question)
        .outerjoin(t.document, t.document.c.id == t.question.c.document_key)
        .outerjoin(chosen, chosen.c.candidate_id == p.pair.c.chosen_id)
        .outerjoin(rejected, rejected.c.candidate_id == p.pair.c.rejected_id)
    )


def _order(sort: PairSort, *, descending: bool) -> tuple[Any, ...]:
    if sort is PairSort.PROJECT:
        return tuple(column.desc() for column in _PROJECT_ORDER) if descending else _PROJECT_ORDER
    column = p.pair.c[sort.value]
    return ((column.desc() if descending else column.asc()).nulls_last(), *_PROJECT_ORDER)


def _where(wanted: PairFilter) -> list[sa.ColumnElement[bool]]:
    pair = p.pair.c
    most = wanted.length_ratio
    longer = pair.chosen_length > pair.rejected_length
    given: list[tuple[bool, Callable[[], sa.ColumnElement[bool]]]] = [
        (wanted.rule is not None, lambda: pair.rules.contains(str(wanted.rule))),
        (wanted.margin is not None, lambda: pair.margin >= wanted.margin),
        (wanted.most_margin is not None, lambda: pair.margin <= wanted.most_margin),
        (most is not None, lambda: sa.and_(pair.length_ratio <= most, pair.length_ratio * most >= 1.0)),
        (wanted.longer_chosen is not None, lambda: longer if wanted.longer_chosen else sa.not_(longer)),
        (wanted.stale is not None, lambda: pair.stale != "" if wanted.stale else pair.stale == ""),
        (bool(wanted.reviewer), lambda: pair.reviewer == wanted.reviewer),
        (bool(wanted.model), lambda: _of_model(wanted.model)),
        (bool(wanted.question_id), lambda: pair.question_key.in_(_questions(wanted.question_id))),
        (bool(wanted.document_id), lambda: pair.question_key.in_(_questions_on(wanted.document_id))),
    ]
    return [
        pair.state.in_([state.value for state in wanted.states]),
        *(pair.dimensions.contains(f'"{dimension.value}"') for dimension in wanted.dimensions),
        *(condition() for is_given, condition in given if is_given),
    ]


def _of_model(model: str) -> sa.ColumnElement[bool]:
    by = sa.select(t.candidate.c.candidate_id).where(t.candidate.c.model == model)
    return sa.or_(p.pair.c.chosen_id.in_(by), p.pair.c.rejected_id.in_(by))


def _questions(question_id: str) -> sa.Select[Any]:
    return sa.select(t.question.c.id).where(t.question.c.question_id == question_id)


def _questions_on(document_id: str) -> sa.Select[Any]:
    return sa.select(t.question.c.id).join_from(t.question, t.document).where(t.document.c.document_id == document_id)


def _values(pair: Pair, known: Mapping[str, Any]) -> dict[str, Any]:
    return mapping.pair_values(
        pair,
        chosen_length=known[pair.chosen_id].characters,
        rejected_length=known[pair.rejected_id].characters,
    )


def _keys(connection: sa.Connection, pair_ids: Collection[str]) -> dict[str, int]:
    statement = sa.select(p.pair.c.pair_id, p.pair.c.id).where(p.pair.c.pair_id.in_(pair_ids))
    return {row.pair_id: row.id for row in connection.execute(statement)}


def _known_candidates(connection: sa.Connection, entries: Sequence[PairEntry]) -> dict[str, Any]:
    """Return key of the question and length of every candidate named, after checking that it answers the question.

    In a shared database the questions are held until the transaction ends: others wait to write about their pairs.
    """
    wanted = {side for entry in entries for side in (entry.chosen_id, entry.rejected_id)}
    columns = (
        t.candidate.c.candidate_id,
        t.candidate.c.question_key,
        t.candidate.c.characters,
        t.question.c.question_id,
    )
    statement = sa.select(*columns).join_from(t.candidate, t.question).where(t.candidate.c.candidate_id.in_(wanted))
    statement = statement.order_by(t.question.c.id).with_for_update(of=t.question)
    known = {row.candidate_id: row for row in connection.execute(statement)}
    for entry in entries:
        for side in (entry.chosen_id, entry.rejected_id):
            if side not in known:
                raise Refused(f"there is no candidate '{side}' in this project")
            if known[side].question_id != entry.question_id:
                raise Refused(f"candidate '{side}' does not answer question '{entry.question_id}'")
        if entry.chosen_id == entry.rejected_id:
            raise Refused(f"candidate '{entry.chosen_id}' cannot be paired with itself")
    return known


def _check_undone(connection: sa.Connection, entries: Sequence[PairEntry]) -> None:
    wanted = {entry.undoes for entry in entries if entry.undoes is not None}
    if wanted:
        statement = sa.select(p.pair_entry.c.id).where(p.pair_entry.c.id.in_(wanted))
        if missing := wanted - set(connection.execute(statement).scalars()):
            raise Refused(f"there is no entry {min(missing)} about a pair in this project")
