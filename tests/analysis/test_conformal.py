"""What a judge may decide alone: the promise holds on items it was not set on, and a plain threshold's does not."""

import numpy as np
import pytest

from lrstudio.analysis import conformal
from lrstudio.analysis.estimates import NotEnough

GRID = np.linspace(0, 1, 2001)


def drawn(seed: int, *, documents: int = 60, items: int = 10) -> tuple[np.ndarray, ...]:
    """Errors get rarer with confidence, but some documents are hard throughout."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(documents), items)
    sure = rng.random(len(of))
    hard = rng.gamma(0.8, 1 / 0.8, documents)[of]
    return sure, rng.random(len(of)) >= np.minimum(0.3 * hard * (1 - sure), 1.0), of


def true_errors() -> tuple[np.ndarray, np.ndarray]:
    """The share of all items accepted wrongly, and of the accepted ones, from each confidence in GRID on."""
    sure, right, _ = drawn(999, documents=60_000)
    place = np.searchsorted(GRID, sure, side="right") - 1
    wrong = np.cumsum(np.bincount(place, weights=~right, minlength=len(GRID))[::-1])[::-1]
    taken = np.cumsum(np.bincount(place, minlength=len(GRID))[::-1])[::-1]
    return wrong / len(sure), wrong / np.maximum(taken, 1)


OF_ALL, OF_ACCEPTED = true_errors()


def error_at(threshold: float, errors: np.ndarray) -> float:
    return float(np.interp(threshold, GRID, errors))


def test_wrongly_accepted_ones_among_all_stay_within_the_promise() -> None:
    found = []
    for seed in range(300):
        sure, right, of = drawn(seed)
        result = conformal.auto_accept(sure, right, documents=of, max_error=0.05, promise=conformal.Promise.OF_ALL)
        found.append(error_at(result.threshold, OF_ALL))
    # Not above, and close to it: a promise that is kept by accepting nothing is worth nothing.
    assert 0.03 < np.mean(found) < 0.0505


def test_errors_among_the_accepted_stay_within_the_promise_nine_times_in_ten() -> None:
    broken, plain, accepted = 0, 0, []
    for seed in range(300):
        sure, right, of = drawn(seed)
        result = conformal.auto_accept(sure, right, documents=of, max_error=0.1)
        if isinstance(result, NotEnough):
            accepted.append(0.0)
            continue
        accepted.append(result.accepted)
        broken += error_at(result.threshold, OF_ACCEPTED) > 0.1
        order = np.argsort(-sure)
        below = np.flatnonzero(np.cumsum(~right[order]) / np.arange(1, len(order) + 1) <= 0.1)
        plain += error_at(sure[order][below[-1]], OF_ACCEPTED) > 0.1
    assert broken <= 30
    assert plain > 90
    assert np.mean(accepted) > 0.3


def test_what_was_promised_and_found_is_reported() -> None:
    sure, right, of = drawn(1)
    result = conformal.auto_accept(sure, right, documents=of, max_error=0.1)
    taken = sure >= result.threshold

    assert (result.n, result.documents, result.max_error) == (600, 60, 0.1)
    assert result.accepted == pytest.approx(taken.mean())
    assert result.wrong == pytest.approx((~right[taken]).mean())
    assert result.wrong < 0.1


def test_the_finite_sample_correction_by_hand() -> None:
    """39 documents of one item, wrong below .2: with one wrong item (1 + 1) / 40 = .05 is just allowed, two are not."""
    sure = np.linspace(1, 0.025, 39)
    right = sure >= 0.2
    result = conformal.auto_accept(sure, right, documents=range(39), max_error=0.05, promise=conformal.Promise.OF_ALL)

    assert (~right[sure >= result.threshold]).sum() == 1
    assert (
        conformal.auto_accept(
            sure, right, documents=range(39), max_error=0.049, promise=conformal.Promise.OF_ALL
        ).threshold
        >= 0.2
    )


def test_equal_confidences_are_accepted_together_or_not_at_all() -> None:
    sure = np.repeat([0.9, 0.5], [60, 40])
    right = np.concatenate([np.ones(60, dtype=bool), np.arange(40) % 2 == 0])
    for promise in conformal.Promise:
        result = conformal.auto_accept(sure, right, documents=range(100), max_error=0.1, promise=promise)
        assert (result.threshold, result.accepted, result.wrong) == (0.9, 0.6, 0.0)


def test_a_judge_that_errs_where_it_is_surest_is_not_let_through_by_the_rest() -> None:
    """One wrong in two of the surest 60, none in the other 1,940: 1.5 % in all, but the strict end fails first."""
    sure = np.linspace(1, 0, 2000)
    right = (np.arange(2000) >= 60) | (np.arange(2000) % 2 == 0)
    result = conformal.auto_accept(sure, right, documents=np.arange(2000), max_error=0.05)

    assert isinstance(result, NotEnough)


def test_unknown_confidence_is_never_accepted() -> None:
    sure = np.where(np.arange(100) < 30, np.nan, 0.9)
    for promise in conformal.Promise:
        result = conformal.auto_accept(sure, np.ones(100), documents=range(100), promise=promise)
        assert result.accepted == pytest.approx(0.7)


def test_what_cannot_be_promised_is_said() -> None:
    sure, right, of = drawn(0, documents=15)
    few = conformal.auto_accept(sure, right, documents=of, max_error=0.05, promise=conformal.Promise.OF_ALL)
    hopeless = conformal.auto_accept(sure, np.zeros(150), documents=of, max_error=0.2)

    assert few.sentence == "An error of 5% can be promised from 19 documents on; there are 15."
    assert "high enough" in hopeless.sentence
    assert isinstance(conformal.auto_accept([0.5], [True], documents=["d"]), NotEnough)
    with pytest.raises(ValueError, match="outside"):
        conformal.auto_accept(sure, right, documents=of, max_error=0.0)


def test_order_of_items_does_not_matter() -> None:
    sure, right, of = drawn(5)
    order = np.random.default_rng(0).permutation(len(of))
    for promise in conformal.Promise:
        first = conformal.auto_accept(sure, right, documents=of, max_error=0.1, promise=promise)
        second = conformal.auto_accept(sure[order], right[order], documents=of[order], max_error=0.1, promise=promise)
        assert second == first
