"""A hundred thousand pairs: pages, filters, sorting, freezing, streaming; beside a tenth as many.

Reading a page, and the memory that freezing and streaming take, must not grow with the project as its pairs do.
"""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time

from lrstudio.domain.pair_lists import PairFilter, PairSort
from lrstudio.domain.pairs import PairRule, PairState, RuleName
from lrstudio.domain.text import Candidate, Document, Question
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.pairs import Pairs
from lrstudio.services.sets import Sets
from lrstudio.store import tables as t
from lrstudio.store.store import Store
from tests.benchmarks import Case, Ratio, in_turns, milliseconds
from tests.doubles.rated_project import start_run

SMALL, LARGE = 10_000, 100_000
_CANDIDATES, _PAIRS = 5, 10  # of a question: every two of five
_ALL = PairFilter(states=(PairState.GOLD, PairState.PROPOSED))
_LISTS: tuple[tuple[str, PairFilter, PairSort], ...] = (
    ("in_order", PairFilter(), PairSort.PROJECT),
    ("by_margin", PairFilter(), PairSort.MARGIN),
    ("by_length", PairFilter(margin=2.0, dimensions=(Dimension.FAITHFULNESS,)), PairSort.LENGTH_RATIO),
    ("of_model", PairFilter(model="m3", stale=False), PairSort.MARGIN),
)


@contextmanager
def _project(pairs: int) -> Iterator[tuple[Pairs, Sets, float]]:
    """Make a project of so many pairs; yields how many seconds of its processor proposing them took, too."""
    with tempfile.TemporaryDirectory() as folder, Store.create(Path(folder) / "p.lrs") as store:
        start_run(store)
        with store.writing():
            fill(store, pairs // _PAIRS)
        made = Pairs(store, reviewer=lambda: "ann")
        started = process_time()
        made.propose(PairRule(RuleName.MARGIN))
        yield made, Sets(store, pairs=made, reviewer=lambda: "ann"), process_time() - started


def fill(store: Store, questions: int) -> None:
    """Add so many questions of five judged candidates each, ten of them on a document."""
    judgments = []
    for number in range(questions):
        document_id = f"d{number // 10}"
        if number % 10 == 0:
            store.library.add_document(Document(document_id, f"{document_id} " * 500))
        store.library.add_question(Question(f"q{number}", document_id, f"What of {number}?"))
        for place in range(_CANDIDATES):
            name = f"q{number}-{place}"
            text = f"{name} " * (20 + (number * 7 + place * 13) % 50)
            store.library.add_candidate(Candidate(name, f"q{number}", text, f"m{place}"))
            for at, dimension in enumerate(Dimension):
                score = ((number * 31 + place * 17 + at * 7) % 97 + place) / 10.1
                judgments.append(_judgment(number * _CANDIDATES + place + 1, dimension, score))
    with store._connections.write() as connection:
        connection.execute(t.judgment.insert(), judgments)


def _judgment(candidate_key: int, dimension: Dimension, score: float) -> dict[str, object]:
    numbers = dict.fromkeys(("chunks_read", "chunks_total", "tokens_cut", "attempts"), 0)
    words = dict.fromkeys(("reason", "explanation", "call_key", "reference_note"), "")
    own = {"run_key": 1, "candidate_key": candidate_key, "dimension": dimension.value, "state": "scored"}
    return own | numbers | words | {"score": score, "aggregated": False, "reference_score": None, "samples": "[]"}


def _most_memory(action: Callable[[], object]) -> float:
    """Return the megabytes that an action takes at its height."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def pairs_at_scale() -> Sequence[Ratio]:
    """Pages of a list, first and last; memory of freezing, streaming and proposing."""
    with _project(SMALL) as (small, small_sets, small_took), _project(LARGE) as (large, large_sets, large_took):
        found = [Ratio("propose", large_took / small_took, 14.0, f"{large_took:.1f} s against {small_took:.1f} s")]
        for name, wanted, sort in _LISTS:
            one, other = (_page_case(pairs, wanted, sort, share=0.9) for pairs in (small, large))
            less, more = in_turns(one, other, rounds=5)
            detail = f"page at nine tenths: {milliseconds(more)} against {milliseconds(less)}"
            found.append(Ratio(f"page_{name}", more / less, 14.0, detail))
        freezing = [
            _most_memory(lambda sets=sets: sets.freeze("s", wanted=_ALL))  # type: ignore[misc]
            for sets in (small_sets, large_sets)
        ]
        streaming = [
            _most_memory(lambda sets=sets: sum(1 for _ in sets.rows("s")))  # type: ignore[misc]
            for sets in (small_sets, large_sets)
        ]
        for name, (less, more), bound in (("freeze", freezing, 4.0), ("stream", streaming, 1.5)):
            found.append(Ratio(f"{name}_memory", more / less, bound, f"{more:.1f} MB against {less:.1f} MB"))
        return found


def _page_case(pairs: Pairs, wanted: PairFilter, sort: PairSort, *, share: float) -> Case[int]:
    total = pairs.page(wanted, limit=1).total
    return Case(
        before=lambda: int(total * share),
        action=lambda offset: pairs.page(wanted, sort=sort, descending=True, offset=offset, limit=100),
        after=lambda _: None,
    )


BENCHMARKS = (pairs_at_scale,)
