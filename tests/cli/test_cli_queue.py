"""`lrstudio queue` on a real project, in processes of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.doubles.windows import make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "p.lrs")


def test_a_queue_is_made_listed_and_read(lrstudio: Run, project: Path) -> None:
    assert lrstudio("queue", project, "list").out.startswith("no queue yet")
    words = ("--purpose", "random_audit", "--judge", "lexical", "--size", "3", "--seed", "7")
    made = lrstudio("queue", project, "make", *words, "--json").data["queue"]
    assert (made["purpose"], made["items"], made["finished"], made["seed"]) == ("random_audit", 3, 0, 7)
    assert lrstudio("queue", project, "list", "--json").data["queues"] == [made]
    items = lrstudio("queue", project, "items", made["queue_id"], "--json").data["items"]
    assert [it["ordinal"] for it in items] == [0, 1, 2]
    assert {it["inclusion_probability"] for it in items} == {3 / made["population"]}
    assert lrstudio("queue", project, "items", made["queue_id"]).out.count("open  ") == 3


def test_what_cannot_be_is_refused(lrstudio: Run, project: Path) -> None:
    assert lrstudio("queue", project, "make").status == 2
    assert lrstudio("queue", project, "items").status == 2
    unknown = lrstudio("queue", project, "make", "--purpose", "low_confidence", "--judge", "nobody")
    assert (unknown.status, "there are: lexical" in unknown.err) == (1, True)
    assert lrstudio("queue", project, "items", "zz").status == 1
