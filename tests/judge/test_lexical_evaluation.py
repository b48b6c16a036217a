"""What the card of the lexical judge promises, measured again on the human-labelled data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lrstudio.analysis.calibration import brier_skill, calibration_error
from lrstudio.domain.verdicts import State, Support
from lrstudio.judge.claims import Statement
from lrstudio.judge.lexical_features import LexicalDocument
from lrstudio.judge.lexical_model import LexicalModel
from lrstudio.judge.lexical_verdict import decide
from lrstudio.text.tokens import Tokenizer
from tests.benchmarks import lexical_eval as ev


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.shipped()


@pytest.fixture(scope="module")
def model() -> LexicalModel:
    return LexicalModel.shipped()


def states(items: list[ev.Labelled], model: LexicalModel, tokenizer: Tokenizer) -> Counter[State]:
    documents: dict[str, LexicalDocument] = {}
    counts: Counter[State] = Counter()
    for item in items:
        if item.group not in documents:
            documents[item.group] = LexicalDocument(item.document, tokenizer=tokenizer)
        counts[decide(documents[item.group], item.statement, model).state] += 1
    return counts


def test_held_out_probabilities_rank_and_are_true(eval_data: Path, model: LexicalModel, tokenizer: Tokenizer) -> None:
    short = ev.measure(list(ev.ragtruth(eval_data)), tokenizer=tokenizer)
    supported, tasks = short.supported, short.tasks
    ours = ev.held_out(short.table(model.features), supported, short.groups, repeats=2)
    mix = ev.held_out(short.baselines, supported, short.groups, repeats=2)
    assert ev.macro_auroc(ours, supported, tasks) >= 0.80
    assert ev.macro_auroc(ours, supported, tasks) > ev.macro_auroc(mix, supported, tasks) + 0.05
    assert calibration_error(ours, supported) <= 0.05
    assert max(calibration_error(ours[tasks == task], supported[tasks == task]) for task in ev.RAGTRUTH_TASKS) <= 0.08
    assert brier_skill(ours, supported) >= 0.08


def test_it_decides_short_documents_and_abstains_on_a_book(
    eval_data: Path, model: LexicalModel, tokenizer: Tokenizer
) -> None:
    short = states(list(ev.ragtruth(eval_data)), model, tokenizer)
    assert 1 - short[State.SCORED] / short.total() <= 0.30
    book = states(list(ev.nocha(eval_data)), model, tokenizer)
    assert book.total() == 36
    assert book[State.UNSCORED] >= 0.80 * 36


def test_a_claim_copied_into_the_book_is_full_and_one_from_a_part_of_it_stays_undecided(
    eval_data: Path, model: LexicalModel, tokenizer: Tokenizer
) -> None:
    items = list(ev.nocha(eval_data))
    book = items[0].document
    middle = book.index("\n\n", len(book) // 2)
    copied = " ".join(item.statement.text for item in items[::4])
    document = LexicalDocument(f"{book[:middle]}\n\n{copied}{book[middle:]}", tokenizer=tokenizer)
    for item in items[::4]:
        assert decide(document, item.statement, model).support is Support.FULL
    part = LexicalDocument(book[: len(book) // 4], tokenizer=tokenizer)
    verdicts = [decide(part, item.statement, model) for item in items]
    assert np.mean([verdict.support is Support.FULL for verdict in verdicts]) <= 0.2


def test_short_documents_inside_a_book_are_decided_as_often(
    eval_data: Path, model: LexicalModel, tokenizer: Tokenizer
) -> None:
    book = next(ev.nocha(eval_data)).document
    items = [item for item in ev.ragtruth(eval_data) if int(item.group) % 5 == 0]
    inside = [
        ev.Labelled(
            item.task, item.group, f"{book[:60_000]}\n\n{item.document}\n\n{book[60_000:120_000]}", *_rest(item)
        )
        for item in items
    ]
    alone, within = states(items, model, tokenizer), states(inside, model, tokenizer)
    assert alone.total() > 100
    assert abs(alone[State.UNSCORED] - within[State.UNSCORED]) <= 0.06 * alone.total()


def _rest(item: ev.Labelled) -> tuple[Statement, bool]:
    return item.statement, item.supported


def test_the_evidence_holds_what_people_marked(eval_data: Path, tokenizer: Tokenizer) -> None:
    found, first, chance = ev.evidence_recall(eval_data, tokenizer=tokenizer, random_draws=5)
    assert found >= 0.92
    assert first > chance
    assert chance < 0.5
