"""A project whose gold pairs go by length: in two of three documents the better answer is the longer one."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from lrstudio.services.wiring import open_project
from lrstudio.store.store import Store
from tests.doubles.rated_project import add_question, start_run
from tests.doubles.windows import REVIEWER

NAMES = ("good", "fair", "poor")


def make_long_and_short(path: Path, *, documents: int = 24) -> Path:
    """Make one judged question with three answers on each document, and gold pairs of every two of them."""
    with Store.create(path) as store, store.writing():
        start_run(store)
        for number in range(documents):
            scores, texts = {}, {}
            for at, name in enumerate(NAMES):
                off = 0.1 * (number % 7)
                scores[f"{name}-{number}"] = (9.0 - 3 * at + off, 8.0 - 2 * at, 9.0 - 3 * at, 9.0 - at)
                words = 20 * (3 - at if number % 3 else 1 + at) + number
                texts[f"{name}-{number}"] = f"{name} {number} " + "word " * words
            add_question(store, scores, question_id=f"q{number}", document_id=f"d{number}", texts=texts)
    project = open_project(path, reviewer=REVIEWER)
    for number in range(documents):
        for better, worse in combinations(NAMES, 2):
            project.pairs.add(f"{better}-{number}", f"{worse}-{number}")
    project.close()
    return path
