"""A pack of the LongReward repository's shape: every request and every score, against recorded ones.

The bodies under `golden/` were compared with those of the published script itself on the same documents, replies and
retrieved passages. LRSTUDIO_WRITE_GOLDEN=1 writes them anew; look at the difference before you keep it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import tokenizers

from lrstudio.domain.text import Candidate, Document, Question, Span
from lrstudio.domain.verdicts import Claim, Dimension, Evidence, Judgment, Reason, State, Support
from lrstudio.judge.http import HttpJudge, manner_of
from lrstudio.judge.limits import Limits
from lrstudio.judge.manner import Findings
from lrstudio.judge.material import Material
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.plan import Plan
from lrstudio.judge.protocol import Task
from lrstudio.judge.reference_manner import is_latin, shares
from lrstudio.text.tokens import Tokenizer
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import Answer, ChatServer, Request

H, L, F, C = Dimension
PACK = PromptPack.load(Path(__file__).parents[1] / "data" / "prompts" / "reference-shape")
GOLDEN = Path(__file__).parent / "golden"
NOTHING = "No relevant information"
REFUSAL = "(in the field of its own)"


def byte_tokenizer() -> Tokenizer:
    """One token per byte of UTF-8: 128 and 4096 bytes are windows, and borders cut through Chinese characters."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    encoder = tokenizers.Tokenizer(tokenizers.models.BPE({sign: n for n, sign in enumerate(alphabet)}, []))
    encoder.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    encoder.decoder = tokenizers.decoders.ByteLevel()
    return Tokenizer.load(encoder.to_str())


TOKENIZER = byte_tokenizer()


def english() -> str:
    goods = ("salt", "timber", "herring", "wool", "tar", "glass", "barley")
    lines = [f"Entry {n}: {7 * n % 60} barrels of {goods[n % 7]} came in.\n" for n in range(1, 250)]
    lines[40] = "The crane of the lower quay was mended by Ines Moor in the third week.\n"
    lines[90] = "Pilot Aldous wrote that the channel is nine fathoms deep at low tide.\n"
    lines[150] = "The crane broke again; Ines Moor was paid eleven crowns.\n"
    return "".join(lines)


def mixed() -> str:
    """Chinese first, then English: shares by tokens are not shares by characters."""
    lines = [f"第{n}日，船上卸下{n * 3}桶盐和{n}捆羊毛，天气晴朗，港务长没有别的话要说。" for n in range(1, 50)]
    lines[12] = "第十三日，起重机由莫尔修好，花了十一个银币。"
    tail = [f"Entry {n}: nothing but fog and {n} gulls.\n" for n in range(1, 90)]
    return "航海日志\n" + "\n".join(lines) + "\n" + "".join(tail)


@dataclass
class Script:
    """Replies by call and by a text that the prompt must hold; the n-th for the n-th time it is asked, the last on."""

    replies: Mapping[tuple[str, str], list[str | None]]
    asked: dict[tuple[str, str], int] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        call = CALLS[request.prompt.partition("\n")[0][:8]]
        key = next(key for key in self.replies if key[0] == call and key[1] in request.prompt)
        self.asked[key] = self.asked.get(key, 0) + 1
        contents = self.replies[key]
        content = contents[min(self.asked[key], len(contents)) - 1]
        if content == REFUSAL:
            return Answer(refusal="I would rather not.")
        return Answer(content, finish_reason="length" if content and content.endswith("…") else "stop")


CALLS = {PACK.templates[call][:8]: call.value for call in CallName} | {
    PACK.chinese[CallName.KEY_POINTS][:8]: CallName.KEY_POINTS.value
}


@dataclass(frozen=True)
class Case:
    task: Task
    replies: Mapping[tuple[str, str], list[str | None]]


ENGLISH = Case(
    Task(
        Candidate("c1", "q1", "Ines Moor mended the crane. The channel is nine fathoms deep. It is <<question>> deep."),
        Question("q1", "d1", "Who mended the crane, and how deep is the channel?"),
        Document("d1", english()),
    ),
    {
        ("helpfulness", ""): ["Good, [[ 7 ]] I would say.", "First [[5]], on reflection\n[[8]]"],
        ("logicality", ""): ["Flawless. [[11]]"],
        ("claims", ""): [
            "Here they are.",
            "<statement> Ines Moor mended the crane. </statement>\n"
            "<statement>The channel is nine fathoms\ndeep.</statement><statement></statement>"
            "<statement>The crane cost a fortune.</statement>\n<statement>Pilot Aldous owns the quay.</statement>\n"
            "<statement>The channel is nine fathoms\ndeep.</statement>"
            "<statement>Zyx</statement><statement>Qwv</statement>",
        ],
        ("support", "句子：Ines Moor mended"): ["Passage 2 says so. [[No support]] no: [[Fully supported]]"],
        ("support", "句子：The channel"): ["unsure", "Nearly. [[Partially supported]]"],
        ("support", "句子：The crane cost"): ["Eleven crowns are none. [[No support]]"],
        ("support", "句子：Pilot"): ["Hard to say. [[Unclear]]"],
        ("support", "句子：Zyx"): ["[[Not fully supported]]"],
        ("support", "句子：Qwv"): ["[[fully]]"],
        ("key_points", "Entry 1:"): ["1. Ines Moor mended the crane.\n2. It was the\n   third week."],
        ("key_points", "Entry 120:"): [f"1. nine fathoms\n2. {NOTHING} otherwise"],
        ("key_points", "Entry 245:"): ["", f"{NOTHING}."],
        ("completeness", ""): ["[[12]] cannot be\n[[x]] [[7.5]]"],
    },
)
CHINESE = Case(
    Task(
        Candidate("c2", "q2", "起重机由莫尔修好。花了十二个银币。"),
        Question("q2", "d2", "谁修好了起重机？花了多少？<<answer>>"),
        Document("d2", mixed()),
    ),
    {
        ("helpfulness", ""): ["很好。[[9]]"],
        ("logicality", ""): [None, "一致。[[6]]"],
        ("claims", ""): ["<statement>起重机由莫尔修好。</statement><statement>修理花了十二个银币。</statement>"],
        ("support", "句子：起重机"): ["文段1有。[[Fully supported]]"],
        ("support", "句子：修理"): ["无法判断", "[[不支持]]", "[[1]]", "[[]]", "[Fully supported]"],
        ("key_points", ""): [NOTHING],
        ("completeness", ""): ["没有信息可比。[[3]]"],
    },
)
CASES = {"english": ENGLISH, "chinese": CHINESE}


async def no_wait(_: float) -> None:
    await anyio.sleep(0)


def make_judge(server: ChatServer, *, limits: Limits | None = None) -> HttpJudge:
    return HttpJudge.create(
        base_url=server.base_url,
        model="judge",
        api_key="",
        pack=PACK,
        tokenizer=TOKENIZER,
        limits=limits,
        sleep=no_wait,
    )


def judged(
    case: Case,
    server: ChatServer,
    *,
    log: MemoryCallLog | None = None,
    dimensions: tuple[Dimension, ...] = tuple(Dimension),
    limits: Limits | None = None,
) -> dict[Dimension, Judgment]:
    judgments: dict[Dimension, Judgment] = {}

    async def run() -> None:
        judge = make_judge(server, limits=limits)
        for dimension in dimensions:
            calls = log or MemoryCallLog()
            judgments[dimension] = await judge.judge(case.task, dimension, run_id="r1", calls=calls)
        await judge.aclose()

    anyio.run(run)
    return judgments


@pytest.fixture
def serve() -> Iterator[Callable[[Mapping[tuple[str, str], list[str | None]]], ChatServer]]:
    servers: list[ChatServer] = []

    def start(replies: Mapping[tuple[str, str], list[str | None]]) -> ChatServer:
        servers.append(ChatServer(Script(replies)))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


Serve = Callable[[Mapping[tuple[str, str], list[str | None]]], ChatServer]


def recorded(server: ChatServer) -> list[dict[str, Any]]:
    """The bodies, in an order that does not hang on which of the calls in flight came in first."""
    bodies = [request.body for request in server.requests]
    order = [call.value for call in CallName]
    return sorted(
        bodies,
        key=lambda body: (
            order.index(CALLS[body["messages"][0]["content"][:8]]),
            body["messages"][0]["content"],
            body["temperature"],
        ),
    )


@pytest.mark.parametrize("name", CASES)
def test_every_request_is_the_one_that_was_recorded(serve: Serve, name: str) -> None:
    server = serve(CASES[name].replies)
    judged(CASES[name], server)
    path = GOLDEN / f"reference-{name}.json"
    if os.environ.get("LRSTUDIO_WRITE_GOLDEN"):
        path.write_text(json.dumps(recorded(server), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert recorded(server) == json.loads(path.read_text(encoding="utf-8"))
    for request in server.requests:
        assert sorted(request.body) == ["max_tokens", "messages", "model", "temperature"]
        assert [sorted(message) for message in request.body["messages"]] == [["content", "role"]]


def test_the_english_answer_has_both_scores(serve: Serve) -> None:
    got = judged(ENGLISH, serve(ENGLISH.replies))
    assert (got[H].score, got[H].reference_score, got[H].coverage.attempts) == (8.0, 8.0, 2)
    assert (got[L].state, got[L].reason, got[L].score) == (State.UNSCORED, Reason.OUT_OF_RANGE, None)
    assert (got[L].reference_score, got[L].coverage.attempts) == (11.0, 1)
    assert got[F].score == pytest.approx(10 * (1 + 0.5 + 0 + 0.5 + 1) / 5)
    assert got[F].reference_score == pytest.approx(10 * (1 + 0.5 + 0 + 0 + 0.5 + 1 + 1) / 7)
    assert (got[C].score, got[C].reference_score) == (7.5, 7.5)
    assert {dimension: judgment.reference_note for dimension, judgment in got.items()} == {
        H: "",
        L: "out of range, taken for 11",
        F: "claim 4: unreadable, taken for none; claim 6: unreadable, taken for full",
        C: "chunk 2: what else was found is thrown away",
    }


def test_claims_keep_both_readings_and_doubles_count_twice(serve: Serve) -> None:
    server = serve(ENGLISH.replies)
    claims = judged(ENGLISH, server)[F].claims
    assert [(claim.support, claim.reference_support, claim.reason) for claim in claims] == [
        (Support.FULL, Support.FULL, Reason.NONE),
        (Support.PARTIAL, Support.PARTIAL, Reason.NONE),
        (Support.NONE, Support.NONE, Reason.NONE),
        (None, Support.NONE, Reason.UNREADABLE),
        (Support.PARTIAL, Support.PARTIAL, Reason.NONE),
        (None, Support.FULL, Reason.UNREADABLE),
        (Support.FULL, Support.FULL, Reason.NONE),
    ]
    assert [claim.text for claim in claims][1] == "The channel is nine fathoms\ndeep."
    assert len({claim.claim_id for claim in claims}) == 7
    asked = [body for body in recorded(server) if "句子：The channel" in body["messages"][0]["content"]]
    assert [body["temperature"] for body in asked] == [0.01, 0.95]


def test_key_points_are_those_that_the_judge_was_shown(serve: Serve) -> None:
    judgment = judged(ENGLISH, serve(ENGLISH.replies))[C]
    assert [point.text for point in judgment.key_points] == [
        "Ines Moor mended the crane.",
        "It was the third week.",
    ]
    assert {point.state for point in judgment.key_points} == {State.NOT_CHECKED}
    assert (judgment.coverage.chunks_read, judgment.coverage.chunks_total) == (3, 3)
    assert judgment.coverage.attempts == 5


def test_the_chinese_answer_shows_where_the_script_crashes_and_drops(serve: Serve) -> None:
    got = judged(CHINESE, serve(CHINESE.replies))
    filled = "a text held a placeholder, which was filled in as well"
    assert (got[H].score, got[H].reference_score, got[H].reference_note) == (9.0, 9.0, filled)
    assert (got[L].score, got[L].reference_score) == (6.0, None)
    assert got[L].reference_note == f"would crash: logicality reply without content; {filled}"
    assert (got[F].score, got[F].reference_score) == (10.0, None)
    assert got[F].reference_note == f"{filled}; claim 2: dropped: unreadable"
    assert got[F].claims[1].reference_support is None
    assert (got[C].state, got[C].reason) == (State.UNSCORED, Reason.NO_KEY_POINTS)
    assert got[C].reference_score == 3.0
    assert got[C].reference_note


def test_attempts_follow_the_scripts_schedule(serve: Serve) -> None:
    server = serve({**CHINESE.replies, ("helpfulness", ""): ["[[", "7", "[[-1]]", "[[1.]]", "[7]"]})
    judgment = judged(CHINESE, server)[H]
    bodies = [request.body for request in server.requests[:5]]
    assert [body["temperature"] for body in bodies] == [0.01, 0.95, 0.95, 0.95, 0.95]
    assert len({body["messages"][0]["content"] for body in bodies}) == 1
    assert (judgment.state, judgment.reason, judgment.coverage.attempts) == (State.UNSCORED, Reason.UNREADABLE, 5)
    assert judgment.reference_score is None
    assert judgment.reference_note.startswith("dropped: unreadable")


def test_a_finished_run_is_read_again_from_the_log_alike(serve: Serve) -> None:
    server, log = serve(CHINESE.replies), MemoryCallLog()
    before = judged(CHINESE, server, log=log)
    sent = len(server.requests)
    assert judged(CHINESE, server, log=log) == before
    assert len(server.requests) == sent


def test_of_repeats_the_script_takes_the_first_and_the_studio_all() -> None:
    def by_temperature(request: Request) -> Answer:
        first = request.body["temperature"] == 0.01
        if "句子：" in request.prompt:
            return Answer("[[Fully supported]]" if first else "[[No support]]")
        if CALLS[request.prompt[:8]] == "claims":
            return Answer("<statement>Ines Moor mended the crane.</statement>")
        return Answer("[[8]]" if first else "[[5]]")

    with ChatServer(by_temperature) as server:
        got = judged(ENGLISH, server, limits=Limits(samples=3))
    assert {it: (got[it].score, got[it].reference_score) for it in (H, L, C)} == dict.fromkeys((H, L, C), (6.0, 8.0))
    assert (got[F].score, got[F].reference_score) == (0.0, 10.0)
    assert got[F].claims[0].votes == (Support.FULL, Support.NONE, Support.NONE)
    assert got[F].claims[0].reference_support is Support.FULL
    assert all(
        sorted(request.body) == ["max_tokens", "messages", "model", "temperature"] for request in server.requests
    )


def test_a_plan_counts_the_calls_and_sends_none(serve: Serve) -> None:
    server, log = serve(ENGLISH.replies), MemoryCallLog()

    async def planned() -> Plan:
        judge = make_judge(server)
        try:
            return await judge.plan([ENGLISH.task], calls=log)
        finally:
            await judge.aclose()

    ahead = anyio.run(planned)
    # One call each for helpfulness, logicality and claims, three sentences, three chunks, and their completeness.
    assert {it: effort.calls for it, effort in ahead.outstanding.items()} == {H: 1, L: 1, F: 4, C: 4}
    assert server.requests == []
    judged(ENGLISH, server, log=log)
    after = anyio.run(planned)
    assert after.outstanding == {}
    assert {it: effort.calls for it, effort in after.without_log.items()} == {H: 1, L: 1, F: 7, C: 4}


@pytest.mark.parametrize(
    ("replies", "dimension", "reason", "score", "note"),
    [
        ({("helpfulness", ""): ["[[7]] and then…"]}, H, Reason.TRUNCATED, 7.0, "truncated, taken for 7"),
        ({("helpfulness", ""): ["[[99999]]"]}, H, Reason.OUT_OF_RANGE, 99999.0, "out of range, taken for 99999"),
        ({("helpfulness", ""): ["[[" + "9" * 400 + "]]"]}, H, Reason.OUT_OF_RANGE, 1.7976931348623157e308, "taken for"),
        ({("helpfulness", ""): [None]}, H, Reason.UNREADABLE, None, "dropped: unreadable"),
        ({("logicality", ""): [""]}, L, Reason.UNREADABLE, None, "dropped: unreadable"),
        ({("logicality", ""): [None]}, L, Reason.UNREADABLE, None, "would crash: logicality reply without content"),
        ({("helpfulness", ""): [REFUSAL]}, H, Reason.REFUSED, None, "dropped: refused"),
        ({("logicality", ""): [REFUSAL]}, L, Reason.REFUSED, None, "would crash: logicality reply without content"),
        ({("claims", ""): ["<statement> </statement>"]}, F, Reason.NO_CLAIMS, None, "dropped: no claims"),
        ({("claims", ""): ["none"]}, F, Reason.UNREADABLE, None, "dropped: unreadable"),
        (
            {("claims", ""): ["<statement>The crane cost a fortune.</statement><statement>Zyx…"]},
            F,
            Reason.TRUNCATED,
            0.0,
            "truncated, taken for 1 claims",
        ),
        ({("key_points", "Entry 1:"): ["1. some\n2. mo…"]}, C, Reason.TRUNCATED, 7.5, "chunk 1: truncated, taken"),
        ({("key_points", "Entry 1:"): ["I'm sorry, I cannot."]}, C, Reason.REFUSED, 7.5, "chunk 1: refused, taken"),
        ({("key_points", "Entry 1:"): [""]}, C, Reason.UNREADABLE, None, "chunk 1: dropped: unreadable"),
    ],
)
def test_what_only_the_script_accepts_is_its_score_alone(
    serve: Serve,
    replies: Mapping[tuple[str, str], list[str | None]],
    dimension: Dimension,
    reason: Reason,
    score: float | None,
    note: str,
) -> None:
    judgment = judged(ENGLISH, serve({**ENGLISH.replies, **replies}))[dimension]
    assert (judgment.score, judgment.reason, judgment.reference_score) == (None, reason, score)
    assert note in judgment.reference_note


def test_only_equal_statements_are_shared_between_candidates(serve: Serve) -> None:
    server, log = serve(CHINESE.replies), MemoryCallLog()
    judged(CHINESE, server, log=log)
    other = replace(CHINESE.task, candidate=Candidate("c3", "q2", "另一个回答。"))
    statements = ["起重机由莫尔修好。", "起重机由莫尔修好", "起重机由莫尔修好。 "]
    reply = "".join(f"<statement>{statement}</statement>" for statement in statements)
    again = serve({**CHINESE.replies, ("claims", ""): [reply]})
    again_log = MemoryCallLog()
    claims = judged(Case(other, {}), again, log=again_log)[F].claims
    assert [claim.text for claim in claims] == [statement.strip() for statement in statements]
    support = [call for call in again_log.calls.values() if call.purpose == "support"]
    assert len(support) == 2
    shared = {call.request for call in log.calls.values()} & {call.request for call in support}
    assert len(shared) == 1


def test_without_document_or_answer_nothing_is_asked(serve: Serve) -> None:
    server = serve(ENGLISH.replies)
    bare = judged(Case(replace(ENGLISH.task, document=None), {}), server)
    for dimension in (F, C):
        assert (bare[dimension].reason, bare[dimension].reference_note) == (
            Reason.NO_DOCUMENT,
            "would crash: no document",
        )
    silent = judged(Case(replace(ENGLISH.task, candidate=Candidate("c1", "q1", " ")), {}), server)
    assert (silent[F].state, silent[F].reference_note) == (State.NOT_CHECKABLE, "not asked: an empty answer")


MATERIAL = Material.build(mixed(), tokenizer=TOKENIZER, decoded=True)
MANNER = manner_of(PACK, Limits(temperatures=(1.0,), max_tokens={}))


def test_the_scripts_parameters_win() -> None:
    assert MANNER.limits.temperatures == (0.01, 0.95, 0.95, 0.95, 0.95)
    assert {call.value: tokens for call, tokens in MANNER.limits.max_tokens.items()} == {
        "helpfulness": 512,
        "logicality": 512,
        "claims": 2048,
        "support": 512,
        "key_points": 1024,
        "completeness": 512,
    }
    assert MANNER.limits.completeness_tokens_per_key_point == 0


def test_windows_are_shown_as_their_tokens_decode() -> None:
    raw = mixed().encode()
    assert MATERIAL.tokens == len(raw)
    windows = [raw[at : at + 128].decode(errors="replace") for at in range(0, len(raw), 128)]
    assert [MATERIAL.reads(passage) for passage in MATERIAL.passages] == windows
    assert any("\ufffd" in window for window in windows)
    assert any("\ufffd" in MATERIAL.reads(chunk) for chunk in MATERIAL.chunks)
    chunks = [raw[at : at + 4096].decode(errors="replace") for at in range(0, len(raw), 4096)]
    assert [MATERIAL.reads(chunk) for chunk in MATERIAL.chunks] == chunks


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("", False),
        ("1 2 3", False),
        ("a", True),
        ("abcd中", False),
        ("abcde中", True),
        ("AZaz[\\]^_`中中", True),
        ("AZaz@{é中", False),
        ("abcdeあ", True),
        ("abcd\u9fff", False),
        ("abcd\u4dff", True),
    ],
)
def test_the_language_of_a_chunk_is_that_of_most_of_its_letters(text: str, latin: bool) -> None:
    assert is_latin(text) is latin


def test_shares_are_rounded_half_to_even_and_by_tokens() -> None:
    half = replace(MATERIAL, tokens=4096 * 200)
    assert shares(half)[:7] == ["0% - 0%", "0% - 1%", "1% - 2%", "2% - 2%", "2% - 2%", "2% - 3%", "3% - 4%"]
    assert shares(replace(MATERIAL, tokens=10_000)) == ["0% - 41%", "41% - 82%", "82% - 100%"]
    assert shares(replace(MATERIAL, tokens=4097)) == ["0% - 100%", "100% - 100%"]


def test_chunks_of_one_share_overwrite_each_other() -> None:
    many = replace(MATERIAL, tokens=4096 * 450, chunks=tuple(Span(n, n + 1) for n in range(450)))
    ranges = shares(many)
    kept = MANNER.kept(many)
    assert len(kept) == len(set(ranges)) < 450
    findings = [Findings((), f"<{n}>") for n in range(450)]
    ask = MANNER.completeness(question="q", answer="a", material=many, points=(), findings=findings)
    assert ask is not None
    assert {n for n in range(450) if f"<{n}>" in ask.prompt} == kept
    for index in kept:
        assert f"[文档{ranges[index]}部分的有关信息]\n<{index}>" in ask.prompt
        assert ranges[index] not in ranges[index + 1 :]
    assert ask.script
    assert ask.script.note == f"{450 - len(kept)} chunks lost, which share a percent range with another"


def test_a_chunk_that_is_overwritten_is_neither_read_nor_shown(serve: Serve) -> None:
    text = "".join(f"{n:05}{'.' * 4090}\n" for n in range(205))
    task = Task(Candidate("c1", "q1", "A."), Question("q1", "d1", "Q?"), Document("d1", text))
    key_points = {("key_points", f"\n{n:05}."): [f"1. point {n}"] for n in range(205)}
    server = serve({**key_points, ("completeness", ""): ["[[4]]"]})
    judgment = judged(Case(task, {}), server, dimensions=(C,))[C]
    many = Material.build(text, tokenizer=TOKENIZER, decoded=True)
    kept = MANNER.kept(many)
    assert len(kept) < len(many.chunks) == 205
    assert [point.text for point in judgment.key_points] == [f"point {n}" for n in sorted(kept)]
    assert (judgment.coverage.chunks_read, judgment.coverage.chunks_total) == (len(kept), 205)
    assert (judgment.score, judgment.reference_score) == (4.0, 4.0)
    assert judgment.reference_note == f"{205 - len(kept)} chunks lost, which share a percent range with another"


def test_five_passages_are_shown_whatever_retrieval_found() -> None:
    found = tuple(Evidence(MATERIAL.passages[at], rank, 1.0) for rank, at in enumerate((9, 3), start=1))
    shown = MANNER.evidence(MATERIAL, found)
    assert [MATERIAL.passages.index(it.span) for it in shown] == [0, 1, 2, 3, 9]
    assert sorted(it.rank for it in shown) == [1, 2, 3, 4, 5]
    few = Material.build("a" * 200, tokenizer=TOKENIZER, decoded=True)
    assert [it.span for it in MANNER.evidence(few, ())] == list(few.passages)
    ask = MANNER.support(claim="c", material=MATERIAL, evidence=shown[:2])
    first, second = (MATERIAL.reads(it.span) for it in shown[:2])
    assert f"句子：c\n[文段1]\n{first}\n\n[文段2]\n{second}\n分析：" in ask.prompt


def test_placeholders_in_texts_are_filled_in_one_after_the_other() -> None:
    ask = MANNER.score(CallName.HELPFULNESS, question="Q <<answer>>", answer="A <<question>> \ud800")
    assert "问题：Q A <<question>> \ufffd\n回答：A <<question>> \ufffd\n" in ask.prompt
    assert ask.script
    assert ask.script.note
    ask = MANNER.score(CallName.HELPFULNESS, question="Q", answer="<<question>> <<answer>>")
    assert ask.script
    assert not ask.script.note
    extraction = MANNER.key_points(question="<<context>>", material=MATERIAL, chunk=MATERIAL.chunks[0])
    assert extraction.script
    assert not extraction.script.note
    checked = MANNER.support(claim="<<context>>", material=MATERIAL, evidence=MANNER.evidence(MATERIAL, ()))
    assert checked.script
    assert checked.script.note
    assert checked.prompt.count("[文段1]") == 3
    rated = MANNER.completeness(
        question="<<context>>", answer="<<context>>", material=MATERIAL, points=(), findings=[Findings((), "f")] * 3
    )
    assert rated is not None
    assert rated.script
    assert rated.script.note
    assert rated.prompt.count("<<context>>") == 1


def test_a_claim_without_the_script_has_no_reference() -> None:
    assert Claim("c", "text", None).reference_support is None
    with pytest.raises(ValueError, match="finite"):
        Judgment("r", "c", H, State.UNSCORED, reference_score=float("inf"))
