"""Formats of other programs on the command line: in, and pairs and sets out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

DATA = Path(__file__).parents[1] / "data" / "formats"


@pytest.fixture
def project(tmp_path: Path, lrstudio: Run) -> Path:
    path = tmp_path / "p.lrs"
    assert lrstudio("new", path).status == 0
    done = lrstudio("import", path, DATA / "longreward", "--json")
    assert done.status == 0, done.err
    new = done.data["new"]
    assert (new["judge_runs"], new["judgments"], new["pairs"]) == (1, 8, 1)
    return path


def test_pairs_leave_in_every_format(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    for name in ("trl", "kto", "reward", "longpo"):
        out = tmp_path / f"{name}.jsonl"
        words = ("export", project, out, "--what", "pairs", "--proposed", "--format", name, "--json")
        done = lrstudio(*words)
        assert done.status == 0, done.err
        assert (done.data["rows"], done.data["format"]) == (2 if name == "kto" else 1, name)
        assert len(out.read_text(encoding="utf-8").splitlines()) == done.data["rows"]
    done = lrstudio("export", project, tmp_path / "lr", "--what", "pairs", "--proposed", "--format", "longreward")
    assert done.status == 0
    assert "left out: candidates without a score in all four dimensions" in done.err
    assert {path.name for path in (tmp_path / "lr").iterdir()} == {"scored_responses.jsonl", "preference_pairs.jsonl"}


def test_a_set_leaves_as_a_folder(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    trl = tmp_path / "trl.jsonl"
    words = ("--form", "explicit", "--layout", r"{question}\n{document}")
    assert lrstudio("export", project, trl, "--what", "pairs", "--proposed", *words).status == 0
    row = json.loads(trl.read_text(encoding="utf-8"))
    assert row["prompt"].startswith(row["question"] + "\nSkarrow lies at the mouth")
    pair_id = row["pair_id"]
    assert lrstudio("pairs", project, "approve", pair_id, "--reviewer", "ann").status == 0
    frozen = lrstudio("set", project, "freeze", "gold", "--split", "1/0/0")
    assert frozen.status == 0, frozen.err
    done = lrstudio("export", project, tmp_path / "gold", "--set", "gold", "--format", "datasets", "--json")
    assert done.status == 0, done.err
    assert done.data["splits"] == {"train": 1}
    assert (tmp_path / "gold" / "data" / "train-00000-of-00001.parquet").is_file()
    again = lrstudio("export", project, tmp_path / "gold", "--set", "gold", "--format", "datasets")
    assert (again.status, "a new or an empty folder" in again.err) == (1, True)
