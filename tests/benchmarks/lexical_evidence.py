"""How often the lexical judge's evidence holds what people marked: in meetings, cited web pages and stories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrstudio.domain.text import Span
from lrstudio.judge.lexical_features import TOP_K, LexicalDocument
from lrstudio.text.sentences import sentences
from lrstudio.text.tokens import Tokenizer
from tests.benchmarks.lexical_eval import Floats, json_rows

FEWEST_CHUNKS = 15
"""Of a document with fewer, five chunks are so large a part that finding the right one says little."""

_RANDOM_DRAWS = 20
_BOOTSTRAP_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Marked:
    """A text to look for, and where people say that its evidence stands. `group` is the document."""

    group: str
    document: str
    query: str
    relevant: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Recall:
    """What retrieval comes to, as shares of `queries` on `documents`; an interval is of 95 %, by document.

    `found`: one of five passages is right; `chance`: one of five random ones is; `first`: the first passage is right;
    `first_chance`: a random one is.
    """

    queries: int
    documents: int
    found: float
    found_interval: tuple[float, float]
    chance: float
    first: float
    first_interval: tuple[float, float]
    first_chance: float

    def __str__(self) -> str:
        """Write it as one line."""
        shares = [
            f"Recall@{TOP_K} {self.found:.1%} ({_range(self.found_interval)})",
            f"random {self.chance:.1%}",
            f"first passage right {self.first:.1%} ({_range(self.first_interval)})",
            f"random {self.first_chance:.1%}",
        ]
        return f"{', '.join(shares)}; {self.queries} queries on {self.documents} documents"


def qmsum(folder: Path) -> Iterator[Marked]:
    """Yield each sentence of the reference answers with the turns of the meeting that people call relevant."""
    texts: dict[str, str] = {}
    for row in json_rows(folder / "qmsum" / "qmsum_retrieval.jsonl.gz"):
        name = row["document_id"]
        text = texts.setdefault(name, row["document_text"])
        relevant = tuple(Span(*pair) for pair in row["relevant_char_spans"])
        for answer in row["reference_answers"]:
            for sentence in sentences(answer):
                yield Marked(name, text, sentence.of(answer), relevant)


def expertqa(folder: Path) -> Iterator[Marked]:
    """Yield each claim of an answer with the passages that the answer cites for it.

    Left out are claims whose passages make up more than half of the document: there, finding one says nothing.
    """
    for row in json_rows(folder / "claims" / "expertqa_claims.jsonl.gz"):
        passages = [Span(*pair) for pair in row["passage_char_spans"]]
        for candidate in row["candidates"]:
            for claim in candidate["human"]["claims"]:
                relevant = tuple(passages[number] for number in claim["evidence_passages"])
                if relevant and 2 * sum(span.end - span.start for span in relevant) <= len(row["document_text"]):
                    yield Marked(row["document_id"], row["document_text"], claim["text"], relevant)


def squality(folder: Path) -> Iterator[Marked]:
    """Yield each atomic unit of the summaries with the sentences of the story that support it."""
    for row in json_rows(folder / "squality" / "squality_support_alignment.jsonl.gz"):
        for candidate in row["candidates"]:
            relevant = tuple(Span(*pair) for pair in candidate["human"]["support_char_spans"])
            if relevant:
                yield Marked(row["document_id"], row["document_text"], candidate["text"], relevant)


SETS: Mapping[str, Callable[[Path], Iterator[Marked]]] = {"QMSum": qmsum, "ExpertQA": expertqa, "SQuALITY": squality}


def recall(marked: Iterable[Marked], *, tokenizer: Tokenizer, seed: int = 0) -> Recall:
    """Measure retrieval as the judge does it, on the documents that have at least `FEWEST_CHUNKS`."""
    rng = np.random.default_rng(seed)
    documents: dict[str, LexicalDocument] = {}
    rows: dict[str, list[tuple[float, ...]]] = {}
    for it in marked:
        document = documents.get(it.group)
        if document is None:
            document = documents[it.group] = LexicalDocument(it.document, tokenizer=tokenizer)
        if len(document.chunks) < FEWEST_CHUNKS:
            continue
        right = np.array([any(chunk.overlaps(span) for span in it.relevant) for chunk in document.chunks])
        hits = [bool(right[hit.index]) for hit in document.top(it.query, TOP_K)]
        random = [right[rng.choice(len(right), TOP_K, replace=False)].any() for _ in range(_RANDOM_DRAWS)]
        rows.setdefault(it.group, []).append((any(hits), any(hits[:1]), float(np.mean(random)), right.mean()))
    groups = [np.array(row, dtype=np.float64) for row in rows.values()]
    found, first, chance, first_chance = np.concatenate(groups).mean(axis=0)
    low, high = _interval(groups)
    return Recall(
        queries=sum(map(len, groups)),
        documents=len(groups),
        found=float(found),
        found_interval=(float(low[0]), float(high[0])),
        chance=float(chance),
        first=float(first),
        first_interval=(float(low[1]), float(high[1])),
        first_chance=float(first_chance),
    )


def _interval(groups: Sequence[Floats], *, seed: int = 0) -> NDArray[np.float64]:
    """Return the 2.5 % and 97.5 % quantiles of the columns' means, documents drawn with replacement."""
    rng = np.random.default_rng(seed)
    sums, counts = np.array([it.sum(axis=0) for it in groups]), np.array([len(it) for it in groups])
    drawn = rng.integers(len(groups), size=(_BOOTSTRAP_DRAWS, len(groups)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)[:, None]
    return np.asarray(np.quantile(means, [0.025, 0.975], axis=0), dtype=np.float64)


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"
