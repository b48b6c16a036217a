"""The journal is append-only and gives back what was put in."""

from __future__ import annotations

import sqlite3

import pytest

from lrstudio.domain.decisions import Act, Decision, Target, Value, undo_and_redo
from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, State, Support
from lrstudio.store.store import Store


def decision(candidate_id="c1", act=Act.OVERRIDE, **fields):
    after = Value(State.SCORED, Support.PARTIAL)
    target = Target(candidate_id, Dimension.FAITHFULNESS, "k1")
    return Decision(0, "ana", "2026-01-01T00:00:00+00:00", act, target, after=after, **fields)


def test_decisions_are_numbered_in_order(store):
    first = store.journal.append(decision())
    second = store.journal.append(decision("c2"))
    third = store.journal.append(decision())
    assert [it.decision_id for it in (first, second, third)] == [1, 2, 3]
    assert store.journal.decisions() == (first, second, third)
    assert store.journal.decisions("c1") == (first, third)
    assert store.journal.decisions(after=1) == (second, third)
    assert store.journal.decisions("c1", after=1) == (third,)
    assert store.journal.by_candidate() == {"c1": (first, third), "c2": (second,)}


def test_undo_survives_a_reopening(store):
    first = store.journal.append(decision())
    store.journal.append(decision(act=Act.UNDO, undoes=first.decision_id))
    store.close()
    with Store.open(store.path) as again:
        assert undo_and_redo(again.journal.decisions(), reviewer="ana") == (None, first)


def test_a_decision_on_something_unknown_is_refused(store):
    with pytest.raises(Refused, match="no candidate 'x'"):
        store.journal.append(decision("x"))
    with pytest.raises(Refused, match="no decision 9"):
        store.journal.append(decision(act=Act.UNDO, undoes=9))
    assert store.journal.decisions() == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decision SET reviewer = 'bob'",
        "DELETE FROM decision",
        "REPLACE INTO decision SELECT id, 'bob', time, act, candidate_key, dimension, part_id, before, after, "
        "shown, reason, blind, undoes, adjudicates, placed FROM decision",
    ],
)
def test_the_file_itself_refuses_to_change_the_journal(store, sql, statement):
    kept = store.journal.append(decision())
    with pytest.raises(sqlite3.IntegrityError, match="the journal is append-only"):
        sql(store.path, statement)
    assert store.journal.decisions() == (kept,)


def test_a_decided_candidate_cannot_go(store, sql):
    store.journal.append(decision())
    with store._connections.write() as connection, pytest.raises(Exception, match="FOREIGN KEY"):
        connection.exec_driver_sql("DELETE FROM candidate")
