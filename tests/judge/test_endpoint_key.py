"""What an endpoint's refusal of the key becomes: a sentence that says what to do, and never the key itself."""

from __future__ import annotations

import anyio
import pytest

from lrstudio.domain.errors import Environment
from lrstudio.judge.endpoint import Endpoint, NoReply
from tests.doubles.chat_server import Answer, ChatServer, Policy, Request

KEY = "sk-local/0123456789abcdef"
BODY = '{"model":"m","messages":[{"role":"user","content":"x"}]}'


def refusal(policy: Policy, *, key: str) -> Exception:
    """Send one request and return what was raised."""

    async def send(base_url: str) -> None:
        endpoint = Endpoint.open(base_url=base_url, model="m", api_key=key, key_source="the drawer", timeout=10)
        try:
            await endpoint.send(BODY)
        finally:
            await endpoint.aclose()

    with ChatServer(policy) as server, pytest.raises((Environment, NoReply)) as caught:
        anyio.run(send, server.base_url)
    return caught.value


def echo(status: int, *, before: str = "", escaped: bool = False) -> Policy:
    def answer(request: Request) -> Answer:
        said = f"{before} you sent {request.headers['authorization']}"
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
