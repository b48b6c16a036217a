"""Over many repeats an interval holds the truth about as often as it says; one that forgets the documents does not."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lrstudio.analysis import agreement, corrected, intervals, raters, scores, tables
from lrstudio.analysis.estimates import MIN_DOCUMENTS, Estimate, Result
from lrstudio.analysis.intervals import Grouping, Statistic, of_sums

REPEATS, DRAWS = 1000, 200
# With 1,000 repeats of a true 95 % the share stays within these in all but one of 10,000 runs; the seeds are fixed.
LEAST, MOST = 0.91, 0.98


def _planted():
    spec = importlib.util.spec_from_file_location("planted_judge", Path(__file__).with_name("planted.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


planted = _planted()


def truth() -> dict[str, float]:
    table = planted.true_table()
    shares = (table.sum(axis=0) + table.sum(axis=1)) / 2
    alike, chance = np.trace(table), 2 * shares[0] * shares[1]
    tnr, tpr = np.diagonal(table) / table.sum(axis=1)
    expected = float(table.sum(axis=1) @ table.sum(axis=0))
    margins = np.prod(np.concatenate([table.sum(axis=0), table.sum(axis=1)])) ** 0.5
    kappa = (alike - expected) / (1 - expected)
    return {
        "accuracy": alike,
        "kappa": kappa,
        "kappa_linear": kappa,
        "kappa_quadratic": kappa,
        "alpha_nominal": 1 - (1 - alike) / chance,
        "alpha_ordinal": 1 - (1 - alike) / chance,
        "ac1": (alike - chance) / (1 - chance),
        "ac2": (alike - chance) / (1 - chance),
        "balanced_accuracy": (tnr + tpr) / 2,
        "tnr": tnr,
        "tpr": tpr,
        "matthews": float(np.linalg.det(table)) / margins,
    } | planted.true_scores()


TRUTH = truth()


def estimates(data, *, seed: int) -> dict[str, Result]:
    labels = agreement.compare_labels(
        data.supported, data.judged, labels=(False, True), documents=data.documents, seed=seed, draws=DRAWS
    )
    numbers = agreement.compare_scores(data.score, data.judge_score, documents=data.documents, seed=seed, draws=DRAWS)
    found = {"tnr": labels.recalls[0], "tpr": labels.recalls[1]}
    for name in TRUTH.keys() - found.keys():
        found[name] = getattr(labels, name) if hasattr(labels, name) else getattr(numbers, name)
    return found


def of_rows(data) -> dict[str, Statistic]:
    """The same statistics with every row a document of its own: what forgets that rows belong together."""
    rows = Grouping.of(np.arange(len(data.documents)))
    codes = np.stack([data.supported, data.judged], axis=1).astype(np.int64)
    table = tables.confusions(codes[:, 0], codes[:, 1], 2, rows)
    pairs = raters.coincidences(raters.usage(codes, 2))
    gwet = raters.gwet_sums(codes, 2)
    moments = scores.moments(data.score, data.judge_score)
    numbers = raters.interval_sums(np.stack([data.score, data.judge_score], axis=1))
    differences = scores.difference_sums(data.score, data.judge_score, rows)
    return {
        "accuracy": of_sums(table, tables.accuracy),
        "kappa": of_sums(table, tables.kappa),
        "alpha_nominal": of_sums(pairs, raters.alpha),
        "ac1": of_sums(gwet, raters.gwet),
        "balanced_accuracy": of_sums(table, tables.balanced_accuracy),
        "tnr": of_sums(table, lambda total: tables.recalls(total)[..., 0]),
        "tpr": of_sums(table, lambda total: tables.recalls(total)[..., 1]),
        "matthews": of_sums(table, tables.matthews),
        "pearson": of_sums(moments, scores.pearson),
        "spearman": scores.spearman(data.score, data.judge_score, rows),
        "alpha_interval": of_sums(numbers, raters.interval_alpha),
        "bias": of_sums(moments, scores.bias),
        "mean_absolute_error": of_sums(moments, scores.mean_absolute_error),
        "lower_limit": of_sums(differences, lambda total: scores.limits_of_agreement(total)[0]),
        "upper_limit": of_sums(differences, lambda total: scores.limits_of_agreement(total)[1]),
    }


def held(result: Result, value: float) -> bool:
    assert isinstance(result, Estimate)
    return result.low <= value <= result.high


@pytest.mark.parametrize("documents", [40, MIN_DOCUMENTS])
def test_intervals_over_documents_hold_the_truth(documents: int) -> None:
    hits: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for seed in range(REPEATS):
        for name, result in estimates(planted.Planted.draw(seed, documents=documents), seed=seed).items():
            if isinstance(result, Estimate):
                given[name] += 1
                hits[name] += held(result, TRUTH[name])

    shares = {name: hits[name] / given[name] for name in TRUTH}
    assert min(given.values()) > 0.95 * REPEATS
    assert {name: share for name, share in shares.items() if not LEAST <= share <= MOST} == {}


def test_intervals_over_rows_do_not_hold_it() -> None:
    hits: Counter[str] = Counter()
    for seed in range(REPEATS):
        data = planted.Planted.draw(seed, documents=40)
        n = len(data.documents)
        weights = intervals.drawn_weights(np.random.default_rng(seed), n, 100)
        for name, statistic in of_rows(data).items():
            low, high = np.quantile(statistic(weights), [0.025, 0.975])
            hits[name] += low <= TRUTH[name] <= high

    shares = {name: hits[name] / REPEATS for name in hits}
    assert {name: share for name, share in shares.items() if share >= 0.90} == {}


def audited(seed: int, *, documents: int) -> tuple[np.ndarray, ...]:
    """The judge on all claims and the reviewer on some: those the judge doubts are drawn twice as often."""
    data = planted.Planted.draw(seed, documents=documents)
    chance = np.where(data.judged, 0.3, 0.6)
    drawn = np.random.default_rng(seed + 10_000).random(len(chance)) < chance
    reviewer = np.where(drawn, data.supported, np.nan)
    return data.judged.astype(float), reviewer, np.where(drawn, chance, np.nan), data.documents


@pytest.mark.parametrize("documents", [40, 20])
def test_corrected_rates_hold_the_truth_and_the_judges_own_does_not(documents: int) -> None:
    rate = planted.mean(planted.SUPPORTED)
    hits: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for seed in range(REPEATS):
        judge, reviewer, chance, of = audited(seed, documents=documents)
        powered = corrected.prediction_powered(judge, reviewer, chance, documents=of, seed=seed, draws=DRAWS)
        gladen = corrected.rogan_gladen(judge, reviewer, chance, documents=of, seed=seed, draws=1)
        for name, result in {
            "powered": powered.rate, "gladen": gladen.rate, "reviewed": powered.reviewed, "judged": powered.judged
        }.items():  # fmt: skip
            if isinstance(result, Estimate):
                given[name] += 1
                hits[name] += held(result, rate)

    shares = {name: hits[name] / given[name] for name in given}
    assert min(given.values()) > 0.9 * REPEATS
    assert shares.pop("judged") < (0.90 if documents == 40 else 0.93)
    assert {name: share for name, share in shares.items() if not LEAST <= share <= MOST} == {}


def test_a_good_judge_makes_the_interval_narrower_and_a_useless_one_hardly_wider() -> None:
    good, useless = [], []
    for seed in range(40):
        _, reviewer, chance, of = audited(seed, documents=40)
        rng = np.random.default_rng(seed)
        supported = planted.Planted.draw(seed, documents=40).supported
        for widths, judge in (
            (good, np.where(rng.random(len(of)) < 0.95, supported, ~supported)),
            (useless, rng.random(len(of)) < 0.7),
        ):
            result = corrected.prediction_powered(
                judge.astype(float), reviewer, chance, documents=of, seed=seed, draws=DRAWS
            )
            widths.append((result.rate.high - result.rate.low) / (result.reviewed.high - result.reviewed.low))
    assert np.mean(good) < 0.92
    assert np.mean(useless) < 1.05


def test_seeds_make_results_repeatable() -> None:
    data = planted.Planted.draw(0, documents=20)

    assert estimates(data, seed=3) == estimates(data, seed=3)
    assert estimates(data, seed=3)["kappa"] != estimates(data, seed=4)["kappa"]
    assert intervals.DRAWS > DRAWS
