"""Pairs and sets in a file and in a shared database: what was put in comes out, in order, and stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_lists import PairFilter, PairSort
from lrstudio.domain.pairs import (
    Ground,
    PairAct,
    PairEntry,
    PairRule,
    PairState,
    RuleName,
    Stale,
    StaleCause,
    pair_id,
    standing_pair,
)
from lrstudio.domain.sets import CardMaker, FrozenPair, FrozenSet, FrozenSide, SetHash, Split
from lrstudio.domain.text import Candidate, Question
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.store.store import Store

F = Dimension.FAITHFULNESS
NAME = pair_id("q", "c1", "c2")
AWKWARD = "a\udc80\x00b\x1a’"


def entry(act=PairAct.PROPOSED, *, time="2026-01-01T00:00:00Z", chosen="c1", rejected="c2", **fields) -> PairEntry:
    given = {
        "reviewer": "ana",
        "dimensions": (F,),
        "grounds": (Ground(chosen, F, 7.0, "r", (1, 2)), Ground(rejected, F, 1.5)),
    }
    if act is PairAct.PROPOSED:
        given["rule"] = PairRule(RuleName.MARGIN, margin=0.5, required=(F,), least=((F, 1.0),), length_ratio=2.0)
    return PairEntry(0, pair_id("q", chosen, rejected), "q", chosen, rejected, act, time=time, **(given | fields))


def test_entries_come_out_as_they_went_in(store):
    judge = JudgeIdentity("http", AWKWARD, "p", "t", "{}")
    written = store.pairs.append(
        [
            entry(),
            entry(PairAct.APPROVED, reason=AWKWARD, blind=True, order=("c2", "c1"), judge=judge),
            entry(PairAct.REJECTED, reviewer=AWKWARD, dimensions=(), grounds=()),
        ]
    )
    assert [it.entry_id for it in written] == [1, 2, 3]
    assert list(store.pairs.entries()) == list(store.pairs.entries(NAME)) == list(written)
    assert replace(written[1], entry_id=0) == entry(
        PairAct.APPROVED, reason=AWKWARD, blind=True, order=("c2", "c1"), judge=judge
    )
    assert store.pairs.pair(NAME) == standing_pair(written)
    assert store.pairs.pair(NAME).state is PairState.REJECTED


def test_many_entries_are_streamed_in_order(make_store):
    store = make_store(candidates=40)
    wanted = [
        entry(chosen=f"c{one}", rejected=f"c{other}", time=f"2026-01-01T00:{one:02d}:{other:02d}Z")
        for one in range(1, 41)
        for other in range(one + 1, 41)
    ]
    written = store.pairs.append(wanted)
    assert [replace(it, entry_id=0) for it in store.pairs.entries()] == wanted
    assert list(store.pairs.entries()) == list(written)
    assert len(list(store.pairs.stream(PairFilter()))) == len(wanted) == store.pairs.counts().proposed
    assert set(store.pairs.known({it.pair_id for it in wanted})) == {it.pair_id for it in wanted}
    page = store.pairs.page(PairFilter(), sort=PairSort.TIME, descending=True, offset=10, limit=5)
    assert [row.pair.time for row in page.rows] == [it.time for it in wanted[::-1][10:15]]


def test_who_speaks_now_comes_last_whatever_the_clock_says(store):
    store.pairs.append([entry(PairAct.APPROVED, time="2030-01-01T00:00:00Z")])
    store.pairs.append([entry(PairAct.REJECTED, time="2026-01-01T00:00:00Z")])
    assert store.pairs.pair(NAME).state is PairState.REJECTED


def test_what_is_merged_in_stands_at_its_time(store):
    store.pairs.append([entry(PairAct.APPROVED, time="2026-02-01T00:00:00Z")])
    store.pairs.append([entry(PairAct.REJECTED, time="2026-01-01T00:00:00Z")], placed=["2026-01-01T00:00:00Z"])
    assert [it.act for it in store.pairs.entries()] == [PairAct.REJECTED, PairAct.APPROVED]
    assert store.pairs.pair(NAME).state is PairState.GOLD


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (entry(chosen="x"), "no candidate 'x'"),
        (replace(entry(), question_id="other"), "does not answer"),
        (entry(chosen="c2", rejected="c2"), "with itself"),
        (entry(PairAct.UNDO, undoes=9), "no entry 9"),
    ],
)
def test_what_refers_to_nothing_is_refused(store, wrong, said):
    with pytest.raises(Refused, match=said):
        store.pairs.append([entry(), wrong])
    assert list(store.pairs.entries()) == []
    assert store.pairs.counts().proposed == 0


def test_a_pair_may_be_found_stale(store):
    store.pairs.append([entry()])
    assert store.pairs.suspects() == ()
    store.pairs.suspect_all()
    assert [it.pair_id for it in store.pairs.suspects()] == [NAME]
    stale = Stale(StaleCause.DECIDED, "c1", F, 7.0, None)
    store.pairs.settle({NAME: stale})
    assert (store.pairs.suspects(), store.pairs.pair(NAME).stale, store.pairs.counts().stale) == ((), stale, 1)
    assert (
        store.pairs.page(PairFilter(stale=True), sort=PairSort.MARGIN, descending=False, offset=0, limit=9).total == 1
    )


def test_a_pair_without_a_margin_sorts_last(make_store):
    store = make_store(candidates=3)
    store.pairs.append([entry(PairAct.ADDED, dimensions=()), entry(chosen="c1", rejected="c3")])
    for descending in (False, True):
        page = store.pairs.page(PairFilter(), sort=PairSort.MARGIN, descending=descending, offset=0, limit=9)
        assert [row.pair.margin for row in page.rows] == [5.5, None]


def frozen(number: int) -> FrozenPair:
    side = FrozenSide(f"c{number}", "h", 3, AWKWARD, {F: 7.5}, 7.5)
    return FrozenPair(
        "s", "train", f"p{number}", "q", AWKWARD, None, "", side, side, (F,), 0.5, gold=True, judges=(AWKWARD,)
    )


def made(store: Store, count: int = 3) -> FrozenSet:
    pairs = [frozen(number) for number in range(count)]
    hashed, card = SetHash(), CardMaker()
    store.sets.start("s")
    for pair in pairs:
        hashed.add(pair.canonical())
        card.add(pair)
    store.sets.add("s", pairs[:1])
    store.sets.add("s", pairs[1:])
    filled = card.card(split=Split((0.5, 0.5, 0.0), 3), wanted=PairFilter(dimensions=(F,)), agreement={"kappa": None})
    return FrozenSet("s", hashed.hexdigest(), AWKWARD, "2026-01-01T00:00:00Z", filled)


def test_a_set_is_there_once_it_is_sealed(store):
    wanted = made(store, 900)
    assert (store.sets.all(), store.sets.find("s")) == ((), None)
    store.sets.seal(wanted)
    assert store.sets.all() == (wanted,)
    assert list(store.sets.pairs("s")) == [frozen(number) for number in range(900)]
    for refused in (
        lambda: store.sets.start("s"),
        lambda: store.sets.add("s", [frozen(1)]),
        lambda: store.sets.seal(wanted),
    ):
        with pytest.raises(Refused):
            refused()
    store.sets.drop("s")
    assert store.sets.get("s") == wanted


def test_an_unfinished_set_makes_room(store):
    made(store)
    wanted = made(store)
    store.sets.seal(wanted)
    assert len(list(store.sets.pairs("s"))) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pair_set SET name = 'x'",
        "DELETE FROM frozen_pair",
        "DELETE FROM pair_set",
        "UPDATE frozen_pair SET content = ''",
        "INSERT INTO frozen_pair SELECT set_key, ordinal + 1000, content FROM frozen_pair",
        "UPDATE pair_entry SET reviewer = 'x'",
        "DELETE FROM pair_entry",
    ],
)
def test_the_database_itself_refuses_to_change_what_is_kept(store, statement):
    store.pairs.append([entry()])
    store.sets.seal(made(store))
    with pytest.raises(Exception, match=r"never changed|append-only"), store._connections.write() as connection:
        connection.execute(sa.text(statement))
    assert len(list(store.sets.pairs("s"))) == 3


def test_pairs_of_other_questions_are_others(store):
    store.library.add_question(Question("q2", "d", "And this?"))
    for name in ("d1", "d2"):
        store.library.add_candidate(Candidate(name, "q2", name))
    store.pairs.append([entry(), replace(entry(chosen="d1", rejected="d2"), question_id="q2", pair_id="p")])
    assert [it.pair_id for it in store.pairs.of_question("q2")] == ["p"]
    assert [it.pair_id for it in store.pairs.proposed_by(RuleName.MARGIN, ["q"])] == [NAME]
    assert store.pairs.proposed_by(RuleName.LONGREWARD, ["q", "q2"]) == ()
