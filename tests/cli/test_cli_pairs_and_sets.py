"""From judged candidates to a frozen set, in real processes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrstudio.services.wiring import create_project
from tests.doubles.rated_project import add_question, five_candidates

Run = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = create_project(tmp_path / "p.lrs", title="Pairs")
    five_candidates(made._store)
    add_question(made._store, {"x": (9, 9, 9, 9), "y": (1, 1, 1, 1)}, question_id="q2", document_id="d2")
    made.close()
    return made.path


def test_from_proposals_to_a_frozen_set(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    proposed = lrstudio("pairs", project, "propose", "--json").data
    assert (proposed["questions"], proposed["new"], proposed["same"]) == (2, 1, 0)
    assert proposed["passed_over"] == [{"question_id": "q2", "why": "too_few", "candidates": ["x", "y"]}]
    more = lrstudio("pairs", project, "propose", "--rule", "margin", "--margin", "4", "--dimension", "faithfulness")
    assert more.status == 0, more.err
    assert more.out.startswith("3 pairs proposed in 2 questions"), more.out

    listed = lrstudio("pairs", project, "list", "--sort", "margin", "--descending", "--limit", "1", "--json").data
    assert (listed["total"], [it["chosen_id"] for it in listed["pairs"]]) == (3, ["x"])
    widest = listed["pairs"][0]["pair_id"]
    other = lrstudio("pairs", project, "list", "--rule", "longreward", "--json").data["pairs"][0]

    said = ("--reason", "clear", "--blind", "--reviewer", "ann", "--json")
    (swapped,) = lrstudio("pairs", project, "swap", widest, *said).data["pairs"]
    assert (swapped["chosen_id"], swapped["state"], swapped["reason"], swapped["blind"]) == ("y", "gold", "clear", True)
    assert lrstudio("pairs", project, "undo", "--reviewer", "ann", "--json").data["pairs"][0]["chosen_id"] == "x"
    assert lrstudio("pairs", project, "undo", "--reviewer", "ann").out == "nothing to undo\n"
    assert lrstudio("pairs", project, "approve", "--all", "--margin", "5", "--reviewer", "ann").status == 0
    assert lrstudio("pairs", project, "reject", other["pair_id"]).status == 0
    assert lrstudio("pairs", project, "add", "d", "c", "--json").data["pairs"][0]["margin"] == -1.0
    counts = lrstudio("pairs", project, "list", "--json").data["counts"]
    assert counts == {"proposed": 1, "gold": 2, "rejected": 1, "stale": 0}

    frozen = lrstudio(
        "set", project, "freeze", "gold", "--split", "1/0/0", "--seed", "3", "--reviewer", "ann", "--json"
    )
    assert frozen.status == 0, frozen.err
    assert (frozen.data["name"], frozen.data["card"]["pairs"], frozen.data["card"]["gold"]) == ("gold", 2, 2)
    assert frozen.data["card"]["split"] == {"shares": [1.0, 0.0, 0.0], "seed": 3}
    assert lrstudio("set", project, "show", "gold", "--json").data == frozen.data
    assert lrstudio("set", project, "list", "--json").data["sets"][0]["content_hash"] == frozen.data["content_hash"]
    assert "2 gold" in lrstudio("set", project, "show", "gold").out
    ratio = ("--state", "gold", "--state", "proposed", "--split", "1/0/0", "--mitigate", "ratio=1.0")
    even = lrstudio("set", project, "freeze", "even", *ratio)
    assert "chosen by length: length ratio up to 1, out of 3 pairs" in even.out, even
    assert lrstudio("set", project, "verify", "even").status == 0
    card = lrstudio("set", project, "show", "even", "--json").data["card"]["mitigated"]
    assert card["choice"] == {"mitigation": "ratio", "limit": 1.0, "seed": 0}
    verified = lrstudio("set", project, "verify", "gold")
    assert (verified.status, verified.out) == (0, "gold: 2 pairs, unchanged\n")
    again = lrstudio("set", project, "freeze", "gold")
    assert (again.status, "never changes" in again.err) == (1, True)

    out = tmp_path / "all.jsonl"
    assert lrstudio("export", project, out).status == 0
    kinds = [json.loads(line)["kind"] for line in out.read_text("utf-8").splitlines()]
    assert (kinds.count("set"), kinds.count("frozen_pair")) == (2, 5)


def test_a_changed_score_shows_as_stale(project: Path, lrstudio: Run) -> None:
    lrstudio("pairs", project, "propose")
    lrstudio("decide", project, "--candidate", "e", "--dimension", "faithfulness", "--score", "9")
    listed = lrstudio("pairs", project, "list", "--stale", "--json").data

    assert [it["stale"] for it in listed["pairs"]] == ["a person decided: faithfulness of e went from 4.0 to 9.0"]
    assert listed["counts"]["stale"] == 1
    assert lrstudio("pairs", project, "list", "--fresh", "--json").data["pairs"] == []
    assert "stale: a person decided" in lrstudio("pairs", project, "list").out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("pairs", "buy"), 2, "none of propose"),
        (("pairs", "approve"), 2, "name the pairs"),
        (("pairs", "approve", "p1", "--all"), 2, "name the pairs"),
        (("pairs", "approve", "p1"), 1, "no pair 'p1'"),
        (("pairs", "swap", "--all"), 2, "takes the names"),
        (("pairs", "add", "a"), 2, "chosen and the rejected"),
        (("pairs", "list", "p1"), 2, "takes no names"),
        (("pairs", "list", "--all"), 2, "goes with approve"),
        (("pairs", "list", "--state", "lost"), 2, "not 'lost'"),
        (("pairs", "propose", "--model", "m"), 2, "not for proposing"),
        (("pairs", "propose", "--least", "faithfulness"), 2, "DIMENSION=NUMBER"),
        (("pairs", "propose", "--least", "luck=2"), 2, "DIMENSION=NUMBER"),
        (("pairs", "propose", "--rule", "luck"), 2, "none of longreward"),
        (("pairs", "propose", "--margin", "12"), 1, "from 0 to 10"),
        (("set", "buy"), 2, "none of freeze"),
        (("set", "freeze"), 2, "the name of a set"),
        (("set", "list", "x"), 2, "list takes none"),
        (("set", "show", "x"), 1, "no set 'x'"),
        (("set", "freeze", "x", "--split", "1/1/1"), 2, "add up to 1"),
        (("set", "freeze", "x"), 1, "no pair fits"),
        (("set", "freeze", "x", "--mitigate", "longer"), 1, "'longer' is none of balanced"),
        (("set", "list", "--mitigate", "balanced"), 2, "--mitigate goes with freeze"),
        (("set", "freeze", "x", "--state", "rejected"), 1, "rejected pairs stay out"),
    ],
)
def test_what_does_not_fit_is_said(
    project: Path, lrstudio: Run, words: tuple[str, ...], status: int, said: str
) -> None:
    verb, *rest = words
    done = lrstudio(verb, project, *rest, COLUMNS="300")
    assert done.status == status, done.err
    assert said in " ".join(done.err.split())
