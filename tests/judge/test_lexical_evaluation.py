"""What the card of the lexical judge promises, measured again on the human-labelled data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lrstudio.analysis.calibration import brier_skill, calibration_error
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import State, Support
from lrstudio.judge.claims import Statement
from lrstudio.judge.lexical_features import LexicalDocument
from lrstudio.judge.lexical_model import LexicalModel
from lrstudio.judge.lexical_verdict import decide
from lrstudio.text.tokens import Tokenizer
from tests.benchmarks import lexical_eval as ev
from tests.benchmarks.lexical_evidence import SETS, Marked, recall


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
    items = [item for item in ev.ragtruth(eval_data) if int(item.group) % 10 == 0]
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


@pytest.mark.parametrize(
    ("name", "found", "first", "chance", "queries", "documents"),
    [
        ("QMSum", 0.92, 0.75, 0.40, 215, 10),
        ("ExpertQA", 0.96, 0.80, 0.62, 276, 31),
        ("SQuALITY", 0.68, 0.42, 0.16, 47, 2),
    ],
)
def test_the_evidence_holds_what_people_marked(
    eval_data: Path,
    tokenizer: Tokenizer,
    name: str,
    found: float,
    first: float,
    chance: float,
    queries: int,
    documents: int,
) -> None:
    measured = recall(SETS[name](eval_data), tokenizer=tokenizer)
    assert (measured.queries, measured.documents) == (queries, documents)
    assert measured.found >= found
    assert measured.first >= first
    assert measured.first_interval[0] > measured.first_chance, "and so it is on other documents"
    assert measured.chance <= chance
    for share, (low, high) in (
        (measured.found, measured.found_interval),
        (measured.first, measured.first_interval),
    ):
        assert low <= share <= high


CHUNK = "The harbour master wrote {} in the book of the pilots and closed it for the day. "


def _marked(document: str, query: str, text: str) -> Marked:
    start = document.index(text)
    return Marked(f"{len(document)} {document[:40]}", document, query, (Span(start, start + len(text)),))


def test_recall_counts_what_overlaps_in_documents_that_are_long_enough(tokenizer: Tokenizer) -> None:
    long = "".join(CHUNK.format(f"zebra{n}") for n in range(300))
    short = long[: len(long) // 10]
    right, wrong = "zebra91", "zebra200"
    found = recall([_marked(long, right, right), _marked(long, right, wrong)], tokenizer=tokenizer)
    assert (found.queries, found.documents, found.found, found.first) == (2, 1, 0.5, 0.5)
    assert found.found_interval == (0.5, 0.5), "one document is one draw"
    assert 0 < found.first_chance < found.chance < 0.3
    alone = recall([_marked(long, right, right), _marked(short, "zebra1", "zebra1")], tokenizer=tokenizer)
    assert (alone.queries, alone.documents, alone.found) == (1, 1, 1.0)


def test_the_interval_takes_the_queries_of_a_document_together(tokenizer: Tokenizer) -> None:
    long = ["".join(CHUNK.format(f"zebra{n}x{m}") for n in range(300)) for m in range(2)]
    hits = [_marked(long[0], f"zebra{n}x0", f"zebra{n}x0") for n in range(11, 20)]
    misses = [_marked(long[1], f"zebra{n}x1", "zebra250x1") for n in range(11, 20)]
    found = recall([*hits, *misses], tokenizer=tokenizer)
    assert found.found == 0.5
    assert found.found_interval == (0.0, 1.0)
