"""Pairs and sets of a project in a shared database, and of two projects that are merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lrstudio.domain.decisions import Target
from lrstudio.domain.pair_lists import PairFilter, PairSort
from lrstudio.domain.pairs import PairRule, PairState, RuleName
from lrstudio.domain.sets import Split
from lrstudio.services.decisions import Decisions
from lrstudio.services.merging import merge
from lrstudio.services.pairs import Pairs
from lrstudio.services.sets import Sets
from lrstudio.store.store import Store
from tests.doubles.postgres_server import PostgresServer
from tests.doubles.rated_project import F, five_candidates

ALL = PairFilter(states=(PairState.GOLD, PairState.PROPOSED), stale=False)


@pytest.fixture
def shared(postgres: PostgresServer) -> Iterator[Store]:
    with Store.create(postgres.new_database()) as store:
        yield five_candidates(store)


def pairs_of(store: Store, reviewer: str, *, hour: int = 0) -> Pairs:
    ticks = iter(range(1000))
    return Pairs(store, reviewer=lambda: reviewer, clock=lambda: f"2026-01-02T{hour:02d}:00:00.{next(ticks):03d}Z")


def standing(pairs: Pairs) -> dict[str, tuple[str, PairState, str]]:
    rows = pairs.page(limit=1000).rows
    return {row.pair.pair_id: (row.pair.chosen_id, row.pair.state, row.pair.reviewer) for row in rows}


@pytest.mark.server("postgresql")
def test_a_shared_database_keeps_pairs_as_a_file_does(shared: Store, tmp_path: Path) -> None:
    with Store.create(tmp_path / "p.lrs") as file:
        five_candidates(file)
        seen = [_worked(store) for store in (file, shared)]
    assert seen[0] == seen[1]


def _worked(store: Store) -> list[object]:
    pairs = pairs_of(store, "ann")
    sets = Sets(store, pairs=pairs, reviewer=lambda: "ann", clock=lambda: "2026-01-03T00:00:00Z")
    pairs.propose(PairRule())
    pairs.propose(PairRule(RuleName.MARGIN, margin=1.0))
    names = [row.pair.pair_id for row in pairs.page(limit=100).rows]
    pairs.approve(names[0])
    pairs.swap(names[1])
    pairs.reject(names[2])
    pairs.undo()
    Decisions(store, reviewer=lambda: "ann").set_score(Target("c", F), 1.0)
    seen: list[object] = [sorted(pairs.settle().pairs), pairs.counts()]
    for sort in PairSort:
        for wanted in (PairFilter(), PairFilter(stale=True), PairFilter(model="model-a", margin=2.0, length_ratio=3.0)):
            page = pairs.page(wanted, sort=sort, descending=True, offset=1, limit=5)
            seen += [page.total, page.rows]
    seen.append(sets.freeze("s", wanted=ALL, split=Split((1.0, 0.0, 0.0))).set)
    seen += sets.rows("s")
    return seen


def test_merged_projects_agree_on_what_people_said_of_pairs(tmp_path: Path) -> None:
    with Store.create(tmp_path / "a.lrs") as one, Store.create(tmp_path / "b.lrs") as other:
        for store, reviewer, hour in ((one, "ann", 1), (other, "bob", 2)):
            pairs = pairs_of(five_candidates(store), reviewer, hour=hour)
            pairs.propose(PairRule(RuleName.MARGIN))
            names = [row.pair.pair_id for row in pairs.page(limit=100).rows]
            for act, name in zip((pairs.approve, pairs.reject, pairs.swap), names[hour - 1 :], strict=False):
                act(name)
            pairs.undo()
        into_one = merge(one, other)
        into_other = merge(other, one)

        assert (into_one.differing, into_other.differing) == ((), ())
        assert standing(pairs_of(one, "x")) == standing(pairs_of(other, "x"))
        states = [state for _, state, _ in standing(pairs_of(one, "x")).values()]
        assert (states.count(PairState.GOLD), states.count(PairState.REJECTED)) == (2, 1)
        assert merge(one, other).new.pairs == 0
