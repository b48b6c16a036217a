"""Pairs and sets travel with a whole project."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.decisions import Target
from lrstudio.domain.length_choices import LengthChoice, Mitigation
from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.pairs import PairRule, PairState, RuleName
from lrstudio.domain.sets import Split
from lrstudio.services.wiring import Project, create_project
from tests.doubles.rated_project import F, H, five_candidates

ALL = PairFilter(states=(PairState.GOLD, PairState.PROPOSED))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    opened: list[Project] = []

    def project(name: str) -> Project:
        opened.append(create_project(tmp_path / name, reviewer="ann"))
        return opened[-1]

    yield project
    for it in opened:
        it.close()


@pytest.fixture
def project(make: Callable[[str], Project]) -> Project:
    made = make("p.lrs")
    five_candidates(made._store)
    made.decisions.set_score(Target("b", H), 10.0)
    made.decisions.set_score(Target("e", F), 0.0)
    made.pairs.propose(PairRule(least=((F, 0.5),), length_ratio=2.0))
    made.pairs.propose(PairRule(RuleName.MARGIN, margin=1.0))
    names = [row.pair.pair_id for row in made.pairs.page().rows]
    made.pairs.approve(names[0], reason="clear", blind=True, order=("e", "a"))
    made.pairs.swap(names[1])
    made.pairs.reject(names[2])
    made.pairs.undo()
    made.sets.freeze("gold", split=Split((1.0, 0.0, 0.0)), agreement=lambda: {"kappa": 0.5})
    made.sets.freeze("all", wanted=ALL, choice=LengthChoice(Mitigation.RATIO, 3.0))
    return made


def said(project: Project) -> list[Any]:
    return [row.pair for row in project.pairs.page(limit=1000).rows]


def test_a_project_with_pairs_and_sets_comes_back_whole(
    project: Project, make: Callable[[str], Project], tmp_path: Path
) -> None:
    out = tmp_path / "p.jsonl.gz"
    project.exports.export(out)
    other = make("other.lrs")
    report = other.imports.import_paths([out])
    count = project.pairs.page().total

    assert (report.errors, report.new.pairs, report.new.sets) == ((), count, 2)
    assert report.changes.sets == {"gold", "all"}
    assert len(report.changes.pairs) == count
    assert said(other) == said(project)
    assert list(other._store.pairs.entries()) == list(project._store.pairs.entries())
    assert other.sets.all() == project.sets.all()
    assert [list(other.sets.rows(name)) for name in ("gold", "all")] == [
        list(project.sets.rows(name)) for name in ("gold", "all")
    ]
    assert other.sets.verify("all").holds
    assert other.pairs.undo_redo() == project.pairs.undo_redo()

    again = other.imports.import_paths([out])
    assert (again.errors, again.new.pairs, again.new.sets) == ((), 0, 0)
    assert (again.same.pairs, again.same.sets) == (count, 2)
    assert list(other._store.pairs.entries()) == list(project._store.pairs.entries())


def test_decisions_under_pairs_are_numbered_anew(
    project: Project, make: Callable[[str], Project], tmp_path: Path
) -> None:
    out = tmp_path / "p.jsonl"
    project.exports.export(out)
    other = make("other.lrs")
    five_candidates(other._store)
    other.decisions.set_score(Target("c", H), 7.0)
    report = other.imports.import_paths([out])

    assert report.errors == ()
    grounds = [it for pair in said(other) for it in pair.grounds if it.decisions]
    assert {(it.candidate_id, it.decisions) for it in grounds} == {("b", (2,)), ("e", (3,))}
    assert all(pair.stale is None for pair in said(other))


def test_another_set_of_the_name_stays_out(project: Project, make: Callable[[str], Project], tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    project.exports.export(out)
    other = make("other.lrs")
    five_candidates(other._store)
    other.pairs.propose(PairRule())
    other.sets.freeze("all", wanted=ALL)
    kept = other.sets.get("all")
    report = other.imports.import_paths([out])

    assert [error.where for error in report.errors] == ["p.jsonl set 'all'"]
    assert other.sets.get("all") == kept
    assert other.sets.verify("gold").holds


def test_a_forged_set_stays_out(project: Project, make: Callable[[str], Project], tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    project.exports.export(out)
    lines = out.read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    at = next(n for n, row in enumerate(rows) if row["kind"] == "frozen_pair" and row["set_name"] == "all")
    rows[at]["chosen"]["reward"] = 0.25
    out.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    other = make("other.lrs")
    report = other.imports.import_paths([out])

    assert [(error.where, "left out" in error.sentence) for error in report.errors] == [("p.jsonl set 'all'", True)]
    assert [it.name for it in other.sets.all()] == ["gold"]
