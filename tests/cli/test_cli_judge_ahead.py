"""`lrstudio judge` with a plan, limits, repeats and batch files, against a server on the loopback."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.services.wiring import create_project
from tests.doubles.batch_executor import execute
from tests.doubles.chat_server import ChatServer

Run = Callable[..., Any]

LINES = [f"In {1800 + year} the port of Wenlow dredged {year * 37} tons of mud." for year in range(60)]
ROW = {
    "document_id": "d",
    "document_text": " ".join(LINES),
    "query": "Which port dredged mud, and how much?",
    "candidates": [{"id": f"c{n}", "text": f"{LINES[n]} {LINES[n + 1]}"} for n in range(3)],
}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path, rows = tmp_path / "p.lrs", tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(ROW), encoding="utf-8")
    made = create_project(path)
    made.imports.import_paths([rows])
    made.close()
    return path


@pytest.fixture
def judge(project: Path, server: ChatServer, lrstudio: Run) -> Run:
    words = ("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "m")
    return lambda *more: lrstudio(*words, *more)


def prices() -> None:
    profile = Path(os.environ["LRSTUDIO_PROFILE"])
    profile.mkdir(parents=True, exist_ok=True)
    text = "[http]\ninput_price = 1.0\noutput_price = 3\nrequests_per_minute = 1000\n"
    (profile / "settings.toml").write_text(text, encoding="utf-8")


def test_the_plan_and_what_it_came_to(judge: Run, server: ChatServer) -> None:
    planned = judge("--plan", "--json").data
    assert planned["candidates"] == 3
    assert planned["outstanding"] == planned["without_log"]
    assert {name: row["calls"] for name, row in planned["outstanding"].items()} == {
        "helpfulness": 3,
        "logicality": 3,
        "faithfulness": 7,
        "completeness": 4,
        "total": 17,
    }
    assert planned["outstanding"]["total"]["cost"] is None
    assert server.requests == []
    prices()
    words = judge("--plan").out
    assert "calls to be made" in words
    assert "one claim for each sentence" in words
    done = judge("--json", "--concurrency", "3").data
    assert (done["calls"], len(server.requests)) == (17, 17)
    assert done["cost"] == pytest.approx((done["input_tokens"] + 3 * done["output_tokens"]) / 1e6)
    assert (done["state"], done["left"], done["stopped"]) == ("done", 0, "")
    assert set(done["states"]) == {"helpfulness", "logicality", "faithfulness", "completeness"}
    assert done["seconds"] > 0
    assert server.most_in_flight <= 3
    after = judge("--plan", "--json").data
    assert after["outstanding"]["total"]["calls"] == 0
    assert after["without_log"]["total"]["input_tokens"] > 0


def test_limits_end_cleanly(judge: Run, server: ChatServer) -> None:
    refused = judge("--spend-limit", "1")
    assert (refused.status, refused.out) == (1, "")
    assert "price" in refused.err
    prices()
    stopped = judge("--spend-limit", "0.016", "--json")
    assert stopped.status == 1
    assert "the spend limit of 0.016 is reached" in stopped.err
    assert (stopped.data["state"], stopped.data["cost"] <= 0.016) == ("cancelled", True)
    some = judge("--limit", "1", "--json")
    assert (some.status, some.data["resumed"], some.data["left"]) == (0, True, 2)
    assert "run again" in judge("--limit", "1").out
    assert judge("--limit", "1", "--json").data["state"] == "done"
    assert len(server.requests) == 17


def test_repeats_are_in_the_export(judge: Run, project: Path, tmp_path: Path, lrstudio: Run) -> None:
    def rows() -> list[dict[str, Any]]:
        lrstudio("export", project, tmp_path / "out.jsonl", "--what", "judgments")
        return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]

    assert judge().status == 0
    assert not any("samples" in row or any("votes" in claim for claim in row["claims"]) for row in rows())
    whole = tmp_path / "once.jsonl"
    lrstudio("export", project, whole)
    assert '"samples"' not in whole.read_text(encoding="utf-8")
    assert judge("--samples", "2").status == 0
    repeated = rows()
    assert all(len(row["samples"]) == 2 for row in repeated)
    assert all(len(claim["votes"]) == 2 for row in repeated for claim in row["claims"])
    out, again, copy = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "copy.lrs"
    lrstudio("export", project, out)
    lrstudio("new", copy)
    assert lrstudio("import", copy, out).status == 0
    lrstudio("export", copy, again)
    assert out.read_bytes() == again.read_bytes()


def test_a_judge_run_by_batch_files(judge: Run, server: ChatServer, tmp_path: Path) -> None:
    calls = tmp_path / "calls.jsonl"
    first = judge("--batch-out", calls, "--batch-rows", "8", "--json").data
    assert (first["calls"], first["wave"], first["waves_left"]) == (10, 1, 1)
    assert [Path(name).name for name in first["files"]] == ["calls.jsonl.1", "calls.jsonl.2"]
    results = [execute([Path(name)], tmp_path / f"r{n}.jsonl") for n, name in enumerate(first["files"])]
    taken = judge("--batch-in", results[0], "--batch-in", results[1])
    assert taken.status == 1
    assert "7 calls are outstanding" in taken.err
    second = judge("--batch-out", calls)
    assert "wave 2: 7 calls (4 support, 3 completeness)" in second.out
    assert "no wave follows" in second.out
    done = judge("--batch-in", execute([calls], tmp_path / "r.jsonl"), "--json")
    assert (done.status, done.err) == (0, "")
    assert done.data["batch"] == {
        "replies": 7,
        "known": 0,
        "repeated": 0,
        "unknown": [],
        "errors": [],
        "outstanding": 0,
    }
    assert (done.data["state"], done.data["calls"]) == ("done", 17)
    assert judge("--batch-out", tmp_path / "none", "--plan").status == 2
    assert server.requests == []
