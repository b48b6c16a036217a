"""What the Pairs workspace shows, from a real project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.domain.decisions import StandingClaim
from lrstudio.domain.length_choices import LengthChoice, LengthOutcome, Mitigation
from lrstudio.domain.pair_lists import Board, BoardCandidate, PairCounts, PairFilter
from lrstudio.domain.pair_rules import Listed, Why
from lrstudio.domain.pairs import PairRule, PairState, RuleName
from lrstudio.domain.sets import LengthFigures, Mitigated, Verification
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Claim, Dimension, State, Support, SupportReason
from lrstudio.services.pairs import Pairs
from lrstudio.store.store import Store
from lrstudio.viewstate.audit_signs import Sign
from lrstudio.viewstate.pairs_board import Against, against_choices, next_side, pair_of, pair_screen, sides_of
from lrstudio.viewstate.pairs_list import (
    chip_of,
    counts_text,
    listed_lines,
    mitigated_words,
    outcome_text,
    pair_cells,
    proposal_text,
    verification_text,
    wanted_words,
)
from tests.doubles.rated_project import five_candidates


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Pairs]:
    with Store.create(tmp_path / "p.lrs") as store:
        five_candidates(store)
        made = Pairs(store, reviewer=lambda: "ada")
        made.propose(PairRule())
        yield made


def with_claims(board: Board, candidate_id: str, *claims: StandingClaim) -> Board:
    def change(it: BoardCandidate) -> BoardCandidate:
        if it.detail.candidate.candidate_id != candidate_id:
            return it
        standing = replace(it.detail.standings[Dimension.FAITHFULNESS], claims=claims)
        return replace(
            it, detail=replace(it.detail, standings={**it.detail.standings, Dimension.FAITHFULNESS: standing})
        )

    return replace(board, candidates=tuple(change(it) for it in board.candidates))


def claim(text: str, support: Support, *, span: Span | None = None) -> StandingClaim:
    reason = SupportReason.NOT_FOUND if support is Support.NONE else SupportReason.UNSTATED
    return StandingClaim(Claim(text, text, span=span, state=State.SCORED, support=support, support_reason=reason))


def test_the_best_can_be_set_against_what_is_on_screen_or_a_model(pairs: Pairs) -> None:
    board = pairs.board("q")
    screen = pair_screen(board, ("a", "e"), blind=True)
    (left, left_words), _right, (model, model_words) = against_choices(("m", ""), screen, "q")
    assert (left, left_words) == (Against(candidate_id="a", question_id="q"), "only here: A · 8 characters")
    assert (model, model_words) == (Against(model="m"), "model m")
    shown = against_choices((), pair_screen(board, ("a", "e"), blind=False), "q")
    assert [words for _, words in shown] == [
        "only here: A · model-a · 8 characters", "only here: E · model-e · 8 characters"
    ]  # fmt: skip
    assert against_choices((), None, "") == ()


def test_what_a_choice_by_length_and_a_frozen_set_say() -> None:
    balanced = LengthChoice(Mitigation.BALANCED, seed=4)
    assert outcome_text(LengthOutcome(None, 72, 0.667, 0.458, 0.833), all_of=72) == (
        "72 pairs · longer chosen 67 % (46–83)"
    )
    assert outcome_text(LengthOutcome(balanced, 1, None), all_of=1072) == "1 of 1,072"
    before = LengthFigures(1, 1, 1, 1, 0.7, 0)
    assert mitigated_words(Mitigated(balanced, 90, before)) == (
        "length-balanced (seed 4), out of 90 pairs; the longer was chosen in 70 % before"
    )
    assert mitigated_words(Mitigated(LengthChoice(Mitigation.RATIO, 1.5), 1, None)) == (
        "length ratio up to 1.5, out of 1 pair"
    )
    wanted = PairFilter(states=(PairState.GOLD,), stale=False, margin=2.0, model="m")
    assert wanted_words(wanted) == "gold pairs, not stale · margin from 2 · of model m"
    assert wanted_words(PairFilter(states=(), document_id="d")) == "pairs · on d"


@pytest.mark.parametrize(
    ("found", "missing", "words"),
    [
        ("a" * 64, (), "✓ Unchanged: hashed anew, 3 pairs and all their texts are as frozen."),
        ("b" * 64, (), "✕ Changed: its 3 pairs now hash to bbbbbbbbbbbb, not to aaaaaaaaaaaa."),
        ("a" * 64, ("x",), "✕ Changed: the text of x is gone or is not the one frozen."),
        (
            "a" * 64,
            tuple("uvwxyz"),
            "✕ Changed: the text of u, v, w, x, y and 1 more is gone or is not the one frozen.",
        ),
    ],
)
def test_whether_a_set_is_unchanged_is_said_plainly(found: str, missing: tuple[str, ...], words: str) -> None:
    assert verification_text(Verification("s", "a" * 64, found, 3, missing)) == words


def test_the_chosen_candidate_stands_left_with_its_scores(pairs: Pairs) -> None:
    board = pairs.board("q")
    screen = pair_screen(board, sides_of(board, board.pairs[0]), blind=False)
    assert screen is not None
    assert [screen.left.candidate_id, screen.left.standing, screen.left.reward] == ["a", "chosen", "reward 9.0"]
    assert [screen.right.candidate_id, screen.right.standing, screen.right.scores] == [
        "e",
        "rejected",
        "H 2 · L 3 · F 4 · C 5",
    ]
    assert screen.status == "proposed by LongReward's rule · margin 5.5 over H L F C"
    assert screen.left.facts == "model-a · 8 characters"


def test_blind_tells_nothing_of_models_scores_rule_or_margin(pairs: Pairs) -> None:
    board = with_claims(pairs.board("q"), "a", claim("x", Support.FULL, span=Span(0, 3)))
    screen = pair_screen(board, ("a", "e"), blind=True)
    assert screen is not None
    told = f"{screen.left.spoken} {screen.right.spoken} {screen.status} {screen.stale} {screen.band[0][0].spoken}"
    for secret in ("model", "9", "chosen", "margin", "LongReward", "full"):
        assert secret not in told
    assert screen.left.marks[0].sign is Sign.HIDDEN
    assert [screen.left.label, screen.right.label] == ["A", "B"]


def test_the_band_tells_claims_of_one_side_from_better_support(pairs: Pairs) -> None:
    board = with_claims(pairs.board("q"), "a", claim("only mine", Support.FULL), claim("both", Support.FULL))
    board = with_claims(board, "e", claim(" both ", Support.NONE), claim("only yours", Support.PARTIAL))
    screen = pair_screen(board, ("a", "e"), blind=False)
    assert screen is not None
    left, right = screen.band
    assert [(it.kind, it.text, it.sign, it.other) for it in left] == [
        ("more support in A", "both", Sign.FULL, Sign.NOT_FOUND),
        ("only in A", "only mine", Sign.FULL, None),
    ]
    assert [(it.kind, it.text) for it in right] == [("only in E", "only yours")]


def test_other_candidates_come_in_turn_and_never_against_themselves(pairs: Pairs) -> None:
    board = pairs.board("q")
    shown, seen = ("a", "b"), []
    for _ in range(5):
        shown = next_side(board, shown, left=False)
        seen.append(shown)
    assert seen == [("a", "c"), ("a", "d"), ("a", "e"), ("a", "b"), ("a", "c")]
    assert next_side(board, ("a", "b"), left=True) == ("c", "b")
    assert pair_of(board, "e", "a") == board.pairs[0]
    assert pair_of(board, "a", "b") is None


def test_a_question_without_two_candidates_has_no_screen(pairs: Pairs) -> None:
    board = pairs.board("q")
    lonely = replace(board, candidates=board.candidates[:1], pairs=())
    assert pair_screen(lonely, sides_of(lonely, None), blind=False) is None


def test_a_row_hides_under_blind_what_tells_the_better_side(pairs: Pairs) -> None:
    row = pairs.page().rows[0]
    assert pair_cells(row, blind=False).texts[1:5] == ("9 · model-a", "3.5 · model-e", "5.5", "1.00")
    assert pair_cells(row, blind=True).texts[1:5] == ("·",) * 4
    pairs.approve(row.pair.pair_id, blind=True)
    row = pairs.page().rows[0]
    assert pair_cells(row, blind=True).texts[1] == "9 · model-a"
    assert chip_of(row.pair).text == "gold · blind"
    assert row.pair.state is PairState.GOLD


def test_what_is_said_around_the_table(pairs: Pairs) -> None:
    assert counts_text(PairCounts(proposed=31, gold=1084, stale=2)) == "gold 1,084 · proposed 31 · stale 2"
    assert proposal_text(questions=2, new=1, same=3, withdrawn=0) == "1 new pair, 3 stood already from 2 questions."
    cancelled = proposal_text(questions=200, new=5, same=0, withdrawn=0, of=1000)
    assert cancelled == "Cancelled after 200 of 1,000 questions: 5 new pairs; what is there stays."
    listed = (Listed("q1", Why.TIE, ("a", "b")), Listed("q2", Why.TIE), Listed("q3", Why.IDENTICAL))
    assert listed_lines(listed)[:3] == ("2 × equal rewards", "1 × the texts are identical", "q1: equal rewards (a, b)")
    many = tuple(Listed(f"q{number}", Why.MARGIN) for number in range(1000))
    assert listed_lines(many)[-1] == "… and 800 more"


def test_a_rule_is_named(pairs: Pairs) -> None:
    pairs.propose(PairRule(RuleName.MARGIN, margin=5.0))
    assert pair_cells(pairs.page().rows[0], blind=False).texts[-1] == "LongReward's rule and the margin rule"
