"""Pairs through the service into a real project file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from lrstudio.domain.decisions import Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_lists import PairFilter, PairSort
from lrstudio.domain.pair_rules import Why
from lrstudio.domain.pairs import Pair, PairAct, PairRule, PairState, RuleName, StaleCause
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.services.decisions import Decisions
from lrstudio.services.pairs import Pairs
from lrstudio.store.store import Store
from tests.doubles.rated_project import C, F, H, L, add_question, five_candidates, judge_as, start_run

MARGIN = PairRule(RuleName.MARGIN, margin=2.5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "p.lrs") as made:
        yield five_candidates(made)


@pytest.fixture
def pairs(store: Store) -> Pairs:
    return pairs_of(store, "ann")


def pairs_of(store: Store, reviewer: str) -> Pairs:
    ticks = iter(range(1000))
    return Pairs(store, reviewer=lambda: reviewer, clock=lambda: f"2026-01-02T00:{next(ticks):04d}Z")


def only(pairs: Pairs) -> Pair:
    (row,) = pairs.page().rows
    return row.pair


def decide(store: Store, candidate_id: str, score: float, dimension: Dimension = F) -> None:
    Decisions(store, reviewer=lambda: "ann").set_score(Target(candidate_id, dimension), score)


def test_what_is_cancelled_keeps_what_is_done(store: Store, pairs: Pairs) -> None:
    for number in range(250):
        scores = {f"x{number}": (9, 9, 9, 9), f"y{number}": (1, 1, 1, 1)}
        add_question(store, scores, question_id=f"more{number}", document_id=f"more{number}")
    told: list[tuple[int, int]] = []
    report = pairs.propose(MARGIN, progress=lambda done, of: told.append((done, of)), stop=lambda: bool(told))
    assert told == [(200, 251)]
    assert (report.questions, report.of, report.stopped) == (200, 251, True)
    assert report.new == len(report.changes.pairs) == pairs.counts().proposed > 0
    rest = pairs.propose(MARGIN)
    assert (rest.questions, rest.stopped, rest.same, rest.new) == (251, False, report.new, 51)


def test_the_highest_is_proposed_against_the_lowest(pairs: Pairs) -> None:
    report = pairs.propose(PairRule())
    pair = only(pairs)

    assert (report.questions, report.new, report.same, report.listed) == (1, 1, 0, ())
    assert report.changes.pairs == {pair.pair_id}
    assert (pair.chosen_id, pair.rejected_id, pair.state) == ("a", "e", PairState.PROPOSED)
    assert (pair.chosen_reward, pair.rejected_reward, pair.margin) == (9.0, 3.5, 5.5)
    assert pair.dimensions == (H, L, F, C)
    assert pair.scores_of("e") == {H: 2.0, L: 3.0, F: 4.0, C: 5.0}
    assert {ground.run_id for ground in pair.grounds} == {"r1"}


def test_proposing_again_says_nothing_new(pairs: Pairs) -> None:
    pairs.propose(PairRule())
    again = pairs.propose(PairRule())

    assert (again.new, again.same, again.changes.pairs) == (0, 1, frozenset())
    assert len(pairs.history(only(pairs).pair_id).entries) == 1


def test_a_second_rule_joins_the_first_and_can_leave_alone(pairs: Pairs) -> None:
    pairs.propose(PairRule())
    pairs.propose(MARGIN)

    assert pairs.page().total == 5
    assert pairs.page(PairFilter(rule=RuleName.LONGREWARD)).total == 1
    assert pairs.page(PairFilter(rule=RuleName.LONGREWARD)).rows[0].pair.rules == (RuleName.LONGREWARD, RuleName.MARGIN)

    report = pairs.propose(PairRule(RuleName.MARGIN, margin=9.0), replacing=True)

    assert (report.new, report.withdrawn) == (0, 5)
    assert only(pairs).rules == (RuleName.LONGREWARD,)
    assert pairs.counts().proposed == 1


def test_what_a_person_decided_outlives_proposals(pairs: Pairs) -> None:
    pairs.propose(PairRule())
    pairs.swap(only(pairs).pair_id, reason=" B is better ", blind=True, order=("e", "a"))
    pairs.propose(MARGIN)
    pairs.propose(PairRule(RuleName.MARGIN, margin=9.0), replacing=True)

    pair = only(pairs)
    assert (pair.chosen_id, pair.rejected_id, pair.state) == ("e", "a", PairState.GOLD)
    assert (pair.margin, pair.reviewer, pair.reason, pair.blind) == (-5.5, "ann", "B is better", True)
    entry = next(it for it in pairs.history(pair.pair_id).entries if it.act is PairAct.SWAPPED)
    assert (entry.order, entry.rule) == (("e", "a"), None)


def test_every_act_and_its_undoing(pairs: Pairs) -> None:
    pairs.propose(PairRule())
    name = only(pairs).pair_id
    states = []
    for act in (pairs.approve, pairs.reject, pairs.swap):
        assert act(name).pairs == {name}
        states.append(only(pairs).state)
    while pairs.undo():
        states.append(only(pairs).state)
    while pairs.redo():
        states.append(only(pairs).state)

    gold, rejected, proposed = PairState.GOLD, PairState.REJECTED, PairState.PROPOSED
    assert states == [gold, rejected, gold, rejected, gold, proposed, gold, rejected, gold]
    assert only(pairs).chosen_id == "e"
    assert len(pairs.history(name).entries) == 1 + 3 + 3 + 3


def test_undo_is_ones_own(store: Store, pairs: Pairs) -> None:
    pairs.propose(PairRule())
    pairs.approve(only(pairs).pair_id)

    assert not pairs_of(store, "bob").undo()
    assert only(pairs).state is PairState.GOLD


def test_choosing_a_side_approves_or_swaps(pairs: Pairs) -> None:
    pairs.propose(PairRule())
    name = only(pairs).pair_id

    pairs.choose(name, "e")
    assert (only(pairs).chosen_id, only(pairs).state) == ("e", PairState.GOLD)
    pairs.choose(name, "e")
    assert (only(pairs).chosen_id, only(pairs).state) == ("e", PairState.GOLD)
    with pytest.raises(Refused, match="'c' is not in this pair"):
        pairs.choose(name, "c")


def test_adding_a_pair_and_taking_it_back(pairs: Pairs) -> None:
    added = pairs.add("d", "b", reason="shorter")
    pair = only(pairs)

    assert (pair.pair_id, pair.chosen_id, pair.state, pair.margin) == (added.pair_id, "d", PairState.GOLD, -2.0)
    assert pairs.undo().pairs == {added.pair_id}
    assert pairs.page().total == 0
    assert pairs.page(PairFilter(states=(PairState.WITHDRAWN,))).total == 1


@pytest.mark.parametrize(
    ("chosen", "rejected", "said"),
    [
        ("a", "a", "same text"),
        ("a", "x", "no candidate 'x'"),
        ("a", "other", "different questions"),
        ("a", "twin", "the same text"),
    ],
)
def test_what_cannot_be_a_pair_is_refused(store: Store, pairs: Pairs, chosen: str, rejected: str, said: str) -> None:
    add_question(store, {"other": (1, 1, 1, 1)}, question_id="q2")
    add_question(store, {"twin": (1, 1, 1, 1)}, texts={"twin": "answer a"})
    with pytest.raises(Refused, match=said):
        pairs.add(chosen, rejected)
    assert not list(store.pairs.entries())


def test_a_pair_by_hand_needs_no_scores(store: Store, pairs: Pairs) -> None:
    add_question(store, {"x": (None,) * 4, "y": (5, None, None, None)}, question_id="q2")
    pairs.add("x", "y")
    pair = only(pairs)

    assert (pair.dimensions, pair.margin, pair.scores_of("y")) == ((), None, {H: 5.0})


def test_rewards_rest_on_what_is_scored_in_all(store: Store, pairs: Pairs) -> None:
    add_question(store, {"x": (9, None, 8, None), "y": (1, 9, 4, None), "z": (None, 9, 3, 9)}, question_id="q2")
    report = pairs.propose(PairRule(RuleName.MARGIN, margin=4.5), question_ids=["q2"])
    pair = only(pairs)

    assert report.new == 1
    assert (pair.chosen_id, pair.rejected_id, pair.dimensions, pair.margin) == ("x", "z", (F,), 5.0)
    assert pair.scores_of("z") == {L: 9.0, F: 3.0, C: 9.0}


def test_decisions_count_as_scores(store: Store, pairs: Pairs) -> None:
    for dimension in Dimension:
        decide(store, "e", 10.0, dimension)
    pairs.propose(PairRule())
    pair = only(pairs)

    assert (pair.chosen_id, pair.rejected_id) == ("e", "d")
    assert [it.decisions for it in pair.grounds if it.candidate_id == "e"] == [(1,), (2,), (3,), (4,)]


def test_a_judge_can_be_chosen(store: Store, pairs: Pairs) -> None:
    other = JudgeIdentity("http", "m2")
    start_run(store, "r2", judge=other, hour=5)
    for number, candidate_id in enumerate("abcde"):
        judge_as(store, candidate_id, [number] * 4, run_id="r2")
    pairs.propose(PairRule(), judge=other)
    assert only(pairs).chosen_id == "e"
    pairs.propose(PairRule(), judge=JudgeIdentity("scripted", "m1", "pack1"))
    assert only(pairs).chosen_id == "a"
    judge_as(store, "a", [5] * 4, run_id="r2")
    assert only(pairs).stale is None, "another judge's verdict changes nothing"


def test_too_few_candidates_are_listed(store: Store, pairs: Pairs) -> None:
    judge_as(store, "c", (None, 7, 7, 7))
    report = pairs.propose(PairRule())

    assert (report.new, [(it.question_id, it.why) for it in report.listed]) == (0, [("q", Why.TOO_FEW)])
    assert pairs.propose(PairRule(fewest=4)).new == 1


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (PairRule(margin=11), "from 0 to 10"),
        (PairRule(fewest=1), "two candidates"),
        (PairRule(length_ratio=0.5), "1 or more"),
        (PairRule(RuleName.AGAINST), "to compare with"),
        (PairRule(against="a"), "no other"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(pairs: Pairs, rule: PairRule, said: str) -> None:
    with pytest.raises(Refused, match=said):
        pairs.propose(rule)


def test_an_unknown_question_or_pair_is_refused(pairs: Pairs) -> None:
    with pytest.raises(Refused, match="no question 'x'"):
        pairs.propose(PairRule(), question_ids=["x"])
    for act in (pairs.approve, pairs.swap, pairs.reject, pairs.history):
        with pytest.raises(Refused, match="no pair 'x'"):
            act("x")


def test_the_board_holds_everything_of_a_question(pairs: Pairs) -> None:
    pairs.propose(PairRule())
    board = pairs.board("q")

    assert [it.detail.candidate.candidate_id for it in board.candidates] == list("abcde")
    assert [it.reward for it in board.candidates] == [9.0, 8.0, 7.0, 6.0, 3.5]
    assert board.document is not None
    assert (board.document.document_id, board.dimensions) == ("d", (H, L, F, C))
    assert [pair.pair_id for pair in board.pairs] == [only(pairs).pair_id]
    assert len(board.differences) == 10


# ---- stale


def rejudge(store: Store) -> None:
    start_run(store, "r2", hour=1)
    judge_as(store, "e", (2, 3, 4.5, 5), run_id="r2")


def rejudge_alike(store: Store) -> None:
    start_run(store, "r2", hour=1)
    judge_as(store, "e", (2, 3, 4, 5), run_id="r2")


def replace_in_run(store: Store) -> None:
    judge_as(store, "e", (2, 3, 4.5, 5))


def unscore(store: Store) -> None:
    judge_as(store, "e", (2, 3, None, 5))


def remove(store: Store) -> None:
    with store._connections.write() as connection:
        connection.execute(sa.text("DELETE FROM judgment WHERE candidate_key = (SELECT max(id) FROM candidate)"))
        connection.execute(sa.text("DELETE FROM candidate WHERE candidate_id = 'e'"))
    store.pairs.suspect_all()


def confirm(store: Store) -> None:
    Decisions(store, reviewer=lambda: "ann").confirm(Target("e", F))


def decide_elsewhere(store: Store) -> None:
    decide(store, "c", 0.0)


@pytest.mark.parametrize(
    ("change", "cause", "words"),
    [
        (rejudge, StaleCause.JUDGED, "a judge judged anew: faithfulness of e went from 4.0 to 4.5"),
        (replace_in_run, StaleCause.JUDGED, "a judge judged anew: faithfulness of e went from 4.0 to 4.5"),
        (unscore, StaleCause.JUDGED, "faithfulness of e went from 4.0 to unscored"),
        (lambda store: decide(store, "e", 1), StaleCause.DECIDED, "a person decided: faithfulness of e"),
        (remove, StaleCause.GONE, "e is no longer in the project"),
        (rejudge_alike, None, ""),
        (confirm, None, ""),
        (decide_elsewhere, None, ""),
    ],
)
def test_a_pair_turns_stale_with_the_reason(
    store: Store, pairs: Pairs, change: Callable[[Store], None], cause: StaleCause | None, words: str
) -> None:
    pairs.propose(PairRule())
    name = only(pairs).pair_id
    change(store)
    seen = only(pairs).stale

    assert pairs.history(name).pair.stale == seen
    assert (seen.cause if seen else None) == cause
    assert words in (seen.words if seen else "")
    assert pairs.counts().stale == 0
    assert pairs.settle().pairs == ({name} if cause else set())
    assert pairs.counts().stale == int(cause is not None)
    assert pairs.page(PairFilter(stale=True)).total == int(cause is not None)
    assert not pairs.settle()


def test_an_undone_decision_makes_stale_even_with_the_same_score(store: Store, pairs: Pairs) -> None:
    confirm(store)
    pairs.propose(PairRule())
    Decisions(store, reviewer=lambda: "ann").undo()
    stale = only(pairs).stale

    assert stale is not None
    assert stale.words == "a decision on faithfulness of e was undone; its score stays 4.0"
    Decisions(store, reviewer=lambda: "ann").redo()
    assert only(pairs).stale is None


def test_what_was_not_compared_makes_nothing_stale(store: Store, pairs: Pairs) -> None:
    pairs.propose(PairRule(required=(H, F)))
    decide(store, "e", 0.0, C)

    assert only(pairs).margin == 6.0
    assert only(pairs).stale is None


def test_approving_a_stale_pair_takes_what_stands_now(store: Store, pairs: Pairs) -> None:
    pairs.propose(PairRule())
    decide(store, "e", 8.0)
    name = only(pairs).pair_id
    pairs.settle()
    pairs.approve(name)
    assert (only(pairs).stale, only(pairs).rejected_reward) == (None, 4.5)
    assert pairs.counts().stale == 0

    pairs.undo()
    assert only(pairs).stale is not None, "the proposal rests on what stood before"
    assert pairs.settle().pairs == {name}
    assert pairs.counts().stale == 1


def test_proposing_again_mends_a_stale_proposal(store: Store, pairs: Pairs) -> None:
    pairs.propose(PairRule())
    decide(store, "e", 8.0)
    pairs.settle()
    assert pairs.propose(PairRule()).new == 1
    assert (only(pairs).stale, pairs.counts().stale) == (None, 0)


def test_everything_can_be_looked_at_again(pairs: Pairs) -> None:
    pairs.propose(MARGIN)
    assert not pairs.settle(everything=True)


# ---- lists


@pytest.fixture
def many(store: Store) -> Pairs:
    add_question(store, {"x": (9, 9, 9, 9), "longer": (1, 1, 1, 1)}, question_id="q2", document_id="d2")
    pairs = pairs_of(store, "ann")
    pairs.propose(PairRule(RuleName.MARGIN))
    pairs.approve(pairs.page().rows[0].pair.pair_id)
    return pairs


def test_pages_make_up_the_list(many: Pairs) -> None:
    whole = many.page(limit=1000)
    assert whole.total == len(whole.rows) == 11
    for sort in PairSort:
        for descending in (False, True):
            at_once = many.page(sort=sort, descending=descending, limit=1000).rows
            pages = [many.page(sort=sort, descending=descending, offset=n, limit=4).rows for n in (0, 4, 8)]
            assert sum(pages, ()) == at_once
            assert {row.pair.pair_id for row in at_once} == {row.pair.pair_id for row in whole.rows}


def test_lists_are_sorted(many: Pairs) -> None:
    rows = many.page(sort=PairSort.MARGIN, descending=True, limit=1000).rows
    assert [row.pair.margin for row in rows] == sorted((row.pair.margin for row in rows), reverse=True)
    ratios = [row.length_ratio for row in many.page(sort=PairSort.LENGTH_RATIO, limit=1000).rows]
    assert ratios == sorted(ratios)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (PairFilter(), 11),
        (PairFilter(states=(PairState.GOLD,)), 1),
        (PairFilter(states=(PairState.REJECTED,)), 0),
        (PairFilter(margin=5.5), 2),
        (PairFilter(most_margin=1.0), 3),
        (PairFilter(margin=2.0, most_margin=3.0), 4),
        (PairFilter(dimensions=(F, C)), 11),
        (PairFilter(model="model-x"), 1),
        (PairFilter(model="model-a"), 4),
        (PairFilter(document_id="d2"), 1),
        (PairFilter(question_id="q"), 10),
        (PairFilter(length_ratio=1.2), 10),
        (PairFilter(longer_chosen=True), 0),
        (PairFilter(reviewer="bob"), 0),
        (PairFilter(rule=RuleName.LONGREWARD), 0),
        (PairFilter(stale=False), 11),
    ],
)
def test_lists_are_filtered(many: Pairs, wanted: PairFilter, count: int) -> None:
    page = many.page(wanted, limit=5)
    assert (page.total, len(page.rows)) == (count, min(count, 5))


def test_a_row_says_where_it_is_from(many: Pairs) -> None:
    (row,) = many.page(PairFilter(document_id="d2")).rows
    assert (row.query, row.document_id, row.document_title) == ("What of q2?", "d2", "d2")
    assert (row.chosen_model, row.rejected_model) == ("model-x", "model-r")
    assert (row.chosen_length, row.rejected_length, row.length_ratio) == (8, 13, 8 / 13)
