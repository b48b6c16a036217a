"""The hand-over of a round: what was written is read again, what does not fit is named, and wins are SPPO's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.training import rounds
from lrstudio.training.rounds import Answered, Judged

ANSWERS = (Answered("q1", "Read. What?", ("one", "two\nlines", "")), Answered("q2", "Why?", ("a", "b")))


def test_answers_and_rewards_come_back_in_the_order_of_the_answers(tmp_path: Path) -> None:
    assert rounds.read_answers(tmp_path, 1) is None
    assert rounds.waiting_round(tmp_path) is None
    rounds.write_answers(tmp_path, 1, ANSWERS)
    assert rounds.read_answers(tmp_path, 1) == ANSWERS
    assert rounds.read_judged(tmp_path, 1) is None
    assert rounds.waiting_round(tmp_path) == 1
    judged = (Judged("q2", (3, 10.0)), Judged("q1", (None, 0.0, 7.25)))
    rounds.write_judged(tmp_path, 1, judged)
    assert rounds.read_judged(tmp_path, 1) == (judged[1], judged[0])
    assert rounds.waiting_round(tmp_path) is None
    names = sorted(it.name for it in rounds.round_folder(tmp_path, 1).iterdir())
    assert names == ["answers.jsonl", "judged.jsonl"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["{"], "001/judged.jsonl line 1: not valid JSON"),
        (["[]"], "not a JSON object"),
        (['{"scores":[1,2]}'], "the field row_id is missing"),
        (['{"row_id":"q2","scores":3}'], "the field scores is no list"),
        (['{"row_id":"q2","scores":[1,11]}'], "001/judged.jsonl line 1: a score is a number from 0 to 10"),
        (['{"row_id":"q2","scores":[1,true]}'], "not True"),
        (['{"row_id":"q2","scores":[1,NaN]}'], "not nan"),
        (['{"row_id":"q3","scores":[1]}'], "no answers were asked about for row 'q3'"),
        (['{"row_id":"q2","scores":[1]}'], "row 'q2' has 2 answers, and 1 scores"),
        (['{"row_id":"q2","scores":[1,2]}'] * 2, "line 2: row 'q2' is judged twice"),
        (['{"row_id":"q2","scores":[1,2]}'], "1 questions are not judged: q1"),
    ],
)
def test_rewards_that_do_not_fit_are_named_by_line(tmp_path: Path, lines: list[str], words: str) -> None:
    rounds.write_answers(tmp_path, 1, ANSWERS)
    (rounds.round_folder(tmp_path, 1) / rounds.JUDGED).write_text("\n".join(lines) + "\n")
    with pytest.raises(Refused, match=words):
        rounds.read_judged(tmp_path, 1)


def test_what_does_not_fit_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="round 1 of this run has no answers"):
        rounds.write_judged(tmp_path, 1, [])
    rounds.write_answers(tmp_path, 1, ANSWERS)
    with pytest.raises(Refused, match="question q2: row 'q2' has 2 answers"):
        rounds.write_judged(tmp_path, 1, [Judged("q2", (1.0,))])
    assert rounds.read_judged(tmp_path, 1) is None


def test_a_line_of_answers_is_what_the_contract_says(tmp_path: Path) -> None:
    rounds.write_answers(tmp_path, 12, ANSWERS[1:])
    text = (tmp_path / "rounds" / "012" / "answers.jsonl").read_text()
    assert json.loads(text) == {"row_id": "q2", "prompt": "Why?", "answers": ["a", "b"]}


def test_the_published_example_of_win_rates() -> None:
    found = rounds.match_of([1.0, 0.2, -0.5, -1.0, 0.3], tau=1.0)
    assert found is not None
    assert (found.chosen, found.rejected) == (0, 3)
    assert (found.win, found.chosen_win, found.rejected_win) == pytest.approx((0.880797, 0.711307, 0.288477), abs=1e-6)


def test_unscored_answers_take_no_part_and_a_tie_gives_no_pair() -> None:
    found = rounds.match_of([None, 4.0, None, 6.0], tau=2.0)
    assert found is not None
    assert (found.chosen, found.rejected) == (3, 1)
    assert found.win == pytest.approx(0.731059, abs=1e-6)
    assert found.chosen_win == pytest.approx((0.731059 + 0.5) / 2, abs=1e-6)
    assert rounds.match_of([5.0, 5.0, None], tau=1.0) is None
    assert rounds.match_of([5.0, None], tau=1.0) is None


@given(st.lists(st.floats(0, 10), min_size=2, max_size=8), st.floats(0.01, 10))
def test_win_rates_add_up_to_half_the_answers_and_what_wins_against_one_loses_against_the_other(
    scores: list[float], tau: float
) -> None:
    wins = rounds.win_matrix(scores, tau=tau)
    assert sum(sum(row) / len(row) for row in wins) == pytest.approx(len(scores) / 2)
    for ours in range(len(scores)):
        assert wins[ours][ours] == 0.5
        for theirs in range(len(scores)):
            assert wins[ours][theirs] + wins[theirs][ours] == pytest.approx(1.0)
