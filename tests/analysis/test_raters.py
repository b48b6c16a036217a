"""Many raters with missing cells: published examples and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import fleiss_kappa

from lrstudio.analysis import raters, tables
from lrstudio.analysis.tables import Weighting

# Four observers, twelve units, five labels (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, part E).
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
# Two raters, 125 patients (Gwet, Statistical Methods for Inter-Rater Reliability Assessment 2, 2002).
PATIENTS = np.array([[118, 5], [2, 0]])

grids = st.lists(st.lists(st.integers(-1, 3), min_size=3, max_size=3), min_size=4, max_size=30)


def codes_of(observers: tuple[tuple[int | None, ...], ...]) -> np.ndarray:
    return np.stack([tables.encode(row, (1, 2, 3, 4, 5)) for row in observers], axis=1)


def alpha(codes: np.ndarray, scale: raters.Scale, size: int = 5) -> float:
    return float(raters.alpha(raters.coincidences(raters.usage(codes, size)).sum(axis=0), scale))


def gwet(codes: np.ndarray, weighting: Weighting = Weighting.NONE, size: int = 5) -> float:
    return float(raters.gwet(raters.gwet_sums(codes, size, weighting).sum(axis=0), weighting))


def rows_of(table: np.ndarray) -> np.ndarray:
    cells = [(a, b) for a in range(len(table)) for b in range(len(table)) for _ in range(table[a, b])]
    return np.array(cells, dtype=np.int64)


def test_alpha_of_the_textbook() -> None:
    codes = codes_of(OBSERVERS)
    numbers = np.array([[np.nan if v is None else v for v in row] for row in OBSERVERS], dtype=float).T

    assert alpha(codes, raters.Scale.NOMINAL) == pytest.approx(0.743, abs=5e-4)
    assert alpha(codes, raters.Scale.ORDINAL) == pytest.approx(0.815, abs=5e-4)
    assert float(raters.interval_alpha(raters.interval_sums(numbers).sum(axis=0))) == pytest.approx(0.849, abs=5e-4)


def test_alpha_of_two_observers_by_hand() -> None:
    """Krippendorff (2011), part A: ten units, two values, six alike: 1 - 19 x 8 / (2 x 14 x 6) = 0.095."""
    first, second = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)

    assert alpha(np.array([first, second]).T, raters.Scale.NOMINAL, 2) == pytest.approx(0.095, abs=5e-4)


def test_ac1_where_kappa_is_absurd() -> None:
    codes = rows_of(PATIENTS)

    assert float(tables.kappa(PATIENTS.astype(float))) == pytest.approx(-0.0234, abs=5e-5)
    assert gwet(codes, size=2) == pytest.approx(0.9408, abs=5e-4)


def test_ac1_of_four_raters() -> None:
    """The same four observers in Gwet's handbook (4th edition, table 2.10): AC1 0.77544."""
    assert gwet(codes_of(OBSERVERS)) == pytest.approx(0.77544, abs=5e-6)


def test_ac2_of_two_raters_by_hand() -> None:
    """Three labels with quadratic weights 1, .75, 0; three items alike and one a step off."""
    codes = np.array([[0, 0], [1, 1], [2, 2], [0, 1]])
    observed = (1 + 1 + 1 + 0.75) / 4
    shares = np.array([3, 3, 2]) / 8
    weights = 3 + 4 * 0.75
    chance = weights / 6 * float((shares * (1 - shares)).sum())

    assert gwet(codes, Weighting.QUADRATIC, 3) == pytest.approx((observed - chance) / (1 - chance))


def test_unanimous_raters_have_no_alpha_but_an_ac1() -> None:
    same = np.zeros((10, 2), dtype=np.int64)

    assert math.isnan(alpha(same, raters.Scale.NOMINAL))
    assert math.isnan(alpha(same, raters.Scale.ORDINAL))
    assert math.isnan(raters.interval_alpha(raters.interval_sums(np.full((10, 2), 7.3)).sum(axis=0)))
    assert gwet(same) == 1.0


@given(grids)
def test_nominal_alpha_is_fleiss_kappa_but_for_its_small_sample_term(grid: list[list[int]]) -> None:
    codes = np.abs(np.array(grid))
    value = alpha(codes, raters.Scale.NOMINAL)
    if math.isnan(value):
        return
    fleiss = fleiss_kappa(raters.usage(codes, 5))
    total = codes.size
    assert 1 - value == pytest.approx((1 - fleiss) * (total - 1) / total)


@given(grids, st.permutations(range(3)), st.randoms(use_true_random=False))
def test_neither_order_of_raters_or_items_nor_turning_the_labels_round_matters(grid, order, random) -> None:
    codes = np.array(grid)
    turned = np.where(codes < 0, codes, 3 - codes)
    others = [codes[:, list(order)], np.array(random.sample(grid, len(grid))), turned]
    for other in others:
        for scale in raters.Scale:
            np.testing.assert_allclose(alpha(other, scale, 4), alpha(codes, scale, 4), atol=1e-12)
        for weighting in Weighting:
            np.testing.assert_allclose(gwet(other, weighting, 4), gwet(codes, weighting, 4), atol=1e-12)
    for scale in raters.Scale:
        value = alpha(codes, scale, 4)
        assert math.isnan(value) or value <= 1.0 + 1e-12


@given(grids)
def test_interval_alpha_does_not_mind_another_unit(grid: list[list[int]]) -> None:
    numbers = np.where(np.array(grid) < 0, np.nan, np.array(grid, dtype=float))
    first = raters.interval_alpha(raters.interval_sums(numbers).sum(axis=0))
    second = raters.interval_alpha(raters.interval_sums(100 - 2.5 * numbers).sum(axis=0))

    np.testing.assert_allclose(second, first, atol=1e-9)
