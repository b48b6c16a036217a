"""Judges side by side: claims that belong together, gaps, and what counts as a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrstudio.domain.overviews import ClaimVerdict, JudgeSource, JudgmentFacts, SourceVerdicts
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Claim, Coverage, Dimension, JudgeIdentity, Reason, State, Support, SupportReason
from lrstudio.viewstate.compare import CompareView, align, claim_rows, compare_rows, keep_of, source_names
from tests.doubles.records import make_questions

FAITH, HELP = Dimension.FAITHFULNESS, Dimension.HELPFULNESS


def source(model: str, *, pack: str = "p1", run_id: str = "") -> JudgeSource:
    return JudgeSource(JudgeIdentity("http", model, pack), run_id, "2026-11-20T09:14:02Z", 3)


def said(name: str, dimension: Dimension, score: float | None) -> JudgmentFacts:
    state = State.UNSCORED if score is None else State.SCORED
    reason = Reason.REFUSED if score is None else Reason.NONE
    return JudgmentFacts("r", name, dimension, state, reason, score, Coverage())


def claimed(name: str, claim_id: str, support: Support, span: Span | None = None) -> ClaimVerdict:
    return ClaimVerdict(name, claim_id, span, State.SCORED, support, SupportReason.UNSTATED)


ONE = SourceVerdicts(
    source("m1"),
    (said("a", FAITH, 8.0), said("a", HELP, 5.0), said("b", FAITH, 6.0), said("c", FAITH, None), said("d", FAITH, 1.0)),
    (claimed("a", "x", Support.FULL), claimed("b", "y", Support.FULL, Span(0, 10))),
)
TWO = SourceVerdicts(
    source("m2"),
    (said("a", FAITH, 4.5), said("a", HELP, 4.0), said("b", FAITH, 5.5), said("c", FAITH, 9.0)),
    (claimed("a", "x", Support.FULL), claimed("b", "z", Support.NONE, Span(2, 9))),
)


def rows_by_id(view: CompareView, *verdicts: SourceVerdicts) -> dict[str, tuple[str, int, bool]]:
    return {
        row.candidate_id: (row.gap_text, row.supports, row.differs)
        for row in compare_rows(make_questions(), verdicts, view)
    }


EVERYTHING = CompareView(only_differing=False)


def test_candidates_that_two_judges_have_in_common_are_compared() -> None:
    assert rows_by_id(EVERYTHING, ONE, TWO) == {
        "a": ("F 3.5", 0, True),
        "b": ("F 0.5", 1, True),
        "c": ("–", 0, False),
    }


@pytest.mark.parametrize(
    ("view", "kept"),
    [
        (CompareView(), ["a", "b"]),
        (CompareView(by_support=False), ["a"]),
        (CompareView(by_score=False), ["b"]),
        (CompareView(margin=3.6, by_support=False), []),
        (CompareView(margin=0.5, by_support=False), ["a", "b"]),
        (CompareView(by_score=False, by_support=False), []),
    ],
)
def test_what_differs_is_kept(view: CompareView, kept: list[str]) -> None:
    rows = compare_rows(make_questions(), (ONE, TWO), view)
    assert [row.candidate_id for row in rows] == kept
    whole = compare_rows(make_questions(), (ONE, TWO), replace(view, only_differing=False))
    assert keep_of(whole, view).candidate_ids == set(kept)


def test_the_filter_is_named_by_what_differs() -> None:
    assert keep_of((), CompareView(margin=1.5)).words == "Judges differ by 1.5 points or in support"
    assert keep_of((), CompareView(by_score=False)).words == "Judges differ in support"


def test_the_scores_of_each_judge_stand_side_by_side() -> None:
    first = compare_rows(make_questions(), (ONE, TWO), CompareView())[0]
    assert [cell.scores for cell in first.cells] == [("5", "–", "8", "–"), ("4", "–", "4.5", "–")]
    assert "logicality: not judged" in first.cells[0].tooltip
    third = compare_rows(make_questions(), (ONE, TWO), EVERYTHING)[-1]
    assert third.cells[0].scores[2] == "?"
    assert "the model refused" in third.cells[0].tooltip


def claim(claim_id: str, text: str, support: Support | None, span: Span | None = None) -> Claim:
    if support is None:
        return Claim(claim_id, text, span, State.UNSCORED, Reason.UNREADABLE)
    return Claim(claim_id, text, span, State.SCORED, support=support)


def test_claims_belong_together_by_id_then_by_place_in_the_answer() -> None:
    one = [claim("a", "First.", Support.FULL, Span(0, 6)), claim("b", "Second thing.", Support.FULL, Span(7, 20))]
    two = [
        claim("c", "The second thing.", Support.NONE, Span(9, 20)),
        claim("a", "First.", Support.FULL, Span(0, 6)),
        claim("d", "Third.", Support.PARTIAL, Span(21, 27)),
    ]
    rows = claim_rows([one, two])
    assert [row.text for row in rows] == ["First.", "Second thing.", "Third."]
    assert [row.differs for row in rows] == [False, True, False]
    assert [tuple(chip.word if chip else "" for chip in row.chips) for row in rows] == [
        ("full", "full"),
        ("full", "none"),
        ("", "partial"),
    ]


def test_no_claim_is_lost_or_used_twice() -> None:
    one = [claim("a", "x", Support.FULL, Span(0, 10))]
    two = [claim("b", "y", Support.FULL, Span(0, 5)), claim("c", "z", Support.FULL, Span(5, 10))]
    rows = align([one, two], name=lambda it: it.claim_id, place=lambda it: it.span)
    assert sorted(it.claim_id for row in rows for it in row if it is not None) == ["a", "b", "c"]
    assert len(rows) == 2


def test_a_judge_that_gives_no_support_differs_from_nobody() -> None:
    row = claim_rows([[claim("a", "x", Support.FULL)], [claim("a", "x", None)]])[0]
    assert not row.differs
    assert row.chips[1] is not None
    assert row.chips[1].word == "unreadable reply"


def test_judges_of_one_model_are_told_apart() -> None:
    names = source_names([source("m"), source("m", pack="q2"), source("m", run_id="r1"), source("m", run_id="r2")])
    assert len(set(names)) == 4
    assert names[0] == "m · p1"
    assert names[2].startswith("m · p1, run of 11-20 09:14")
