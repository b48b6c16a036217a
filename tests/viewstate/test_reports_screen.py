"""What the window of reports says of records: tables, words and plots without a screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrstudio.domain.changes import Changes
from lrstudio.domain.reports import By, Curve, CurvePoint, Figure, JudgeName, Report, Section, Share, Table
from lrstudio.viewstate.report_plots import JUDGE, JUDGE_THERE, PEOPLE, Bars, Cells, Dots, Lines, plots
from lrstudio.viewstate.reports import (
    NO_JUDGE,
    counts,
    grids,
    groups,
    heading,
    is_stale,
    next_step,
    number,
    reasons,
    tsv,
)

JUDGE_NAME = JudgeName("http", "gpt-4o", "abcdef0123")
SENTENCE = "Items of only 3 of the 8 documents that are needed."
KAPPA = Figure("kappa", "Cohen's kappa", 0.71, 0.6, 0.82, 120, 12)
BIAS = Figure("bias", "mean bias", -1.5, -2.0, -1.0, 120, 12)
LACKING = Figure("matthews", "Matthews' correlation", None, None, None, 9, 3, SENTENCE)
CONFUSION = Table(
    "confusion", "people by judge", ("people", "none", "full", "undecided"), (("none", 7, 2, 1), ("full", 3, 40, 0))
)
PARTS = Table(
    "parts",
    "by length",
    ("length", "items", "judge decided", "same verdict", "low", "high"),
    (("under 1k tokens", 50, 49, 0.9, 0.8, 0.95), ("64k tokens and more", 20, 18, 0.5, None, None)),
)
DECIDED = (Share("decided", "the judge decided", 67, 70), Share("right_of_decided", "as people say", 56, 67))


def section(**given: object) -> Section:
    return Section(JUDGE_NAME, "faithfulness", "claim", "blind", **given)  # type: ignore[arg-type]


def test_figures_stand_with_interval_and_what_they_rest_on() -> None:
    (grid, *_) = grids(section(figures=(KAPPA, LACKING)), cluster="document")
    assert grid.columns == ("measure", "value", "95 % interval", "n", "documents", "why there is no number")
    assert grid.rows[0] == ("Cohen's kappa", "0.710", "0.600 to 0.820", "120", "12", "")
    assert grid.rows[1] == ("Matthews' correlation", "–", "–", "9", "3", SENTENCE)


def test_people_among_themselves_stand_beside_the_judge() -> None:
    people, there = (Figure("kappa", "Cohen's kappa", it, it - 0.1, it + 0.1, 60, 12) for it in (0.8, 0.65))
    (grid,) = grids(section(figures=(KAPPA,), ceiling=(people,), against_same=(there,)), cluster="question")
    assert grid.columns[4:] == ("questions", PEOPLE, "95 % interval", JUDGE_THERE, "95 % interval")
    assert grid.rows[0][5:] == ("0.800", "0.700 to 0.900", "0.650", "0.550 to 0.750")


def test_counts_are_words_and_a_table() -> None:
    it = section(shares=DECIDED)
    assert counts(it) == "the judge decided: 67 of 70 (96 %)   as people say: 56 of 67 (84 %)"
    (grid,) = grids(it, cluster="document")
    assert grid.rows == (("the judge decided", "67", "70", "96 %"), ("as people say", "56", "67", "84 %"))


def test_cells_that_are_missing_and_words_within_numbers() -> None:
    (grid,) = grids(section(tables=(PARTS,)), cluster="document")
    assert grid.rows[1] == ("64k tokens and more", "20", "18", "0.500", "–", "–")
    assert grid.numbers == (False, True, True, True, True, True)


@pytest.mark.parametrize(("value", "words"), [(None, "–"), (0.12345, "0.123"), (-2.0, "-2.000"), (12345.6, "12,346")])
def test_numbers(value: float | None, words: str) -> None:
    assert number(value) == words


def test_a_copied_cell_breaks_no_row() -> None:
    assert tsv(("a", "b"), [("x\ty", "1\n2")]) == "a\tb\nx y\t1 2"


def test_where_the_judge_errs_is_drawn_first_and_beside_the_whole() -> None:
    drawn = plots(section(figures=(KAPPA,), shares=DECIDED, tables=(CONFUSION, PARTS)))
    assert [it.key for it in drawn] == ["parts", "confusion", "figures"]
    parts = drawn[0]
    assert isinstance(parts, Bars)
    assert [(it.label, it.value, it.low, it.high) for it in parts.bars] == [
        ("under 1k tokens", 0.9, 0.8, 0.95),
        ("64k tokens and more", 0.5, None, None),
    ]
    assert parts.at == pytest.approx(56 / 67)
    assert parts.span == (0.0, 1.0)


def test_slices_of_scores_are_drawn_by_their_error() -> None:
    columns = ("length", "items", "judge decided", "within 1", "mean error", "low", "high")
    table = Table("parts", "by length", columns, (("1k-4k", 30, 30, 0.4, 2.5, 2.0, 3.1),))
    whole = Figure("mean_absolute_error", "mean absolute error", 2.2, 2.0, 2.4, 90, 20)
    (parts,) = plots(section(figures=(whole,), tables=(table,)))
    assert isinstance(parts, Bars)
    assert (parts.bars[0].value, parts.at, parts.x) == (2.5, 2.2, "mean error")
    assert parts.span[0] < 2.0 < 3.1 < parts.span[1]


def test_a_confusion_matrix_keeps_rows_and_columns() -> None:
    (cells,) = plots(section(tables=(CONFUSION,)))
    assert isinstance(cells, Cells)
    assert (cells.rows, cells.columns) == (("none", "full"), ("none", "full", "undecided"))
    assert cells.counts == ((7, 2, 1), (3, 40, 0))


def test_people_and_judge_share_a_row_with_marks_of_their_own() -> None:
    people, there = (Figure("kappa", "Cohen's kappa", it, None, None, 60, 12) for it in (0.8, 0.65))
    (bars,) = plots(section(figures=(KAPPA, BIAS, LACKING), ceiling=(people,), against_same=(there,)))
    assert isinstance(bars, Bars)
    assert bars.series == (JUDGE, PEOPLE, JUDGE_THERE)
    assert [(it.label, it.value, it.series) for it in bars.bars] == [
        ("Cohen's kappa", 0.71, 0),
        ("Matthews' correlation", None, 0),
        ("Cohen's kappa", 0.8, 1),
        ("Cohen's kappa", 0.65, 2),
    ]
    assert bars.bars[1].words == "not enough data"


def test_only_sentences_draw_nothing() -> None:
    assert plots(section(figures=(LACKING,))) == ()


def test_a_calibration_curve_has_its_diagonal() -> None:
    curve = Curve("calibration", "calibration", "stated", "observed", (CurvePoint(0.2, 0.3, n=10),))
    (lines,) = plots(section(curves=(curve,)))
    assert isinstance(lines, Lines)
    assert lines.diagonal
    (trend,) = plots(section(curves=(Curve("by_length", "reward by length", "tokens", "reward", ()),)))
    assert isinstance(trend, Lines)
    assert not trend.diagonal


def test_dots_have_the_line_that_fits_them_and_name_their_candidates() -> None:
    points = tuple(
        CurvePoint(x, y, n=1, name=name) for x, y, name in ((-2.0, -1.0, "a"), (0.0, 0.5, "b"), (2.0, 2.0, "c"))
    )
    dots = Curve("scatter", "reward against length", "tokens", "reward", points)
    (plot,) = plots(section(curves=(dots,)))
    assert isinstance(plot, Dots)
    assert (plot.title, plot.slope) == ("Reward against length", 0.75)
    (grid,) = grids(section(curves=(dots,)), cluster="document")
    assert grid.columns == ("candidate", "tokens", "reward")
    assert grid.rows[0] == ("a", "-2.000", "-1.000")
    flat = replace(dots, points=(CurvePoint(0.0, 1.0, n=1, name="a"),))
    (plot,) = plots(section(curves=(flat,)))
    assert isinstance(plot, Dots)
    assert plot.slope is None


def test_mitigations_are_drawn_before_and_after() -> None:
    columns = ("set", "pairs", "longer chosen", "low", "high", "mean tokens chosen", "mean tokens rejected")
    rows = (("as it is", 40, 0.8, 0.7, 0.9, 300.0, 200.0), ("balanced", 16, 0.5, None, None, 250.0, 250.0))
    (bars,) = plots(section(tables=(Table("mitigations", "before and after", columns, rows),)))
    assert isinstance(bars, Bars)
    assert [(it.label, it.value) for it in bars.bars] == [("as it is", 0.8), ("balanced", 0.5)]
    assert bars.at == 0.5


def test_slices_stand_below_their_whole_and_blind_apart_from_revealed() -> None:
    whole, revealed = section(), Section(JUDGE_NAME, "faithfulness", "claim", "revealed")
    parts = tuple(section(part=name) for name in ("under 1k tokens", "1k-4k"))
    ((judge, (first, second)),) = groups(Report("agreement", By.LENGTH.value, (whole, *parts, revealed)))
    assert judge == "http gpt-4o abcdef01"
    assert [it.title for it in first.slices] == ["under 1k tokens", "1k-4k"]
    assert first.title == "faithfulness · claim · blind"
    assert second.slices == ()
    assert second.title == "faithfulness · claim · revealed"
    assert heading(revealed) == "faithfulness · claim · revealed · http gpt-4o abcdef01"


def test_models_stand_below_all_of_them_and_what_has_no_judge_in_a_group_of_its_own() -> None:
    models = tuple(Section(JUDGE_NAME, "faithfulness", "fully supported claims", part=it) for it in ("all", "m1", "m2"))
    people = Section(JudgeName(), "overall", "pairs by length")
    (_, (entry,)), (name, (alone,)) = groups(Report("leaderboard", "", (*models, people)))
    assert (entry.section, [it.section for it in entry.slices]) == (models[0], list(models[1:]))
    assert (name, alone.section) == (NO_JUDGE, people)


def test_every_missing_number_has_its_reason_once() -> None:
    assert reasons(section(figures=(LACKING, LACKING))) == SENTENCE
    assert reasons(section(figures=(KAPPA, LACKING))) == f"Not given: Matthews' correlation. {SENTENCE}"
    assert reasons(section(figures=(KAPPA,))) == ""


def test_an_empty_report_names_the_next_step() -> None:
    assert "decide" in next_step(Report("agreement", "", ()))
    assert {next_step(Report(kind, "", ())) for kind in ("length-bias", "leaderboard")} != {""}


@pytest.mark.parametrize("kind", ["candidates", "judgments", "decisions", "pairs", "sets"])
def test_what_makes_a_report_stale(kind: str) -> None:
    assert is_stale(Changes(**{kind: frozenset({"x"})}))
    assert is_stale(Changes(everything=True))


def test_a_bookmark_or_a_setting_does_not() -> None:
    assert not is_stale(Changes(marks=frozenset({"x"}), settings=True))
