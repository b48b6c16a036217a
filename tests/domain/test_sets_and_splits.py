"""Splits, hashes and cards of sets."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.sets import (
    PARTS,
    CardMaker,
    FrozenPair,
    FrozenSide,
    SetHash,
    Split,
    frozen_pair_of,
    length_figures,
)
from lrstudio.domain.verdicts import Dimension


def frozen(number: int, *, chosen: int = 10, rejected: int = 20, **fields: object) -> FrozenPair:
    given = {"set_name": "s", "part": "train", "document_id": f"d{number % 3}", "document_hash": "h", "gold": True}
    return FrozenPair(
        pair_id=f"p{number}",
        question_id=f"q{number}",
        query="Why \udc80?",
        chosen=FrozenSide(f"a{number}", "h1", chosen, "m1", {Dimension.FAITHFULNESS: 7.5}, 7.5),
        rejected=FrozenSide(f"b{number}", "h2", rejected, "m2"),
        dimensions=(Dimension.FAITHFULNESS,),
        margin=None,
        **(given | fields),  # type: ignore[arg-type]
    )


@given(st.text(), st.integers())
def test_a_document_is_always_in_the_same_part(document: str, seed: int) -> None:
    assert Split(seed=seed).part(document) == Split(seed=seed).part(document)
    assert Split((1.0, 0.0, 0.0), seed).part(document) == "train"
    assert Split((0.0, 0.0, 1.0), seed).part(document) == "test"
    assert Split((0.5, 0.5, 0.0), seed).part(document) in PARTS[:2]


def test_the_shares_are_kept_and_the_seed_deals() -> None:
    names = [f"document {n}" for n in range(4000)]
    split = Split((0.7, 0.2, 0.1), seed=1)
    counts = [sum(split.part(name) == part for name in names) / len(names) for part in PARTS]
    assert counts == pytest.approx([0.7, 0.2, 0.1], abs=0.02)
    other = Split((0.7, 0.2, 0.1), seed=2)
    assert 0.4 < sum(split.part(name) == other.part(name) for name in names) / len(names) < 0.65


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (1.5, -0.5, 0.0), (0.0, 0.0, 0.0)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        Split(shares)


def test_a_frozen_pair_reads_back() -> None:
    pair = frozen(1, judges=("a b",), reason="clear", blind=True)
    assert frozen_pair_of("s", pair.canonical()) == pair
    assert frozen_pair_of("t", pair.canonical()).set_name == "t"


def test_the_hash_is_of_the_pairs_not_of_their_order() -> None:
    lines = [frozen(number).canonical() for number in range(20)]

    def hashed(of: list[str]) -> str:
        made = SetHash()
        for line in of:
            made.add(line)
        return made.hexdigest()

    shuffled = random.Random(1).sample(lines, len(lines))
    assert hashed(lines) == hashed(shuffled)
    assert len({hashed(lines), hashed(lines[1:]), hashed([*lines, lines[0]]), hashed([])}) == 4
    assert hashed([frozen(1).canonical()]) == hashed([frozen(1, set_name="other").canonical()])
    assert hashed([frozen(1).canonical()]) != hashed([frozen(1, part="test").canonical()])
    assert hashed([frozen(1).canonical()]) != hashed([frozen(1, chosen=11).canonical()])


def test_lengths_are_compared_pair_by_pair() -> None:
    figures = length_figures([10, 30, 20, 20], [20, 10, 20, 10])
    assert figures is not None
    assert (figures.chosen_mean, figures.chosen_median, figures.rejected_mean, figures.rejected_median) == (
        20.0,
        20.0,
        15.0,
        15.0,
    )
    assert (figures.longer_chosen, figures.equal) == (pytest.approx(2 / 3), 1)
    assert length_figures([], []) is None
    equal = length_figures([5], [5])
    assert equal is not None
    assert equal.longer_chosen is None


def test_a_card_counts() -> None:
    maker = CardMaker()
    for number in range(4):
        maker.add(frozen(number, part=PARTS[number % 2], blind=number == 0, licence="MIT", rule="longreward,margin"))
    card = maker.card(split=Split(), wanted=PairFilter(margin=1.0))
    assert (card.pairs, card.questions, card.documents, card.gold, card.blind) == (4, 4, 3, 4, 1)
    assert card.parts == {"train": 2, "validation": 2, "test": 0}
    assert card.rules == {"longreward": 4, "margin": 4}
    assert (card.models, card.licences, card.agreement) == ({"m1": 4, "m2": 4}, {"MIT": 4}, {})
