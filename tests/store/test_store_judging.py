"""Judge runs, judgments and their summaries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Candidate, Question, Span
from lrstudio.domain.verdicts import (
    Claim,
    Coverage,
    Dimension,
    Evidence,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    KeyPoint,
    Reason,
    RunState,
    State,
    Support,
    SupportReason,
)
from lrstudio.store import judging as judging_module
from lrstudio.store.records import PartSummary

LEXICAL = JudgeIdentity("lexical", tokenizer="bpe-1")
HTTP = JudgeIdentity("http", "llama", "pack-1", "bpe-1", '{"temperature":0}')
FAITH, COMPLETE = Dimension.FAITHFULNESS, Dimension.COMPLETENESS


def run(run_id, started, *, identity=LEXICAL, dimensions=(FAITH, COMPLETE), state=RunState.RUNNING):
    return JudgeRun(run_id, identity, dimensions, state, f"2026-01-0{started}T00:00:00+00:00")


def scored(run_id, candidate_id, score=5.0, dimension=FAITH, **fields):
    return Judgment(run_id, candidate_id, dimension, State.SCORED, score=score, **fields)


CLAIMS = (
    Claim(
        "k1",
        "110 mines were laid",
        Span(0, 10),
        State.SCORED,
        support=Support.NONE,
        support_reason=SupportReason.CONTRADICTED,
        support_probability=0.1,
        evidence=(Evidence(Span(3, 9), 1, 2.5), Evidence(Span(1, 2), 2, None, by_person=True)),
        explanation="passage 1 says 101",
        call_key="abc",
    ),
    Claim("k2", "not in the text", None, State.UNSCORED, Reason.NEAR_CHANCE, support_probability=0.5),
    Claim("k3", "beautiful", Span(4, 5), State.NOT_CHECKABLE, Reason.OPINION),
)
POINTS = (
    KeyPoint("p1", "the mines", Span(0, 15), Span(2, 5), State.SCORED, covered=Support.PARTIAL, explanation="half"),
    KeyPoint("p2", "the ships", None),
)


def test_a_judgment_comes_back_whole(store):
    store.judging.start_run(run("r", 1))
    judgment = Judgment(
        "r",
        "c1",
        FAITH,
        State.UNSCORED,
        Reason.TOO_FEW_DECIDED,
        claims=CLAIMS,
        key_points=POINTS,
        explanation="1 of 2 decided",
        coverage=Coverage(3, 4, 5, 6),
        call_key="k",
    )
    store.judging.save_judgment(judgment)
    assert list(store.judging.judgments()) == [judgment]
    assert store.judging.judgment("r", "c1", FAITH) == judgment
    assert store.judging.judgment("r", "c1", COMPLETE) is None
    assert store.judging.judgment("r", "c2", FAITH) is None
    assert store.judging.judged_pairs("r") == {("c1", FAITH)}


def test_saving_again_replaces(store, sql):
    store.judging.start_run(run("r", 1))
    store.judging.save_judgment(scored("r", "c1", claims=CLAIMS, key_points=POINTS))
    again = scored("r", "c1", 7.0, claims=CLAIMS[:1])
    store.judging.save_judgment(again)
    store.judging.save_judgment(again)
    assert list(store.judging.judgments(latest=False)) == [again]
    assert sql(store.path, "SELECT count(*) FROM claim") == [(1,)]
    assert sql(store.path, "SELECT count(*) FROM key_point") == [(0,)]


def test_a_judgment_of_something_unknown_is_refused_and_leaves_nothing(store, counts):
    store.judging.start_run(run("r", 1))
    with pytest.raises(Refused, match="no candidate 'x'"):
        store.judging.save_judgment(scored("r", "x"))
    with pytest.raises(Refused, match="no judge run 'x'"):
        store.judging.save_judgment(scored("x", "c1"))
    assert counts(store).judgments == 0


def test_the_latest_is_of_the_run_started_last_that_has_one(store):
    for number, started in (("old", 1), ("newest", 3), ("new", 2)):
        store.judging.start_run(run(number, started))
    for run_id, candidate_id in [("new", "c1"), ("old", "c1"), ("old", "c2"), ("newest", "c2")]:
        store.judging.save_judgment(scored(run_id, candidate_id))
    store.judging.save_judgment(scored("old", "c1", dimension=COMPLETE))

    def found(**asked):
        return [(it.candidate_id, it.dimension.letter, it.run_id) for it in store.judging.judgments(**asked)]

    assert found() == [("c1", "F", "new"), ("c1", "C", "old"), ("c2", "F", "newest")]
    assert found(candidate_ids=["c2"]) == [("c2", "F", "newest")]
    assert found(run_id="old") == [("c1", "F", "old"), ("c1", "C", "old"), ("c2", "F", "old")]
    # Runs in the order in which they were written down, so that an export is stable.
    assert found(latest=False, candidate_ids=["c2"]) == [("c2", "F", "old"), ("c2", "F", "newest")]
    assert len(found(latest=False)) == 5
    assert found(candidate_ids=[]) == []


def test_of_two_runs_started_at_once_the_one_written_last_counts(store):
    for run_id in ("b", "a"):
        store.judging.start_run(run(run_id, 1))
        store.judging.save_judgment(scored(run_id, "c1"))
    assert [it.run_id for it in store.judging.judgments()] == ["a"]


def test_judgments_of_one_judge_only(store):
    store.judging.start_run(run("lexical", 1))
    store.judging.start_run(run("http", 2, identity=HTTP))
    for run_id in ("lexical", "http"):
        store.judging.save_judgment(scored(run_id, "c1"))
    for identity in (LEXICAL, HTTP):
        assert [it.run_id for it in store.judging.judgments(identity=identity)] == [identity.judge]
        assert [it.run_id for it in store.judging.summaries(identity=identity)] == [identity.judge]
    assert list(store.judging.judgments(identity=replace(HTTP, parameters='{"temperature":1}'))) == []


def test_judgments_come_in_the_order_of_the_project_across_batches(make_store, monkeypatch):
    store = make_store(candidates=7)
    monkeypatch.setattr(judging_module, "_BATCH", 3)
    store.library.add_question(Question("p", None, "Second?"))
    store.library.add_candidate(Candidate("a0", "p", "text"))
    store.judging.start_run(run("r", 1))
    names = ["a0", *(f"c{number}" for number in range(7, 0, -1))]
    for candidate_id in names:
        for dimension in (COMPLETE, FAITH):
            store.judging.save_judgment(scored("r", candidate_id, dimension=dimension, claims=CLAIMS))
    expected = [(it, dimension) for it in [*sorted(names[1:]), "a0"] for dimension in (FAITH, COMPLETE)]
    found = list(store.judging.judgments())
    assert [(it.candidate_id, it.dimension) for it in found] == expected
    assert [(it.candidate_id, it.dimension) for it in store.judging.summaries()] == expected
    assert all(it.claims == CLAIMS for it in found)


def test_a_stream_holds_nothing_open(store):
    store.judging.start_run(run("r", 1))
    store.judging.save_judgment(scored("r", "c1"))
    stream = store.judging.judgments()
    next(stream)
    store.judging.save_judgment(scored("r", "c1", 7.0))
    with store._connections.write() as connection:
        assert connection.exec_driver_sql("SELECT 1").first() is not None
    assert store._connections._engine.pool.checkedout() == 0


def test_summaries_say_the_same_as_judgments(make_store):
    store = make_store(candidates=4)
    store.judging.start_run(run("r", 1))
    store.judging.save_judgment(scored("r", "c1", claims=CLAIMS, aggregated=True))
    store.judging.save_judgment(scored("r", "c2", dimension=COMPLETE, key_points=POINTS))
    store.judging.save_judgment(Judgment("r", "c3", FAITH, State.UNSCORED, Reason.NO_DOCUMENT))
    for summary, judgment in zip(store.judging.summaries(), store.judging.judgments(), strict=True):
        for name in ("candidate_id", "dimension", "run_id", "state", "reason", "score", "aggregated"):
            assert getattr(summary, name) == getattr(judgment, name)
        assert summary.parts == tuple(
            [PartSummary(it.state, it.support, it.support_reason) for it in judgment.claims]
            + [PartSummary(it.state, it.covered, SupportReason.UNSTATED) for it in judgment.key_points]
        )
    third = store.judging.summaries()[2]
    assert third.parts == ()
    assert store.judging.summaries(["c3"]) == (third,)


def test_more_candidates_than_a_statement_takes(store):
    store.judging.start_run(run("r", 1))
    for candidate_id in ("c1", "c2"):
        store.judging.save_judgment(scored("r", candidate_id, claims=CLAIMS))
    many = {"c2", *(f"other {number}" for number in range(300_000))}
    assert [it.candidate_id for it in store.judging.summaries(many)] == ["c2"]
    assert [it.candidate_id for it in store.judging.judgments(many)] == ["c2"]


def test_runs_come_back_the_last_started_first(store):
    runs = [run("r1", 1), run("r3", 3, identity=HTTP), run("r2", 2, dimensions=(FAITH,))]
    for it in runs:
        store.judging.start_run(it)
    assert store.judging.runs() == (runs[1], runs[2], runs[0])
    assert store.judging.run("r3") == runs[1]
    with pytest.raises(Refused, match="no judge run 'x'"):
        store.judging.run("x")


def test_the_state_of_a_run_moves_and_the_rest_stays(store):
    store.judging.start_run(run("r", 1))
    store.judging.set_run_state("r", RunState.RUNNING, calls=3, input_tokens=10, output_tokens=5, cost=0.25)
    store.judging.set_run_state("r", RunState.DONE, finished="2026-01-02T00:00:00+00:00")
    expected = replace(run("r", 1), state=RunState.DONE, finished="2026-01-02T00:00:00+00:00")
    expected = replace(expected, calls=3, input_tokens=10, output_tokens=5, cost=0.25)
    assert store.judging.run("r") == expected
    with pytest.raises(Refused, match="no judge run 'x'"):
        store.judging.set_run_state("x", RunState.DONE)


@pytest.mark.parametrize("state", list(RunState))
def test_a_run_is_carried_on_unless_it_is_done(store, state):
    store.judging.start_run(run("r", 1, state=state))
    found = store.judging.unfinished_run(LEXICAL, [COMPLETE, FAITH])
    assert (found is not None) == (state is not RunState.DONE)


def test_only_a_run_of_the_same_judge_over_the_same_dimensions_is_carried_on(store):
    store.judging.start_run(run("first", 1))
    store.judging.start_run(run("second", 2))
    assert store.judging.unfinished_run(LEXICAL, (FAITH, COMPLETE)) == run("second", 2)
    assert store.judging.unfinished_run(LEXICAL, (FAITH,)) is None
    assert store.judging.unfinished_run(HTTP, (FAITH, COMPLETE)) is None
