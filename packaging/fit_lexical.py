"""Fit the lexical judge: `python packaging/fit_lexical.py --data FOLDER [--write]`.

FOLDER (default: the environment variable LRSTUDIO_EVAL_DATA) holds the human-labelled evaluation data; nothing else is
read. Prints what `resources/lexical/card.md` reports; with --write replaces `resources/lexical/model.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lrstudio.analysis.calibration import brier_skill, calibration_error  # noqa: E402
from lrstudio.domain.verdicts import State  # noqa: E402
from lrstudio.judge.lexical_features import LexicalDocument  # noqa: E402
from lrstudio.judge.lexical_model import LexicalModel, Thresholds  # noqa: E402
from lrstudio.judge.lexical_verdict import decide  # noqa: E402
from lrstudio.text.tokens import Tokenizer  # noqa: E402
from tests.benchmarks import lexical_eval as ev  # noqa: E402

MODEL = ROOT / "resources" / "lexical" / "model.json"
FEATURES = (
    "strength",
    "margin",
    "missing",
    "clause",
    "novel_numbers",
    "has_numbers",
    "novel_names",
    "denied",
    "novel_times",
    "quoted",
    "states_nothing",
)
# Chosen on the same sentences; the reasons are in the card.
THRESHOLDS = Thresholds(full=0.9, none=0.5, strength=0.5, absent=0.4, foreign=2.5, conflict=0.2)
FITTED_ON = ("ragtruth/ragtruth_public.jsonl.gz", "longdoc/nocha_classics.jsonl.gz")


def main() -> int:
    """Fit, report, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("LRSTUDIO_EVAL_DATA"))
    parser.add_argument("--write", action="store_true", help=f"replace {MODEL.relative_to(ROOT)}")
    arguments = parser.parse_args()
    if not arguments.data or not Path(arguments.data).is_dir():
        parser.error("name the folder of the evaluation data with --data or LRSTUDIO_EVAL_DATA")
    folder = Path(arguments.data)
    tokenizer = Tokenizer.shipped()
    short = ev.measure(list(ev.ragtruth(folder)), tokenizer=tokenizer)
    books = ev.measure(list(ev.nocha(folder)), tokenizer=tokenizer)
    other = ev.measure([*ev.expertqa(folder), *ev.storysumm(folder)], tokenizer=tokenizer)
    report_ranking(short, books)
    model = fit(short, books)
    report_verdicts((short, books, other), model, tokenizer=tokenizer)
    report_evidence(folder, tokenizer=tokenizer)
    if arguments.write:
        write(model, folder, tokenizer=tokenizer)
    return 0


def fit(short: ev.Measured, books: ev.Measured) -> LexicalModel:
    """Fit on all RAGTruth sentences and NoCha claims with equal weight, coefficients rounded to six places."""
    table = np.concatenate([short.table(FEATURES), books.table(FEATURES)])
    logistic = ev.Logistic.fit(table, np.concatenate([short.supported, books.supported]))
    means, scales, weights = (
        tuple(round(float(value), 6) for value in values)
        for values in (logistic.means, logistic.scales, logistic.weights)
    )
    return LexicalModel(FEATURES, means, scales, weights, round(logistic.bias, 6), THRESHOLDS)


def report_ranking(short: ev.Measured, books: ev.Measured) -> None:
    """Print how well held-out probabilities rank and how true they are, beside the cheap baselines."""
    supported, tasks, groups = short.supported, short.tasks, short.groups
    always = (books.table(FEATURES), books.supported)
    ours = ev.held_out(short.table(FEATURES), supported, groups, always=always)
    mix = ev.held_out(short.baselines, supported, groups)
    columns = {name: short.baselines[:, i] for i, name in enumerate(ev.BASELINES)}
    print(f"RAGTruth: {len(supported)} sentences, {int((~supported).sum())} unsupported, {len(set(groups))} documents")
    print(f"{'':16}{'pooled':>8}{'macro':>8}" + "".join(f"{task:>10}" for task in ev.RAGTRUTH_TASKS))
    for name, scores in {"lexical judge": ours, "mix": mix, **columns}.items():
        each = [ev.auroc(scores[tasks == task], supported[tasks == task]) for task in ev.RAGTRUTH_TASKS]
        macro = ev.macro_auroc(scores, supported, tasks)
        line = f"{name:16}{ev.auroc(scores, supported):8.3f}{macro:8.3f}" + "".join(f"{value:10.3f}" for value in each)
        if name != "lexical judge":
            low, high = ev.gain_interval(ours, scores, short)
            line += f"   gain of the judge, macro, 95 %: {low:+.3f} to {high:+.3f}"
        print(line)
    print(f"Brier skill {brier_skill(ours, supported):.3f} (mix {brier_skill(mix, supported):.3f})")
    errors = {task: calibration_error(ours[tasks == task], supported[tasks == task]) for task in ev.RAGTRUTH_TASKS}
    print(f"calibration error {calibration_error(ours, supported):.3f}; by task", _rounded(errors))


def report_verdicts(parts: tuple[ev.Measured, ...], model: LexicalModel, *, tokenizer: Tokenizer) -> None:
    """Print what the judge says of the labelled sentences with the model fitted on all of them."""
    counts: dict[str, Counter[str]] = {}
    supported: dict[str, Counter[str]] = {}
    documents: dict[str, LexicalDocument] = {}
    for item in (item for part in parts for item in part.items):
        if item.group not in documents:
            documents[item.group] = LexicalDocument(item.document, tokenizer=tokenizer)
        verdict = decide(documents[item.group], item.statement, model)
        scored = verdict.state is State.SCORED and verdict.support is not None
        word = (verdict.support_reason or verdict.support.word) if scored and verdict.support else verdict.state.value
        counts.setdefault(item.task, Counter())[str(word)] += 1
        supported.setdefault(item.task, Counter())[str(word)] += item.supported
    words = ("full", "partial", "contradicted", "not_found", "unscored", "not_checkable")
    print("verdicts, and the share of them that people call supported")
    for task, count in counts.items():
        total = sum(count.values())
        cells = [
            f"{word} {count[word]} ({count[word] / total:.0%}; {supported[task][word] / count[word]:.0%})"
            for word in words
            if count[word]
        ]
        print(f"  {task:10} {total:5}  " + ", ".join(cells))


def report_evidence(folder: Path, *, tokenizer: Tokenizer) -> None:
    """Print how often the evidence holds what people marked."""
    found, first, chance = ev.evidence_recall(folder, tokenizer=tokenizer)
    print(f"QMSum: Recall@5 {found:.3f}, first passage right {first:.3f}, five random passages {chance:.3f}")


def write(model: LexicalModel, folder: Path, *, tokenizer: Tokenizer) -> None:
    """Write the coefficients with what they were fitted on."""
    rows = zip(model.features, model.means, model.scales, model.weights, strict=True)
    content = {
        "features": [{"name": n, "mean": m, "scale": s, "weight": w} for n, m, s, w in rows],
        "bias": model.bias,
        "thresholds": model.limits,
        "fitted_on": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FITTED_ON},
        "tokenizer": tokenizer.name,
        "note": "Written by packaging/fit_lexical.py; see card.md.",
    }
    MODEL.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
    print("wrote", MODEL.relative_to(ROOT), "digest", model.digest)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


if __name__ == "__main__":
    sys.exit(main())
