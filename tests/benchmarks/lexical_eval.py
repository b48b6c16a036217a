"""What the lexical judge is fitted on and measured by: labelled sentences, cheap baselines, folds by document."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from lrstudio.domain.text import Span
from lrstudio.judge.claims import Statement, is_checkable, statements
from lrstudio.judge.lexical_features import TOP_K, LexicalDocument, Stems, best_window
from lrstudio.judge.lexical_verdict import features
from lrstudio.text.sentences import sentences
from lrstudio.text.tokens import Tokenizer
from lrstudio.text.words import names, numbers

Floats = NDArray[np.float64]

RAGTRUTH_TASKS = ("QA", "Summary", "Data2txt")
BASELINES = ("unigram_window", "rouge_l", "bm25_top1", "bm25_top3", "novel_numbers", "novel_names")
# Found by cross-validation on RAGTruth; 0.1 to 1 differ by less than 0.003 in macro AUROC.
INVERSE_REGULARISATION = 0.3


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence that people judged against a document. `group` is its document, across which folds never cut."""

    task: str
    group: str
    document: str
    statement: Statement
    supported: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """Labelled sentences as arrays: a row per sentence."""

    items: tuple[Labelled, ...]
    features: tuple[Mapping[str, float], ...]
    baselines: Floats

    def table(self, columns: Sequence[str]) -> Floats:
        """Return these features as a matrix."""
        return np.array([[row[name] for name in columns] for row in self.features], dtype=np.float64)

    @property
    def supported(self) -> NDArray[np.bool_]:
        """Return the labels."""
        return np.array([item.supported for item in self.items])

    @property
    def groups(self) -> NDArray[np.str_]:
        """Return the documents."""
        return np.array([item.group for item in self.items])

    @property
    def tasks(self) -> NDArray[np.str_]:
        """Return the tasks."""
        return np.array([item.task for item in self.items])


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def ragtruth(folder: Path) -> Iterator[Labelled]:
    """Yield RAGTruth sentences; unsupported is what overlaps a human span by at least one code point."""
    for row in json_rows(folder / "ragtruth" / "ragtruth_public.jsonl.gz"):
        marked = [Span(span["start"], span["end"]) for span in row["human_label_spans"]]
        for statement in statements(row["response"]):
            supported = not any(statement.span.overlaps(span) for span in marked)
            yield Labelled(row["task_type"], row["source_id"], row["source_text"], statement, supported)


def nocha(folder: Path) -> Iterator[Labelled]:
    """Yield the claims about whole books; half of them are false in one detail."""
    for row in json_rows(folder / "longdoc" / "nocha_classics.jsonl.gz"):
        for candidate in row["candidates"]:
            statement = _alone(candidate["text"])
            yield Labelled(
                "NoCha", row["document_id"], row["document_text"], statement, candidate["human"]["supported"]
            )


def expertqa(folder: Path) -> Iterator[Labelled]:
    """Yield the claims that an expert called completely supported or not by the passages cited for the answer."""
    for row in json_rows(folder / "claims" / "expertqa_claims.jsonl.gz"):
        for candidate in row["candidates"]:
            for claim in candidate["human"]["claims"]:
                if claim["support_score"] is not None:
                    full = claim["support_score"] == 1
                    yield Labelled("ExpertQA", row["document_id"], row["document_text"], _alone(claim["text"]), full)


def storysumm(folder: Path) -> Iterator[Labelled]:
    """Yield the sentences of summaries of short stories."""
    for row in json_rows(folder / "claims" / "storysumm.jsonl.gz"):
        for candidate in row["candidates"]:
            for sentence in candidate["human"]["sentences"]:
                statement = _alone(sentence["text"])
                yield Labelled(
                    "StorySumm", row["document_id"], row["document_text"], statement, bool(sentence["faithful"])
                )


def _alone(text: str) -> Statement:
    return Statement(Span(0, len(text)), text, is_checkable(text))


def measure(items: Sequence[Labelled], *, tokenizer: Tokenizer) -> Measured:
    """Compute features and baselines of labelled sentences."""
    documents: dict[str, LexicalDocument] = {}
    rows, baselines = [], []
    for item in items:
        document = documents.get(item.group)
        if document is None:
            document = documents[item.group] = LexicalDocument(item.document, tokenizer=tokenizer)
        rows.append(features(document, item.statement)[1])
        baselines.append(baseline_values(document, item.statement.text))
    return Measured(tuple(items), tuple(rows), np.array(baselines, dtype=np.float64))


def baseline_values(document: LexicalDocument, claim: str) -> list[float]:
    """Return what each of `BASELINES` says of a claim, over stems of content words; higher is more supported."""
    mine = Stems.of(claim).stems
    chunks = [frozenset(document.chunk_stems(hit.index)) for hit in document.top(claim, 3)]
    share = 1.0 / max(1, len(set(mine)))
    lines = (document.sentence_stems(i) for i in range(len(document.sentences)))
    named = (Stems.of(name.value).stems for name in names(claim))
    return [
        best_window(document.stems, mine, max(15, int(1.5 * len(mine)))),
        max((common_order(mine, line) for line in lines), default=0) / max(1, len(mine)),
        len(chunks[0].intersection(mine)) * share if chunks else 0.0,
        len(frozenset().union(*chunks).intersection(mine)) * share,
        -float(sum(number.value not in document.numbers for number in numbers(claim))),
        -float(sum(not document.frequency.keys() >= set(name) for name in named)),
    ]


def common_order(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence (bit-parallel form; Hyyro 2004)."""
    places: dict[str, int] = {}
    for i, name in enumerate(first):
        places[name] = places.get(name, 0) | 1 << i
    full = (1 << len(first)) - 1
    row = full
    for name in second:
        here = row & places.get(name, 0)
        row = ((row + here) | (row - here)) & full
    return len(first) - row.bit_count()


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted logistic regression on standardised columns."""

    means: Floats
    scales: Floats
    weights: Floats
    bias: float

    @classmethod
    def fit(cls, table: Floats, supported: NDArray[np.bool_]) -> Self:
        """Fit it with an L2 penalty; scikit-learn's solver is deterministic."""
        from sklearn.linear_model import LogisticRegression

        means, spreads = table.mean(axis=0), table.std(axis=0)
        scales = np.where(spreads > 0, spreads, 1.0)
        model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=10_000, tol=1e-8)
        model.fit((table - means) / scales, supported)
        return cls(means, scales, np.asarray(model.coef_[0], dtype=np.float64), float(model.intercept_[0]))

    def probabilities(self, table: Floats) -> Floats:
        """Return the probability of support of each row."""
        odds = self.bias + ((table - self.means) / self.scales) @ self.weights
        return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float64)


def held_out(
    table: Floats,
    supported: NDArray[np.bool_],
    groups: NDArray[np.str_],
    *,
    always: tuple[Floats, NDArray[np.bool_]] | None = None,
    repeats: int = 5,
) -> Floats:
    """Return for each row the mean probability from models that never saw its document.

    Five folds by document with like shares of both labels, `repeats` times with seeds 0, 1, ...; rows in `always` are
    fitted on in every fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    result = np.zeros(len(supported))
    for seed in range(repeats):
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for train, test in folds.split(table, supported, groups):
            rows, labels = table[train], supported[train]
            if always is not None:
                rows, labels = np.concatenate([rows, always[0]]), np.concatenate([labels, always[1]])
            result[test] += Logistic.fit(rows, labels).probabilities(table[test]) / repeats
    return result


def auroc(scores: Floats, supported: NDArray[np.bool_]) -> float:
    """Return the probability that a supported row scores above an unsupported one, ties counting half."""
    ranks = rankdata(scores)
    n, m = int(supported.sum()), int((~supported).sum())
    return float((ranks[supported].sum() - n * (n + 1) / 2) / (n * m))


def macro_auroc(scores: Floats, supported: NDArray[np.bool_], tasks: NDArray[np.str_]) -> float:
    """Return the mean AUROC over the tasks that have both labels."""
    chosen = [tasks == task for task in sorted(set(tasks.tolist()))]
    return float(np.mean([auroc(scores[k], supported[k]) for k in chosen if 0 < supported[k].sum() < k.sum()]))


def gain_interval(
    scores: Floats, baseline: Floats, measured: Measured, *, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the gain in macro AUROC over a baseline, documents drawn with replacement."""
    rng = np.random.default_rng(seed)
    supported, tasks, groups = measured.supported, measured.tasks, measured.groups
    rows = [np.flatnonzero(groups == group) for group in sorted(set(groups.tolist()))]
    gains = []
    for _ in range(draws):
        k = np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))])
        gains.append(macro_auroc(scores[k], supported[k], tasks[k]) - macro_auroc(baseline[k], supported[k], tasks[k]))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


def evidence_recall(folder: Path, *, tokenizer: Tokenizer, random_draws: int = 20) -> tuple[float, float, float]:
    """Return Recall@5 on QMSum, the share of first hits that are right, and Recall@5 of five random chunks.

    A query is one sentence of a reference answer; a hit overlaps a passage that people marked as relevant.
    """
    rng = np.random.default_rng(0)
    documents: dict[str, LexicalDocument] = {}
    found, first, chance = [], [], []
    for row in json_rows(folder / "qmsum" / "qmsum_retrieval.jsonl.gz"):
        if row["document_text"]:
            documents[row["document_id"]] = LexicalDocument(row["document_text"], tokenizer=tokenizer)
        document = documents[row["document_id"]]
        relevant = [Span(*pair) for pair in row["relevant_char_spans"]]
        right = np.array([any(chunk.overlaps(span) for span in relevant) for chunk in document.chunks])
        for answer in row["reference_answers"]:
            for sentence in sentences(answer):
                hits = [right[hit.index] for hit in document.top(sentence.of(answer), TOP_K)]
                found.append(any(hits))
                first.append(bool(hits) and hits[0])
                chance += [right[rng.choice(len(right), TOP_K, replace=False)].any() for _ in range(random_draws)]
    return float(np.mean(found)), float(np.mean(first)), float(np.mean(chance))
