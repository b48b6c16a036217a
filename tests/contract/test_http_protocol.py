"""What goes over the wire: the requests that any OpenAI-compatible server has to understand."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, State
from lrstudio.judge.http import HttpJudge
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.protocol import Task
from lrstudio.judge.schemas import response_format
from lrstudio.text.resources import resource
from lrstudio.text.tokens import Tokenizer
from tests.doubles import chat_server
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import ChatServer

TASK = Task(
    Candidate("c1", "q1", "The lamp was lit in 1887. It was seen twelve miles off \ud800."),
    Question("q1", "d1", "When was the lamp first lit? «¿?» 灯"),
    Document("d1", "The new lamp was lit on 4 March 1887. It could be seen some twelve miles off. " * 3),
)


def judge_everything(base_url: str, *, api_key: str = "sesame") -> MemoryCallLog:
    log = MemoryCallLog()

    async def run() -> None:
        judge = HttpJudge.create(
            base_url=base_url,
            model="judge",
            api_key=api_key,
            pack=PromptPack.load(resource("prompts", "longreward-studio")),
            tokenizer=Tokenizer.shipped(),
        )
        for dimension in Dimension:
            judgment = await judge.judge(TASK, dimension, run_id="r1", calls=log)
            assert judgment.state is State.SCORED
        await judge.aclose()

    anyio.run(run)
    return log


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def test_every_request_is_one_user_message_with_a_strict_schema(server: ChatServer) -> None:
    judge_everything(server.base_url)
    assert {request.call for request in server.requests} == {call.value for call in CallName}
    for request in server.requests:
        assert sorted(request.body) == ["max_tokens", "messages", "model", "response_format", "temperature"]
        assert request.body["model"] == "judge"
        assert request.body["temperature"] == 0.01
        (message,) = request.body["messages"]
        assert sorted(message) == ["content", "role"]
        assert message["role"] == "user"
        assert request.body["response_format"] == response_format(CallName(request.call))
        assert request.headers["content-type"] == "application/json"
        assert request.headers["authorization"] == "Bearer sesame"


def test_the_log_holds_the_bytes_that_were_sent_and_no_key(server: ChatServer) -> None:
    log = judge_everything(server.base_url)
    sent = sorted(request.raw.decode() for request in server.requests)
    assert sorted(call.request for call in log.calls.values()) == sent
    assert "sesame" not in repr(log.calls) + repr(log.replies)


def test_an_endpoint_without_a_key_is_asked_too(server: ChatServer) -> None:
    judge_everything(server.base_url, api_key="")
    assert all("sesame" not in str(request.headers) for request in server.requests)


def _strict(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from _strict(inner)


@pytest.mark.parametrize("call", CallName)
def test_schemas_keep_the_rules_of_strict_mode(call: CallName) -> None:
    wanted = response_format(call)
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["name"] == call.value
    assert wanted["json_schema"]["strict"] is True
    for schema in _strict(wanted["json_schema"]["schema"]):
        assert set(schema) <= {"type", "properties", "required", "additionalProperties", "items", "enum"}
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])


@pytest.mark.parametrize("call", [CallName.HELPFULNESS, CallName.LOGICALITY, CallName.SUPPORT, CallName.COMPLETENESS])
def test_reasoning_comes_before_the_verdict(call: CallName) -> None:
    fields = response_format(call)["json_schema"]["schema"]["required"]
    assert fields[0] == "analysis"
    assert fields[-1] in ("score", "verdict")


def test_the_server_runs_as_a_process_and_logs_requests_and_replies(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [sys.executable, str(chat_server.__file__), "--port", "0", "--log", str(log), "--no-schemas"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            calls = judge_everything(f"http://127.0.0.1:{port}/v1")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/v1/models")
            assert json.loads(connection.getresponse().read())["data"][0]["id"] == "judge"
            connection.close()
        finally:
            process.kill()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    replies = [line for line in lines if line["event"] == "reply"]
    assert len(requests) == len(replies) == len(calls.calls) + 1
    assert [line["status"] for line in replies].count(400) == 1
    assert {line["sha256"] for line in requests} == {line["sha256"] for line in replies}
