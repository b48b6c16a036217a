"""`lrstudio report` in real processes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrstudio.services.wiring import create_project

LABELLED = Path(__file__).resolve().parents[1] / "data" / "labelled"
Run = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = create_project(tmp_path / "p.lrs")
    made.imports.import_paths([LABELLED / "nocha.jsonl"])
    made.close()
    return made.path


def test_agreement_in_words_as_json_and_as_csv(lrstudio: Run, project: Path, tmp_path: Path) -> None:
    done = lrstudio("report", project, "agreement", "--judge", "gemma", "--csv", tmp_path / "out.csv")
    assert done.status == 0
    assert "the judge decided: 4 of 36 (11 %)" in done.out
    assert "not given" in done.out
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    share = next(row for row in rows if row["key"] == "right_of_all")
    assert (share["model"], share["kind"], share["value"], share["n"]) == ("gemma", "share", "4", "36")
    again = lrstudio("report", project, "agreement", "--judge", "gemma", "--json")
    section, corrected = again.data["sections"]
    assert corrected["of"] == "fully supported claims"
    assert {it["key"]: it["count"] for it in section["shares"]}["right_of_all"] == 4
    assert all(it["value"] is None and it["sentence"] for it in section["figures"])


def test_a_judge_that_is_not_there(lrstudio: Run, project: Path) -> None:
    done = lrstudio("report", project, "agreement", "--judge", "nobody")
    assert (done.status, done.out) == (1, "")
    assert "no judge is called 'nobody'" in done.err


@pytest.mark.parametrize("words", [("horoscope",), ("agreement", "--by", "weather"), ("agreement", "--cluster", "x")])
def test_words_that_do_not_fit(lrstudio: Run, project: Path, words: tuple[str, ...]) -> None:
    assert lrstudio("report", project, *words).status == 2
