"""What an endpoint's refusal of the key becomes: a sentence that says what to do, and never the key itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import anyio
import pytest

from lrstudio.domain.errors import Environment
from lrstudio.judge.endpoint import Completion, Endpoint, NoReply
from lrstudio.judge.secrets import Secrets
from lrstudio.judge.transport import Transport
from tests.doubles.chat_server import Answer, ChatServer, Policy, Request

KEY = "sk-local/0123456789abcdef"
BODY = '{"model":"m","messages":[{"role":"user","content":"x"}]}'


async def send(base_url: str, *, key: str, headers: Mapping[str, str] | None = None) -> Completion:
    transport = Transport(headers=headers or {})
    endpoint = Endpoint.open(
        base_url=base_url, model="m", api_key=key, key_source="the drawer", timeout=10, transport=transport
    )
    try:
        return await endpoint.send(BODY)
    finally:
        await endpoint.aclose()


def refusal(policy: Policy, *, key: str, headers: Mapping[str, str] | None = None) -> Exception:
    """Send one request and return what was raised."""
    with ChatServer(policy) as server, pytest.raises((Environment, NoReply)) as caught:
        anyio.run(partial(send, server.base_url, key=key, headers=headers))
    return caught.value


def echo(status: int, *, before: str = "", escaped: bool = False, header: str = "authorization") -> Policy:
    def answer(request: Request) -> Answer:
        said = f"{before} you sent {request.headers[header]}"
        if escaped:  # some servers write a slash so
            whole = f'{{"error": {{"message": "{said}"}}}}'.replace("/", "\\/").encode()
            return Answer(status=status, whole=whole)
        return Answer(said, status=status)

    return answer


@pytest.mark.parametrize("status", [400, 401, 402, 403, 413, 429, 500])
@pytest.mark.parametrize("before", ["", "." * 470])
@pytest.mark.parametrize("escaped", [False, True])
def test_a_key_that_the_server_says_again_is_taken_out(status: int, before: str, escaped: bool) -> None:
    said = str(refusal(echo(status, before=before, escaped=escaped), key=KEY))
    assert "you sent Bearer" in said
    assert KEY[:8] not in said


def test_a_key_in_what_is_no_reply_is_taken_out() -> None:
    for content in (f"<html>{KEY}</html>", f'{{"key": "{KEY}"}}', "." * 190 + KEY):
        answer = Answer(whole=content.encode())
        said = str(refusal(lambda _, answer=answer: answer, key=KEY))
        assert "the reply is no" in said
        assert KEY[:8] not in said


@pytest.mark.parametrize("status", [400, 401, 413, 429, 500])
@pytest.mark.parametrize("before", ["", "." * 470])
@pytest.mark.parametrize("escaped", [False, True])
def test_a_header_that_the_server_says_again_is_taken_out(status: int, before: str, escaped: bool) -> None:
    policy = echo(status, before=before, escaped=escaped, header="x-gate")
    said = str(refusal(policy, key="", headers={"X-Gate": KEY}))
    assert "you sent" in said
    assert KEY[:8] not in said


@pytest.mark.parametrize(
    "content", ["{0}", "<html>{0}</html>", '{{"gate": "{0}"}}', '{{"choices": [], "gate": "{0}"}}']
)
def test_a_header_in_what_is_no_reply_is_taken_out(content: str) -> None:
    whole = content.format(KEY).replace("/", "\\/")
    said = str(refusal(lambda _: Answer(whole=whole.encode()), key="", headers={"X-Gate": KEY}))
    assert "[header X-Gate]" in said
    assert KEY[:8] not in said


def test_key_and_headers_are_taken_out_of_a_reply() -> None:
    def quoting(request: Request) -> Answer:
        said = f"{request.headers['authorization']} {request.headers['x-gate']}"
        return Answer(f"Sent {said}.", finish_reason=f"stop {said}")

    with ChatServer(quoting) as server:
        headers = {"X-Gate": "Token gate-0123456789"}
        got = anyio.run(partial(send, server.base_url, key=KEY, headers=headers))
    assert got.text == "Sent Bearer [API key] [header X-Gate]."
    assert got.finish_reason == "stop Bearer [API key] [header X-Gate]"


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("Basic dXNlcjpwYXNzd29yZA==", "[header A]"),
        ("you are dXNlcjpwYXNzd29yZA==!", "you are [header A]!"),
        ("sid 0123456789abcdef", "sid [header C]"),
        ("audit", "audit"),
        ("a%2Fb%2Fc%20long%20enough", "[header P]"),
        ("a\\/b\\/c long enough", "[header P]"),
        ('say \\"something\\" long', "[header Q]"),
        ("longest-of-these-two and longest-of-these", "[header L] and [API key]"),
        ("", ""),
    ],
)
def test_a_header_is_known_whole_in_its_words_and_as_it_is_written(said: str, hidden: str) -> None:
    headers = {
        "A": "Basic dXNlcjpwYXNzd29yZA==",
        "C": "sid=0123456789abcdef; lang=en",
        "P": "a/b/c long enough",
        "Q": 'say "something" long',
        "L": "longest-of-these-two",
        "T": "audit",
    }
    assert Secrets.of(api_key="longest-of-these", headers=headers).hidden(said) == hidden


def test_a_word_that_passes_for_a_key_stays_a_word() -> None:
    said = str(refusal(lambda _: Answer("there are none left", status=500), key="none"))
    assert "there are none left" in said


@pytest.mark.parametrize("status", [401, 403])
def test_without_a_key_it_is_said_where_to_put_one(status: int) -> None:
    error = refusal(lambda _: Answer("who are you", status=status), key="")
    assert isinstance(error, Environment)
    assert error.sentence == ("the endpoint asks for an API key and none is set; put one into the drawer: who are you")


def test_a_refused_key_is_traced_to_where_it_was_found() -> None:
    error = refusal(lambda _: Answer("no", status=401), key=KEY)
    assert isinstance(error, Environment)
    assert error.sentence == "the endpoint refuses the API key (from the drawer): no"
