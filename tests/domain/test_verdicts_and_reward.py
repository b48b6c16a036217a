"""Scores, rewards and ids: what the arithmetic promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.reward import reward
from lrstudio.domain.text import PlaceKind, SourceMap, Span, content_hash
from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    Judgment,
    Reason,
    State,
    Support,
    faithfulness_score,
    mean_support,
    part_id,
)


def claims(*supports: Support | str | None) -> list[Claim]:
    made = []
    for number, support in enumerate(supports):
        if support == "-":
            made.append(Claim(f"c{number}", "t", None, State.NOT_CHECKABLE, Reason.OPINION))
        elif support is None:
            made.append(Claim(f"c{number}", "t", None, State.UNSCORED, Reason.NEAR_CHANCE))
        else:
            made.append(Claim(f"c{number}", "t", None, State.SCORED, support=support))
    return made


def test_faithfulness_is_ten_times_the_mean_over_decided_claims() -> None:
    state, reason, score = faithfulness_score(claims(Support.FULL, Support.PARTIAL, Support.NONE, "-"))
    assert (state, reason, score) == (State.SCORED, Reason.NONE, 5.0)


def test_half_of_the_checkable_claims_must_be_decided() -> None:
    assert faithfulness_score(claims(Support.FULL, None))[2] == 10.0
    assert faithfulness_score(claims(Support.FULL, None, None)) == (State.UNSCORED, Reason.TOO_FEW_DECIDED, None)
    assert faithfulness_score(claims(None)) == (State.UNSCORED, Reason.TOO_FEW_DECIDED, None)


def test_without_checkable_claims_it_is_not_checkable() -> None:
    assert faithfulness_score([]) == (State.NOT_CHECKABLE, Reason.NO_CLAIMS, None)
    assert faithfulness_score(claims("-", "-"))[0] is State.NOT_CHECKABLE


@given(st.lists(st.sampled_from(list(Support)), max_size=30))
def test_mean_support_is_on_the_scale_and_order_free(supports: list[Support]) -> None:
    value = mean_support(supports)
    assert value is None if not supports else 0.0 <= value <= 10.0
    assert value == pytest.approx(mean_support(reversed(supports))) if supports else value is None


def test_a_score_never_hides_a_missing_state() -> None:
    with pytest.raises(ValueError, match="outside 0-10"):
        Judgment("r", "c", Dimension.HELPFULNESS, State.SCORED, score=11.0)
    with pytest.raises(ValueError, match="does not go with"):
        Judgment("r", "c", Dimension.HELPFULNESS, State.UNSCORED, score=1.0)
    with pytest.raises(ValueError, match="outside 0-10"):
        Judgment("r", "c", Dimension.HELPFULNESS, State.SCORED, score=float("nan"))


def test_reward_is_the_mean_of_what_was_scored() -> None:
    partly = reward({Dimension.HELPFULNESS: None, Dimension.FAITHFULNESS: 6.0, Dimension.COMPLETENESS: 9.0})
    assert partly is not None
    assert partly.value == 7.5
    assert partly.dimensions == (Dimension.FAITHFULNESS, Dimension.COMPLETENESS)
    assert reward({Dimension.HELPFULNESS: None}) is None


def test_ids_follow_content_and_place() -> None:
    one = part_id("c", "cand", "text", span=Span(0, 4))
    assert one == part_id("c", "cand", "text", span=Span(0, 4))
    others = {
        part_id("c", "cand", "text", span=Span(1, 5)),
        part_id("c", "other", "text", span=Span(0, 4)),
        part_id("k", "cand", "text", span=Span(0, 4)),
        part_id("c", "cand", "text", span=None),
        part_id("c", "cand", "text", span=None, ordinal=1),
    }
    assert len(others | {one}) == 6


def test_spans_slice_and_refuse() -> None:
    assert Span(1, 3).of("abcd") == "bc"
    with pytest.raises(ValueError, match="beyond"):
        Span(0, 9).of("abcd")
    with pytest.raises(ValueError, match="not a span"):
        Span(3, 1)


def test_lone_surrogates_have_a_hash() -> None:
    assert content_hash("\ud800") != content_hash("?")


def test_source_map_finds_the_place() -> None:
    pages = SourceMap(PlaceKind.PAGE, (0, 10, 20), ("1", "2", "3"))
    assert [pages.place(offset) for offset in (0, 9, 10, 19, 20, 999)] == ["1", "1", "2", "2", "3", "3"]
    with pytest.raises(ValueError, match="rise"):
        SourceMap(PlaceKind.PAGE, (0, 0), ("1", "2"))
