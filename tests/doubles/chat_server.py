"""A server that speaks the chat-completions protocol on a loopback socket, for tests. Standard library only.

In a test:      with ChatServer(policy) as server: ... server.base_url ... server.requests
As a process:   python tests/doubles/chat_server.py --port 0 --log FILE --latency 0.05
                prints its port as the first line; FILE gets one JSON line per request and one per reply.

A policy says how each request is answered; `plausible` answers every call of the studio's own prompt pack.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Request:
    """One chat completion as it came in; `number` counts from 1, `seen` how often the same body came before."""

    number: int
    seen: int
    body: dict[str, Any]
    raw: bytes
    headers: Mapping[str, str]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def prompt(self) -> str:
        return "\n".join(str(message["content"]) for message in self.body["messages"])

    @property
    def call(self) -> str:
        """The call of the prompt pack: by the name of the schema, else by the prompt's heading."""
        schema = self.body.get("response_format", {}).get("json_schema", {})
        heading = re.match(r"# Task: (\w+)", self.prompt)
        return str(schema.get("name") or (heading[1] if heading else ""))

    def part(self, tag: str) -> str:
        """What stands in the last pair of these tags in the prompt."""
        return self.prompt.rpartition(f"<{tag}>\n")[2].partition(f"\n</{tag}>")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request is answered.

    `status` from 400 sends `content` as the error message. `whole` is sent in place of a completion, byte for byte.
    `cut` ends the connection after so many bytes of the body; `hang` never answers. `bare` leaves out what a careless
    server leaves out: id, object, created, model, usage.
    """

    content: str | None = ""
    status: int = 200
    finish_reason: str | None = "stop"
    refusal: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    whole: bytes | None = None
    cut: int | None = None
    hang: bool = False
    bare: bool = False

    @property
    def complete(self) -> bool:
        """Whether it is a completion that arrives whole: what an endpoint charges for."""
        return self.status == 200 and self.whole is None and self.cut is None and not self.hang


Policy = Callable[[Request], Answer]


def busy(*, retry_after: str = "0") -> Answer:
    return Answer("slow down", status=429, headers={"Retry-After": retry_after})


def refusing_schemas(policy: Policy) -> Policy:
    """An endpoint without structured output."""

    def answer(request: Request) -> Answer:
        if "response_format" in request.body:
            return Answer("response_format of type json_schema is not supported by this model", status=400)
        return policy(request)

    return answer


def plausible(request: Request) -> Answer:
    """Answer deterministically, from the words of the prompt, as a judge might."""
    replies: dict[str, Callable[[Request], dict[str, Any]]] = {
        "helpfulness": _rate,
        "logicality": _rate,
        "claims": _list_claims,
        "support": _check_claim,
        "key_points": _list_key_points,
        "completeness": _cover,
    }
    make = replies.get(request.call)
    return Answer(json.dumps(make(request), ensure_ascii=False) if make else "[[5]]")


def _rate(request: Request) -> dict[str, Any]:
    digest = hashlib.sha256((request.call + request.part("question") + request.part("answer")).encode()).digest()
    return {"analysis": f"Rated for {request.call}.", "score": 4 + digest[0] % 7}


def _list_claims(request: Request) -> dict[str, Any]:
    return {"claims": [{"statement": s, "quote": s} for s in _sentences(request.part("answer")) if len(_words(s)) > 3]}


def _check_claim(request: Request) -> dict[str, Any]:
    claim = _words(request.part("claim"))
    passages = re.split(r"\[Passage \d+\]\n", request.part("passages"))[1:]
    shares = [len(claim & _words(passage)) / max(1, len(claim)) for passage in passages] or [0.0]
    best = max(shares)
    numbers = {word for word in claim if word.isdigit()}
    strange = numbers - _words(request.part("passages"))
    verdict = "full" if best > 0.9 else "partial" if best > 0.6 else "none_not_found"
    if strange and best > 0.4:
        verdict = "none_contradicted"
    named = [shares.index(best) + 1] if passages and verdict != "none_not_found" else []
    return {"analysis": f"Passage {named} shares {best:.0%} of the words.", "passages": named, "verdict": verdict}


def _list_key_points(request: Request) -> dict[str, Any]:
    wanted = {word for word in _words(request.part("question")) if len(word) > 3}
    found = [s for s in _sentences(request.part("chunk")) if wanted & _words(s)]
    return {"key_points": [{"point": sentence, "quote": sentence} for sentence in found[:3]]}


def _cover(request: Request) -> dict[str, Any]:
    answer = _words(request.part("answer"))
    coverage: list[dict[str, Any]] = []
    for number, line in re.findall(r"^(\d+)\. \[.*?\] (.*)$", request.part("key_points"), re.MULTILINE):
        words = _words(line)
        share = len(words & answer) / max(1, len(words))
        label = "full" if share > 0.7 else "partial" if share > 0.4 else "none"
        coverage.append({"key_point": int(number), "coverage": label, "note": "some" if label == "partial" else ""})
    values = [{"full": 1.0, "partial": 0.5, "none": 0.0}[entry["coverage"]] for entry in coverage]
    score = round(10 * sum(values) / len(values)) if values else 0
    return {"analysis": f"{sum(values):g} of {len(values)} covered.", "coverage": coverage, "score": score}


def hashing_vectors(request: Request) -> Answer:
    """Answer an embeddings request: a text's vector counts its words, each at a place that its hash names."""
    entries = [
        {"object": "embedding", "index": i, "embedding": _vector(t)} for i, t in enumerate(request.body["input"])
    ]
    tokens = sum(len(text) for text in request.body["input"]) // 4
    body = {"object": "list", "data": entries, "model": request.body["model"], "usage": {"prompt_tokens": tokens}}
    return Answer(whole=json.dumps(body).encode())


def _vector(text: str, *, width: int = 256) -> list[float]:
    numbers = [0.0] * width
    for word in _words(text):
        numbers[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % width] += 1.0
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return [number / length for number in numbers]


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in re.findall(r"[^.!?\n]+[.!?]?", text) if part.strip()]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


class ChatServer:
    """The server on a thread of its own; `policy` may be exchanged while it runs."""

    def __init__(
        self, policy: Policy = plausible, *, port: int = 0, latency: float = 0.0, log: Path | None = None
    ) -> None:
        self.policy = policy
        self.requests: list[Request] = []
        self.embedding_policy: Policy = hashing_vectors
        self.embeddings: list[Request] = []
        self.most_in_flight = 0
        self.port = port
        self._latency = latency
        self._log = log
        self._in_flight = 0
        self._seen: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chat server", daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def embedded(self) -> list[str]:
        """Every text that was sent to be embedded, in order, as often as it came."""
        return [text for request in self.embeddings for text in request.body["input"]]

    @property
    def in_flight(self) -> int:
        """How many requests are being answered now."""
        return self._in_flight

    def calls(self) -> dict[str, int]:
        """How many requests came in, by call."""
        counts: dict[str, int] = {}
        for request in self.requests:
            counts[request.call] = counts.get(request.call, 0) + 1
        return counts

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(60):
            raise RuntimeError("the chat server did not start")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        for writer in self._writers:  # of those whose conversation was ended before it began, too
            writer.close()
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._open.add(task)
        self._writers.add(writer)
        task.add_done_callback(self._open.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        if (method, path) == ("GET", "/v1/models"):
            await _send(writer, 200, {}, json.dumps({"object": "list", "data": [{"id": "judge"}]}).encode())
            return True
        if (method, path) == ("POST", "/v1/embeddings"):
            return await self._embed(raw, headers, writer)
        if (method, path) != ("POST", "/v1/chat/completions"):
            await _send(writer, 404, {}, _error(f"no such path: {method} {path}"))
            return True
        return await self._complete(raw, headers, writer)

    async def _complete(self, raw: bytes, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> bool:
        digest = hashlib.sha256(raw).hexdigest()
        request = Request(len(self.requests) + 1, self._seen.get(digest, 0), json.loads(raw), raw, headers)
        self._seen[digest] = request.seen + 1
        self.requests.append(request)
        self._write("request", request, bytes=len(raw), call=request.call, model=request.body.get("model"))
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            answer = self.policy(request)
            await asyncio.sleep(self._latency + answer.latency)
            if answer.hang:
                await self._stopping.wait()
                return False
        finally:
            self._in_flight -= 1
        body = answer.whole if answer.whole is not None else _body(request, answer)
        await _send(writer, answer.status, answer.headers, body, cut=answer.cut)
        self._write("reply", request, status=answer.status, complete=answer.complete)
        return answer.cut is None

    async def _embed(self, raw: bytes, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> bool:
        request = Request(len(self.embeddings) + 1, 0, json.loads(raw), raw, headers)
        self.embeddings.append(request)
        self._write("embeddings", request, texts=len(request.body["input"]), model=request.body.get("model"))
        answer = self.embedding_policy(request)
        await asyncio.sleep(self._latency + answer.latency)
        if answer.hang:
            await self._stopping.wait()
            return False
        body = answer.whole if answer.whole is not None else _error(answer.content or "")
        await _send(writer, answer.status, answer.headers, body, cut=answer.cut)
        return answer.cut is None

    def _write(self, event: str, request: Request, **more: object) -> None:
        if self._log:
            line = {"event": event, "number": request.number, "sha256": request.sha256, "time": time.time(), **more}
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _body(request: Request, answer: Answer) -> bytes:
    if answer.status >= 400:
        return _error(answer.content or "")
    message: dict[str, Any] = {"role": "assistant", "content": answer.content}
    if answer.refusal is not None:
        message = {"role": "assistant", "content": None, "refusal": answer.refusal}
    completion: dict[str, Any] = {
        "id": f"chatcmpl-{request.number}",
        "object": "chat.completion",
        "created": 0,
        "model": request.body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish_reason}],
        # A token count of the right size; tests compare it with itself only.
        "usage": {
            "prompt_tokens": len(request.prompt) // 4,
            "completion_tokens": len(answer.content or "") // 4,
            "total_tokens": len(request.prompt) // 4 + len(answer.content or "") // 4,
        },
    }
    if answer.bare:
        completion = {"choices": completion["choices"]}
    return json.dumps(completion).encode()


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "error", "param": None, "code": None}}).encode()


async def _send(
    writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str], body: bytes, *, cut: int | None = None
) -> None:
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body[:cut])
    await writer.drain()


def first(answers: Mapping[str, Answer], *, then: Policy = plausible) -> Policy:
    """Answer the first request of each named call ("*" for any other) as given, and all that follow by `then`."""
    left = dict(answers)

    def answer(request: Request) -> Answer:
        special = left.pop(request.call, None) or left.pop("*", None)
        return special or then(request)

    return answer


def always(content: str, **more: Any) -> Policy:
    """Answer everything alike."""
    return lambda _: replace(Answer(content), **more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="JSON lines: requests and replies with the SHA-256 of the body")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--no-schemas", action="store_true", help="refuse response_format as some servers do")
    given = parser.parse_args()
    policy = refusing_schemas(plausible) if given.no_schemas else plausible
    server = ChatServer(policy, port=given.port, latency=given.latency, log=given.log)
    server.start()
    print(server.port, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    main()
