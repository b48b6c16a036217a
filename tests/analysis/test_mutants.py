"""One planted bug per statistic: the test that is named beside it has to turn red, and is green without the bug."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOM = HERE.parents[1] / "lrstudio" / "analysis"


def nothing(_: ModuleType) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` in a module becomes `new`, and `test` in test_<module>.py must fail."""

    module: str
    old: str
    new: str
    test: str
    arguments: Callable[[ModuleType], tuple[Any, ...]] = nothing


def linear(tests: ModuleType) -> tuple[Any, ...]:
    return (tests.tables.Weighting.LINEAR,)


def values(tests: ModuleType) -> tuple[Any, ...]:
    return (tests.by_document(),)


def stated(tests: ModuleType) -> tuple[Any, ...]:
    return (tests.true_probabilities(),)


def models(tests: ModuleType) -> tuple[Any, ...]:
    return (tests.three_models(),)


TABLES = [
    Mutant("tables", "rows[..., :, None] * columns[", "rows[..., :, None] * rows[", "test_kappa_of_the_diagnoses"),
    Mutant("tables", "steps / widest if", "steps**3 if", "test_weighted_kappa_by_hand", linear),
    Mutant(
        "tables",
        "if weighting is Weighting.LINEAR",
        "if weighting is not None",
        "test_weighted_kappa_by_hand",
        lambda tests: (tests.tables.Weighting.QUADRATIC,),
    ),
    Mutant("tables", "axis2=-1), counts.sum(axis=(-2, -1)))", "axis2=-1), 100.0)", "test_rates_by_hand"),
    Mutant("tables", "counts.sum(axis=-1))\n", "counts.sum(axis=-2))\n", "test_rates_by_hand"),
    Mutant("tables", "recalls(counts).mean(axis=-1)", "recalls(counts).max(axis=-1)", "test_rates_by_hand"),
    Mutant("tables", "total - (rows * columns).sum", "total - (rows * rows).sum", "test_rates_by_hand"),
    Mutant(
        "tables",
        "reviewer[both] * size + judge[both], m",
        "judge[both] * size + reviewer[both], m",
        "test_rows_are_the_reviewer_and_columns_the_judge",
    ),
]
RATERS = [
    Mutant("raters", "raters - 1.0, 1.0), 0.0)", "raters, 1.0), 0.0)", "test_alpha_of_the_textbook"),
    Mutant("raters", "(total - 1.0) * observed", "total * observed", "test_alpha_of_two_observers_by_hand"),
    Mutant("raters", "- marginal / 2", "- marginal", "test_alpha_of_the_textbook"),
    Mutant("raters", "scale is Scale.NOMINAL", "scale is Scale.ORDINAL", "test_alpha_of_the_textbook"),
    Mutant("raters", "(count - 1.0) * apart", "count * apart", "test_alpha_of_the_textbook"),
    Mutant("raters", "(size * (size - 1))", "(size * size)", "test_ac1_where_kappa_is_absurd"),
    Mutant(
        "raters", "shares = used / np.where(rated, raters, 1.0)[:, None]", "shares = used", "test_ac1_of_four_raters"
    ),
    Mutant(
        "raters", "float((1.0 - distances(size, weighting)).sum())", "float(size)", "test_ac2_of_two_raters_by_hand"
    ),
]
SCORES = [
    Mutant("scores", "np.sqrt(np.where(flat, 0.0, spread_x * spread_y))", "spread_x", "test_correlations_by_hand"),
    Mutant("scores", "middle -= each / 2", "middle -= 0", "test_correlations_by_hand"),
    Mutant(
        "scores", "sums[..., 2] - sums[..., 1]", "sums[..., 1] - sums[..., 2]", "test_bias_error_and_limits_by_hand"
    ),
    Mutant("scores", "np.abs(y - x)", "y - x", "test_bias_error_and_limits_by_hand"),
    Mutant("scores", "1.96 * spread, m", "2.58 * spread, m", "test_limits_of_one_item_per_document_are_the_plain_ones"),
    Mutant("scores", "ratio(between - within, items)", "0.0 * items", "test_limits_add_what_differs_between_documents"),
]
INTERVALS = [
    Mutant(
        "intervals",
        "(np.arange(draws) * documents)[:, None]",
        "np.arange(draws)[:, None]",
        "test_a_draw_is_as_many_documents_as_there_are_each_with_all_of_its_items",
    ),
    Mutant(
        "intervals",
        "level / 2)) * math.sqrt(documents",
        "level / 2)) * (documents",
        "test_expanded_ends_of_normal_draws_are_students_times_what_few_documents_hide",
    ),
    Mutant("intervals", "+ z / (1.0 - acc", "- z / (1.0 - acc", "test_percentile_and_bca_are_what_scipy_says", values),
    Mutant(
        "intervals",
        "(documents - 1) / documents * float(np.sum((left",
        "1 / documents * float(np.sum((left",
        "test_jackknife_of_a_mean_is_students_interval",
        values,
    ),
    Mutant(
        "intervals",
        "((1.0 - level) / 2) ** (1.0 / documents)",
        "(1.0 - level) ** (1.0 / documents)",
        "test_what_never_varies_has_no_interval_but_a_share_at_its_bound_has",
    ),
    Mutant(
        "intervals",
        "len(defined) < (1.0 - _UNDEFINED",
        "len(defined) < (0.0 * _UNDEFINED",
        "test_what_hangs_on_one_document_has_no_interval",
    ),
    Mutant(
        "intervals",
        "first(weights) - second(weights)",
        "first(weights) + second(weights)",
        "test_a_paired_difference_is_narrower_than_two_intervals",
        values,
    ),
    Mutant("intervals", "b + c, 0.5)", "len(one), 0.5)", "test_mcnemar_counts_where_only_one_is_right"),
]
CORRECTED = [
    Mutant("corrected", "+ weight * said / items", "- weight * said / items", "test_prediction_powered_by_hand"),
    Mutant("corrected", "judged = there - everywhere", "judged = there", "test_the_weight_makes_the_spread_least"),
    Mutant(
        "corrected",
        "1.0 / np.where(drawn, chance, 1.0), 0.0",
        "1.0, 0.0",
        "test_rare_items_count_as_often_as_they_were_likely_to_be_missed",
    ),
    Mutant("corrected", "(share + tnr - 1.0) / youden", "(share - tnr) / youden", "test_rogan_and_gladen_by_hand"),
    Mutant("corrected", "drawn = there & known", "drawn = there", "test_decisions_that_were_not_drawn_are_refused"),
    Mutant(
        "corrected",
        "if 0.0 < rate < 1.0:",
        "if 0.0 <= rate <= 1.0:",
        "test_an_audit_without_an_error_still_leaves_room_for_some",
    ),
    Mutant(
        "corrected",
        "if youden - t * error <= 0.0",
        "if youden <= -1.0",
        "test_a_judge_at_chance_cannot_be_corrected_with",
    ),
]
CALIBRATION = [
    Mutant("calibration", "point.n * abs(", "point.n * (", "test_calibration_error_by_hand"),
    Mutant(
        "calibration", "np.ceil(stated * bins)", "np.floor(stated * bins)", "test_equal_width_bins_hold_their_upper_end"
    ),
    Mutant("calibration", "(1.0 - came.mean())", "(1.0 + came.mean())", "test_skill_of_the_base_rate_is_nothing"),
    Mutant(
        "calibration",
        "1.0 - ratio(squared * n,",
        "1.0 - ratio(squared,",
        "test_true_probabilities_stay_below_the_floor_and_bold_ones_do_not",
        stated,
    ),
    Mutant(
        "calibration",
        "< stated[rows])",
        "< 0.5)",
        "test_true_probabilities_stay_below_the_floor_and_bold_ones_do_not",
        stated,
    ),
    Mutant("calibration", ", weights=counts)", ")", "test_isotonic_is_scikit_learns_and_mends_a_bold_judge", stated),
]
PAIRWISE = [
    Mutant(
        "pairwise",
        "accuracy=of_those(right, clear)",
        "accuracy=of_those(right, scored)",
        "test_accuracy_is_of_pairs_decided_by_both_and_coverage_beside_it",
    ),
    Mutant(
        "pairwise",
        "of_those(clear, everything)",
        "of_those(scored, everything)",
        "test_accuracy_is_of_pairs_decided_by_both_and_coverage_beside_it",
    ),
    Mutant(
        "pairwise",
        "of_those(~clear, scored)",
        "of_those(~clear, everything)",
        "test_accuracy_is_of_pairs_decided_by_both_and_coverage_beside_it",
    ),
    Mutant(
        "pairwise",
        "strict_accuracy=of_those(right, everything)",
        "strict_accuracy=of_those(right, clear)",
        "test_accuracy_is_of_pairs_decided_by_both_and_coverage_beside_it",
    ),
    Mutant("pairwise", "> tie)", ">= 0)", "test_a_margin_within_the_tie_is_a_tie"),
    Mutant("pairwise", "first == second, doc", "first != second, doc", "test_swapped_orders"),
    Mutant("pairwise", "(second < 0), doc", "(second > 0), doc", "test_swapped_orders"),
    Mutant(
        "pairwise",
        "games = wins + np.swapaxes(wins, -2, -1)",
        "games = wins",
        "test_strengths_of_two_are_their_log_odds",
    ),
]
RUBRIC = [
    Mutant(
        "rubric",
        "[3, 0, 1, 2], default=3",
        "[3, 0, 3, 2], default=3",
        "test_grades_of_the_papers_table",
        lambda _: ((2, 3), "partly accurate"),
    ),
    Mutant("rubric", "near & one_way]", "near]", "test_grades_of_the_papers_table", lambda _: ((2, 4), "inaccurate")),
    Mutant("rubric", "+ above.prod(axis=1)", "", "test_random_scores_on_ten_points_and_four_dimensions"),
    Mutant(
        "rubric",
        "float(np.abs(off).mean()))",
        "float((off**2).mean()))",
        "test_random_scores_on_ten_points_and_four_dimensions",
    ),
    Mutant("rubric", "return max(found", "return min(found", "test_the_best_constant_beats_all_others"),
    Mutant("rubric", "total[..., 3], total[..., 2]", "total[..., 3], total[..., 0]", "test_a_whole_comparison"),
]
CONFORMAL = [
    Mutant("conformal", "loss[order]) + 1.0)", "loss[order]))", "test_the_finite_sample_correction_by_hand"),
    Mutant(
        "conformal",
        "sure[order][1:] != sure[order][:-1]",
        "sure[order][1:] > -1.0",
        "test_equal_confidences_are_accepted_together_or_not_at_all",
    ),
    Mutant(
        "conformal",
        "rate * (1.0 - rate) / variance",
        "float(n)",
        "test_errors_among_the_accepted_stay_within_the_promise_nine_times_in_ten",
    ),
    Mutant(
        "conformal",
        "            break\n",
        "            continue\n",
        "test_a_judge_that_errs_where_it_is_surest_is_not_let_through_by_the_rest",
    ),
]
LENGTH_BIAS = [
    Mutant(
        "length_bias",
        "grouping = Grouping.of(np.asarray(questions)[there])",
        "grouping = Grouping.of(np.arange(there.sum()) // 100)",
        "test_correlation_is_within_questions_and_not_between_them",
    ),
    Mutant(
        "length_bias",
        "difference[unequal] > 0",
        "difference[unequal] < 0",
        "test_longer_is_chosen_leaves_equal_lengths_out",
    ),
    Mutant("length_bias", "/ target - 1.0)", "/ target)", "test_how_well_length_alone_predicts_the_pairs"),
    Mutant(
        "length_bias",
        "share(first > second,",
        "share(first >= second,",
        "test_how_well_length_alone_predicts_the_pairs",
    ),
    Mutant(
        "length_bias",
        "np.where(both, old + new, 0.0) * gain",
        "np.where(both, new, 0.0) * gain",
        "test_the_worked_example_of_the_gain_beyond_length",
    ),
    Mutant(
        "length_bias",
        "all_of = (old + new).sum",
        "all_of = (both * (old + new)).sum",
        "test_bins_with_one_model_only_count_in_the_weights",
    ),
    Mutant(
        "length_bias",
        "np.floor(lengths / width)",
        "np.ceil(lengths / width)",
        "test_bins_are_half_open_and_nothing_falls_out",
    ),
    Mutant("length_bias", "most * np.minimum", "(most + 1) * np.minimum", "test_the_other_remedies"),
    Mutant("length_bias", "dtype=np.float64) <= most)", "dtype=np.float64) >= most)", "test_the_other_remedies"),
    Mutant("length_bias", "[:least]]]", "]]", "test_balancing_by_hand"),
]
RANKING = [
    Mutant("ranking", "2.0 * (kept @ sums)", "1.0 * (kept @ sums)", "test_random_flips_are_what_scipys_are"),
    Mutant("ranking", "sums = grouping.sums(apart)", "sums = apart", "test_sign_flips_of_documents_by_hand"),
    Mutant("ranking", "np.maximum.accumulate(", "np.asarray(", "test_holm_is_what_statsmodels_says"),
    Mutant(
        "ranking",
        "np.where(counts > 0, totals / np",
        "np.where(counts > 0, totals + 0 * np",
        "test_several_candidates_of_a_model_count_as_their_mean",
        models,
    ),
    Mutant(
        "ranking",
        "table[first] - table[second]",
        "table[first] - np.nanmean(table[second])",
        "test_models_are_ranked_and_compared_within_questions",
        models,
    ),
]
MUTANTS = [
    *TABLES,
    *RATERS,
    *SCORES,
    *INTERVALS,
    *CORRECTED,
    *CALIBRATION,
    *PAIRWISE,
    *RUBRIC,
    *CONFORMAL,
    *LENGTH_BIAS,
    *RANKING,
]


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(mutant: Mutant, source: str) -> None:
    """Run the mutant's test against this source of its module."""
    tests = load(HERE / f"test_{mutant.module}.py", f"{mutant.module}_under_mutation")
    # Dataclasses look their module up by name; the tests have imported the one of this name.
    module = ModuleType(f"lrstudio.analysis.{mutant.module}")
    module.__file__ = str(ROOM / f"{mutant.module}.py")
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    assert hasattr(tests, mutant.module), "the test must reach the statistic through its module"
    setattr(tests, mutant.module, module)
    getattr(tests, mutant.test)(*mutant.arguments(tests))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.module}: {mutant.new.strip()[:40]}")
def test_a_planted_bug_turns_its_test_red(mutant: Mutant) -> None:
    source = (ROOM / f"{mutant.module}.py").read_text(encoding="utf-8")
    assert source.count(mutant.old) == 1, "the place of the bug is not there, or not one place"

    run(mutant, source)
    with pytest.raises((AssertionError, ValueError, AttributeError, TypeError)):
        run(mutant, source.replace(mutant.old, mutant.new))
