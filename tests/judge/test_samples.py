"""Repeated calls: the mean of scores, the majority of verdicts, and every repeat kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    Judgment,
    Reason,
    State,
    Support,
    SupportReason,
    mean_support,
)
from lrstudio.judge.caller import Answer
from lrstudio.judge.limits import Limits
from lrstudio.judge.parsing import CompletenessReply, Cover, ScoreReply, SupportReply
from lrstudio.judge.samples import by_majority, by_mean, by_mean_cover, majority, rounds
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.chat_server import Answer as Sent
from tests.doubles.chat_server import ChatServer, Request, plausible
from tests.doubles.judge_runs import make, plan, run
from tests.doubles.ten_answers import CHUNKS, tasks

FULL, PARTIAL, NONE = Support
H, L, F, C = Dimension


def answer(value: Any, *, key: str = "k", attempts: int = 1, reason: Reason = Reason.NONE) -> Answer[Any]:
    return Answer(value, reason, key, attempts)


def verdict(support: Support, analysis: str = "", why: SupportReason = SupportReason.UNSTATED) -> SupportReply:
    return SupportReply(support, why, (), analysis)


def test_a_score_is_the_mean_of_those_that_could_be_read() -> None:
    bad = answer(None, reason=Reason.UNREADABLE, attempts=5)
    settled = by_mean(
        [
            answer(ScoreReply(4, "low"), key="a"),
            bad,
            answer(ScoreReply(10, "high")),
            answer(ScoreReply(6, "near"), key="d"),
        ]
    )
    assert settled.value is not None
    assert settled.value.score == pytest.approx(20 / 3)
    assert (settled.value.analysis, settled.call_key, settled.attempts) == ("near", "d", 8)
    assert settled.samples == (ScoreReply(4, "low"), None, ScoreReply(10, "high"), ScoreReply(6, "near"))
    lost = by_mean([bad, replace(bad, reason=Reason.REFUSED)])
    assert (lost.value, lost.reason, lost.attempts, lost.samples) == (None, Reason.UNREADABLE, 10, (None, None))


@pytest.mark.parametrize(
    ("votes", "wanted"),
    [
        ((FULL, PARTIAL, FULL), FULL),
        ((FULL, PARTIAL), PARTIAL),
        ((FULL, NONE, PARTIAL), NONE),
        ((PARTIAL, PARTIAL, FULL, FULL), PARTIAL),
        ((NONE,), NONE),
        ((), None),
    ],
)
def test_the_majority_decides_and_a_tie_goes_to_the_lower(votes: tuple[Support, ...], wanted: Support | None) -> None:
    assert majority(votes) is wanted
    settled = by_majority([answer(None, reason=Reason.REFUSED), *(answer(verdict(it, it.word)) for it in votes)])
    assert (settled.value.support if settled.value else None) is wanted
    if wanted:
        assert settled.value is not None
        assert settled.value.analysis == wanted.word
    assert len(settled.samples) == len(votes) + 1


def test_covers_are_settled_one_by_one() -> None:
    def reply(score: float, **covers: Support) -> CompletenessReply:
        return CompletenessReply(score, "", {int(number[1:]): Cover(it, it.word) for number, it in covers.items()})

    settled = by_mean_cover(
        [answer(reply(4, p1=FULL, p2=NONE)), answer(reply(5, p1=PARTIAL)), answer(reply(9, p1=FULL, p2=PARTIAL))]
    )
    assert settled.value is not None
    assert settled.value.score == 6
    assert settled.value.covers == {1: Cover(FULL, "full"), 2: Cover(NONE, "none")}


def test_each_round_of_checks_has_a_score_of_its_own() -> None:
    def claim(*votes: Support | None) -> Claim:
        return Claim("c", "x", None, votes=votes)

    assert rounds([claim(FULL, NONE, None), claim(FULL, PARTIAL, None), claim(NONE, None, FULL)]) == (
        mean_support([FULL, FULL, NONE]),
        mean_support([NONE, PARTIAL]),
    )
    assert rounds([]) == ()
    assert rounds([claim(), claim()]) == ()


def wavering(request: Request) -> Sent:
    """Scores of 4, 7 and 10, and verdicts that differ, by the seed of the repeat."""
    seed = request.body.get("seed", 0) // 5
    if request.call in ("helpfulness", "logicality"):
        return Sent(json.dumps({"analysis": f"repeat {seed}", "score": 4 + 3 * seed}))
    if request.call == "support":
        return Sent(json.dumps({"analysis": "", "passages": [], "verdict": ("full", "partial", "full")[seed]}))
    return plausible(request)


def test_repeats_are_calls_of_their_own_and_the_spread_is_kept() -> None:
    log = MemoryCallLog()
    with ChatServer(wavering) as server:
        sink = run(server, log, tasks()[:1], limits=Limits(samples=3))
        assert server.calls() == {
            "helpfulness": 3,
            "logicality": 3,
            "claims": 1,
            "support": 30,
            "key_points": CHUNKS,
            "completeness": 3,
        }
        assert len({request.sha256 for request in server.requests}) == len(server.requests)
        seeds = sorted((it.body.get("seed"), it.body["temperature"]) for it in server.requests if it.call == "claims")
        assert seeds == [(None, 0.01)]
        repeats = {(it.body.get("seed"), it.body["temperature"]) for it in server.requests if it.call == "helpfulness"}
        assert repeats == {(None, 0.01), (5, 0.95), (10, 0.95)}

        judgment = sink.judgments["c0", H]
        assert (judgment.score, judgment.samples, judgment.spread) == (7, (4, 7, 10), (4, 10))
        assert judgment.explanation == "repeat 1"
        assert judgment.coverage.attempts == 3
        faithful = sink.judgments["c0", F]
        assert {claim.votes for claim in faithful.claims} == {(FULL, PARTIAL, FULL)}
        assert (faithful.score, faithful.samples, faithful.spread) == (10, (10, 5, 10), (5, 10))
        complete = sink.judgments["c0", C]
        assert len(complete.samples) == 3
        assert complete.spread == (complete.score, complete.score)

        planned = plan(server, MemoryCallLog(), tasks()[:1], limits=Limits(samples=3))
        assert sum(effort.calls for effort in planned.outstanding.values()) == len(server.requests)


def test_one_sample_is_what_it_was_before() -> None:
    log = MemoryCallLog()
    with ChatServer(wavering) as server:
        once = run(server, log, tasks()[:1])
        assert all(it.samples == () and it.spread is None for it in once.judgments.values())
        assert all(claim.votes == () for it in once.judgments.values() for claim in it.claims)
        sent = len(server.requests)
        run(server, log, tasks()[:1], limits=Limits(samples=3))
        assert len(server.requests) - sent == 2 * (1 + 1 + 10 + 1), "the first of the repeats is the one there was"
        assert make(server).identity == make(server, limits=Limits(samples=1)).identity
        assert "samples" not in make(server).identity.parameters
        assert json.loads(make(server, limits=Limits(samples=3)).identity.parameters)["samples"] == 3


def test_spread_of_a_judgment() -> None:
    judged = Judgment("r", "c", H, State.SCORED, score=5.0, samples=(7.0, 3.0))
    assert judged.spread == (3.0, 7.0)
