"""EvalYaks' measures: the paper's example table, exact baselines, and what must not matter."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.analysis import rubric
from lrstudio.analysis.estimates import Estimate, NotEnough

LEVELS = np.arange(1, 6)
rows = st.lists(st.tuples(*[st.integers(1, 5)] * 6), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("judge", "grade"),
    [
        ((3, 3), "accurate"), ((2, 3), "partly accurate"), ((3, 5), "partly accurate"), ((3, 1), "partly accurate"),
        ((2, 2), "acceptable"), ((4, 4), "acceptable"), ((2, 4), "inaccurate"), ((4, 2), "inaccurate"),
        ((5, 5), "inaccurate"), ((4, np.nan), "inaccurate"), ((3, np.nan), "inaccurate"),
    ],
)  # fmt: skip
def test_grades_of_the_papers_table(judge: tuple[float, float], grade: str) -> None:
    assert rubric.GRADES[rubric.grades([(3, 3)], [judge])[0]] == grade


@pytest.mark.parametrize(("m", "acceptable"), [(2, 0.4112), (3, 0.4962), (4, 0.5917)])
def test_random_scores_against_random_scores(m: int, acceptable: float) -> None:
    every = np.array(list(itertools.product(LEVELS, repeat=m)))
    baseline = rubric.random_baseline(every, LEVELS)

    assert baseline.acceptable == pytest.approx(acceptable, abs=5e-5)
    assert baseline.variation == pytest.approx(1.6)


def test_random_scores_on_ten_points_and_four_dimensions() -> None:
    levels = np.arange(11)
    every = np.array(list(itertools.product(levels, repeat=4)))
    baseline = rubric.random_baseline(every, levels)

    assert baseline.acceptable == pytest.approx(0.3171, abs=5e-5)
    assert baseline.variation == pytest.approx(40 / 11)


def test_the_random_baseline_is_what_random_scores_get() -> None:
    rng = np.random.default_rng(0)
    reviewer = rng.choice(LEVELS, size=(40, 3), p=[0.05, 0.1, 0.5, 0.3, 0.05])
    repeated = np.repeat(reviewer, 2000, axis=0)
    judge = rng.choice(LEVELS, size=repeated.shape)
    baseline = rubric.random_baseline(reviewer, LEVELS)

    assert (rubric.grades(repeated, judge) < 3).mean() == pytest.approx(baseline.acceptable, abs=0.005)
    assert np.abs(judge - repeated).mean() == pytest.approx(baseline.variation, abs=0.01)


def test_the_best_constant_beats_all_others() -> None:
    reviewer = np.array([(2, 2), (2, 3), (3, 2), (5, 1)])
    best = rubric.constant_baseline(reviewer, LEVELS)

    # All 2: accurate, partly, partly, inaccurate; 2 is 0 + 1 + 1 + 4 points off over 8 scores.
    assert (best.level, best.acceptable, best.variation) == (2.0, 0.75, 0.75)
    assert rubric.constant_baseline(reviewer, LEVELS, level=1.0).acceptable == 0.5


@given(rows, st.permutations(range(3)), st.randoms(use_true_random=False))
def test_neither_order_nor_mirroring_the_scale_matters(table, order, random) -> None:
    def measures(scores: np.ndarray) -> tuple[float, ...]:
        reviewer, judge = scores[:, :3], scores[:, 3:]
        random_baseline = rubric.random_baseline(reviewer, LEVELS)
        constant = rubric.constant_baseline(reviewer, LEVELS)
        shares = np.bincount(rubric.grades(reviewer, judge), minlength=4) / len(scores)
        return (*shares, random_baseline.acceptable, random_baseline.variation, constant.acceptable)

    scores = np.array(table)
    value = measures(scores)
    columns = [*order, *(3 + k for k in order)]
    assert measures(scores[:, columns]) == pytest.approx(value)
    assert measures(6 - scores) == pytest.approx(value)
    assert measures(np.array(random.sample(table, len(table)))) == pytest.approx(value)


def test_a_whole_comparison() -> None:
    rng = np.random.default_rng(1)
    reviewer = rng.integers(1, 6, (60, 4)).astype(float)
    judge = np.clip(reviewer + rng.integers(-1, 2, (60, 4)), 1, 5)
    judge[7, 2] = np.nan
    result = rubric.compare_rubric(reviewer, judge, levels=LEVELS, documents=np.arange(60) % 12, draws=200)
    off = np.abs(np.delete(judge - reviewer, 7, axis=0))

    assert (result.n, result.unreadable, sum(result.grades.values())) == (60, 1, 60)
    good = 60 - result.grades[rubric.Grade.INACCURATE]
    assert result.acceptable.value == pytest.approx(good / 60)
    assert result.variation.value == pytest.approx(off.mean())
    assert result.variation.high < result.random.variation
    assert isinstance(result.acceptable, Estimate)


def test_no_variation_exactly_where_all_is_accurate() -> None:
    reviewer = np.tile([[3.0, 4.0]], (30, 1))
    result = rubric.compare_rubric(reviewer, reviewer, levels=LEVELS, documents=range(30), draws=50)

    assert result.grades[rubric.Grade.ACCURATE] == 30
    assert isinstance(result.variation, NotEnough)
    assert "0.00 in every document" in result.variation.sentence
    assert result.acceptable.value == 1.0
    assert isinstance(rubric.compare_rubric(np.empty((0, 2)), np.empty((0, 2)), levels=LEVELS, documents=[]), NotEnough)
    with pytest.raises(ValueError, match="shapes"):
        rubric.compare_rubric(reviewer, reviewer[:5], levels=LEVELS, documents=range(30))
