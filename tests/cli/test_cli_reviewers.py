"""Several people on one project, with the real command: differences, adjudication, and two projects made one."""

from __future__ import annotations

import shutil

import pytest

from lrstudio.store.store import Store
from tests.doubles.backends import BOTH
from tests.doubles.journals import fill


@pytest.fixture(params=BOTH)
def project(request, tmp_path):
    place = tmp_path / "p.lrs" if request.param == "sqlite" else request.getfixturevalue("postgres").new_database()
    with Store.create(place) as store:
        fill(store)
    return place


def decide(lrstudio, project, reviewer, support, *, claim="k0"):
    words = ("decide", project, "--candidate", "c1", "--dimension", "faithfulness", "--claim", claim)
    done = lrstudio(*words, "--support", support, "--reviewer", reviewer)
    assert done.status == 0, done.err


def test_two_people_differ_and_a_third_settles_it(project, lrstudio):
    assert lrstudio("reviewers", project).out == "nobody has decided anything yet\n"
    decide(lrstudio, project, "ana", "none")
    decide(lrstudio, project, "bo", "partial")
    decide(lrstudio, project, "bo", "full", claim="k1")
    listed = lrstudio("reviewers", project, "list", "--of", "bo", "--json").data
    assert [(it["reviewer"], it["verdicts"]) for it in listed["reviewers"]] == [("ana", 1), ("bo", 2)]
    assert [it["reviewer"] for it in listed["decisions"]] == ["bo", "bo"]
    (row,) = lrstudio("reviewers", project, "conflicts", "--json").data["conflicts"]
    assert [(it["label"], it["after"]["support"]) for it in row["verdicts"]] == [("ana", 0.0), ("bo", 0.5)]
    nameless = lrstudio("reviewers", project, "conflicts", "--no-names", "--json")
    assert "ana" not in nameless.out
    (row,) = nameless.data["conflicts"]
    half = next(it["label"] for it in row["verdicts"] if it["after"]["support"] == 0.5)
    where = ("--candidate", "c1", "--dimension", "faithfulness", "--claim", "k0")
    assert lrstudio("reviewers", project, "adjudicate", *where).status == 2
    wrong = lrstudio("reviewers", project, "adjudicate", *where, "--no-names", "--take", "bo")
    assert (wrong.status, "there are A, B" in wrong.err) == (1, True)
    done = lrstudio(
        *("reviewers", project, "adjudicate", *where, "--no-names", "--take", half),
        *("--reason", "half of it", "--reviewer", "cy", "--json"),
    )
    assert done.status == 0, done.err
    assert (done.data["score"], done.data["left"], done.data["decision"]["adjudicates"]) == (7.5, 0, [1, 2])
    assert lrstudio("reviewers", project, "conflicts").out == "no two reviewers differ\n"
    everything = lrstudio("reviewers", project, "conflicts", "--all").out
    assert "adjudicated: partial" in everything


def test_a_copy_that_somebody_worked_on_is_merged_back(tmp_path, lrstudio):
    mine, theirs = tmp_path / "mine.lrs", tmp_path / "theirs.lrs"
    with Store.create(mine) as store:
        fill(store)
    shutil.copy(mine, theirs)
    decide(lrstudio, mine, "ana", "none")
    decide(lrstudio, theirs, "bo", "partial")
    dry = lrstudio("merge", mine, theirs, "--dry-run", "--json").data
    assert (dry["new"]["decisions"], len(dry["disagreements"])) == (1, 1)
    done = lrstudio("merge", mine, theirs)
    assert done.status == 0, done.err
    assert "brought 1 decision" in done.out
    assert "c1 faithfulness k0  ana: none, bo: partial" in done.out
    again = lrstudio("merge", mine, theirs, "--json").data
    assert not any(again["new"].values())
    same = lrstudio("merge", mine, mine)
    assert (same.status, "the same project" in same.err) == (1, True)
