"""What reviewers say together, how sure a judge is, and how a report leaves as rows."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.domain.labels import Label
from lrstudio.domain.reports import Curve, CurvePoint, Figure, JudgeName, Report, Section, Share, Table
from lrstudio.domain.verdicts import Dimension
from lrstudio.formats.csv_out import write_csv
from lrstudio.services.people_pairs import Marks, marks_of, pairs_of
from lrstudio.services.report_confidence import confidence
from lrstudio.services.report_items import About, Item, Level, Stated, consensus, people_of
from lrstudio.services.report_rows import COLUMNS, report_rows

ABOUT = About("a", "q", "d", "m", 2000, "en", 100)


def people(*values: float) -> list[Stated]:
    return [Stated(f"r{at}", value, blind=True) for at, value in enumerate(values)]


def item(judge: float | None, probability: float | None, *said: Stated) -> Item:
    return Item(Level.CLAIM, Dimension.FAITHFULNESS, ABOUT, "c", judge, said, probability)


@pytest.mark.parametrize(
    ("values", "labels", "wanted"),
    [
        ((), True, None),
        ((1.0,), True, 1.0),
        ((1.0, 0.0), True, None),
        ((1.0, 0.5, 0.5), True, 0.5),
        ((1.0, 0.5, 0.0), True, None),
        ((2.0, 5.0), False, 3.5),
    ],
)
def test_what_reviewers_say_together(values: tuple[float, ...], labels: bool, wanted: float | None) -> None:
    assert consensus(people(*values), labels=labels) == wanted


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=7), st.randoms())
def test_the_order_of_reviewers_plays_no_part(values: list[float], random: object) -> None:
    mixed = list(values)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert consensus(people(*values), labels=True) == consensus(people(*mixed), labels=True)


def test_of_two_words_of_a_reviewer_the_blind_one_counts() -> None:
    both = item(1.0, None, Stated("r", 0.0, blind=True), Stated("r", 1.0, blind=False), Stated("s", 1.0, blind=False))
    assert [(it.reviewer, it.value) for it in people_of(both, blind=None)] == [("r", 0.0), ("s", 1.0)]
    assert [it.value for it in people_of(both, blind=False)] == [1.0, 1.0]
    assert [it.value for it in people_of(both, blind=True)] == [0.0]


def test_a_judge_is_sure_of_its_own_verdict() -> None:
    assert confidence(item(1.0, 0.9)) == 0.9
    assert confidence(item(0.0, 0.1)) == pytest.approx(0.9)
    assert confidence(item(0.5, 0.3)) == pytest.approx(0.7)
    assert math.isnan(confidence(item(None, 0.9)))
    assert math.isnan(confidence(item(1.0, None)))


def test_pairs_of_marks_without_ranks_and_with_ties() -> None:
    values = {"a": {"r": 4.0, "s": 6.0}, "b": {"r": 5.0, "s": 5.0}, "c": {"r": 1.0}}
    pairs = pairs_of(Marks("q", values, {}))
    # a and b have one mean, so there is no pair; only r marked both a and c.
    assert [(it.chosen, it.rejected, it.margin, it.preferring, it.reviewers) for it in pairs] == [
        ("a", "c", 4.0, 1, 1),
        ("b", "c", 4.0, 1, 1),
    ]


def test_marks_are_of_one_name_with_its_ranks() -> None:
    labels = [
        Label("a", "r", "overall", 50, 0, 100),
        Label("a", "r", "overall_rank", 1, 1, 2),
        Label("a", "r", "other", 7, 0, 10),
        Label("a", "r", "overall", note='"good"'),
    ]
    assert marks_of(labels, "overall", {"a": "q"}) == (Marks("q", {"a": {"r": 50}}, {"a": {"r": 1}}),)


@pytest.mark.parametrize(
    "numbers", [(1.0, None, None), (None, 0.0, 1.0), (2.0, 0.0, 1.0), (-1.0, 0.0, 1.0), (1.0, 0.0, None)]
)
def test_a_label_is_on_its_scale_or_no_number(numbers: tuple[float | None, float | None, float | None]) -> None:
    with pytest.raises(ValueError, match="label 'x'"):
        Label("a", "r", "x", *numbers)


def test_a_report_leaves_as_rows_and_as_csv(tmp_path: Path) -> None:
    section = Section(
        JudgeName("recorded", "gpt"),
        "faithfulness",
        "claim",
        "blind",
        "1k-4k",
        figures=(Figure("kappa", "kappa", 0.5, 0.4, 0.6, 30, 9), Figure("ac1", "AC1", None, None, None, 3, 1, "Few.")),
        shares=(Share("right", "right", 2, 3),),
        ceiling=(Figure("kappa", "kappa", 0.7, 0.6, 0.8, 90, 9),),
        tables=(Table("t", "t", ("people", "none", "full"), (("none", 1, 2),)),),
        curves=(Curve("c", "c", "x", "y", (CurvePoint(0.5, 0.25, n=4),)),),
    )
    rows = list(report_rows(Report("agreement", "length", (section,))))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    short = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    assert {(row["model"], row["part"], row["by"]) for row in short} == {("gpt", "1k-4k", "length")}
    assert [(row["kind"], row["title"], row["value"], row["n"]) for row in short] == [
        ("figure", "kappa", 0.5, 30),
        ("figure", "AC1", None, 3),
        ("ceiling", "kappa", 0.7, 90),
        ("share", "right", 2, 3),
        ("table", "none / none", 1, None),
        ("table", "none / full", 2, None),
        ("curve", "0.5", 0.25, 4),
    ]
    assert write_csv(tmp_path / "r.csv", COLUMNS, rows) == 7
    lines = (tmp_path / "r.csv").read_text("utf-8").splitlines()
    assert (lines[0], len(lines)) == (",".join(COLUMNS), 8)
    assert lines[2].endswith(",ac1,AC1,,,,3,1,Few.")
    with pytest.raises(Refused):
        write_csv(tmp_path, COLUMNS, rows)
    with pytest.raises(KeyError):
        section.figure("none")
    with pytest.raises(KeyError):
        section.share("none")
