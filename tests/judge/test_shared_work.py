"""Ten answers to one question: what is shared is asked once, a plan says so before, and spending stops in time."""

from __future__ import annotations

import anyio
import pytest

from lrstudio.domain.verdicts import Dimension
from lrstudio.judge.budget import SpendLimitReached
from lrstudio.judge.limits import Limits
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.plan import Effort, Plan
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import ChatServer
from tests.doubles.judge_runs import PACK, PRICES, TOKENIZER, make, plan, run
from tests.doubles.ten_answers import ANSWERS, CHUNKS, DISTINCT, tasks

ALL = {
    "helpfulness": ANSWERS,
    "logicality": ANSWERS,
    "claims": ANSWERS,
    "support": DISTINCT,
    "key_points": CHUNKS,
    "completeness": ANSWERS,
}


def test_ten_candidates_take_118_first_attempts() -> None:
    with ChatServer() as server:
        sink = run(server, MemoryCallLog(), concurrency=64)
        assert len(sink.judgments) == 4 * ANSWERS
        assert sum(len(judgment.claims) for judgment in sink.judgments.values()) == 100
        assert server.calls() == ALL
        assert len(server.requests) == 118 == CHUNKS + 4 * ANSWERS + DISTINCT


def test_another_judge_process_finds_what_is_shared_in_the_log() -> None:
    log = MemoryCallLog()
    with ChatServer() as server:
        run(server, log, tasks()[:1])
        first = len(server.requests)
        run(server, log, tasks()[1:2])
        assert len(server.requests) - first == 4 + 4, "four of its own, and the four claims that the first did not make"


def test_the_plan_says_beforehand_what_is_sent() -> None:
    log = MemoryCallLog()
    with ChatServer() as server:
        ahead = plan(server, log)
        assert not server.requests
        assert not log.events
        assert {it: (e.calls, e.guessed) for it, e in ahead.outstanding.items()} == {
            Dimension.HELPFULNESS: (10, 0),
            Dimension.LOGICALITY: (10, 0),
            Dimension.FAITHFULNESS: (80, 70),
            Dimension.COMPLETENESS: (18, 10),
        }
        assert ahead.outstanding == ahead.without_log
        assert any("one claim for each sentence" in sentence for sentence in ahead.assumptions)
        assert any("3 key points for each chunk" in sentence for sentence in ahead.assumptions)

        run(server, log)
        counted = dict.fromkeys(CallName, 0)
        for request in server.requests:
            counted[CallName(request.call)] += TOKENIZER.count(request.prompt)
        for dimension in (Dimension.HELPFULNESS, Dimension.LOGICALITY):
            assert ahead.outstanding[dimension].input_tokens == counted[CallName(dimension.value)]
        faithfulness = counted[CallName.CLAIMS] + counted[CallName.SUPPORT]
        assert ahead.outstanding[Dimension.FAITHFULNESS].input_tokens == pytest.approx(faithfulness, rel=0.02)
        completeness = counted[CallName.KEY_POINTS] + counted[CallName.COMPLETENESS]
        assert ahead.outstanding[Dimension.COMPLETENESS].input_tokens == pytest.approx(completeness, rel=0.1)

        after = plan(server, log)
        assert after.outstanding == {}
        total = sum(after.without_log.values(), Effort())
        assert (total.calls, total.guessed, total.input_tokens) == (118, 0, sum(counted.values()))
        assert total.output_tokens == sum(reply.output_tokens or 0 for reply in log.replies.values())
        assert total.cost == pytest.approx(PRICES.cost(total.input_tokens, total.output_tokens))


def test_a_plan_knows_what_the_log_has_and_what_follows_from_it() -> None:
    log = MemoryCallLog()
    with ChatServer() as server:
        run(server, log)
        for key in [key for key, call in log.calls.items() if call.purpose == "support"][:25]:
            del log.replies[key]
        ahead = plan(server, log)
        assert {it: (e.calls, e.guessed) for it, e in ahead.outstanding.items()} == {Dimension.FAITHFULNESS: (25, 0)}
        first_claims = next(key for key, call in log.calls.items() if call.purpose == "claims")
        del log.replies[first_claims]
        again = plan(server, log, tasks()[:1])
        assert again.outstanding[Dimension.FAITHFULNESS].calls >= 1
        assert plan(server, log, prices=None).outstanding[Dimension.FAITHFULNESS].cost is None


def test_nothing_is_planned_for_nothing() -> None:
    with ChatServer() as server:

        async def work() -> Plan:
            judge = make(server)
            planned = await judge.plan((), calls=MemoryCallLog())
            await judge.aclose()
            return planned

        planned = anyio.run(work)
        assert (planned.candidates, planned.outstanding, planned.without_log) == (0, {}, {})


def test_the_spend_limit_is_never_exceeded_and_what_is_finished_is_kept() -> None:
    log = MemoryCallLog()
    with ChatServer(latency=0.005) as server:
        limits = Limits(spend=0.1)
        with pytest.raises(SpendLimitReached, match=r"spend limit of 0\.1 is reached: 0\.\d+ is spent"):
            run(server, log, limits=limits, concurrency=16)
        spent = sum(reply.cost or 0 for reply in log.replies.values())
        assert 0.05 < spent <= 0.1
        assert len(log.replies) == len(log.calls) == len(server.requests) < 118
        with pytest.raises(SpendLimitReached):
            run(server, log, limits=Limits(spend=0.0001))
        before = len(server.requests)
        run(server, log, limits=Limits(spend=1.0))
        assert len(server.requests) == 118 > before
        assert server.calls() == ALL


def test_changing_one_template_makes_only_its_calls_stale() -> None:
    log = MemoryCallLog()
    other = PromptPack(
        PACK.name,
        "longreward-studio@changed",
        PACK.language,
        {**PACK.templates, CallName.SUPPORT: "New.\n" + PACK.templates[CallName.SUPPORT]},
        PACK.material,
    )
    with ChatServer() as server:
        run(server, log)
        server.requests.clear()
        run(server, log, pack=other)
        assert server.calls() == {"support": DISTINCT}
