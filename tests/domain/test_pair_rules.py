"""Rules that propose pairs: what they take, what they list, and that the order of the candidates is nothing to them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.pair_rules import Proposal, Rated, Why, common_dimensions, propose
from lrstudio.domain.pairs import Ground, PairRule, RuleName, mean_over, pair_id
from lrstudio.domain.verdicts import Dimension

H, L, F, C = Dimension
SCORES = st.one_of(st.none(), st.integers(0, 100).map(lambda n: n / 10))


def rated(name: str, *scores: float | None, text: str = "", length: int = 100) -> Rated:
    grounds = {
        dimension: Ground(name, dimension, float(score))
        for dimension, score in zip(Dimension, scores, strict=True)
        if score is not None
    }
    return Rated(name, f"m-{name}", length, text or name, grounds)


def flat(name: str, score: float, *, text: str = "", length: int = 100) -> Rated:
    return rated(name, score, score, score, score, text=text, length=length)


def chosen(proposal: Proposal) -> list[tuple[str, str]]:
    return [(it.chosen_id, it.rejected_id) for it in proposal.pairs]


def listed(proposal: Proposal) -> list[tuple[Why, tuple[str, ...]]]:
    return [(it.why, it.candidate_ids) for it in proposal.listed]


@st.composite
def questions(draw: st.DrawFn) -> list[Rated]:
    count = draw(st.integers(0, 8))
    return [
        rated(
            f"c{number}",
            *(draw(SCORES) for _ in Dimension),
            text=draw(st.sampled_from(["", "", "", "same"])),
            length=draw(st.sampled_from([0, 10, 15, 40])),
        )
        for number in range(count)
    ]


RULES = st.builds(
    PairRule,
    name=st.sampled_from(RuleName),
    margin=st.sampled_from([0.0, 0.5, 2.0]),
    fewest=st.integers(2, 5),
    required=st.sampled_from([(), (F,), (F, C)]),
    least=st.sampled_from([(), ((F, 0.0),), ((H, 1.0),)]),
    length_ratio=st.sampled_from([None, 1.0, 1.5]),
    against=st.just("c1"),
)


@given(questions(), RULES, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_changes_nothing(
    candidates: list[Rated], rule: PairRule, rng: random.Random
) -> None:
    shuffled = list(candidates)
    rng.shuffle(shuffled)
    assert propose("q", shuffled, rule) == propose("q", candidates, rule)


@given(questions(), RULES)
def test_every_pair_keeps_the_rule(candidates: list[Rated], rule: PairRule) -> None:
    by_id = {it.candidate_id: it for it in candidates}
    proposal = propose("q", candidates, rule)
    for pair in proposal.pairs:
        better, worse = by_id[pair.chosen_id], by_id[pair.rejected_id]
        compared = candidates
        if rule.name is RuleName.LONGREWARD:
            compared = [it for it in candidates if set(rule.demanded) <= set(it.grounds)]
            assert len(compared) >= rule.fewest
        assert all(dimension in it.grounds for it in compared for dimension in pair.dimensions)
        assert pair.dimensions == (rule.demanded or common_dimensions(candidates))
        one, other = mean_over(pair.dimensions, better.scores), mean_over(pair.dimensions, worse.scores)
        assert one is not None
        assert other is not None
        assert one > other
        assert one - other >= rule.margin - 1e-9
        assert better.text_hash != worse.text_hash
        for dimension, least in rule.least:
            assert better.scores[dimension] - worse.scores[dimension] >= least - 1e-9
        if rule.length_ratio is not None:
            short, long = sorted((better.length, worse.length))
            assert long <= rule.length_ratio * short
    assert len({pair_id("q", *it) for it in chosen(proposal)}) == len(proposal.pairs)


@given(questions(), RULES)
def test_a_question_without_a_pair_is_listed(candidates: list[Rated], rule: PairRule) -> None:
    proposal = propose("q", candidates, rule)
    if rule.name is not RuleName.MARGIN:
        assert proposal.pairs or proposal.listed


@given(questions())
def test_every_two_candidates_are_paired_or_tied_or_identical(candidates: list[Rated]) -> None:
    proposal = propose("q", candidates, PairRule(RuleName.MARGIN))
    out = {why: set(names) for why, names in listed(proposal)}
    if not common_dimensions(candidates):
        assert set(out) == {Why.NOT_SCORED}
        return
    paired = {frozenset(it) for it in chosen(proposal)}
    apart = out.get(Why.TIE, set()) | out.get(Why.IDENTICAL, set())
    for one in candidates:
        for other in candidates:
            if one is not other and frozenset((one.candidate_id, other.candidate_id)) not in paired:
                assert {one.candidate_id, other.candidate_id} <= apart


def five(*scores: float) -> list[Rated]:
    return [flat(f"c{number}", score) for number, score in enumerate(scores)]


def test_longreward_takes_the_extremes_of_the_fully_scored() -> None:
    candidates = [*five(5, 9, 7, 1, 6), rated("best", 10, 10, 10, None), rated("worst", 0, None, 0, 0)]
    proposal = propose("q", candidates, PairRule())

    assert chosen(proposal) == [("c1", "c3")]
    assert proposal.pairs[0].dimensions == tuple(Dimension)
    assert proposal.listed == ()


def test_longreward_needs_five() -> None:
    proposal = propose("q", [*five(5, 9, 7, 1), rated("x", 1, 1, 1, None)], PairRule())
    assert (chosen(proposal), listed(proposal)) == ([], [(Why.TOO_FEW, ("c0", "c1", "c2", "c3"))])


def test_equal_rewards_are_listed() -> None:
    candidates = [rated(f"c{n}", *[[1, 2, 3, 4], [4, 3, 2, 1]][n % 2]) for n in range(5)]
    assert listed(propose("q", candidates, PairRule())) == [(Why.TIE, ("c0", "c1", "c2", "c3", "c4"))]


def test_a_shared_place_is_listed_beside_the_pair() -> None:
    proposal = propose("q", five(9, 9, 5, 2, 2), PairRule())
    assert chosen(proposal) == [("c0", "c3")]
    assert listed(proposal) == [(Why.TIED_PLACE, ("c0", "c1")), (Why.TIED_PLACE, ("c3", "c4"))]


def test_means_of_the_same_scores_are_equal() -> None:
    candidates = [rated("a", 0.1, 0.2, 0.3, 0.0), rated("b", 0.3, 0.2, 0.1, 0.0)]
    assert listed(propose("q", candidates, PairRule(RuleName.MARGIN))) == [(Why.TIE, ("a", "b"))]


def test_a_place_is_shared_by_means_of_the_same_scores() -> None:
    candidates = [rated("a", 0.1, 0.2, 0.3, 0.0), rated("b", 0.3, 0.2, 0.1, 0.0), *five(5, 6, 7)]
    assert listed(propose("q", candidates, PairRule())) == [(Why.TIED_PLACE, ("a", "b"))]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (PairRule(margin=8.0), None),
        (PairRule(margin=8.1), Why.MARGIN),
        (PairRule(least=((F, 8.0),)), None),
        (PairRule(least=((F, 8.5),)), Why.DIMENSION),
        (PairRule(length_ratio=2.0), None),
        (PairRule(length_ratio=1.9), Why.LENGTH),
    ],
)
def test_what_bounds_the_pair(rule: PairRule, why: Why | None) -> None:
    candidates = [flat("a", 9, length=200), *five(5, 6, 7, 1)]
    proposal = propose("q", candidates, rule)
    assert chosen(proposal) == ([] if why else [("a", "c3")])
    assert listed(proposal) == ([(why, ("a", "c3"))] if why else [])


def test_identical_texts_are_listed() -> None:
    candidates = [flat("a", 9, text="t"), *five(5, 6, 7), flat("z", 1, text="t")]
    assert listed(propose("q", candidates, PairRule())) == [(Why.IDENTICAL, ("a", "z"))]


def test_the_best_against_a_candidate() -> None:
    candidates = five(5, 9, 7)
    against = PairRule(RuleName.AGAINST, against="c2")
    assert chosen(propose("q", candidates, against)) == [("c1", "c2")]
    assert listed(propose("q", five(5, 6, 7), against)) == [(Why.NOT_BETTER, ("c1", "c2"))]
    assert listed(propose("q", five(5, 7, 7), against)) == [(Why.TIE, ("c1", "c2"))]
    assert listed(propose("q", five(5, 7), against)) == [(Why.NOT_THERE, ())]


def test_the_best_against_a_model() -> None:
    candidates = [flat("a", 9), flat("b", 5), flat("c", 4)]
    twice = [
        Rated(it.candidate_id, "m" if it.candidate_id != "a" else "o", 9, it.text_hash, it.grounds) for it in candidates
    ]
    assert chosen(propose("q", twice, PairRule(RuleName.AGAINST, against_model="m"))) == [("a", "b"), ("a", "c")]


def test_a_pair_is_known_by_its_candidates() -> None:
    assert pair_id("q", "a", "b") == pair_id("q", "b", "a")
    assert len({pair_id("q", "a", "b"), pair_id("r", "a", "b"), pair_id("q", "a", "c"), pair_id("q", "ab", "")}) == 4
