"""Pairs as they stand, with their texts, and the candidates they were chosen from, for files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TypeVar

from lrstudio.domain.decisions import standing
from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_lists import PairFilter, PairRow
from lrstudio.domain.pairs import PairState
from lrstudio.domain.reward import reward
from lrstudio.domain.text import Candidate, Span
from lrstudio.domain.verdicts import Judgment
from lrstudio.formats.preference import PreferenceRow, Provenance, RatedCandidate, ScoredRow
from lrstudio.services.effective import effective
from lrstudio.store.store import Store

_AT_ONCE = 200
_PARTED = "\n\n"

T = TypeVar("T")


class PairRows:
    """Streams rows for writers of files; memory does not grow with their number."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._text = lru_cache(maxsize=2)(self._document_text)
        self._licence = lru_cache(maxsize=4096)(self._licence_of)

    def live(self, wanted: PairFilter) -> Iterator[PreferenceRow]:
        """Stream the pairs wanted as they stand now; they belong to no split."""
        judges = {
            run.run_id: " ".join(filter(None, (run.identity.judge, run.identity.model, run.identity.prompt_pack)))
            for run in self._store.judging.runs()
        }
        for rows in batches(self._store.pairs.stream(wanted)):
            sides = {side for row in rows for side in (row.pair.chosen_id, row.pair.rejected_id)}
            texts = self._store.library.known_candidates(sides)
            for row in rows:
                yield self._live(row, texts, judges)

    def with_short_documents(self, pairs: Iterable[PreferenceRow]) -> Iterator[PreferenceRow]:
        """Give each pair the passages that its two candidates rest on, as the short context of LongPO.

        They are the evidence of the claims and the places of the key points, of the latest judgments and of what
        people marked, in the order of the document, with a blank line between those that do not touch. A pair without
        any is left as it is.
        """
        for batch in batches(pairs):
            spans = self._evidence({side.candidate_id for pair in batch for side in (pair.chosen, pair.rejected)})
            for pair in batch:
                found = [*spans.get(pair.chosen.candidate_id, ()), *spans.get(pair.rejected.candidate_id, ())]
                short = _PARTED.join(span.of(pair.document) for span in _joined(found)) if pair.document else ""
                yield replace(pair, short_document=short) if short.strip() else pair

    def scored(self, question_ids: Iterable[str]) -> Iterator[ScoredRow]:
        """Stream all candidates of these questions, scored or not, with the latest judgments and effective scores."""
        for batch in batches(question_ids):
            for question_id in batch:
                yield from self._scored(question_id)

    def _live(self, row: PairRow, texts: Mapping[str, Candidate], judges: Mapping[str, str]) -> PreferenceRow:
        pair = row.pair
        gold = pair.state is PairState.GOLD
        runs = {ground.run_id for ground in pair.grounds}

        def side(candidate_id: str) -> RatedCandidate:
            if candidate_id not in texts:
                raise Refused(f"candidate '{candidate_id}' is no longer in the project", where=f"pair '{pair.pair_id}'")
            it = texts[candidate_id]
            scores, worth = pair.scores_of(candidate_id), pair.reward_of(candidate_id)
            return RatedCandidate(candidate_id=candidate_id, text=it.text, model=it.model, scores=scores, reward=worth)

        return PreferenceRow(
            pair_id=pair.pair_id,
            question_id=pair.question_id,
            question=row.query,
            chosen=side(pair.chosen_id),
            rejected=side(pair.rejected_id),
            document_id=row.document_id,
            document=self._text(row.document_id),
            dimensions=pair.dimensions,
            margin=pair.margin,
            provenance=Provenance(
                rule=",".join(pair.rules),
                gold=gold,
                reviewer=pair.reviewer if gold else "",
                time=pair.time if gold else "",
                reason=pair.reason if gold else "",
                blind=pair.blind if gold else None,
                judges=tuple(sorted({judges[run_id] for run_id in runs if run_id in judges})),
                licence=self._licence(row.document_id),
            ),
        )

    def _scored(self, question_id: str) -> Iterator[ScoredRow]:
        question = self._store.library.question(question_id)
        candidates = self._store.library.candidates(question_id)
        ids = [it.candidate_id for it in candidates]
        grounds = effective(self._store, ids).grounds
        judged: dict[str, list[Judgment]] = {}
        for judgment in self._store.judging.judgments(ids):
            judged.setdefault(judgment.candidate_id, []).append(judgment)
        numbers = _numbers(question_id, ids)
        for it in candidates:
            scores = {dimension: ground.score for dimension, ground in grounds[it.candidate_id].items()}
            worth = reward(scores)
            yield ScoredRow(
                question_id=question_id,
                question=question.query,
                number=numbers[it.candidate_id],
                candidate=RatedCandidate(
                    candidate_id=it.candidate_id,
                    text=it.text,
                    model=it.model,
                    scores=scores,
                    reward=worth.value if worth else None,
                ),
                document_id=question.document_id,
                document=self._text(question.document_id),
                judgments=tuple(judged.get(it.candidate_id, ())),
            )

    def _evidence(self, candidate_ids: set[str]) -> dict[str, list[Span]]:
        journal = self._store.journal.by_candidate(candidate_ids)
        spans: dict[str, list[Span]] = {}
        for judgment in self._store.judging.judgments(candidate_ids):
            stands = standing(judgment.dimension, judgment, journal.get(judgment.candidate_id, ()))
            found = [it.span for claim in stands.claims for it in claim.claim.evidence]
            points = (point.key_point for point in stands.key_points)
            found += [place for point in points if (place := point.span or point.chunk)]
            spans.setdefault(judgment.candidate_id, []).extend(found)
        return spans

    def _document_text(self, document_id: str | None) -> str | None:
        return None if document_id is None else self._store.library.text(document_id)

    def _licence_of(self, document_id: str | None) -> str:
        source = None if document_id is None else self._store.library.document(document_id, with_text=False).source
        return source.licence if source else ""


def batches(items: Iterable[T], most: int = _AT_ONCE) -> Iterator[list[T]]:
    """Cut into lists of at most so many."""
    source = iter(items)
    while batch := list(islice(source, most)):
        yield batch


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that overlap or touch as one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _numbers(question_id: str, candidate_ids: list[str]) -> dict[str, int]:
    """Number the candidates of a question: as their ids do ("7-3" is 3) where all of them do, else from 0."""
    own = [name.removeprefix(f"{question_id}-") for name in candidate_ids]
    given = [int(it) for it in own if it.isascii() and it.isdigit()]
    every = len(set(given)) == len(candidate_ids) and all(
        name != it for name, it in zip(candidate_ids, own, strict=True)
    )
    return dict(zip(candidate_ids, given if every else range(len(candidate_ids)), strict=True))
