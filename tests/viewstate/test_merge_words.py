"""What is said of a merge before and after it."""

from __future__ import annotations

import pytest

from lrstudio.domain.decisions import Target
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.adjudication import MOST
from lrstudio.viewstate.merge_words import conflict_words, differing_lines, merge_rows, merge_sentence


def test_rows_leave_out_what_there_is_none_of() -> None:
    new, same = {"documents": 1, "judge_runs": 0, "sets": 0}, {"documents": 0, "judge_runs": 1200, "sets": 0}
    assert merge_rows(new, same, kept={"calls": 3, "vectors": 0}) == (
        ("Documents", "1", "–"),
        ("Judge runs", "–", "1,200"),
        ("Calls", "3", "–"),
    )


@pytest.mark.parametrize(
    ("new", "differing", "done", "said"),
    [
        ({"documents": 1, "decisions": 2}, 0, False, "1 document and 2 decisions would come."),
        ({"documents": 0}, 0, False, "It holds nothing that is not here already."),
        ({"documents": 2}, 1, True, "Merged: 2 documents came. One record differs and stays as it is here."),
        ({"documents": 0}, 1200, True, "Nothing new came. 1,200 records differ and stay as they are here."),
    ],
)
def test_the_sentence(new: dict[str, int], differing: int, done: bool, said: str) -> None:
    assert merge_sentence(new, differing=differing, done=done) == said


def test_differences_that_were_there_before_are_told_apart() -> None:
    one, two = (Target(it, Dimension.HELPFULNESS) for it in "ab")
    assert conflict_words([], frozenset(), done=False) == ""
    assert conflict_words([one], frozenset(), done=False) == "Reviewers will differ in 1 place:"
    assert conflict_words([one, two], frozenset({one}), done=True) == (
        "Reviewers differ in 2 places, 1 of them because of this merge:"
    )


def test_a_long_list_is_cut_and_says_so() -> None:
    lines = differing_lines([("row", str(at)) for at in range(MOST + 5)])
    assert len(lines) == MOST + 1
    assert lines[-1] == "… and 5 more"
