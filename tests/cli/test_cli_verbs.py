"""The verbs in real processes: data on standard output, messages on standard error, an honest status."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from lrstudio.cli import VERBS
from lrstudio.cli.main import app
from lrstudio.services.wiring import create_project

Run = Callable[..., Any]

DOCUMENT = (
    "The harbour board met in March 1871. It raised a loan of £150,000 at four per cent. "
    "The breakwater was finished in 1876 by the engineer Alfred Corrie. Two ships were lost that winter."
)
ROWS = [
    {
        "document_id": "board",
        "document_text": DOCUMENT,
        "query": "What did the board do?",
        "candidates": [
            {"id": "a1", "model": "m1", "text": "The harbour board met in March 1871. It raised a loan of £150,000."},
            {
                "id": "a2",
                "model": "m2",
                "text": "It raised a loan of £180,000 at four per cent. Whales sang all night.",
            },
        ],
    },
    {
        "document_id": "lost",
        "document_text": None,
        "query": "Who knows?",
        "candidates": [{"id": "b1", "text": "Nobody."}],
    },
]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
    return path


@pytest.fixture
def project(tmp_path: Path, rows: Path) -> Path:
    made = create_project(tmp_path / "p.lrs", title="Board")
    made.imports.import_paths([rows])
    made.close()
    return made.path


def test_the_verbs_are_those_that_open_no_window() -> None:
    group = typer.main.get_command(app)
    assert set(group.commands) == set(VERBS)  # type: ignore[attr-defined]


def test_a_project_is_made_and_filled(tmp_path: Path, rows: Path, lrstudio: Run) -> None:
    path = tmp_path / "new.lrs"
    assert lrstudio("new", path, "--title", "Board", "--json").data == {"project": str(path), "title": "Board"}
    done = lrstudio("import", path, rows, "--json")
    assert done.status == 0, done.err
    assert {kind: number for kind, number in done.data["new"].items() if number} == {
        "documents": 2,
        "questions": 2,
        "candidates": 3,
    }
    assert done.data["errors"] == []


def test_main_job_from_the_command_line(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    judged = lrstudio("judge", project, "--judge", "lexical", "--json")
    assert judged.status == 0, judged.err
    assert judged.data["candidates"] == 3
    assert judged.data["states"]["helpfulness"] == {"unscored: needs_language_model": 3}
    assert judged.data["states"]["faithfulness"]["unscored: no_document"] == 1
    out = tmp_path / "judgments.jsonl"
    assert lrstudio("export", project, out, "--what", "judgments", "--json").data["rows"] == 12
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    row = next(it for it in rows if (it["candidate_id"], it["dimension"]) == ("a2", "faithfulness"))
    assert {"run_id", "judge", "model", "prompt_pack", "document_id", "question_id", "state", "reason", "score"} <= set(
        row
    )
    assert (row["document_id"], row["question_id"]) == ("board", "board#1")
    claim = row["claims"][0]
    text = ROWS[0]["candidates"][1]["text"]  # type: ignore[index]
    assert text[claim["start"] : claim["end"]] == claim["text"]
    assert all(DOCUMENT[it["start"] : it["end"]] == it["text"] for it in claim["evidence"])
    assert claim["support"] == 0, "the sum is another one"
    assert claim["support_reason"] == "contradicted"
    decided = lrstudio(
        *("decide", project, "--candidate", "a2", "--dimension", "faithfulness", "--claim", claim["claim_id"]),
        *("--support", "full", "--reason", "I know better", "--reviewer", "ann", "--json"),
    )
    assert decided.status == 0, decided.err
    assert decided.data["reviewer"] == "ann"
    shown = lrstudio("show", project, "--json").data
    faithfulness = shown["questions"][0]["candidates"][1]["dimensions"]["faithfulness"]
    assert faithfulness["decided"] is True
    journal = tmp_path / "decisions.jsonl"
    lrstudio("export", project, journal, "--what", "decisions")
    entry = json.loads(journal.read_text(encoding="utf-8"))
    assert (entry["before"]["support"], entry["after"]["support"], entry["reason"]) == (0.0, 1.0, "I know better")
    assert "a2" in lrstudio("show", project).out


def test_a_second_judge_run_is_another_run(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    first = lrstudio("judge", project, "--judge", "scripted", "--json").data
    second = lrstudio("judge", project, "--judge", "scripted", "--json").data
    assert first["run_id"] != second["run_id"]
    latest, everything = tmp_path / "latest.jsonl", tmp_path / "all.jsonl"
    lrstudio("export", project, latest, "--what", "judgments")
    lrstudio("export", project, everything, "--what", "judgments", "--all-runs")
    runs = {json.loads(line)["run_id"] for line in latest.read_text(encoding="utf-8").splitlines()}
    assert runs == {second["run_id"]}
    assert len(everything.read_text(encoding="utf-8").splitlines()) == 24


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "missing.lrs"), 1, "missing.lrs"),
        (("judge", "{p}", "--judge", "oracle"), 2, "'oracle' is none of lexical"),
        (("judge", "{p}", "--judge", "http"), 1, "base URL"),
        (("judge", "{p}", "--candidate", "nope"), 1, "no candidate 'nope'"),
        (("decide", "{p}", "--candidate", "a1", "--dimension", "faithfulness"), 2, "exactly one"),
        (("decide", "{p}", "--candidate", "zz", "--dimension", "helpfulness", "--score", "5"), 1, "no candidate"),
        (("decide", "{p}", "--candidate", "a1", "--dimension", "helpfulness", "--score", "11"), 1, "0 to 10"),
        (("decide", "{p}", "--candidate", "a1", "--dimension", "beauty", "--score", "5"), 2, "beauty"),
        (("export", "{p}", "{p}"), 1, "project itself"),
        (("export", "{p}", "x.jsonl", "--what", "all"), 2, "'all' is none of project"),
        (("export", "{p}", "x.jsonl", "--what", "set"), 2, "--set NAME"),
        (("export", "{p}", "x.jsonl", "--format", "kto"), 2, "--what pairs"),
        (("export", "{p}", "x.jsonl", "--set", "none"), 1, "no set 'none'"),
        (("export", "{p}", "x.jsonl", "--what", "pairs"), 1, "no pair to write"),
        (("import", "{p}", "nothing.pdf"), 1, "nothing.pdf"),
        (("import", "{p}", "x", "--format", "odt"), 2, "'odt' is none of auto"),
        (("import", "{p}", "x", "--map", "text"), 2, "ROLE=COLUMN"),
        (("new", "{p}"), 1, "exists"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    project: Path, lrstudio: Run, words: tuple[str, ...], status: int, said: str
) -> None:
    done = lrstudio(*(word.replace("{p}", str(project)) for word in words))
    assert done.status == status, (done.out, done.err)
    # rich wraps usage errors in a box
    assert said in " ".join(done.err.replace("│", " ").split())
    assert not done.out or words[0] == "import", "an import says what it could do"


def test_good_rows_are_kept_and_bad_ones_named(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    bad = tmp_path / "bad.jsonl"
    good = {"document_id": "d9", "document_text": "Some text.", "query": "q", "candidates": [{"id": "z1", "text": "a"}]}
    other = {**good, "document_id": "d10", "candidates": [{"id": "z2", "text": ""}, {"id": "z3", "text": "kept"}]}
    bad.write_text("\n".join([json.dumps(good), "{not json", json.dumps(other)]), encoding="utf-8")
    done = lrstudio("import", project, bad, "--json")
    assert done.status == 1
    assert done.data["new"]["candidates"] == 2
    wheres = [error["where"] for error in done.data["errors"]]
    assert len(wheres) == 2
    assert "bad.jsonl" in wheres[0]
    assert "2" in wheres[0]
    assert "3" in wheres[1]


def test_a_project_goes_out_and_in_again_with_equal_rows(project: Path, tmp_path: Path, lrstudio: Run) -> None:
    for name in ("lexical", "scripted"):
        assert lrstudio("judge", project, "--judge", name).status == 0
    lrstudio("decide", project, "--candidate", "a1", "--dimension", "helpfulness", "--score", "8", "--reviewer", "ann")
    out, again = tmp_path / "out.jsonl.gz", tmp_path / "again.jsonl.gz"
    assert lrstudio("export", project, out).status == 0
    copy = tmp_path / "copy.lrs"
    assert lrstudio("new", copy).status == 0
    done = lrstudio("import", copy, out, "--json")
    assert done.status == 0, done.err
    assert {kind: count for kind, count in done.data["new"].items() if count} == {
        "documents": 2,
        "questions": 2,
        "candidates": 3,
        "judge_runs": 2,
        "judgments": 24,
        "decisions": 1,
    }
    assert lrstudio("export", copy, again).status == 0
    assert gzip.decompress(out.read_bytes()) == gzip.decompress(again.read_bytes())
    before = lrstudio("show", project, "--json").data
    after = lrstudio("show", copy, "--json").data
    assert before["questions"] == after["questions"]
    repeated = lrstudio("import", copy, out, "--json").data
    assert set(repeated["new"].values()) == {0}
    assert repeated["same"] == done.data["new"]
    assert (before["title"], after["title"]) == ("Board", "Board")
    assert len(lrstudio("show", copy, "--json").data["judge_runs"]) == 2


def test_version_and_help(lrstudio: Run) -> None:
    assert lrstudio("--version").out.startswith("lrstudio ")
    assert "judge" in lrstudio("--help").out
