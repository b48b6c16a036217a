"""Review queues in a real project: made, worked through by two reviewers, timed, and refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lrstudio.domain.decisions import Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.queues import Outcome, Purpose
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State, Support
from lrstudio.services.decisions import Decisions
from lrstudio.services.queues import Queues, Wish
from lrstudio.store.store import Store
from tests.doubles.backends import BOTH

F, H = Dimension.FAITHFULNESS, Dimension.HELPFULNESS
ONE, TWO = JudgeIdentity("http", "m"), JudgeIdentity("lexical")
CANDIDATES = 6


def judge(store: Store, identity: JudgeIdentity, scores: list[float]) -> None:
    run = JudgeRun(identity.judge, identity, (F,), RunState.DONE, f"2026-01-01T00:00:0{len(store.judging.runs())}Z")
    store.judging.start_run(run)
    for number, score in enumerate(scores):
        claims = tuple(
            Claim(f"{number}-{n}", "said", None, State.SCORED, support=Support.FULL, support_probability=0.5 + n / 4)
            for n in range(3)
        )
        store.judging.save_judgment(
            Judgment(run.run_id, f"c{number}", F, State.SCORED, score=score, aggregated=True, claims=claims)
        )


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    shared = request.param == "postgresql"
    with Store.create(request.getfixturevalue("postgres").new_database() if shared else tmp_path / "p.lrs") as made:
        made.library.add_document(Document("d", "A text.", "Title"))
        for question in ("p", "q"):
            made.library.add_question(Question(question, "d", f"Why {question}?"))
        for number in range(CANDIDATES):
            made.library.add_candidate(Candidate(f"c{number}", "pq"[number % 2], f"Because {number}."))
        judge(made, TWO, [5.0, 5.0, 5.0, 5.0, 5.0, 5.0])
        judge(made, ONE, [9.0, 5.0, 1.0, 5.5, 4.0, 8.0])
        yield made


def queues(store: Store, reviewer: str = "ann") -> Queues:
    return Queues(store, reviewer=lambda: reviewer, clock=lambda: "2026-02-01T00:00:00Z")


def names(store: Store, wish: Wish) -> list[str]:
    service = queues(store)
    return [item.target.candidate_id for item in service.items(service.make(wish).queue_id)]


def test_each_purpose_chooses_its_items(store: Store) -> None:
    assert names(store, Wish(Purpose.JUDGES_DISAGREE, ONE, TWO)) == ["c0", "c2", "c5"]
    assert names(store, Wish(Purpose.JUDGES_DISAGREE, ONE, TWO, size=1)) == ["c0"]
    assert len(names(store, Wish(Purpose.LOW_CONFIDENCE, ONE))) == 2 * CANDIDATES
    service = queues(store)
    margins = service.items(service.make(Wish(Purpose.LARGEST_MARGIN, ONE)).queue_id)
    assert [(it.target.candidate_id, it.other_id, it.weight) for it in margins] == [
        ("c0", "c2", 8.0),
        ("c5", "c1", 3.0),
    ]
    ties = service.items(service.make(Wish(Purpose.NEAR_TIES, ONE)).queue_id)
    assert [({it.target.candidate_id, it.other_id}, it.weight) for it in ties] == [
        ({"c1", "c3"}, 0.5),
        ({"c2", "c4"}, 3.0),
    ]


def test_a_decision_moves_the_margin(store: Store) -> None:
    Decisions(store, reviewer=lambda: "ann").set_score(Target("c2", F), 8.5)
    service = queues(store)
    first, *_ = service.items(service.make(Wish(Purpose.LARGEST_MARGIN, ONE)).queue_id)
    assert (first.target.candidate_id, first.other_id, first.weight) == ("c0", "c4", 5.0)


def test_second_opinion_leaves_ones_own_decisions_out(store: Store) -> None:
    Decisions(store, reviewer=lambda: "ann").set_score(Target("c2", F), 8.5, blind=True)
    with pytest.raises(Refused, match="waits for a second opinion"):
        queues(store, "ann").make(Wish(Purpose.SECOND_OPINION))
    bob = queues(store, "bob")
    (item,) = bob.items(bob.make(Wish(Purpose.SECOND_OPINION)).queue_id)
    assert item.target == Target("c2", F)


def test_an_audit_keeps_what_it_was_drawn_from(store: Store) -> None:
    service = queues(store)
    queue = service.make(Wish(Purpose.RANDOM_AUDIT, ONE, dimensions=(F,), size=6, seed=7))
    items = service.items(queue.queue_id)
    assert (queue.population, queue.seed, len(items)) == (18, 7, 6)
    assert {item.inclusion_probability for item in items} == {6 / 18}
    (frame,) = service.frames()
    assert service.inclusion_probabilities(frame) == {item.target: pytest.approx(6 / 18) for item in items}
    again = service.make(Wish(Purpose.RANDOM_AUDIT, ONE, dimensions=(F,), size=9, seed=8))
    together = service.inclusion_probabilities(frame)
    assert set(together) == {it.target for it in items} | {it.target for it in service.items(again.queue_id)}
    assert list(together.values()) == pytest.approx([1 - (1 - 6 / 18) * (1 - 9 / 18)] * len(together))
    other = service.make(Wish(Purpose.RANDOM_AUDIT, TWO, dimensions=(F,), size=6, seed=7))
    assert other.frame != queue.frame
    assert service.inclusion_probabilities("nothing") == {}


def test_a_queue_is_worked_through_and_timed_by_each_reviewer(store: Store) -> None:
    ann, bob = queues(store), queues(store, "bob")
    queue = ann.make(Wish(Purpose.JUDGES_DISAGREE, ONE, TWO)).queue_id
    assert ann.next_open(queue) == 0
    ann.visited(queue, 0, opened="t0", seconds=5.0, outcome=Outcome.LEFT)
    assert ann.next_open(queue, after=0) == 1
    changes = ann.visited(queue, 1, opened="t1", seconds=4.0, outcome=Outcome.DECIDED)
    assert changes.queues == {queue}
    ann.visited(queue, 2, opened="t2", seconds=8.0, outcome=Outcome.SKIPPED)
    assert ann.next_open(queue, after=2) == 0
    ann.visited(queue, 0, opened="t3", seconds=3.0, outcome=Outcome.DECIDED)
    assert ann.next_open(queue) is None
    assert (ann.progress(queue).finished, ann.progress(queue).seconds) == (3, 8.0)
    assert (bob.progress(queue).finished, bob.progress(queue).seconds, bob.next_open(queue)) == (0, None, 0)


def test_what_cannot_be_is_refused_and_nothing_is_left(store: Store) -> None:
    service = queues(store)
    with pytest.raises(Refused, match="two different judges"):
        service.make(Wish(Purpose.JUDGES_DISAGREE, ONE))
    with pytest.raises(Refused, match="choose the judge"):
        service.make(Wish(Purpose.RANDOM_AUDIT))
    with pytest.raises(Refused, match="left nothing unscored"):
        service.make(Wish(Purpose.JUDGE_FAILED, ONE))
    with pytest.raises(Refused, match="at least one item"):
        service.make(Wish(Purpose.LOW_CONFIDENCE, ONE, size=0))
    assert service.queues() == ()
    queue = service.make(Wish(Purpose.LOW_CONFIDENCE, ONE)).queue_id
    with pytest.raises(Refused, match="has no item 99"):
        service.visited(queue, 99, opened="", seconds=1.0, outcome=Outcome.LEFT)
    with pytest.raises(Refused, match="no queue 'x'"):
        service.next_open("x")
    with pytest.raises(Refused, match="takes no nan seconds"):
        service.visited(queue, 0, opened="", seconds=float("nan"), outcome=Outcome.LEFT)
