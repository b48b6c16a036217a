"""What the judging service does beside a plain run: plan, so many only, a spend limit, batch files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Dimension, RunState
from lrstudio.judge.plan import Effort, Plan
from lrstudio.services.audit import JUDGE_LOCK
from lrstudio.services.batches import BatchRead, BatchWritten
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.judging import JudgeOutcome
from lrstudio.services.wiring import Project
from lrstudio.store.store import Store
from tests.doubles.batch_executor import execute
from tests.doubles.chat_server import Answer, ChatServer, Request, plausible
from tests.doubles.ten_answers import filled

NOWHERE = "http://127.0.0.1:9/v1"
KEPT = 4


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = filled(tmp_path / "p.lrs", answers=KEPT)
    yield made
    made.close()


def request(base_url: str = NOWHERE, **more: Any) -> JudgeRequest:
    return JudgeRequest(judge="http", base_url=base_url, model="judge", **more)


def judge(project: Project, wanted: JudgeRequest) -> JudgeOutcome:
    return anyio.run(partial(project.judging.run, wanted, emit=lambda _: None))


def batch_out(project: Project, out: Path, wanted: JudgeRequest, **more: int) -> BatchWritten:
    return anyio.run(partial(project.judging.batch_out, wanted, out, **more))


def batch_in(project: Project, wanted: JudgeRequest, *files: Path) -> tuple[JudgeOutcome, BatchRead]:
    return anyio.run(project.judging.batch_in, wanted, files)


def exported(project: Project, out: Path) -> list[dict[str, Any]]:
    """The judgments without what names the run."""
    project.exports.export(out, what="judgments")
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "run_id"} for row in rows]


def calls(written: BatchWritten) -> list[bytes]:
    return [line for path in written.files for line in path.read_bytes().splitlines()]


def unsteady(request: Request) -> Answer:
    """Some first replies cannot be read, and one prompt is too long for good."""
    digest = sha256(request.prompt.encode()).digest()[0]
    if request.call == "helpfulness" and "On day 6 " in request.prompt:
        return Answer("maximum context length is 10", status=400)
    if digest % 5 == 0 and "seed" not in request.body:
        return Answer("hm")
    return plausible(request)


def test_a_plan_leaves_nothing_behind(project: Project) -> None:
    def plan(**more: Any) -> Plan:
        return anyio.run(project.judging.plan, request(input_price=2.0, **more))

    ahead = plan()
    total = sum(ahead.outstanding.values(), Effort())
    assert (ahead.candidates, total.calls) == (KEPT, 4 * KEPT + 8 + 28)
    assert total.cost == pytest.approx(total.input_tokens * 2 / 1e6)
    assert plan(limit=1).candidates == 1
    with Store.open(project.path) as store:
        assert store.judging.runs() == ()
        assert store.locks.holder(JUDGE_LOCK) is None
        with store.locks.acquire(JUDGE_LOCK):
            assert plan() == ahead
    assert anyio.run(project.judging.plan, JudgeRequest(judge="lexical")) == Plan()


def test_so_many_candidates_at_a_time(project: Project) -> None:
    with ChatServer() as server:
        wanted = request(server.base_url, limit=3)
        first = judge(project, wanted)
        assert (len(first.changes.judgments), first.left, first.stopped) == (3, 1, "")
        assert first.run.state is RunState.CANCELLED
        second = judge(project, wanted)
        assert (len(second.changes.judgments), second.left) == (1, 0)
        assert (second.resumed, second.run.run_id, second.run.state) == (True, first.run.run_id, RunState.DONE)
        assert not first.changes.judgments & second.changes.judgments
        assert len(server.requests) == 4 * KEPT + 8 + 28


def test_the_spend_limit_ends_a_run_that_can_go_on(project: Project) -> None:
    with ChatServer() as server:
        wanted = request(server.base_url, input_price=1.0, output_price=3.0, spend_limit=0.05)
        stopped = judge(project, wanted)
        assert stopped.run.state is RunState.CANCELLED
        assert "the spend limit of 0.05 is reached" in stopped.stopped
        assert 0.02 < (stopped.run.cost or 0) <= 0.05
        sent = len(server.requests)
        done = judge(project, request(server.base_url, input_price=1.0, output_price=3.0))
        assert (done.run.state, done.resumed, done.stopped) == (RunState.DONE, True, "")
        assert len(server.requests) == 4 * KEPT + 8 + 28 > sent


def test_what_cannot_be_limited_is_refused(project: Project) -> None:
    for wanted, said in [
        (request(spend_limit=1.0), "price of the model's tokens"),
        (request(samples=0), "at least once"),
        (request(limit=0), "at least one candidate"),
    ]:
        with pytest.raises(Refused, match=said):
            judge(project, wanted)
    with pytest.raises(Refused, match="only the http judge"):
        batch_out(project, project.path.with_name("b"), JudgeRequest(judge="lexical"))


@pytest.mark.parametrize("samples", [1, 2])
def test_batches_end_where_a_direct_run_does(project: Project, tmp_path: Path, samples: int) -> None:
    lost: set[str] = set()

    def lose_some(asked: Request) -> dict[str, Any] | None:
        if asked.sha256[0] == "7" and asked.sha256 not in lost:
            lost.add(asked.sha256)
            return {"response": None, "error": {"code": "batch_expired", "message": "not done in time"}}
        return None

    wanted, waves = request(samples=samples), 0
    written = batch_out(project, tmp_path / "calls.jsonl", wanted)
    assert (written.wave, written.waves_left) == (1, 1)
    assert written.calls == {"helpfulness": 4 * samples, "logicality": 4 * samples, "claims": 4, "key_points": 8}
    while written.calls:
        waves += 1
        results = execute(written.files, tmp_path / "results.jsonl", policy=unsteady, spoil=lose_some)
        outcome, read = batch_in(project, wanted, results)
        assert read.unknown == ()
        assert read.repeated == 0
        assert outcome.run.state is (RunState.CANCELLED if read.outstanding else RunState.DONE)
        written = batch_out(project, tmp_path / "calls.jsonl", wanted) if read.outstanding else written
        if not read.outstanding:
            break
        assert sum(written.calls.values()) == read.outstanding
        assert waves < 12
    assert waves >= 3, "unreadable and lost replies came again"
    assert lost
    with Store.open(project.path) as store:
        (run,) = store.judging.runs()
        assert run.calls == store.calls.totals(run.run_id).calls > 0
    other = filled(tmp_path / "direct.lrs", answers=KEPT)
    with ChatServer(unsteady) as server:
        judge(other, request(server.base_url, samples=samples))
    direct, batched = exported(other, tmp_path / "d.jsonl"), exported(project, tmp_path / "b.jsonl")
    other.close()
    assert len(direct) == 16
    names = {row["candidate_id"]: number for number, row in enumerate(direct)}
    assert all(row["candidate_id"] in names for row in batched)
    assert batched == direct
    assert {row["reason"] for row in direct} == {"", "context_overflow"}


def test_a_batch_is_split_by_rows_and_by_bytes(project: Project, tmp_path: Path) -> None:
    wanted = request()
    whole = batch_out(project, tmp_path / "whole", wanted)
    assert whole.files == (tmp_path / "whole",)
    lines = calls(whole)
    assert len(lines) == sum(whole.calls.values()) == 20
    by_rows = batch_out(project, tmp_path / "rows", wanted, rows=6)
    assert [path.name for path in by_rows.files] == ["rows.1", "rows.2", "rows.3", "rows.4"]
    assert [path.read_bytes().count(b"\n") for path in by_rows.files] == [6, 6, 6, 2]
    assert calls(by_rows) == lines, "in the same order"
    largest = max(map(len, lines))
    by_bytes = batch_out(project, tmp_path / "bytes", wanted, size=largest + 10)
    assert all(path.stat().st_size <= largest + 10 for path in by_bytes.files)
    assert calls(by_bytes) == lines
    with pytest.raises(Refused, match="alone takes"):
        batch_out(project, tmp_path / "small", wanted, size=largest - 1)
    with pytest.raises(Environment, match="cannot be written"):
        batch_out(project, tmp_path / "no" / "folder", wanted)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part") or path.name == "small"]


def test_rows_that_answer_nothing_are_named_and_repeats_are_ignored(project: Project, tmp_path: Path) -> None:
    wanted = request()
    written = batch_out(project, tmp_path / "calls", wanted)
    results = execute(written.files, tmp_path / "results")
    rows = results.read_text(encoding="utf-8").splitlines()
    stray = json.dumps({**json.loads(rows[0]), "custom_id": "somebody-elses"})
    failed = json.dumps({**json.loads(rows[1]), "response": {"status_code": 500, "body": None}})
    results.write_text("\n".join([failed, *rows, rows[0], stray]), encoding="utf-8")
    _, read = batch_in(project, wanted, results)
    assert (read.replies, read.known, read.repeated, read.unknown) == (20, 0, 2, ("somebody-elses",))
    assert read.errors == ()
    _, again = batch_in(project, wanted, results)
    assert (again.replies, again.known, again.unknown) == (0, 20, ("somebody-elses",))
    assert again.outstanding == read.outstanding > 0


@pytest.mark.parametrize("line", ["{", "[]", '{"custom_id": 3}', "\udcff"])
def test_what_is_no_file_of_results_is_refused(project: Project, tmp_path: Path, line: str) -> None:
    file = tmp_path / "results.jsonl"
    file.write_bytes(b"\n" + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(Refused, match=r"results\.jsonl"):
        batch_in(project, request(), file)
    with pytest.raises(Refused, match="cannot be read"):
        batch_in(project, request(), tmp_path / "missing")
    with Store.open(project.path) as store:
        assert store.judging.runs() == ()


def test_after_a_batch_a_direct_run_goes_on_where_it_ended(project: Project, tmp_path: Path) -> None:
    with ChatServer() as server:
        wanted = request(server.base_url, dimensions=(Dimension.FAITHFULNESS,))
        written = batch_out(project, tmp_path / "calls", wanted)
        batch_in(project, wanted, execute(written.files, tmp_path / "results"))
        done = judge(project, wanted)
        assert (done.resumed, done.run.state) == (True, RunState.DONE)
        assert server.calls() == {"support": 28}


@pytest.mark.parametrize("retrieval", ["embeddings", "fusion"])
def test_a_plan_counts_the_texts_to_be_embedded_and_embeds_none(project: Project, retrieval: str) -> None:
    with ChatServer() as server:
        wanted = request(server.base_url, retrieval=retrieval, embedding_model="e")
        before = anyio.run(project.judging.plan, wanted)
        assert (server.requests, server.embeddings) == ([], [])
        assert before.embedded == before.embedded_without_log > 250
        assert any("until its texts are embedded" in sentence for sentence in before.assumptions)
        judge(project, wanted)
        assert before.embedded == len(server.embedded())
        after = anyio.run(project.judging.plan, wanted)
        assert (after.embedded, after.embedded_without_log) == (0, before.embedded)
        assert sum(after.outstanding.values(), Effort()).calls == 0, "passages are found by the vectors that are kept"
        assert before.embedded == len(server.embedded())
        assert anyio.run(project.judging.plan, request(server.base_url)).embedded_without_log == 0


def test_embeddings_count_in_the_plan_in_the_run_and_for_the_spend_limit(project: Project) -> None:
    with ChatServer() as server:
        prices = {"input_price": 1.0, "output_price": 3.0, "embedding_price": 10.0}
        parts = {"dimensions": (Dimension.FAITHFULNESS,), "retrieval": "embeddings", "embedding_model": "e"}
        wanted = request(server.base_url, **parts, **prices)
        ahead = anyio.run(project.judging.plan, wanted)
        assert ahead.embedding == ahead.embedding_without_log
        assert ahead.embedding.calls == 0
        assert ahead.embedding.input_tokens > 10_000
        assert ahead.embedding.cost == pytest.approx(ahead.embedding.input_tokens * 10 / 1e6)
        unpriced = anyio.run(project.judging.plan, replace(wanted, embedding_price=None))
        assert unpriced.embedding.cost is None
        away = replace(wanted, embedding_base_url="https://vectors.example/v1", embedding_price=None, agreed=True)
        with pytest.raises(Refused, match="price of the embedding model"):
            judge(project, replace(away, spend_limit=1.0))

        cut = judge(project, replace(wanted, spend_limit=ahead.embedding.cost / 3))
        assert "spend limit" in cut.stopped
        assert cut.run.cost is not None
        assert 0 < cut.run.cost <= ahead.embedding.cost / 3
        first = len(server.embeddings)
        done = judge(project, wanted)
        assert (done.resumed, done.stopped) == (True, "")
        assert len(server.embedded()) == len(set(server.embedded())), "no text is paid for twice"
        chats = sum(len(it.prompt) // 4 for it in server.requests)
        texts = sum(sum(map(len, it.body["input"])) // 4 for it in server.embeddings)
        assert done.run.input_tokens == chats + texts
        assert done.run.calls == len(server.requests) + len(server.embeddings)
        answers = done.run.output_tokens
        assert done.run.cost == pytest.approx((chats + 3 * answers + 10 * texts) / 1e6)
        assert len(server.embeddings) > first
        after = anyio.run(project.judging.plan, wanted)
        assert (after.embedding.input_tokens, after.embedding.cost) == (0, 0.0)
        assert after.embedding_without_log == ahead.embedding


def test_batches_leave_the_machine_as_a_run_does(project: Project, tmp_path: Path) -> None:
    away = request("http://judge.example/v1")
    assert anyio.run(project.judging.plan, away).candidates == KEPT, "a plan sends nothing"
    for wanted in (away, request(retrieval="embeddings", embedding_model="e", embedding_base_url=away.base_url)):
        with pytest.raises(Refused, match=r"judge\.example is another machine"):
            batch_out(project, tmp_path / "calls", wanted)
        with pytest.raises(Refused, match=r"judge\.example is another machine"):
            batch_in(project, wanted, tmp_path / "missing")
    assert not (tmp_path / "calls").exists()
    agreed = request(away.base_url, agreed=True)
    assert sum(batch_out(project, tmp_path / "calls", agreed).calls.values()) == 20
    project.consent.keep_local(True)
    with pytest.raises(Refused, match="must stay on this machine"):
        batch_out(project, tmp_path / "calls", agreed)
    assert sum(batch_out(project, tmp_path / "here", request()).calls.values()) == 20


def test_a_server_is_not_started_for_a_plan_or_a_batch(project: Project, tmp_path: Path) -> None:
    wanted = JudgeRequest(judge="http", model="judge", serve="no-such-program --port {port}")
    with pytest.raises(Refused, match="no program"):
        judge(project, wanted)
    assert anyio.run(project.judging.plan, wanted).candidates == KEPT
    written = batch_out(project, tmp_path / "calls", wanted)
    _, read = batch_in(project, wanted, execute(written.files, tmp_path / "results"))
    assert (read.replies, read.unknown) == (20, ())
    embedding = replace(wanted, retrieval="embeddings", embedding_model="e")
    assert anyio.run(project.judging.plan, embedding).embedded > 0
    with pytest.raises(Refused, match="no server is started"):
        batch_out(project, tmp_path / "more", embedding)


def test_a_batch_finds_its_passages_as_a_run_does(project: Project, tmp_path: Path) -> None:
    with ChatServer() as server:
        faithfulness = (Dimension.FAITHFULNESS,)
        wanted = request(server.base_url, dimensions=faithfulness, retrieval="embeddings", embedding_model="e")
        written = batch_out(project, tmp_path / "calls", wanted)
        assert (written.calls, server.embeddings) == ({"claims": KEPT}, [])
        batch_in(project, wanted, execute(written.files, tmp_path / "results"))
        again = batch_out(project, tmp_path / "calls", wanted)
        outcome, read = batch_in(project, wanted, execute(again.files, tmp_path / "results"))
        assert (again.wave, read.outstanding, outcome.run.state) == (2, 0, RunState.DONE)
        assert server.requests == [], "only the embeddings were asked for"
        assert len(server.embedded()) == len(set(server.embedded())) > 250
        other = filled(tmp_path / "direct.lrs", answers=KEPT)
        judge(other, wanted)
        assert exported(other, tmp_path / "d.jsonl") == exported(project, tmp_path / "b.jsonl")
        other.close()
