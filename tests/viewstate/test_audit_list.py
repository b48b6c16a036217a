from dataclasses import replace

import pytest

from lrstudio.domain.summaries import QuestionSummary
from lrstudio.domain.verdicts import Dimension, Reason
from lrstudio.viewstate.audit_list import (
    ALL,
    DECIDED,
    DISAGREE,
    NOT_JUDGED,
    SCORED,
    UNDECIDED,
    UNSCORED,
    Keep,
    ListView,
    Order,
    QuestionRow,
    candidate_row,
    keep_choices,
    list_progress,
    list_rows,
    step_candidate,
)
from lrstudio.viewstate.audit_signs import Sign
from tests.doubles.records import make_candidate, make_questions

FAITH = Dimension.FAITHFULNESS


def ids(groups: tuple[QuestionRow, ...]) -> list[str]:
    return [row.candidate_id for group in groups for row in group.rows]


def test_as_imported_nothing_is_moved_or_left_out() -> None:
    assert ids(list_rows(make_questions(), ListView())) == list("abcdefghi")


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (ALL, "abcdefghi"),
        (UNDECIDED, "abcdghi"),
        (DECIDED, "ef"),
        (SCORED, "abcefhi"),
        (NOT_JUDGED, "d"),
        (DISAGREE, "bc"),
        (Keep("unscored", "", Reason.UNREADABLE), "g"),
        (Keep("unscored", "", Reason.REFUSED), ""),
    ],
)
def test_what_is_kept(keep: Keep, kept: str) -> None:
    assert ids(list_rows(make_questions(), ListView(keep=keep))) == list(kept)


def test_unscored_for_any_reason_keeps_what_a_judge_left_open() -> None:
    assert "g" in ids(list_rows(make_questions(), ListView(keep=UNSCORED)))
    assert "d" not in ids(list_rows(make_questions(), ListView(keep=UNSCORED)))


def test_a_question_without_kept_candidates_is_left_out() -> None:
    groups = list_rows(make_questions(), ListView(keep=DECIDED))
    assert [group.question_id for group in groups] == ["q2"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", "abcdefghi"), ("llama", "b"), ("LLAMA", "b"), ("mines gpt", "a"), ("repairs", "efg"), ("nowhere", "")],
)
def test_every_word_typed_must_be_found(text: str, kept: str) -> None:
    assert ids(list_rows(make_questions(), ListView(text=text))) == list(kept)


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (Order.REWARD, "cbadfegih"[0]),
        (Order.FAITHFULNESS, "c"),
        (Order.DISAGREEMENT, "b"),
        (Order.UNDECIDED, "a"),
    ],
)
def test_what_comes_first(order: Order, first: str) -> None:
    assert ids(list_rows(make_questions(), ListView(order=order)))[0] == first


def test_candidates_are_sorted_in_their_question_and_questions_by_their_first() -> None:
    groups = list_rows(make_questions(), ListView(order=Order.REWARD))
    assert [group.question_id for group in groups] == ["q1", "q2", "q3"]
    assert ids(groups) == list("cbad" + "feg" + "ih")


def test_what_has_no_value_comes_last() -> None:
    groups = list_rows(make_questions(), ListView(order=Order.DISAGREEMENT))
    assert ids(groups)[:4] == list("bcad")


def test_a_question_without_candidates_stays_until_something_is_filtered() -> None:
    bare = QuestionSummary("q9", None, "", "What else?", ())
    assert [group.question_id for group in list_rows([bare], ListView())] == ["q9"]
    assert list_rows([bare], ListView(text="else")) == ()
    assert [group.question_id for group in list_rows([bare], ListView(order=Order.REWARD))] == ["q9"]


def test_blind_no_order_gives_scores_away() -> None:
    blind = list_rows(make_questions(), ListView(order=Order.REWARD, blind=True))
    assert ids(blind) == list("abcdefghi")
    by_disagreement = list_rows(make_questions(), ListView(order=Order.DISAGREEMENT, blind=True))
    assert ids(by_disagreement)[0] == "b"


def test_blind_a_row_shows_only_what_was_decided() -> None:
    some = candidate_row(make_questions()[0].candidates[1], blind=True)
    assert [glyph.sign for glyph in some.glyphs] == [Sign.FULL] * 3 + [Sign.HIDDEN] * 3
    assert some.reward == "·"
    assert "6.4" not in some.tooltip
    assert "reward hidden" in some.spoken
    whole = candidate_row(make_questions()[1].candidates[0], blind=True)
    assert whole.reward == "9.0"


@pytest.mark.parametrize(
    ("number", "reward", "note"),
    [
        (0, "8.2", "gpt-4.1"),
        (3, "–", "not judged"),
    ],
)
def test_a_row_in_words(number: int, reward: str, note: str) -> None:
    row = candidate_row(make_questions()[0].candidates[number], blind=False)
    assert (row.reward, row.note) == (reward, note)


def test_a_row_without_a_reward_says_why() -> None:
    row = candidate_row(make_questions()[1].candidates[2], blind=False)
    assert (row.reward, row.note) == ("?", "unreadable reply")
    assert row.spoken == "Candidate C, no reward, unreadable reply"


def test_a_decided_row_says_so() -> None:
    row = candidate_row(make_questions()[1].candidates[0], blind=False)
    assert row.decided
    assert row.note == "decided"
    assert all(glyph.decided for glyph in row.glyphs)


def test_a_candidate_without_parts_is_decided_by_a_score() -> None:
    bare = make_candidate("x", "A", scores={Dimension.HELPFULNESS: 4.0})
    assert not candidate_row(bare, blind=False).decided
    helpful = replace(bare.dimensions[Dimension.HELPFULNESS], decided=True)
    scored = replace(bare, dimensions={**bare.dimensions, Dimension.HELPFULNESS: helpful})
    assert candidate_row(scored, blind=False).decided


def test_the_tooltip_names_every_dimension_and_the_disagreement() -> None:
    tooltip = candidate_row(make_questions()[0].candidates[1], blind=False).tooltip
    assert "Candidate B by llama-3.1" in tooltip
    assert "faithfulness: 6.4" in tooltip
    assert "judges differ by up to 3" in tooltip
    assert "3 of 6 claims and key points decided" in tooltip


def test_the_filters_name_the_reasons_that_occur() -> None:
    words = [keep.words for keep in keep_choices(make_questions())]
    assert "Unscored: unreadable reply" in words
    assert "Unscored: the model refused" not in words


def test_the_line_below_the_list() -> None:
    progress = list_progress(make_questions())
    assert progress.text == "2 of 9 candidates decided"
    assert progress.tooltip == "13 of 34 claims and key points decided"
    assert list_progress(()).text == ""


@pytest.mark.parametrize(
    ("at", "by", "expected"),
    [("a", 1, "b"), ("d", 1, "e"), ("e", -1, "d"), ("a", -1, "a"), ("i", 1, "i"), ("", 1, "a"), ("gone", 1, "a")],
)
def test_candidates_are_walked_across_questions(at: str, by: int, expected: str) -> None:
    assert step_candidate(list_rows(make_questions(), ListView()), at, by=by) == expected


def test_an_empty_list_leads_nowhere() -> None:
    assert step_candidate((), "a", by=1) == ""


def test_orders_and_filters_have_words_of_their_own() -> None:
    assert len({order.words for order in Order}) == len(Order)
    assert Order.FAITHFULNESS.words == "Faithfulness, lowest first"


def test_a_reward_of_fewer_dimensions_than_others_have_is_marked() -> None:
    candidate = next(it for question in make_questions() for it in question.candidates if it.reward)
    assert candidate.reward is not None
    scored = len(candidate.reward.dimensions)
    assert candidate_row(candidate, blind=False, most=scored + 1).thin
    assert not candidate_row(candidate, blind=False, most=scored).thin
    assert not candidate_row(candidate, blind=True, most=scored + 1).thin
    assert f"of {scored} dimension" in candidate_row(candidate, blind=False).tooltip
