"""What is said of prompt packs and trials."""

from __future__ import annotations

from lrstudio.analysis.paired import pair_labels, pair_scores
from lrstudio.domain.verdicts import Dimension
from lrstudio.viewstate.pack_words import TrialRow, notes, p_words, trial_rows
from lrstudio.viewstate.packs import (
    DiffKind,
    diff_lines,
    diff_summary,
    plan_words,
    split_words,
    tab_words,
    use_words,
    version_words,
)

LABELS = ("none", "partial", "full")


def test_a_version_in_a_line() -> None:
    assert version_words("0123456789ab", time="2026-03-04T05:06:07Z", note="shorter", current=True) == (
        "012345 · in use · shorter · 2026-03-04 05:06"
    )
    assert version_words("0123456789ab", time="", note="", current=False) == "012345"


def test_use_tells_what_became_stale() -> None:
    uses = {"mine@2": (1, 0, 3), "mine@1": (2, 1, 5), "other@1": (9, 9, 9)}
    assert use_words("mine@2", uses) == (
        "1 judge run, 3 verdicts in force. 5 verdicts in force are by another version: judge again to renew them; only "
        "prompts that changed cost anything."
    )
    assert use_words("mine@3", {"mine@2": (1, 0, 1)}).startswith(
        "No judge run, 0 verdicts in force. 1 verdict in force is"
    )
    assert (
        use_words("mine@2", {"mine@2": (0, 2, 0), "mine@1": (1, 0, 0)})
        == "No judge run, 2 trials, 0 verdicts in force."
    )


def test_tabs_say_by_signs_what_was_edited_and_what_is_wrong() -> None:
    assert tab_words("key_points", chinese=True, edited=True, problems=2) == "Key points (Chinese) * ✕2"
    assert tab_words("claims", chinese=False, edited=False, problems=0) == "Claims"


def test_differences_have_signs_and_are_counted() -> None:
    lines = diff_lines(
        [("a.md", ["@@ -1 +1 @@", "-old", "+new", " same", "---", "+++"]), ("b.md", []), ("c.md", ["+x"])]
    )
    assert [(it.kind.value, it.text) for it in lines] == [
        ("file", "a.md"),
        ("place", "@@ -1 +1 @@"),
        ("removed", "– old"),
        ("added", "+ new"),
        ("same", "  same"),
        ("removed", "– --"),
        ("added", "+ ++"),
        ("same", ""),
        ("file", "c.md"),
        ("added", "+ x"),
    ]
    assert diff_summary(lines) == "3 lines added (+), 2 lines removed (–)."
    assert diff_summary(()) == "No difference."
    assert all(it.kind is not DiffKind.FILE for it in diff_lines([("a.md", [])]))


def test_plans_and_splits() -> None:
    assert split_words([("to look at", 1, 1), ("held out", 4, 2)]) == (
        "to look at: 1 decision on 1 document · held out: 4 decisions on 2 documents"
    )
    plan = {"input_tokens": 1200, "output_tokens": 30, "candidates": 2}
    assert plan_words(calls=0, cost=None, **plan) == "2 candidates; every call is in the log: it costs nothing."
    assert plan_words(calls=1, cost=None, **plan) == (
        "2 candidates; at most 1 call, 1,200 tokens in, about 30 out, cost unknown."
    )
    assert plan_words(calls=5, cost=0.5, **plan).endswith("about $0.50.")


def test_a_table_of_much_has_numbers_and_a_table_of_little_has_counts() -> None:
    documents = [f"d{k % 10}" for k in range(60)]
    truth = [LABELS[k % 3] for k in range(60)]
    before = [LABELS[(k + (k % 4 == 0)) % 3] for k in range(60)]
    much = pair_labels(truth, before, [*truth[:-1], None], labels=LABELS, documents=documents, draws=200)
    rows = trial_rows([(Dimension.FAITHFULNESS, much, None)])
    assert rows[0] == TrialRow("Faithfulness: 59 claims, 10 documents", heading=True)
    table = {row.measure: row for row in rows}
    accuracy = much.accuracy
    assert table["Accuracy"].change == f"{accuracy.value:+.2f} [{accuracy.low:+.2f}, {accuracy.high:+.2f}]"
    assert table["Right"].change == f"{much.mended} mended, 0 spoilt (McNemar {p_words(much.test.p)})"
    assert table["Without a verdict"] == TrialRow("Without a verdict", "0", "1")
    assert table["People say none"].before.startswith("15 none")

    little = pair_scores([1.0, 2.0], [2.0, 4.0], [1.5, 2.0], documents=["a", "b"])
    rows = trial_rows([(Dimension.HELPFULNESS, None, little)])
    assert [row.change for row in rows] == ["", "too little to tell", "", "", "2 nearer, 0 farther"]
    assert notes(rows) == (
        "Mean absolute error, Bias, judge minus people, Spearman: Only 2 of the 20 items that are needed.",
    )


def test_small_chances() -> None:
    assert (p_words(0.0004), p_words(0.0312), p_words(1.0)) == ("p < 0.001", "p = 0.031", "p = 1.000")
