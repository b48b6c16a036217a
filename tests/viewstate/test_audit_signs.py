import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.verdicts import Reason, State, Support, SupportReason
from lrstudio.viewstate.audit_signs import Chip, Sign, counted, probability, reason_words, score_text, sign_of


@pytest.mark.parametrize(
    ("state", "support", "why", "sign"),
    [
        (State.SCORED, Support.FULL, SupportReason.UNSTATED, Sign.FULL),
        (State.SCORED, Support.PARTIAL, SupportReason.UNSTATED, Sign.PARTIAL),
        (State.SCORED, Support.NONE, SupportReason.CONTRADICTED, Sign.CONTRADICTED),
        (State.SCORED, Support.NONE, SupportReason.NOT_FOUND, Sign.NOT_FOUND),
        (State.SCORED, Support.NONE, SupportReason.UNSTATED, Sign.NONE),
        (State.UNSCORED, None, SupportReason.UNSTATED, Sign.UNSCORED),
        (State.NOT_CHECKABLE, None, SupportReason.UNSTATED, Sign.NOT_CHECKABLE),
        (State.NOT_CHECKED, None, SupportReason.UNSTATED, Sign.NOT_CHECKED),
    ],
)
def test_every_value_has_its_sign(state: State, support: Support | None, why: SupportReason, sign: Sign) -> None:
    assert sign_of(state, support, why) is sign


def test_signs_that_stand_in_one_text_are_told_apart_without_colour() -> None:
    shown = (Sign.FULL, Sign.PARTIAL, Sign.CONTRADICTED, Sign.NOT_FOUND, Sign.NOT_CHECKABLE, Sign.NOT_CHECKED)
    assert len({sign.glyph for sign in (*shown, Sign.UNSCORED, Sign.HIDDEN)}) == len(shown) + 2
    assert len({sign.word for sign in Sign}) == len(Sign)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.62, ".62"), (0.0, "0"), (1.0, "1"), (0.001, "<.01"), (0.999, ">.99"), (0.5, ".50"), (0.005, ".01")],
)
def test_a_probability_is_never_rounded_into_certainty(value: float, text: str) -> None:
    assert probability(value) == text


@given(st.floats(0, 1))
def test_a_probability_takes_at_most_four_characters(value: float) -> None:
    assert 1 <= len(probability(value)) <= 4


@pytest.mark.parametrize(("score", "text"), [(None, "?"), (7.0, "7"), (5.83, "5.8"), (10.0, "10"), (0.0, "0")])
def test_a_score_is_short(score: float | None, text: str) -> None:
    assert score_text(score) == text


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (State.SCORED, Reason.NONE, ""),
        (State.NOT_CHECKED, Reason.NONE, "not judged"),
        (State.NOT_CHECKABLE, Reason.NO_CLAIMS, "no claims to check"),
        (State.NOT_CHECKABLE, Reason.NONE, "not checkable"),
        (State.UNSCORED, Reason.UNREADABLE, "unreadable reply"),
        (State.UNSCORED, Reason.NONE, "unscored"),
    ],
)
def test_what_has_no_score_says_why(state: State, reason: Reason, words: str) -> None:
    assert reason_words(state, reason) == words


def test_a_chip_reads_as_its_words() -> None:
    assert Chip(Sign.PARTIAL, "partial", note=".62").text == "partial · .62"
    assert Chip(Sign.FULL, "full").text == "full"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 claims"), (1, "1 claim"), (2, "2 claims"), (12_000, "12,000 claims")]
)
def test_numbers_agree_with_their_noun(number: int, text: str) -> None:
    assert counted(number, "claim") == text


def test_an_irregular_plural_can_be_given() -> None:
    assert counted(2, "row or file", "rows or files") == "2 rows or files"
