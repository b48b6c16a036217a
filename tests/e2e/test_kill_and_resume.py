"""A judge run that is killed goes on where it stopped: no finished call is sent twice, the end is the same."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.verdicts import RunState
from lrstudio.services.wiring import create_project, open_project
from lrstudio.store.store import Store
from tests.doubles.ready_commands import ready

SERVER = Path(__file__).parents[1] / "doubles" / "chat_server.py"
CONCURRENCY = 4


@contextmanager
def serving(log: Path, *, latency: float) -> Iterator[str]:
    words = [sys.executable, str(SERVER), "--port", "0", "--log", str(log), "--latency", str(latency)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        finally:
            server.terminate()
            server.wait(10)


def words_for(project: Path, url: str) -> list[str]:
    words = ["judge", str(project), "--judge", "http", "--base-url", url, "--model", "test-model"]
    return [*words, "--concurrency", str(CONCURRENCY)]


def judge(project: Path, url: str) -> None:
    status, _, errors = ready().run(words_for(project, url), environment=os.environ)
    assert status == 0, errors


def asked(log: Path) -> Counter[str]:
    """Count the bodies that the server received, by their hash."""
    if not log.exists():
        return Counter()
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return Counter(line["sha256"] for line in lines if line["event"] == "request")


def finished(project: Path) -> set[str]:
    """Return the hashes of the bodies whose replies are in the project."""
    with Store.open(project) as store:
        rows = [row for info in store.library.candidate_infos() for row in store.calls.for_candidate(info.candidate_id)]
        return {sha256(row.request.encode()).hexdigest() for row in rows if row.parse_state == "parsed"}


def rows(project: Path, out: Path) -> list[dict[str, Any]]:
    """Return the judgments without what names the run."""
    with_project = open_project(project)
    with_project.exports.export(out, what="judgments")
    with_project.close()
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    for row in found:
        del row["run_id"]
        del row["coverage"]["attempts"]
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    text = " ".join(f"In {1800 + year} the port of Wenlow dredged {year * 37} tons of mud." for year in range(300))
    candidates = [
        {
            "id": f"c{n}",
            "model": "m",
            "text": f"In {1800 + n} the port dredged {n * 37} tons. In {1850 + n} it dredged more.",
        }
        for n in range(6)
    ]
    row = {"document_id": "d", "document_text": text, "query": "How much mud?", "candidates": candidates}
    path.write_text(json.dumps(row), encoding="utf-8")
    return path


def fresh(path: Path, source: Path) -> Path:
    project = create_project(path)
    report = project.imports.import_paths([source])
    assert (report.new.candidates, report.errors) == (6, ())
    project.close()
    return path


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize("kill_after", [1, 9, 23])
def test_a_killed_run_repeats_no_finished_call(tmp_path: Path, source: Path, kill_after: int) -> None:
    killed, whole = fresh(tmp_path / "killed.lrs", source), fresh(tmp_path / "whole.lrs", source)
    log = tmp_path / "log.jsonl"
    with serving(log, latency=0.1) as url:
        run = ready().start(words_for(killed, url), environment=os.environ)
        deadline = time.monotonic() + 60
        while sum(asked(log).values()) < kill_after and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        run.kill()
        assert run.wait() == -signal.SIGKILL, "it ended before the kill"
        before = asked(log)
        done = finished(killed)
        assert sum(before.values()) >= kill_after
        with Store.open(killed) as store:
            (interrupted,) = store.judging.runs()
        assert interrupted.state is RunState.RUNNING

        judge(killed, url)
        after = asked(log)
        repeated = {body for body, count in after.items() if count > 1}
        assert not repeated & done, "a finished call was sent again"
        assert len(repeated) <= CONCURRENCY, "more than what was in flight was sent again"
        with Store.open(killed) as store:
            (resumed,) = store.judging.runs()
        assert (resumed.run_id, resumed.state) == (interrupted.run_id, RunState.DONE)

    with serving(tmp_path / "log2.jsonl", latency=0.0) as url:
        # the endpoint's address is part of a call's key, so this run starts from nothing
        judge(whole, url)
    assert set(asked(tmp_path / "log2.jsonl")) == set(after), "the same bodies, each once"
    assert rows(killed, tmp_path / "k.jsonl") == rows(whole, tmp_path / "w.jsonl")
