"""Passages by vectors: what is sent, once, and what happens when an endpoint misbehaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.text import Candidate, Document, Question, content_hash
from lrstudio.domain.verdicts import Dimension, Judgment, Reason, State
from lrstudio.judge.budget import Budget, SpendLimitReached
from lrstudio.judge.embedding import BATCH, NoVectors, VectorCache
from lrstudio.judge.http import HttpJudge
from lrstudio.judge.http_embedder import HttpEmbedder
from lrstudio.judge.limits import Limits
from lrstudio.judge.local_embedder import LocalEmbedder
from lrstudio.judge.material import Material, retrieve
from lrstudio.judge.packs import PromptPack
from lrstudio.judge.protocol import ParseState, Task
from lrstudio.judge.retrieval import Bm25Retriever, FusedRetriever, VectorRetriever
from lrstudio.judge.sharing import concurrently
from lrstudio.text.resources import resource
from lrstudio.text.retrieval import Bm25Index
from lrstudio.text.tokens import Tokenizer
from lrstudio.text.vectors import fused, nearest
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import Answer, ChatServer, Request, busy, hashing_vectors

PACK = PromptPack.load(resource("prompts", "longreward-studio"))
TOKENIZER = Tokenizer.shipped()


class MemoryVectors:
    """Vectors in memory, by the contract of `VectorStore`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    async def load(self, space: str, hashes: Sequence[str]) -> Mapping[str, bytes]:
        await anyio.sleep(0)
        return {it: self.kept[space, it] for it in hashes if (space, it) in self.kept}

    async def save(self, space: str, vectors: Mapping[str, bytes]) -> None:
        await anyio.sleep(0)
        self.kept.update({(space, it): blob for it, blob in vectors.items()})


async def no_wait(_: float) -> None:
    await anyio.sleep(0)


def embedder(server: ChatServer, **more: Any) -> HttpEmbedder:
    given = {"base_url": server.base_url, "model": "embed", "sleep": no_wait, "limits": Limits(timeout=5.0, retries=2)}
    return HttpEmbedder.open(**{**given, **more})


def vectors_of(
    server: ChatServer,
    *asked: Sequence[str],
    store: MemoryVectors | None = None,
    calls: MemoryCallLog | None = None,
    **more: Any,
) -> list[Any]:
    """Ask for several lists of texts at the same time."""

    async def run() -> list[Any]:
        cache = VectorCache(embedder(server, **more), store or MemoryVectors())
        log = calls or MemoryCallLog()
        try:
            return await concurrently(lambda texts=texts: cache.vectors(texts, calls=log) for texts in asked)
        finally:
            await cache.aclose()

    return anyio.run(run)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def test_rows_are_unit_vectors_in_order_and_batches_are_small(server: ChatServer) -> None:
    texts = [f"word{n} and word{n + 1}" for n in range(BATCH * 2 + 5)]
    (rows,) = vectors_of(server, texts)
    assert rows.shape == (len(texts), 256)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    (again,) = vectors_of(server, texts[::-1])
    assert np.array_equal(rows[::-1], again)
    sizes = [len(request.body["input"]) for request in server.embeddings]
    assert sorted(sizes[:3]) == [5, BATCH, BATCH]
    assert sorted(server.embeddings[0].body) == ["input", "model"]


def test_a_text_is_embedded_once_however_many_want_it_at_once(server: ChatServer) -> None:
    store = MemoryVectors()
    vectors_of(server, ["a", "b", "a"], ["b", "c"], ["c", "a", "d"], store=store)
    assert sorted(server.embedded()) == ["a", "b", "c", "d"]
    vectors_of(server, ["d", "c", "b", "a", "e"], store=store)
    assert sorted(server.embedded()) == ["a", "b", "c", "d", "e"], "what is kept is not asked for again"


def test_who_waits_for_a_request_that_fails_asks_for_itself(server: ChatServer) -> None:
    def unwilling(request: Request) -> Answer:
        return Answer("no", status=400) if "b" in request.body["input"] else hashing_vectors(request)

    server.embedding_policy = unwilling

    async def run() -> list[object]:
        cache = VectorCache(embedder(server), MemoryVectors())

        async def tried(texts: list[str]) -> object:
            try:
                return len(await cache.vectors(texts, calls=MemoryCallLog()))
            except NoVectors as error:
                return str(error)

        done = await concurrently(lambda texts=texts: tried(texts) for texts in (["a", "b"], ["a"], ["a", "c"]))
        await cache.aclose()
        return done

    failed, alone, other = anyio.run(run)
    assert "status 400: no" in str(failed)
    assert (alone, other) == (1, 2)


def test_a_batch_that_is_too_large_is_halved(server: ChatServer) -> None:
    def small(request: Request) -> Answer:
        if len(request.body["input"]) > 9:
            return Answer("batch size 32 > maximum allowed batch size 9", status=422)
        return hashing_vectors(request)

    server.embedding_policy = small
    texts = [f"text {n}" for n in range(BATCH)]
    (rows,) = vectors_of(server, texts)
    server.embedding_policy = hashing_vectors
    (whole,) = vectors_of(server, texts)
    assert np.array_equal(rows, whole)


def _vectors(*rows: object) -> bytes:
    return json.dumps({"data": [{"index": n, "embedding": row} for n, row in enumerate(rows)]}).encode()


@pytest.mark.parametrize(
    "first",
    [
        busy(),
        Answer("oops", status=500),
        Answer(whole=b"<html>"),
        Answer(whole=b"[1]"),
        Answer(whole=b'{"data": [{}]}'),
        Answer(whole=b'{"data": []}'),
        Answer(whole=_vectors([1.0], [1.0, 2.0])),
        Answer(whole=_vectors([], [])),
        Answer(whole=_vectors([1.0, float("nan")], [1.0, 2.0])),
        Answer(whole=_vectors([1.0, None], [1.0, 2.0])),
        Answer(whole=_vectors([1.0, 2.0], [1.0, 2.0]), cut=20),
    ],
)
def test_what_is_no_vector_is_asked_for_again(server: ChatServer, first: Answer) -> None:
    server.embedding_policy = lambda request: first if request.number == 1 else hashing_vectors(request)
    (rows,) = vectors_of(server, ["a", "b"])
    assert rows.shape == (2, 256)
    assert len(server.embeddings) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer("no key", status=401), Environment, "asks for an API key and none is set"),
        (Answer("unknown", status=404), Refused, "no model 'embed'"),
        (Answer("moved", status=307, headers={"Location": "http://evil.example/"}), Refused, "evil.example"),
        (Answer("oops", status=500), NoVectors, "status 500"),
    ],
)
def test_what_stays_wrong_is_said(server: ChatServer, answer: Answer, kind: type[Exception], said: str) -> None:
    server.embedding_policy = lambda _: answer
    with pytest.raises(kind, match=said):
        vectors_of(server, ["a"])


def test_each_request_is_written_down_before_it_goes_with_what_it_cost(server: ChatServer) -> None:
    log = MemoryCallLog()

    def watching(request: Request) -> Answer:
        assert len(log.calls) - len(log.replies) == 1, "begun and not ended"
        return hashing_vectors(request)

    server.embedding_policy = watching
    vectors_of(server, ["a" * 40, "b" * 80], calls=log, price=2.0)
    vectors_of(server, ["c"], calls=log)
    priced, free = log.replies.values()
    assert (priced.input_tokens, priced.output_tokens, priced.cost) == (30, 0, pytest.approx(60e-6))
    assert (free.input_tokens, free.cost) == (0, None)
    call = next(iter(log.calls.values()))
    assert (call.purpose, call.model, call.prompt_pack) == ("embedding", "embed", "")
    assert json.loads(call.request) == {
        "model": "embed",
        "input_sha256": [content_hash("a" * 40), content_hash("b" * 80)],
    }


def test_a_request_that_brought_nothing_is_written_down_too(server: ChatServer) -> None:
    server.embedding_policy = lambda _: Answer("no", status=400)
    log = MemoryCallLog()
    with pytest.raises(NoVectors):
        vectors_of(server, ["a", "b"], calls=log)
    assert [event for event, _ in log.events] == ["begin", "end", "begin", "end"], "whole, then its first half"
    told = {(reply.parse_state, reply.error) for reply in log.replies.values()}
    assert told == {(ParseState.FAILED, "status 400: no")}


def test_no_request_goes_that_could_exceed_the_spend_limit(server: ChatServer) -> None:
    texts = [f"text {n} of a few words" for n in range(4 * BATCH)]
    one = sum(map(TOKENIZER.count, texts[:BATCH]))
    store, log = MemoryVectors(), MemoryCallLog()
    more = {"calls": log, "store": store, "price": 1e6, "count": TOKENIZER.count}
    with pytest.raises(SpendLimitReached, match="spend limit"):
        vectors_of(server, texts, budget=Budget(2.6 * one), **more)
    sent = len(server.embeddings)
    assert 2 <= sent < 4
    assert len(store.kept) == sent * BATCH, "what is paid for is kept"
    assert sum(reply.cost or 0 for reply in log.replies.values()) <= 2.6 * one
    vectors_of(server, texts, budget=Budget(2.6 * one), **more)
    assert len(server.embedded()) == len(set(server.embedded())) == 4 * BATCH


def test_tokens_that_are_not_counted_are_spent_as_forecast(server: ChatServer) -> None:
    server.embedding_policy = lambda request: Answer(whole=_vectors(*[[1.0, 2.0] for _ in request.body["input"]]))
    budget, log = Budget(10.0), MemoryCallLog()
    vectors_of(server, ["four"], calls=log, budget=budget, price=1e6, count=len)
    (reply,) = log.replies.values()
    assert (reply.input_tokens, reply.cost) == (None, None)
    with pytest.raises(SpendLimitReached, match=r"4\.0000 is spent"):
        vectors_of(server, ["seven!!"], budget=budget, price=1e6, count=len)


def test_an_endpoint_that_is_gone_is_named() -> None:
    with ChatServer() as server:
        pass
    with pytest.raises(Environment, match="embeddings endpoint cannot be reached"):
        vectors_of(server, ["a"])


def test_another_model_behind_the_same_name_is_noticed(server: ChatServer) -> None:
    store = MemoryVectors()
    vectors_of(server, ["a"], store=store)
    server.embedding_policy = lambda request: Answer(whole=_vectors(*[[1.0, 2.0] for _ in request.body["input"]]))
    with pytest.raises(Refused, match="of 2 and of 256 numbers"):
        vectors_of(server, ["a", "b"], store=store)


def test_lone_surrogates_can_be_sent(server: ChatServer) -> None:
    (rows,) = vectors_of(server, ["a \ud800 b"])
    assert rows.shape == (1, 256)
    assert server.embedded() == ["a \ufffd b"]


# A document of exactly 256 passages, and ten answers of ten claims: four of a pool of ten, six of their own.


def _document(passages: int) -> str:
    text = "".join(
        f"Entry {n}: the vessel of owner {n * 7} paid {n * 13 % 991} crowns at gate {n % 17}.\n" for n in range(4000)
    )
    starts, _ = TOKENIZER.offsets(text)
    return text[: int(starts[passages * 128])]


def _answers() -> list[str]:
    pool = [f"The vessel of owner {n * 7} paid its dues." for n in range(10)]
    return [
        " ".join(
            [pool[(k + n) % 10] for n in range(4)]
            + [f"Candidate {k} says that gate {n} was shut {n} times." for n in range(6)]
        )
        for k in range(10)
    ]


TEXT = _document(256)
TASKS = [
    Task(Candidate(f"c{n}", "q", answer), Question("q", "d", "What was paid?"), Document("d", TEXT))
    for n, answer in enumerate(_answers())
]


def judged(server: ChatServer, store: MemoryVectors, tasks: Sequence[Task] = TASKS, **more: Any) -> list[Judgment]:
    async def run() -> list[Judgment]:
        retriever = VectorRetriever(VectorCache(embedder(server, **more), store))
        judge = HttpJudge.create(
            base_url=server.base_url,
            model="judge",
            api_key="",
            pack=PACK,
            tokenizer=TOKENIZER,
            retriever=retriever,
            sleep=no_wait,
        )
        calls = MemoryCallLog()
        try:
            return await concurrently(
                lambda task=task: judge.judge(task, Dimension.FAITHFULNESS, run_id="r", calls=calls) for task in tasks
            )
        finally:
            await judge.aclose()

    return anyio.run(run)


def test_ten_candidates_on_one_document_embed_each_passage_and_each_distinct_claim_once(server: ChatServer) -> None:
    store = MemoryVectors()
    judgments = judged(server, store)
    assert [len(it.claims) for it in judgments] == [10] * 10
    assert len({claim.text for it in judgments for claim in it.claims}) == 70
    assert len(server.embedded()) == len(set(server.embedded())) == 256 + 70 == 326
    judged(server, store)
    assert len(server.embedded()) == 326, "a second run finds them all"


def test_the_evidence_is_the_five_nearest_passages_in_document_order(server: ChatServer) -> None:
    (judgment,) = judged(server, MemoryVectors(), TASKS[:1])
    material = Material.build(TEXT, tokenizer=TOKENIZER)
    passages = [span.of(TEXT) for span in material.passages]
    (rows,) = vectors_of(server, passages)
    for claim in judgment.claims:
        (query,) = vectors_of(server, [claim.text.removesuffix(".")])
        (hits,) = nearest(rows, query, 5)
        assert len(claim.evidence) == 5
        assert [it.span for it in claim.evidence] == sorted(material.passages[hit.index] for hit in hits)
        assert sorted(it.score for it in claim.evidence) == sorted(hit.score for hit in hits)


def test_a_claim_without_vectors_leaves_faithfulness_open_and_says_why(server: ChatServer) -> None:
    server.embedding_policy = lambda _: Answer("out of memory", status=500)
    (judgment,) = judged(server, MemoryVectors(), TASKS[:1])
    assert (judgment.state, judgment.reason, judgment.score) == (State.UNSCORED, Reason.CALL_FAILED, None)
    assert "out of memory" in judgment.explanation


def test_fusion_joins_the_two_full_rankings(server: ChatServer) -> None:
    async def run() -> tuple[list[Any], list[Any], str]:
        vectors = VectorRetriever(VectorCache(embedder(server), MemoryVectors()))
        both = FusedRetriever(Bm25Retriever(), vectors)
        material = Material.build(TEXT, tokenizer=TOKENIZER, retriever=both)
        queries = ["Owner 77 paid at gate 3", "zeppelin"]
        found = await retrieve(material, queries, calls=MemoryCallLog())
        near = await vectors.index(TEXT, material.passages).top(queries, 256, calls=MemoryCallLog())
        words = Bm25Index.build(TEXT, material.passages)
        wanted = [fused([words.top(query, 256), hits], 5) for query, hits in zip(queries, near, strict=True)]
        await both.aclose()
        spans = [{material.passages[hit.index] for hit in hits} for hits in wanted]
        return [{it.span for it in evidence} for evidence in found], spans, both.name

    found, wanted, name = anyio.run(run)
    assert found == wanted
    assert name == f"bm25 + {server.base_url} embed"


def test_the_retrieval_is_part_of_the_identity(server: ChatServer) -> None:
    def parameters(**more: Any) -> dict[str, Any]:
        made = HttpJudge.create(
            base_url="http://127.0.0.1:1/v1", model="m", api_key="", pack=PACK, tokenizer=TOKENIZER, **more
        )
        read: dict[str, Any] = json.loads(made.identity.parameters)
        return read

    by_vectors = VectorRetriever(VectorCache(embedder(server), MemoryVectors()))
    assert parameters()["retrieval"] == "bm25"
    assert parameters(retriever=by_vectors)["retrieval"] == f"{server.base_url} embed"
    assert parameters(known_as="serve:x {port}")["base_url"] == "serve:x {port}"


# A model in a process of its own, played by a script that keeps to the worker's protocol.

PLAYED = """
import base64, json, struct, sys
print(json.dumps({first}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "stop" in asked["texts"]:
        print("the model fell over", file=sys.stderr)
        sys.exit(7)
    rows = [[float(len(text)), 1.0] for text in asked["texts"]]
    blob = base64.b64encode(b"".join(struct.pack("<2f", *row) for row in rows)).decode()
    print(json.dumps({{"number": asked["number"] - 1, "width": 2, "vectors": ""}}), flush=True)
    print(json.dumps({{"number": asked["number"], "width": 2, "vectors": blob}}), flush=True)
"""


@pytest.fixture
def local(tmp_path: Path) -> Callable[..., LocalEmbedder]:
    def make(first: str = '{"ready": True}') -> LocalEmbedder:
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text("{}")
        script = tmp_path / "played.py"
        script.write_text(PLAYED.format(first=first))
        return LocalEmbedder(folder, command=(sys.executable, str(script)))

    return make


def test_a_local_model_answers_from_its_own_process(local: Callable[..., LocalEmbedder]) -> None:
    async def run() -> Any:
        made = local()
        rows = await concurrently(
            lambda texts=texts: made.embed(texts, calls=MemoryCallLog()) for texts in (["a", "bbb"], ["cc \ud800"])
        )
        with pytest.raises(Environment, match=r"status 7.*fell over"):
            await made.embed(["stop"], calls=MemoryCallLog())
        rows.append(await made.embed(["after"], calls=MemoryCallLog()))
        await made.aclose()
        await made.aclose()
        return rows

    first, second, after = anyio.run(run)
    assert first.tolist() == [[1, 1], [3, 1]]
    assert second.tolist() == [[4, 1]]
    assert after.tolist() == [[5, 1]]


def test_a_local_model_that_refuses_says_why(local: Callable[..., LocalEmbedder]) -> None:
    async def run() -> None:
        with pytest.raises(Refused, match="no weights"):
            await local('{"refused": "no weights"}').embed(["a"], calls=MemoryCallLog())
        with pytest.raises(Environment, match="ended"):
            await local("1 / 0").embed(["a"], calls=MemoryCallLog())

    anyio.run(run)


def test_a_local_model_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    def name(folder: Path, weights: bytes) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(weights)
        return LocalEmbedder(folder).name

    here = name(tmp_path / "here" / "mini", b"x" * 3_000_000)
    assert here.startswith("local mini@")
    assert name(tmp_path / "there" / "mini", b"x" * 3_000_000) == here
    assert name(tmp_path / "other" / "mini", b"x" * 2_999_999 + b"y") != here
    with pytest.raises(Refused, match="no sentence-embedding model"):
        LocalEmbedder(tmp_path / "nothing")
