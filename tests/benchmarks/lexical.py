"""How good the lexical judge is on the human-labelled data named by LRSTUDIO_EVAL_DATA, and how fast on a long text."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import anyio
import numpy as np

from lrstudio.analysis.calibration import brier_skill, calibration_error
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension, State
from lrstudio.judge.lexical import LexicalJudge
from lrstudio.judge.lexical_features import LexicalDocument
from lrstudio.judge.lexical_model import LexicalModel
from lrstudio.judge.lexical_verdict import decide
from lrstudio.judge.protocol import Task
from lrstudio.text.tokens import Tokenizer
from tests.benchmarks import Case, Ratio, in_turns, milliseconds
from tests.benchmarks import lexical_eval as ev
from tests.doubles.call_log import MemoryCallLog


def _data() -> Path | None:
    folder = os.environ.get("LRSTUDIO_EVAL_DATA", "")
    return Path(folder) if folder and Path(folder).is_dir() else None


@cache
def _ragtruth() -> tuple[ev.Measured, ev.Floats, ev.Floats]:
    """Return the sentences with the judge's and the baselines' mix's held-out probabilities."""
    folder = _data()
    assert folder is not None
    tokenizer, features = Tokenizer.shipped(), LexicalModel.shipped().features
    short = ev.measure(list(ev.ragtruth(folder)), tokenizer=tokenizer)
    books = ev.measure(list(ev.nocha(folder)), tokenizer=tokenizer)
    always = (books.table(features), books.supported)
    ours = ev.held_out(short.table(features), short.supported, short.groups, always=always)
    return short, ours, ev.held_out(short.baselines, short.supported, short.groups)


def ranking() -> Sequence[Ratio]:
    """Compare the macro AUROC on RAGTruth with that of each cheap baseline."""
    if _data() is None:
        return ()
    short, ours, mix = _ragtruth()
    mine = ev.macro_auroc(ours, short.supported, short.tasks)
    rivals = {"their logistic mix": mix, **{name: short.baselines[:, i] for i, name in enumerate(ev.BASELINES)}}
    ratios = []
    for name, scores in rivals.items():
        other = ev.macro_auroc(scores, short.supported, short.tasks)
        low, high = ev.gain_interval(ours, scores, short)
        detail = f"macro AUROC {other:.3f} / {mine:.3f}, gain 95 % {low:+.3f} to {high:+.3f} by document"
        ratios.append(Ratio(f"lexical judge against {name}", other / mine, 1.0, detail))
    return ratios


def calibration() -> Sequence[Ratio]:
    """Compare calibration error and Brier skill on RAGTruth with what is asked for."""
    if _data() is None:
        return ()
    short, ours, mix = _ragtruth()
    error = calibration_error(ours, short.supported)
    of_task = {
        task: calibration_error(ours[short.tasks == task], short.supported[short.tasks == task])
        for task in ev.RAGTRUTH_TASKS
    }
    worst = max(of_task, key=lambda task: of_task[task])
    skill, plain = brier_skill(ours, short.supported), brier_skill(mix, short.supported)
    return (
        Ratio("lexical calibration error", error / 0.05, 1.0, f"{error:.3f} of 0.05, 15 bins of equal mass"),
        Ratio("lexical calibration error, worst task", of_task[worst] / 0.08, 1.0, f"{worst} {of_task[worst]:.3f}"),
        Ratio("lexical Brier skill", 0.08 / skill, 1.0, f"8 % / {skill:.1%}; mix of baselines {plain:.1%}"),
    )


def abstention() -> Sequence[Ratio]:
    """Compare what is decided about a whole book, and left undecided of short documents, with the limits."""
    folder = _data()
    if folder is None:
        return ()
    tokenizer, model = Tokenizer.shipped(), LexicalModel.shipped()
    documents: dict[str, LexicalDocument] = {}
    decided: dict[str, list[bool]] = {"book": [], "short": []}
    for kind, items in (("book", ev.nocha(folder)), ("short", ev.ragtruth(folder))):
        for item in items:
            if item.group not in documents:
                documents[item.group] = LexicalDocument(item.document, tokenizer=tokenizer)
            decided[kind].append(decide(documents[item.group], item.statement, model).state is State.SCORED)
    book, short = float(np.mean(decided["book"])), 1.0 - float(np.mean(decided["short"]))
    return (
        Ratio("lexical verdicts on a book", book / 0.20, 1.0, f"{book:.0%} of {len(decided['book'])} NoCha claims"),
        Ratio(
            "lexical abstention, short texts", short / 0.30, 1.0, f"{short:.0%} of {len(decided['short'])} sentences"
        ),
    )


def evidence() -> Sequence[Ratio]:
    """Compare how often the evidence misses what people marked with the limit."""
    folder = _data()
    if folder is None:
        return ()
    found, first, chance = ev.evidence_recall(folder, tokenizer=Tokenizer.shipped())
    detail = f"QMSum Recall@5 {found:.1%}, first passage right {first:.1%}, five random passages {chance:.1%}"
    return (Ratio("lexical evidence missed", (1.0 - found) / 0.08, 1.0, detail),)


def speed() -> Sequence[Ratio]:
    """Compare judging ten candidates on 800,000 characters with tokenising them once."""
    rng = random.Random(11)
    known = ["".join(rng.choices("etaoinshrdlucmfw", k=rng.randint(3, 10))) for _ in range(6000)]
    text = ". ".join(" ".join(rng.choices(known, k=16)).capitalize() for _ in range(7000))[:800_000]
    sentences = text.split(". ")
    tokenizer = Tokenizer.shipped()
    tasks = [
        Task(
            Candidate(f"c{i}", "q", ". ".join(rng.choices(sentences, k=15)) + "."),
            Question("q", "d", " ".join(rng.choices(known, k=8))),
            Document("d", text),
        )
        for i in range(10)
    ]

    async def judge_all(judge: LexicalJudge) -> None:
        for task in tasks:
            for dimension in (Dimension.FAITHFULNESS, Dimension.COMPLETENESS):
                await judge.judge(task, dimension, run_id="r", calls=MemoryCallLog())

    judging: Case[LexicalJudge] = Case(
        lambda: LexicalJudge.default(tokenizer), lambda judge: anyio.run(partial(judge_all, judge)), lambda _: None
    )
    tokenising: Case[None] = Case(lambda: None, lambda _: tokenizer.offsets(text), lambda _: None)
    judged, tokenised = in_turns(judging, tokenising, rounds=3)
    detail = f"ten candidates {milliseconds(judged)}, tokenising alone {milliseconds(tokenised)}"
    return (Ratio("lexical judge on a long text", judged / tokenised, 8.0, detail),)


BENCHMARKS = (ranking, calibration, abstention, evidence, speed)
