"""Candidates drawn from models: what is sent, what is stored, and that nothing is drawn or paid twice."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Reason
from lrstudio.services.sample_request import SampleOutcome, SampleRequest
from lrstudio.services.sampling import SAMPLE_LOCK
from lrstudio.services.wiring import Project, create_project
from lrstudio.store.store import Store
from tests.doubles.chat_server import Answer, ChatServer, Request, busy

SERVER = Path(__file__).parents[1] / "doubles" / "chat_server.py"
TEXT = "The port was dredged in 1871. It cost £150,000 \ud800."


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs")
    made.imports.add_document(title="Port", text=TEXT, document_id="d")
    for query in ("What happened?", "What did it cost?"):
        made.imports.add_question(document_id="d", query=query)
    yield made
    made.close()


def answering(request: Request) -> Answer:
    return Answer(f" {request.body['model']} says {request.body['seed']} to {request.prompt[-20:]} ")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answering) as running:
        yield running


@pytest.fixture
def draw(project: Project, server: ChatServer) -> Callable[..., SampleOutcome]:
    def run(**more: Any) -> SampleOutcome:
        request = SampleRequest(**{"base_url": server.base_url, "models": ("m1",), **more})
        return anyio.run(partial(project.sampling.run, request))

    return run


Draw = Callable[..., SampleOutcome]


def test_each_model_answers_each_question_so_often_with_its_own_seed(
    project: Project, server: ChatServer, draw: Draw
) -> None:
    outcome = draw(models=("m1", "m2"), count=3, temperature=0.7, seed=40, system="Be brief.", max_tokens=99)
    assert (outcome.new, outcome.same, outcome.failed, outcome.calls) == (12, 0, {}, 12)
    body = server.requests[0].body
    assert sorted(body) == ["max_tokens", "messages", "model", "seed", "temperature"]
    assert (body["temperature"], body["max_tokens"]) == (0.7, 99)
    clean = TEXT.replace("\ud800", "\ufffd")
    sent = {tuple((it["role"], it["content"]) for it in request.body["messages"]) for request in server.requests}
    assert sent == {
        (("system", "Be brief."), ("user", f"{clean}\n\n{query}")) for query in ("What happened?", "What did it cost?")
    }
    drawn = {(it.body["model"], it.prompt[-20:], it.body["seed"]) for it in server.requests}
    assert len(drawn) == 12
    assert {it.body["seed"] for it in server.requests} == {40, 41, 42}
    rows = project.audit.questions()
    assert [len(row.candidates) for row in rows] == [6, 6]
    assert {it.model for row in rows for it in row.candidates} == {"m1", "m2"}
    with Store.open(project.path) as store:
        info = store.library.candidate_infos()[0]
        origin = json.loads(info.origin)
        call = store.calls.get(origin["call"])
        assert store.library.candidate(info.candidate_id).text == call.reply.strip()
    assert call.purpose == "answer"
    assert info.candidate_id == f"{info.question_id}-{origin['call'][:12]}"
    assert (origin["endpoint"], origin["temperature"], origin["max_tokens"]) == (server.base_url, 0.7, 99)
    assert origin["seed"] in (40, 41, 42)
    assert len(origin["system_sha256"]) == 64


def test_candidates_keep_their_order_whatever_comes_back_first(
    project: Project, server: ChatServer, draw: Draw
) -> None:
    server.policy = lambda request: Answer(f"{request.body['seed']}", latency=0.05 * (3 - request.body["seed"]))
    draw(models=("m1", "m2"), count=3)
    for row in project.audit.questions():
        texts = [(it.model, project.audit.candidate(it.candidate_id).candidate.text) for it in row.candidates]
        assert texts == [("m1", "0"), ("m1", "1"), ("m1", "2"), ("m2", "0"), ("m2", "1"), ("m2", "2")]


def test_the_same_request_again_draws_nothing(project: Project, server: ChatServer, draw: Draw) -> None:
    draw(count=2)
    again = draw(count=2)
    assert (again.new, again.same, again.calls) == (0, 4, 0)
    more = draw(count=3)
    assert (more.new, more.same, more.calls) == (2, 4, 2)
    other = draw(count=1, temperature=0.2)
    assert (other.new, other.calls) == (2, 2), "other parameters are other answers"
    assert len(server.requests) == 8


def test_a_run_broken_off_goes_on_and_pays_nothing_twice(project: Project, server: ChatServer, draw: Draw) -> None:
    server.policy = lambda request: Answer("key", status=401) if request.number == 3 else answering(request)
    with pytest.raises(Environment, match="API key"):
        draw(count=4, concurrency=1)
    server.policy = answering
    outcome = draw(count=4, concurrency=3)
    assert outcome.new + outcome.same == 8
    assert len(server.requests) == 8 + 1
    assert sum(len(row.candidates) for row in project.audit.questions()) == 8


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("  "), Reason.UNREADABLE),
        (Answer("Half a sen", finish_reason="length"), Reason.TRUNCATED),
        (Answer(refusal="no"), Reason.REFUSED),
        (Answer("maximum context length is 10", status=400), Reason.CONTEXT_OVERFLOW),
        (Answer("no such field", status=400), Reason.CALL_FAILED),
    ],
)
def test_what_is_no_answer_is_counted_and_not_stored(
    project: Project, server: ChatServer, draw: Draw, answer: Answer, reason: Reason
) -> None:
    server.policy = lambda request: answer if "cost" in request.prompt[-10:] else answering(request)
    outcome = draw(count=2)
    assert (outcome.new, outcome.failed) == (2, {reason: 2})
    assert sum(len(row.candidates) for row in project.audit.questions()) == 2


def test_an_answer_that_says_it_does_not_know_is_an_answer(server: ChatServer, draw: Draw) -> None:
    server.policy = lambda _: Answer("<think>hm</think>I'm sorry, I cannot find that in the document.")
    assert draw().new == 2


def test_the_plan_counts_what_is_missing_and_sends_nothing(project: Project, server: ChatServer, draw: Draw) -> None:
    request = SampleRequest(base_url=server.base_url, models=("m1",), count=2, max_tokens=100, input_price=1.0)
    first = anyio.run(project.sampling.plan, request)
    assert (first.calls, first.logged, first.output_tokens) == (4, 0, 400)
    assert first.cost == pytest.approx(first.input_tokens / 1e6)
    assert server.requests == []
    draw(count=1, max_tokens=100)
    then = anyio.run(project.sampling.plan, request)
    assert (then.calls, then.logged) == (2, 2)
    assert then.input_tokens == first.input_tokens // 2


def test_a_question_whose_document_has_no_text_is_left_out(
    project: Project, server: ChatServer, tmp_path: Path
) -> None:
    row = {"document_id": "gone", "document_text": None, "query": "Who?", "candidates": []}
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({**row, "candidates": [{"id": "x", "text": "Nobody."}]}))
    project.imports.import_paths([file])
    project.imports.add_question(document_id=None, query="Alone?")
    request = SampleRequest(base_url=server.base_url, models=("m",), count=2)
    assert anyio.run(project.sampling.plan, request).without_text == ("gone#1",)
    outcome = anyio.run(project.sampling.run, request)
    assert (outcome.new, outcome.failed) == (6, {Reason.NO_DOCUMENT: 2})
    assert "Alone?" in {request.prompt for request in server.requests}


def test_what_cannot_be_drawn_is_refused(project: Project, server: ChatServer, draw: Draw, tmp_path: Path) -> None:
    for more, said in (
        ({"base_url": ""}, "address"),
        ({"base_url": "nonsense"}, "not a base URL"),
        ({"models": ()}, "model"),
        ({"models": ("",)}, "model"),
        ({"count": 0}, "at least one answer"),
        ({"temperature": 3.0}, "0 to 2"),
        ({"max_tokens": 0}, "at least one token"),
        ({"concurrency": 0}, "in flight"),
        ({"spend_limit": 1.0}, "needs the price"),
        ({"serve": "run.sh"}, "where its port goes"),
        ({"serve": "no-such-program {port}"}, "no program"),
        ({"question_ids": ("nope",)}, "no question 'nope'"),
        ({"base_url": "https://far.example/v1"}, "1 document, 49 characters"),
    ):
        with pytest.raises(Refused, match=said):
            draw(**more)
    project.consent.keep_local(True, document_ids=["d"])
    with pytest.raises(Refused, match="'d' must stay"):
        draw(base_url="https://far.example/v1", agreed=True)
    with Store.open(project.path) as store, store.locks.acquire(SAMPLE_LOCK), pytest.raises(Environment):
        draw()
    assert server.requests == []
    empty = create_project(tmp_path / "empty.lrs")
    with pytest.raises(Refused, match="no question to answer"):
        anyio.run(empty.sampling.run, SampleRequest(base_url=server.base_url, models=("m",)))
    empty.close()


def test_a_spend_limit_holds_for_all_models_and_what_is_drawn_is_kept(
    project: Project, server: ChatServer, draw: Draw
) -> None:
    prices = {"models": ("m1", "m2"), "count": 3, "max_tokens": 100, "input_price": 1.0, "output_price": 10.0}
    server.policy = lambda request: Answer(f"{request.body['model']} {request.body['seed']} ".ljust(400, "x"))
    cut = draw(**prices, spend_limit=0.0031)
    assert "spend limit of 0.0031 is reached" in cut.stopped
    assert cut.cost is not None
    assert 0 < cut.cost <= 0.0031
    assert len(server.requests) == 3
    assert cut.new <= cut.calls == len(server.requests)
    done = draw(**prices)
    assert done.stopped == ""
    assert (cut.new + done.new, len(server.requests)) == (12, 12), "nothing is paid twice"


def test_a_limit_on_requests_a_minute_holds_for_all_models(project: Project, server: ChatServer) -> None:
    request = SampleRequest(base_url=server.base_url, models=("m1", "m2"), count=3, requests_per_minute=5)

    async def watched() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(project.sampling.run, request))
            with anyio.fail_after(30):
                while len(server.requests) < 5:
                    await anyio.sleep(0.01)
            await anyio.sleep(0.5)
            group.cancel_scope.cancel()

    anyio.run(watched)
    assert len(server.requests) == 5
    assert {it.body["model"] for it in server.requests} == {"m1", "m2"}


def test_a_limit_on_tokens_a_minute_counts_the_longest_answer(project: Project, server: ChatServer) -> None:
    request = SampleRequest(
        base_url=server.base_url, models=("m1",), count=3, max_tokens=1000, tokens_per_minute=2500, concurrency=1
    )
    server.policy = lambda request: Answer("x" * 4000)

    async def watched() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(project.sampling.run, request))
            with anyio.fail_after(30):
                while len(server.requests) < 2:
                    await anyio.sleep(0.01)
            await anyio.sleep(0.5)
            group.cancel_scope.cancel()

    anyio.run(watched)
    assert len(server.requests) == 2


def test_a_storm_is_ridden_out(project: Project, server: ChatServer, draw: Draw) -> None:
    server.policy = lambda request: busy() if request.seen < 2 else answering(request)
    outcome = draw(models=("m1", "m2"), count=4, concurrency=16)
    assert (outcome.new, outcome.failed) == (16, {})
    assert len(server.requests) == 3 * 16


def test_a_served_model_is_started_asked_and_stopped(project: Project, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    before = set(psutil.Process().children())  # a server that the tests keep
    serve = f"{sys.executable} {SERVER} --port {{port}} --log {log}"
    request = SampleRequest(models=("m1", "m2"), serve=serve)
    planned = anyio.run(project.sampling.plan, request)
    assert (planned.calls, log.exists()) == (4, False)
    drawn = anyio.run(partial(project.sampling.run, request))
    assert drawn.new == 4
    assert set(psutil.Process().children()) <= before
    asked = log.read_text(encoding="utf-8").count('"event": "request"')
    assert asked == 4
    again = anyio.run(partial(project.sampling.run, request))
    assert (again.same, again.calls) == (4, 0), "whatever its port, it is the same endpoint"
    with Store.open(project.path) as store:
        origins = {json.loads(info.origin)["endpoint"] for info in store.library.candidate_infos()}
    assert origins == {f"serve:{serve}"}
    assert project.sampling.outgoing(replace(request, base_url="https://far.example/v1")) == ()
