"""Retrieval, a served judge, sampling and consent from the command line, in real processes."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from lrstudio.services.wiring import create_project
from tests.doubles.chat_server import ChatServer
from tests.doubles.ready_commands import Heard

Run = Callable[..., Any]
Begin = Callable[..., Heard]

SERVER = Path(__file__).parents[1] / "doubles" / "chat_server.py"
TEXT = " ".join(f"In {1800 + year} the port of Wenlow dredged {year * 37} tons of mud." for year in range(300))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = create_project(tmp_path / "p.lrs")
    made.imports.add_document(title="Port", text=TEXT, document_id="port")
    question = made.imports.add_question(document_id="port", query="How much mud?").id
    for n in range(4):
        made.imports.add_candidate(question_id=question, text=f"In {1800 + n} the port dredged {n * 37} tons of mud.")
    made.close()
    return tmp_path / "p.lrs"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def serve_words(log: Path, *, latency: float = 0.0) -> str:
    return f"{sys.executable} {SERVER} --port {{port}} --log {log} --latency {latency}"


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def test_embeddings_are_asked_for_once_per_project(project: Path, server: ChatServer, lrstudio: Run) -> None:
    words = ("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "m")
    more = ("--retrieval", "embeddings", "--embedding-model", "e", "--dimension", "faithfulness", "--json")
    done = lrstudio(*words, *more)
    assert done.status == 0, done.err
    assert done.data["states"]["faithfulness"] == {"scored": 4}
    sent = server.embedded()
    assert len(sent) == len(set(sent)) > 40
    fused = lrstudio(*words, *more[:1], "fusion", *more[2:])
    assert fused.status == 0, fused.err
    assert fused.data["run_id"] != done.data["run_id"]
    assert len(server.embedded()) == len(sent)
    assert done.err == "", "this machine needs no consent"


def test_a_local_model_without_torch_is_refused_before_anything_is_paid(
    project: Path, server: ChatServer, lrstudio: Run, tmp_path: Path
) -> None:
    words = ("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "m")
    done = lrstudio(*words, "--retrieval", "local", "--embedding-model", tmp_path)
    assert done.status == 1
    assert "lrstudio[train]" in done.err or "no sentence-embedding model" in done.err
    assert server.requests == []


def test_a_served_judge_has_one_identity_whatever_its_port(project: Path, lrstudio: Run, tmp_path: Path) -> None:
    serve = serve_words(tmp_path / "log.jsonl")
    first = lrstudio("judge", project, "--serve", serve, "--model", "m", "--json")
    assert first.status == 0, first.err
    assert first.data["judge"] == "http"
    assert "p.serve.log" in first.err
    asked = len(lines(tmp_path / "log.jsonl"))
    again = lrstudio("judge", project, "--serve", serve, "--model", "m", "--json")
    assert again.status == 0, again.err
    assert (again.data["calls"], again.data["states"]) == (0, first.data["states"])
    assert len(lines(tmp_path / "log.jsonl")) == asked, "every reply was in the log already"


def test_a_server_that_cannot_start_is_said_with_its_last_words(project: Path, lrstudio: Run) -> None:
    dying = f"{sys.executable} -c \"raise SystemExit('no such weights')\" {{port}}"
    done = lrstudio("judge", project, "--serve", dying, "--model", "m")
    assert done.status == 1
    assert "no such weights" in done.err
    assert lrstudio("judge", project, "--judge", "lexical", "--serve", dying, "--model", "m").status == 1


def begun(begin: Begin, words: Sequence[object], *, log: Path) -> tuple[Heard, list[psutil.Process], int]:
    """Begin a run, wait for some calls, and return it with its family and the port of its server."""
    run = begin(*words)
    deadline = time.monotonic() + 60
    while len(lines(log)) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    family = psutil.Process(run.pid).children(recursive=True)
    assert len(family) == 2, "the server and its keeper"
    return run, family, next(int(word) for word in family[1].cmdline() if word.isdigit())


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_and_its_server(
    project: Path, tmp_path: Path, lrstudio: Run, begin: Begin, name: str
) -> None:
    log = tmp_path / "log.jsonl"
    words = ["judge", project, "--serve", serve_words(log, latency=0.3), "--model", "m", "--concurrency", "1"]
    run, family, port = begun(begin, words, log=log)
    os.kill(run.pid, signal.Signals[name])
    status, _, errors = run.end()
    assert status == 130, errors
    assert "what was finished is kept" in errors
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    done = [line for line in lines(log) if line["event"] == "reply"]
    again = lrstudio(*words[:-2], "--json")
    assert again.status == 0, again.err
    assert again.data["resumed"] is True
    bodies = [line["sha256"] for line in lines(log) if line["event"] == "request"]
    finished = {line["sha256"] for line in done}
    # the last reply may have been on its way when the signal came
    assert sum(bodies.count(body) - 1 for body in finished) <= 1


def test_a_server_does_not_outlive_a_studio_that_is_killed(project: Path, tmp_path: Path, begin: Begin) -> None:
    log = tmp_path / "log.jsonl"
    words = ["judge", project, "--serve", serve_words(log, latency=0.3), "--model", "m", "--concurrency", "1"]
    run, family, port = begun(begin, words, log=log)
    os.kill(run.pid, signal.SIGKILL)
    assert run.end()[0] == -signal.SIGKILL
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_documents_leave_only_with_consent(project: Path, lrstudio: Run) -> None:
    far = ("judge", project, "--judge", "http", "--base-url", "http://192.0.2.1:9/v1", "--model", "m", "--timeout", "1")
    done = lrstudio(*far)
    assert done.status == 1
    announced, refused = done.err.splitlines()
    assert "192.0.2.1 is another machine; it would be sent 1 document" in announced
    assert "--yes" in refused
    assert "--allow 192.0.2.1" in refused
    shown = lrstudio("consent", project, "--allow", "192.0.2.1", "--local-only", "--document", "port", "--json").data
    assert shown["local_only_documents"] == ["port"]
    assert list(shown["allowed_hosts"]) == ["192.0.2.1"]
    done = lrstudio(*far, "--yes")
    assert done.status == 1
    assert "'port' must stay on this machine" in done.err
    drawn = lrstudio("sample", project, "--all", "--base-url", "http://192.0.2.1:9/v1", "--model", "m", "--yes")
    assert "'port' must stay on this machine" in drawn.err
    assert "these stay on this machine: port" in lrstudio("consent", project).out
    free = lrstudio("consent", project, "--no-local-only", "--document", "port", "--forbid", "192.0.2.1")
    assert "each run asks" in free.out
    assert lrstudio("consent", project, "--document", "port").status == 2
    assert lrstudio("consent", project, "--local-only", "--document", "nope").status == 1
    assert "all documents stay" in lrstudio("consent", project, "--local-only").out


def test_candidates_are_drawn_planned_and_judged(project: Path, server: ChatServer, lrstudio: Run) -> None:
    words = ("sample", project, "--all", "--base-url", server.base_url, "--model", "m1", "--model", "m2", "--count", 2)
    plan = lrstudio(*words, "--plan", "--json").data
    assert (plan["calls"], plan["logged"], plan["cost_at_most"]) == (4, 0, None)
    assert server.requests == []
    done = lrstudio(*words, "--json")
    assert done.status == 0, done.err
    assert (done.data["new"], done.data["calls"]) == (4, 4)
    again = lrstudio(*words, "--json").data
    assert (again["new"], again["same"], again["calls"]) == (0, 4, 0)
    assert "0 calls to send, 4 in the log" in lrstudio(*words, "--plan").out
    models = [it["model"] for it in lrstudio("show", project, "--json").data["questions"][0]["candidates"]]
    assert models == ["", "", "", "", "m1", "m1", "m2", "m2"]
    assert lrstudio("sample", project, "--base-url", server.base_url, "--model", "m").status == 2
    both = lrstudio("sample", project, "--all", "--question", "port#1", "--base-url", server.base_url, "--model", "m")
    assert both.status == 2
    judged = lrstudio("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "m", "--json")
    assert judged.data["candidates"] == 8
    refused = lrstudio(*words[:2], "--question", "nope", *words[3:])
    assert "no question 'nope'" in refused.err


def test_candidates_are_drawn_from_a_served_model_within_a_spend_limit(
    project: Path, lrstudio: Run, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "settings.toml").write_text(
        '[http]\nmodel = "theirs"\nbase_url = "https://far.example/v1"\ninput_price = 1.0\noutput_price = 2.0\n'
    )
    log = tmp_path / "log.jsonl"
    words = ("sample", project, "--all", "--serve", serve_words(log), "--model", "m", "--count", 4, "--max-tokens", 50)
    cut = lrstudio(*words, "--spend-limit", "0.0001", "--json", LRSTUDIO_PROFILE=str(profile))
    assert cut.status == 1
    assert "the spend limit of 0.0001 is reached" in cut.err
    assert "p.serve.log" in cut.err
    assert (cut.data["new"], cut.data["calls"]) == (0, 0)
    done = lrstudio(*words, "--spend-limit", "1", "--json", LRSTUDIO_PROFILE=str(profile))
    assert done.status == 0, done.err
    assert (done.data["new"], done.data["stopped"]) == (4, "")
    assert {line["model"] for line in lines(log) if line["event"] == "request"} == {"m"}


def test_extra_headers_go_with_every_request_and_no_proxy_stands_before_this_machine(
    project: Path, server: ChatServer, lrstudio: Run, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "settings.toml").write_text(
        '[http]\nproxy = "http://127.0.0.1:1"\n[http.headers]\nX-Team = "audit"\nX-Key = "$GATE"\n'
    )
    words = ("judge", project, "--judge", "http", "--base-url", server.base_url, "--model", "m", "--json")
    more = {"LRSTUDIO_PROFILE": str(profile), "HTTP_PROXY": "http://127.0.0.1:1", "GATE": "open"}
    done = lrstudio(*words, **more)
    assert done.status == 0, done.err
    assert done.data["states"]["helpfulness"] == {"scored": 4}
    assert {it.headers["x-team"] + it.headers["x-key"] for it in server.requests} == {"auditopen"}
    del more["GATE"]
    assert "variable GATE" in lrstudio(*words, **more).err
