"""Stated probabilities: scikit-learn as witness, and how a true judge and an overconfident one look."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from lrstudio.analysis import calibration
from lrstudio.analysis.estimates import NotEnough


@pytest.fixture
def stated() -> tuple[np.ndarray, np.ndarray]:
    return true_probabilities()


def true_probabilities() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    probabilities = rng.beta(2, 1, 600)
    return probabilities, rng.random(600) < probabilities


@pytest.mark.parametrize(("by", "strategy"), [(calibration.Bins.MASS, "quantile"), (calibration.Bins.WIDTH, "uniform")])
def test_the_curve_is_scikit_learns(stated, by: calibration.Bins, strategy: str) -> None:
    curve = calibration.reliability(*stated, bins=10, by=by)
    observed, mean = calibration_curve(stated[1], stated[0], n_bins=10, strategy=strategy)

    np.testing.assert_allclose([point.stated for point in curve], mean)
    np.testing.assert_allclose([point.observed for point in curve], observed)
    assert sum(point.n for point in curve) == 600


def test_calibration_error_by_hand() -> None:
    """Two bins: .2 stated and .5 observed of two, .9 and 1.0 of two: (2 x .3 + 2 x .1) / 4."""
    for by in calibration.Bins:
        error = calibration.calibration_error([0.1, 0.3, 0.8, 1.0], [0, 1, 1, 1], bins=2, by=by)
        assert error == pytest.approx(0.2)


def test_equal_width_bins_hold_their_upper_end() -> None:
    curve = calibration.reliability([0.0, 0.5, 0.51, 1.0], [0, 0, 1, 1], bins=2, by=calibration.Bins.WIDTH)

    assert [(point.low, point.high, point.n) for point in curve] == [(0.0, 0.5, 2), (0.51, 1.0, 2)]


def test_true_probabilities_stay_below_the_floor_and_bold_ones_do_not(stated) -> None:
    probabilities, outcomes = stated
    bold = np.clip(0.5 + 2.5 * (probabilities - 0.5), 0, 1)
    documents = np.arange(600) % 40
    good = calibration.compare_probabilities(probabilities, outcomes, documents=documents, draws=200)
    bad = calibration.compare_probabilities(bold, outcomes, documents=documents, draws=200)

    assert good.error < good.floor < 0.1
    assert good.floor > 0.04
    assert bad.error > bad.floor
    assert good.brier.value == pytest.approx(brier_score_loss(outcomes, probabilities))
    assert good.skill.value == pytest.approx(calibration.brier_skill(probabilities, outcomes))
    assert good.skill.low > bad.skill.value
    assert good.bias.value == pytest.approx((probabilities - outcomes).mean())


def test_skill_of_the_base_rate_is_nothing() -> None:
    outcomes = np.array([1, 1, 1, 0] * 5)

    assert calibration.brier_skill(np.full(20, 0.75), outcomes) == pytest.approx(0.0)
    assert calibration.brier_skill(outcomes, outcomes) == 1.0
    assert np.isnan(calibration.brier_skill([0.5, 0.5], [1, 1]))


def test_isotonic_is_scikit_learns_and_mends_a_bold_judge(stated) -> None:
    probabilities, outcomes = stated
    bold = np.round(np.clip(0.5 + 2.5 * (probabilities - 0.5), 0, 1), 2)
    curve = calibration.isotonic(bold[::2], outcomes[::2])
    theirs = IsotonicRegression(out_of_bounds="clip").fit(bold[::2], outcomes[::2])

    np.testing.assert_allclose(calibration.recalibrated(bold[1::2], curve), theirs.predict(bold[1::2]), atol=1e-9)
    before = calibration.calibration_error(bold[1::2], outcomes[1::2])
    assert calibration.calibration_error(calibration.recalibrated(bold[1::2], curve), outcomes[1::2]) < before


def test_what_cannot_be_measured_is_said() -> None:
    assert isinstance(calibration.compare_probabilities([0.5], [True], documents=["d"]), NotEnough)
    one_outcome = calibration.compare_probabilities(np.linspace(0, 1, 40), np.ones(40), documents=range(40), draws=50)
    assert "nothing to be better than" in one_outcome.skill.sentence
    with pytest.raises(ValueError, match="outside"):
        calibration.reliability([1.2], [True])
    with pytest.raises(ValueError, match="outcomes"):
        calibration.reliability([0.2], [True, False])
