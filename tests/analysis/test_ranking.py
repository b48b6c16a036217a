"""Leaderboards: means by question, paired tests, correction for many of them."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from lrstudio.analysis import ranking
from lrstudio.analysis.estimates import Estimate, NotEnough


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    return three_models()


def three_models() -> dict[str, np.ndarray]:
    """Three models on 40 questions of 20 documents; b is a little better than a, c much worse."""
    rng = np.random.default_rng(0)
    models, questions = np.array(["a", "b", "c"] * 40), np.repeat(np.arange(40), 3)
    hard = rng.normal(0, 2, 40)[questions]
    gain = np.array([0.0, 0.4, -1.5])[np.arange(120) % 3]
    return {
        "models": models,
        "values": 5 + hard + gain + rng.normal(0, 0.4, 120),
        "questions": questions,
        "documents": questions // 2,
    }


def test_models_are_ranked_and_compared_within_questions(columns) -> None:
    board = ranking.leaderboard(**columns, draws=200)
    values = columns["values"].reshape(40, 3)

    assert [standing.model for standing in board.standings] == ["b", "a", "c"]
    assert board.standings[0].mean.value == pytest.approx(values[:, 1].mean())
    first = board.comparisons[0]
    assert (first.first, first.second, first.questions) == ("b", "a", 40)
    assert first.difference.value == pytest.approx((values[:, 1] - values[:, 0]).mean())
    # The questions differ far more than the models, and only the pairing shows the gain.
    assert board.standings[0].mean.low < board.standings[1].mean.value
    assert first.difference.excludes_zero
    assert first.p < first.p_holm < 0.05


def test_several_candidates_of_a_model_count_as_their_mean(columns) -> None:
    more = {name: np.append(column, column[:3]) for name, column in columns.items()}
    more["values"][120] += 6
    board = ranking.leaderboard(**more, draws=50)
    standing = next(s for s in board.standings if s.model == "a")
    plain = columns["values"][::3]

    assert (standing.questions, standing.candidates) == (40, 41)
    assert standing.mean.value == pytest.approx((plain.sum() + 3) / 40)


def test_unscored_candidates_and_unshared_questions_are_left_out(columns) -> None:
    columns["values"][[0, 4]] = np.nan
    board = ranking.leaderboard(**columns, draws=50)

    assert {standing.model: standing.questions for standing in board.standings} == {"a": 39, "b": 39, "c": 40}
    shared = {(c.first, c.second): c.questions for c in board.comparisons}
    assert shared == {("b", "a"): 38, ("b", "c"): 39, ("a", "c"): 39}


def test_order_of_rows_does_not_matter(columns) -> None:
    order = np.random.default_rng(1).permutation(120)
    first = ranking.leaderboard(**columns, draws=50)
    second = ranking.leaderboard(**{name: column[order] for name, column in columns.items()}, draws=50)

    assert [s.model for s in second.standings] == [s.model for s in first.standings]
    assert [c.p for c in second.comparisons] == pytest.approx([c.p for c in first.comparisons])


def test_sign_flips_of_documents_by_hand() -> None:
    """Eight documents, all in favour: of 256 assignments of signs two are as extreme."""
    differences, documents = np.tile([1.0, 2.0, 0.5], 8), np.repeat(np.arange(8), 3)

    assert ranking.sign_flip(differences, documents=documents) == pytest.approx(2 / 256)
    assert ranking.sign_flip(-differences, documents=documents) == pytest.approx(2 / 256)
    assert ranking.sign_flip(np.zeros(24), documents=documents) == 1.0


def test_a_sign_flip_of_single_items_is_close_to_the_t_test() -> None:
    rng = np.random.default_rng(0)
    differences = rng.normal(0.2, 1, 120)

    p = ranking.sign_flip(differences, documents=range(120), seed=1)
    assert p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.01)


def test_random_flips_are_what_scipys_are() -> None:
    differences = np.random.default_rng(3).normal(0.25, 1, 40)
    theirs = stats.permutation_test(
        (differences,), lambda x, axis: x.sum(axis=axis), permutation_type="samples", vectorized=True, rng=0
    )

    assert ranking.sign_flip(differences, documents=range(40), seed=1) == pytest.approx(theirs.pvalue, abs=0.01)


def test_flips_keep_their_level_when_documents_go_together() -> None:
    """Without a difference, one test in twenty is below .05; one that takes questions as single ones far more often."""
    ours, naive = 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        of = np.repeat(np.arange(16), 6)
        differences = rng.normal(0, 1, 16)[of] + rng.normal(0, 0.7, 96)
        ours += ranking.sign_flip(differences, documents=of, seed=seed, flips=499) < 0.05
        naive += stats.wilcoxon(differences).pvalue < 0.05
    assert ours <= 20
    assert naive > 60


def test_holm_is_what_statsmodels_says() -> None:
    p = [0.01, 0.04, 0.03, 0.005, 0.5]

    assert ranking.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert ranking.holm([]).tolist() == []


def test_too_few_questions_have_no_test() -> None:
    board = ranking.leaderboard(["a", "b"], [1.0, 2.0], questions=[0, 0], documents=[0, 0])

    assert isinstance(board.standings[0].mean, NotEnough)
    assert board.comparisons[0].p is None
    assert board.comparisons[0].p_holm is None
    assert not isinstance(board.comparisons[0].difference, Estimate)
    assert ranking.leaderboard([], [], questions=[], documents=[]).standings == ()
