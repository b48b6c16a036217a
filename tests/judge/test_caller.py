from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Reason
from lrstudio.judge.caller import Answer as Outcome
from lrstudio.judge.caller import Ask, Behalf, Caller
from lrstudio.judge.endpoint import Endpoint
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.packs import CallName
from lrstudio.judge.parsing import ScoreReply, read_score
from lrstudio.judge.protocol import ParseState, Reply
from lrstudio.judge.sharing import concurrently
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import Answer, ChatServer, Policy, Request, always, busy, first, refusing_schemas

GOOD = '{"analysis": "fine", "score": 7}'
ASK = Ask(CallName.HELPFULNESS, "# Task: helpfulness\nRate it.", read_score, max_tokens=64, behalf=Behalf("c1"))


class Bench:
    """A caller on a real server, with the waits it would have made."""

    def __init__(self, server: ChatServer, **more: Any) -> None:
        self.server = server
        self.log = MemoryCallLog()
        self.waits: list[float] = []
        self._more = more

    def open(self, **limits: Any) -> Caller:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)
            await anyio.sleep(0)

        wanted = replace(Limits(), **{"timeout": 10.0, **limits})
        endpoint = Endpoint.open(
            base_url=self._more.get("base_url", self.server.base_url),
            model="judge",
            api_key=self._more.get("api_key", "sesame"),
            key_source="LRSTUDIO_API_KEY",
            timeout=wanted.timeout,
        )
        prices = self._more.get("prices")
        return Caller(endpoint, prompt_pack="pack@1", limits=wanted, prices=prices, sleep=sleep)

    def ask(self, *asks: Ask[ScoreReply], **limits: Any) -> list[Outcome[ScoreReply]]:
        async def run() -> list[Outcome[ScoreReply]]:
            caller = self.open(**limits)
            try:
                return await concurrently(lambda ask=ask: caller.ask(ask, calls=self.log) for ask in asks or (ASK,))
            finally:
                await caller.aclose()

        return anyio.run(run)

    async def until_requests(self, count: int) -> None:
        with anyio.fail_after(10):
            while len(self.server.requests) < count:
                await anyio.sleep(0.005)


@pytest.fixture
def bench():  # type: ignore[no-untyped-def]
    servers: list[ChatServer] = []

    def make(policy: Policy, *, latency: float = 0.0, **more: Any) -> Bench:
        server = ChatServer(policy, latency=latency)
        server.start()
        servers.append(server)
        return Bench(server, **more)

    yield make
    for server in servers:
        server.stop()


Make = Callable[..., Bench]


def numbered(*answers: Answer) -> Policy:
    """Answer the n-th request by the n-th answer, the last one for ever."""
    return lambda request: answers[min(request.number, len(answers)) - 1]


def test_a_call_is_written_before_it_is_sent_and_after_it_came_back(bench: Make) -> None:
    log: list[str] = []

    def policy(request: Request) -> Answer:
        log.extend(event for event, _ in made.log.events)
        return Answer(GOOD)

    made = bench(policy, prices=Prices(input=1_000_000, output=2_000_000))
    (answer,) = made.ask()
    assert log == ["begin"]
    assert [event for event, _ in made.log.events] == ["begin", "end"]
    assert answer.value == ScoreReply(7, "fine")
    assert (answer.reason, answer.attempts) == (Reason.NONE, 1)
    call, reply = made.log.calls[answer.call_key], made.log.replies[answer.call_key]
    assert (call.purpose, call.candidate_id, call.model, call.prompt_pack) == (
        "helpfulness",
        "c1",
        "judge",
        "pack@1",
    )
    assert call.request.encode() == made.server.requests[0].raw
    assert reply.text == GOOD
    assert (reply.parse_state, reply.finish_reason) == (ParseState.PARSED, "stop")
    assert reply.input_tokens == len(ASK.prompt) // 4
    assert reply.cost == reply.input_tokens + 2 * (reply.output_tokens or 0)


def test_a_finished_call_is_never_sent_again(bench: Make) -> None:
    made = bench(always(GOOD))
    (before,) = made.ask()
    (after,) = made.ask()
    assert before == after
    assert len(made.server.requests) == 1


def test_what_decides_a_reply_decides_the_key(bench: Make) -> None:
    made = bench(always(GOOD))
    asks = [
        ASK,
        replace(ASK, prompt="# Task: helpfulness\nRate that."),
        replace(ASK, max_tokens=65),
        replace(ASK, call=CallName.LOGICALITY),
        replace(ASK, behalf=Behalf("c2")),
    ]
    answers = made.ask(*asks)
    assert len({answer.call_key for answer in answers}) == 4
    assert answers[0].call_key == answers[4].call_key
    made.ask(temperatures=(0.5,))
    made.ask(replace(ASK, sample=1))
    assert len(made.log.calls) == 6


def test_equal_asks_in_flight_are_one_call(bench: Make) -> None:
    made = bench(always(GOOD), latency=0.05)
    answers = made.ask(*[ASK] * 20)
    assert len(made.server.requests) == 1
    assert set(answers) == {answers[0]}


def test_when_the_asker_at_work_is_cancelled_another_takes_over(bench: Make) -> None:
    made = bench(numbered(Answer(hang=True), Answer(GOOD)))

    async def run() -> list[Outcome[ScoreReply]]:
        caller, results = made.open(), []

        async def ask() -> None:
            results.append(await caller.ask(ASK, calls=made.log))

        async with anyio.create_task_group() as others, anyio.create_task_group() as doomed:
            doomed.start_soon(ask)
            await made.until_requests(1)
            others.start_soon(ask)
            await anyio.sleep(0.01)
            doomed.cancel_scope.cancel()
        await caller.aclose()
        return results

    (answer,) = anyio.run(run)
    assert answer.value is not None
    assert [event for event, _ in made.log.events] == ["begin", "begin", "end"]


def test_no_more_than_the_limit_are_in_flight(bench: Make) -> None:
    made = bench(always(GOOD), latency=0.02)
    made.ask(*[replace(ASK, prompt=str(n)) for n in range(20)], concurrency=3)
    assert len(made.server.requests) == 20
    assert made.server.most_in_flight == 3


def test_an_unreadable_reply_is_asked_for_again_at_another_temperature(bench: Make) -> None:
    made = bench(numbered(Answer("no idea"), Answer('{"score": 11}'), Answer(GOOD)))
    (answer,) = made.ask()
    assert answer.value is not None
    assert answer.attempts == 3
    bodies = [request.body for request in made.server.requests]
    assert [body["temperature"] for body in bodies] == [0.01, 0.95, 0.95]
    assert [body.get("seed") for body in bodies] == [None, 1, 2]
    assert len({request.sha256 for request in made.server.requests}) == 3
    states = [made.log.replies[key].parse_state for event, key in made.log.events if event == "end"]
    assert states == [ParseState.UNREADABLE, ParseState.OUT_OF_RANGE, ParseState.PARSED]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("no idea"), Reason.UNREADABLE),
        (Answer(None), Reason.UNREADABLE),
        (Answer('{"score": 1e400}'), Reason.OUT_OF_RANGE),
        (Answer(GOOD, finish_reason="length"), Reason.TRUNCATED),
        (Answer("I cannot help with that."), Reason.REFUSED),
    ],
)
def test_after_five_attempts_the_last_reason_stands(bench: Make, answer: Answer, reason: Reason) -> None:
    made = bench(lambda _: answer)
    (outcome,) = made.ask()
    assert (outcome.value, outcome.reason, outcome.attempts) == (None, reason, 5)
    (again,) = made.ask()
    assert again == outcome
    assert len(made.server.requests) == 5


@pytest.mark.parametrize(
    "answer",
    [
        Answer(refusal="I will not."),
        Answer("", finish_reason="content_filter"),
        Answer("blocked by our content policy", status=400),
    ],
)
def test_a_refusal_by_the_endpoint_is_final(bench: Make, answer: Answer) -> None:
    made = bench(lambda _: answer)
    (outcome,) = made.ask()
    assert (outcome.reason, outcome.attempts) == (Reason.REFUSED, 1)
    assert len(made.server.requests) == 1
    assert made.log.replies[outcome.call_key].text in ("I will not.", "")


TROUBLES = {
    "429": busy(),
    "500": Answer("oops", status=500),
    "503": Answer("loading", status=503),
    "cut off": Answer(GOOD, cut=20),
    "nothing": Answer(GOOD, cut=0),
    "not JSON": Answer(whole=b"<html>"),
    "half JSON": Answer(whole=b'{"choices": [{"mess'),
    "deep JSON": Answer(whole=b"[" * 100_000),
    "not UTF-8": Answer(whole=b'{"choices": "\xff"}'),
    "wrong schema": Answer(whole=b'{"choices": [{"text": "7"}]}'),
    "no choices": Answer(whole=b'{"choices": []}'),
    "null": Answer(whole=b"null"),
    "error at 200": Answer(whole=b'{"error": {"message": "upstream"}}'),
    "empty": Answer(whole=b""),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_transport_trouble_is_tried_again(bench: Make, trouble: str) -> None:
    made = bench(numbered(TROUBLES[trouble], TROUBLES[trouble], Answer(GOOD)))
    (answer,) = made.ask()
    assert answer.value is not None
    assert answer.attempts == 1
    assert len({request.sha256 for request in made.server.requests}) == 1
    assert len(made.server.requests) == 3
    assert [event for event, _ in made.log.events] == ["begin", "end"]
    assert 0.25 <= made.waits[0] <= 0.5 <= made.waits[1] <= 1


@pytest.mark.parametrize("trouble", ["429", "500", "cut off", "not JSON"])
def test_after_five_retries_the_call_has_failed_and_may_be_sent_again_later(bench: Make, trouble: str) -> None:
    made = bench(lambda _: TROUBLES[trouble])
    (answer,) = made.ask()
    assert (answer.value, answer.reason, answer.attempts) == (None, Reason.CALL_FAILED, 1)
    assert len(made.server.requests) == 6
    assert len(made.waits) == 5
    assert made.log.replies[answer.call_key].parse_state is ParseState.FAILED
    assert made.log.replies[answer.call_key].error
    made.server.policy = always(GOOD)
    (later,) = made.ask()
    assert later.value is not None


def test_a_hanging_server_is_left_after_the_timeout(bench: Make) -> None:
    made = bench(numbered(Answer(hang=True), Answer(GOOD)))
    (answer,) = made.ask(timeout=3.0)
    assert answer.value is not None
    assert len(made.server.requests) == 2


def test_the_server_says_how_long_to_leave_it_alone(bench: Make) -> None:
    made = bench(
        numbered(
            busy(retry_after="17"),
            busy(retry_after="1e6"),
            busy(retry_after="soon"),
            busy(retry_after="-3"),
            Answer(GOOD),
        )
    )
    made.ask(longest_wait=60.0)
    assert made.waits[:2] == [17, 60]
    assert 1 <= made.waits[2] <= 2
    assert 2 <= made.waits[3] <= 4


def test_waits_double_up_to_the_longest() -> None:
    limits = Limits(backoff=1, longest_wait=10)
    assert [limits.wait(n, asked=None, jitter=1) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert limits.wait(3, asked=None, jitter=0) == 2
    assert limits.wait(5, asked=1, jitter=0) == 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_the_run_and_names_where_it_comes_from(bench: Make, status: int) -> None:
    made = bench(lambda _: Answer("bad key", status=status))
    with pytest.raises(Environment, match=r"LRSTUDIO_API_KEY.*bad key") as caught:
        made.ask()
    assert caught.value.where == made.server.base_url
    assert "sesame" not in str(caught.value)
    assert len(made.server.requests) == 1
    (reply,) = made.log.replies.values()
    assert reply.parse_state is ParseState.FAILED


@pytest.mark.parametrize(
    ("status", "message"), [(402, "pay"), (429, "You exceeded your current quota, insufficient_quota")]
)
def test_an_empty_account_stops_the_run(bench: Make, status: int, message: str) -> None:
    made = bench(lambda _: Answer(message, status=status))
    with pytest.raises(Environment, match="no credit"):
        made.ask()
    assert len(made.server.requests) == 1


def test_an_unknown_model_is_for_the_person_to_mend(bench: Make) -> None:
    made = bench(lambda _: Answer("model not found", status=404))
    with pytest.raises(Refused, match="no model 'judge'"):
        made.ask()


def test_no_server_at_all_stops_the_run(bench: Make) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        made = bench(always(GOOD), base_url=f"http://127.0.0.1:{closed.getsockname()[1]}/v1")
        with pytest.raises(Environment, match="cannot be reached"):
            made.ask()
    assert len(made.waits) == 5


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."),
        (400, "'max_tokens' or 'max_completion_tokens' is too large: 64. This model's maximum context length is 32"),
        (400, "the request exceeds the available context size"),
        (400, "context_length_exceeded"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum"),
        (413, "entity"),
    ],
)
def test_a_prompt_too_long_is_its_own_reason(bench: Make, status: int, message: str) -> None:
    made = bench(lambda _: Answer(message, status=status))
    (answer,) = made.ask()
    assert (answer.reason, answer.attempts) == (Reason.CONTEXT_OVERFLOW, 1)
    assert len(made.server.requests) == 1


def test_a_request_rejected_for_no_known_reason_fails_at_once(bench: Make) -> None:
    made = bench(lambda _: Answer("nope", status=400))
    (answer,) = made.ask()
    assert answer.reason is Reason.CALL_FAILED
    assert made.log.replies[answer.call_key].error == "status 400: nope"
    assert len(made.server.requests) == 1


def test_an_endpoint_without_schemas_is_asked_without_them_from_then_on(bench: Make) -> None:
    made = bench(refusing_schemas(always("Fine. [[7]]")), latency=0.01)
    answers = made.ask(*[replace(ASK, prompt=str(n)) for n in range(12)], concurrency=4)
    assert all(answer.value == ScoreReply(7, "Fine.") for answer in answers)
    refused = [request for request in made.server.requests if "response_format" in request.body]
    assert 1 <= len(refused) <= 4
    assert len(made.server.requests) == 12 + len(refused)
    for answer in answers:
        assert "response_format" not in json.loads(made.log.calls[answer.call_key].request)


def test_a_new_run_finds_replies_before_it_has_learned_the_dialect_again(bench: Make) -> None:
    made = bench(refusing_schemas(always(GOOD)))
    (before,) = made.ask()
    sent = len(made.server.requests)
    (after,) = made.ask()
    assert before == after
    assert len(made.server.requests) == sent


def test_fields_that_an_endpoint_does_not_take_are_left_out_one_by_one(bench: Make) -> None:
    def picky(request: Request) -> Answer:
        if "max_tokens" in request.body:
            return Answer("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", status=400)
        if "temperature" in request.body:
            return Answer("Unsupported value: 'temperature' does not support 0.01 with this model.", status=400)
        if "seed" in request.body:
            return Answer("Extra inputs are not permitted: seed", status=422)
        return Answer("hm" if request.number < 4 else GOOD)

    made = bench(picky)
    (answer,) = made.ask()
    assert answer.value is not None
    assert answer.attempts == 2
    last = made.server.requests[-1].body
    assert sorted(last) == ["max_completion_tokens", "messages", "model", "response_format"]
    assert last["max_completion_tokens"] == 64


def test_a_server_that_leaves_out_half_the_fields_will_do(bench: Make) -> None:
    made = bench(always(GOOD, bare=True, finish_reason=None), prices=Prices(1, 1))
    (answer,) = made.ask()
    assert answer.value is not None
    reply = made.log.replies[answer.call_key]
    assert (reply.input_tokens, reply.output_tokens, reply.cost, reply.finish_reason) == (None, None, None, "")


def test_content_in_parts_is_joined(bench: Make) -> None:
    parts = [{"type": "text", "text": GOOD[:9]}, {"type": "text", "text": GOOD[9:]}]
    made = bench(always("", whole=json.dumps({"choices": [{"message": {"content": parts}}]}).encode()))
    (answer,) = made.ask()
    assert answer.value == ScoreReply(7, "fine")


def test_a_reply_with_half_a_character_can_be_stored(bench: Make) -> None:
    made = bench(always("", whole=b'{"choices": [{"message": {"content": "{\\"score\\": 7} \\ud83d"}}]}'))
    (answer,) = made.ask()
    assert made.log.replies[answer.call_key].text == '{"score": 7} \ufffd'


def test_an_interrupted_chain_of_attempts_goes_on_where_it_stopped(bench: Make) -> None:
    made = bench(numbered(Answer("no"), Answer("no"), Answer(hang=True)))

    async def interrupted() -> None:
        caller = made.open()
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: caller.ask(ASK, calls=made.log))
            await made.until_requests(3)
            group.cancel_scope.cancel()
        await caller.aclose()

    anyio.run(interrupted)
    assert len(made.server.requests) == 3
    made.server.policy = always(GOOD)
    (answer,) = made.ask()
    assert answer.attempts == 3
    hashes = [request.sha256 for request in made.server.requests]
    assert len(hashes) == 4
    assert len(set(hashes)) == 3
    assert hashes[2] == hashes[3]


def test_a_reply_that_came_back_is_kept_though_the_run_is_cancelled(bench: Make) -> None:
    made = bench(always(GOOD))

    class Slow(MemoryCallLog):
        async def end(self, key: str, reply: Reply) -> None:
            scopes[0].cancel()
            await anyio.sleep(0.02)
            await super().end(key, reply)

    log, scopes = Slow(), list[anyio.CancelScope]()

    async def run() -> None:
        caller = made.open()
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await caller.ask(ASK, calls=log)
            await anyio.sleep(1)
            raise AssertionError("the cancellation was swallowed")
        await caller.aclose()

    anyio.run(run)
    assert [reply.parse_state for reply in log.replies.values()] == [ParseState.PARSED]


def test_the_key_is_the_hash_of_what_is_wanted(bench: Make) -> None:
    made = bench(always(GOOD))
    (answer,) = made.ask()
    body = json.loads(made.server.requests[0].raw)
    parts = [made.server.base_url, "judge", body, 0]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    assert answer.call_key == hashlib.sha256(canonical.encode()).hexdigest()


def test_first_helper_of_the_server_answers_once(bench: Make) -> None:
    made = bench(first({"helpfulness": Answer("odd")}, then=always(GOOD)))
    (answer,) = made.ask()
    assert answer.attempts == 2
