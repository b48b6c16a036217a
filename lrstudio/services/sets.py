"""Sets: pairs frozen under a name, and read again for files and training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.length_choices import LengthChoice
from lrstudio.domain.pair_lists import GOLD, PairFilter, PairRow
from lrstudio.domain.pairs import PairState
from lrstudio.domain.sets import (
    PARTS,
    CardMaker,
    FrozenPair,
    FrozenSet,
    FrozenSide,
    Mitigated,
    SetHash,
    Split,
    Verification,
    length_figures,
)
from lrstudio.domain.text import Candidate, content_hash
from lrstudio.domain.verdicts import JudgeIdentity
from lrstudio.formats.preference import PreferenceRow, Provenance, RatedCandidate
from lrstudio.services.length_choice import kept, row_lengths, settled_choice
from lrstudio.services.pairs import Pairs
from lrstudio.services.report_items import CHARACTERS_A_TOKEN
from lrstudio.services.who_when import Clock, ReviewerName, utc_now
from lrstudio.store.store import Store

_AT_ONCE = 200
_LONGEST_NAME = 100

Agreement = Callable[[], Mapping[str, float | int | str | None]]
Told = Callable[[int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A set that was just frozen, and what changed."""

    set: FrozenSet
    changes: Changes


class Sets:
    """The sets of a project. Reading is safe from any thread."""

    def __init__(self, store: Store, *, pairs: Pairs, reviewer: ReviewerName, clock: Clock = utc_now) -> None:
        self._store = store
        self._pairs = pairs
        self._reviewer = reviewer
        self._clock = clock

    def freeze(
        self,
        name: str,
        *,
        wanted: PairFilter = GOLD,
        choice: LengthChoice | None = None,
        split: Split = Split(),  # noqa: B008 - frozen
        agreement: Agreement | None = None,
        progress: Told | None = None,
    ) -> Frozen:
        """Freeze the pairs wanted under a name. Pairs on one document, and on documents of one text, share a part.

        Args:
            name: what it is called from now on.
            wanted: which pairs; those that are gold and not stale unless something else is said.
            choice: which of these are kept so that the set goes less by length, None for all of them.
            split: how documents are dealt out.
            agreement: returns figures of the judge against people for the card.
            progress: told how many pairs are in, every so often.

        Raises:
            Refused: the name is taken or no name, no pair fits or is kept, none falls into the first part that has a
                share, or rejected pairs are wanted.
        """
        name = _checked_name(name)
        _check_states(wanted)
        figures = agreement() if agreement else {}
        self._pairs.settle()
        self._store.sets.start(name)
        try:
            with self._store.reading():
                chosen = _Chosen(self._store, wanted, choice)
                sealed = self._fill(name, chosen, split=split, figures=figures, progress=progress)
        finally:
            self._store.sets.drop(name)  # a finished one stays
        return Frozen(sealed, Changes(sets=frozenset({name})))

    def all(self) -> tuple[FrozenSet, ...]:
        """List the sets, the one frozen first first."""
        return self._store.sets.all()

    def get(self, name: str) -> FrozenSet:
        """Return a set.

        Raises:
            Refused: there is no set of this name.
        """
        return self._store.sets.get(name)

    def pairs(self, name: str) -> Iterator[FrozenPair]:
        """Stream the pairs of a set without texts, in the order of the project when it was frozen."""
        return self._store.sets.pairs(name)

    def rows(self, name: str, *, part: str = "") -> Iterator[PreferenceRow]:
        """Stream the pairs of a set with their texts, for files and training; memory does not grow with the set.

        Args:
            name: the set.
            part: only this part of the split.

        Raises:
            Refused: there is no set of this name, no such part, or a text is gone or differs from what was frozen.
        """
        if part and part not in PARTS:
            raise Refused(f"unknown part {part!r}: choose one of {', '.join(PARTS)}", where="part")
        text_of = lru_cache(maxsize=2)(self._document_text)
        for batch in _batches(self._store.sets.pairs(name)):
            chosen = [pair for pair in batch if not part or pair.part == part]
            texts = self._texts(chosen)
            for pair in chosen:
                yield _preference_row(pair, texts, document=text_of(pair.document_id, pair.document_hash))

    def verify(self, name: str) -> Verification:
        """Hash a set anew, and look whether every text is still what it was."""
        frozen = self._store.sets.get(name)
        hashes = {it.document_id: it.text_hash for it in self._store.library.documents()}
        found = SetHash()
        missing: dict[str, None] = {}
        for batch in _batches(self._store.sets.pairs(name)):
            texts = self._texts(batch)
            for pair in batch:
                found.add(pair.canonical())
                for side in (pair.chosen, pair.rejected):
                    if not _is_text_of(side, texts):
                        missing[side.candidate_id] = None
                if pair.document_id is not None and hashes.get(pair.document_id) != pair.document_hash:
                    missing[pair.document_id] = None
        return Verification(name, frozen.content_hash, found.hexdigest(), found.count, tuple(missing))

    def _fill(
        self,
        name: str,
        chosen: _Chosen,
        *,
        split: Split,
        figures: Mapping[str, float | int | str | None],
        progress: Told | None,
    ) -> FrozenSet:
        made, card = SetHash(), CardMaker()
        freezer = _Freezer(self._store, name, split)
        for rows in _batches(chosen.rows()):
            frozen = freezer.frozen(rows)
            for pair in frozen:
                made.add(pair.canonical())
                card.add(pair)
            self._store.sets.add(name, frozen)
            if progress:
                progress(made.count)
        if not made.count:
            raise Refused(
                "no pair is left by that choice: take another limit"
                if chosen.mitigated and chosen.mitigated.pairs_before
                else "no pair fits: approve some, or choose another filter"
            )
        finished = card.card(split=split, wanted=chosen.wanted, agreement=figures, mitigated=chosen.mitigated)
        part = next(part for part, share in zip(PARTS, split.shares, strict=True) if share > 0.0)
        if not finished.parts[part]:
            raise Refused(
                f"none of the {finished.documents} documents falls into {part} with seed {split.seed}: choose another "
                "seed or other shares",
                where="split",
            )
        sealed = FrozenSet(name, made.hexdigest(), self._reviewer(), self._clock(), finished)
        self._store.sets.seal(sealed)
        return sealed

    def _texts(self, pairs: Iterable[FrozenPair]) -> dict[str, Candidate]:
        return self._store.library.known_candidates(
            {side.candidate_id for pair in pairs for side in (pair.chosen, pair.rejected)}
        )

    def _document_text(self, document_id: str | None, text_hash: str) -> str | None:
        if document_id is None or not text_hash:
            return None
        text = self._store.library.text(document_id)
        if text is None or content_hash(text) != text_hash:
            raise _changed(document_id)
        return text


class _Chosen:
    """The pairs that go into a set: those wanted, or those of them that a choice keeps."""

    def __init__(self, store: Store, wanted: PairFilter, choice: LengthChoice | None) -> None:
        self._store = store
        self._kept: frozenset[str] | None = None
        self.wanted = wanted
        self.mitigated: Mitigated | None = None
        if choice is not None:
            pairs = row_lengths(store.pairs.stream(wanted))
            choice = settled_choice(choice, pairs)
            mask = kept(pairs, choice)
            self._kept = frozenset(it.name for it, keep in zip(pairs, mask, strict=True) if keep)
            sides = [[round(CHARACTERS_A_TOKEN * getattr(it, side)) for it in pairs] for side in ("chosen", "rejected")]
            self.mitigated = Mitigated(choice, len(pairs), length_figures(*sides))

    def rows(self) -> Iterator[PairRow]:
        """Stream them in the order of the project."""
        kept_ = self._kept
        rows = self._store.pairs.stream(self.wanted)
        return rows if kept_ is None else (row for row in rows if row.pair.pair_id in kept_)


class _Freezer:
    """Copies pairs by value, with what holds for the whole project read once."""

    def __init__(self, store: Store, name: str, split: Split) -> None:
        self._store = store
        self._name = name
        self._split = split
        self._hashes = {it.document_id: it.text_hash for it in store.library.documents()}
        self._judges = {run.run_id: _judge_name(run.identity) for run in store.judging.runs()}
        self._licence = lru_cache(maxsize=None)(self._licence_of)

    def frozen(self, rows: Sequence[PairRow]) -> list[FrozenPair]:
        """Return the pairs of these rows as they are frozen."""
        texts = self._store.library.known_candidates(
            {side for row in rows for side in (row.pair.chosen_id, row.pair.rejected_id)}
        )
        return [self._frozen(row, texts) for row in rows]

    def _frozen(self, row: PairRow, texts: Mapping[str, Candidate]) -> FrozenPair:
        pair = row.pair
        document_hash = self._hashes.get(row.document_id, "") if row.document_id is not None else ""
        runs = {ground.run_id for ground in pair.grounds if ground.run_id in self._judges}
        gold = pair.state is PairState.GOLD
        return FrozenPair(
            set_name=self._name,
            part=self._split.part(document_hash or row.document_id or pair.question_id),
            pair_id=pair.pair_id,
            question_id=pair.question_id,
            query=row.query,
            document_id=row.document_id,
            document_hash=document_hash,
            chosen=self._side(row, pair.chosen_id, texts),
            rejected=self._side(row, pair.rejected_id, texts),
            dimensions=pair.dimensions,
            margin=pair.margin,
            gold=gold,
            rule=",".join(pair.rules),
            reviewer=pair.reviewer if gold else "",
            time=pair.time if gold else "",
            reason=pair.reason if gold else "",
            blind=gold and pair.blind,
            judges=tuple(sorted({self._judges[run_id] for run_id in runs})),
            licence=self._licence(row.document_id),
        )

    def _side(self, row: PairRow, candidate_id: str, texts: Mapping[str, Candidate]) -> FrozenSide:
        candidate = texts.get(candidate_id)
        if candidate is None:
            raise Refused(f"candidate '{candidate_id}' is no longer in the project", where=row.pair.pair_id)
        return FrozenSide(
            candidate_id=candidate_id,
            text_hash=content_hash(candidate.text),
            length=len(candidate.text),
            model=candidate.model,
            scores=row.pair.scores_of(candidate_id),
            reward=row.pair.reward_of(candidate_id),
        )

    def _licence_of(self, document_id: str | None) -> str:
        if document_id is None:
            return ""
        source = self._store.library.document(document_id, with_text=False).source
        return source.licence if source else ""


def _preference_row(pair: FrozenPair, texts: Mapping[str, Candidate], *, document: str | None) -> PreferenceRow:
    return PreferenceRow(
        pair_id=pair.pair_id,
        question_id=pair.question_id,
        question=pair.query,
        chosen=_rated(pair.chosen, texts),
        rejected=_rated(pair.rejected, texts),
        document_id=pair.document_id,
        document=document,
        dimensions=pair.dimensions,
        margin=pair.margin,
        split=pair.part,
        provenance=Provenance(
            rule=pair.rule,
            gold=pair.gold,
            reviewer=pair.reviewer,
            time=pair.time,
            reason=pair.reason,
            blind=pair.blind if pair.gold else None,
            judges=pair.judges,
            licence=pair.licence,
        ),
    )


def _rated(side: FrozenSide, texts: Mapping[str, Candidate]) -> RatedCandidate:
    if not _is_text_of(side, texts):
        raise _changed(side.candidate_id)
    return RatedCandidate(
        candidate_id=side.candidate_id,
        text=texts[side.candidate_id].text,
        model=side.model,
        scores=side.scores,
        reward=side.reward,
    )


def _is_text_of(side: FrozenSide, texts: Mapping[str, Candidate]) -> bool:
    candidate = texts.get(side.candidate_id)
    return candidate is not None and content_hash(candidate.text) == side.text_hash


def _changed(name: str) -> Refused:
    return Refused(f"the text of '{name}' is gone or is not the one that was frozen; `set verify` lists all of them")


def _judge_name(identity: JudgeIdentity) -> str:
    return " ".join(part for part in (identity.judge, identity.model, identity.prompt_pack) if part)


def _check_states(wanted: PairFilter) -> None:
    if not wanted.states or not set(wanted.states) <= {PairState.GOLD, PairState.PROPOSED}:
        raise Refused("a set holds gold pairs, or proposed ones too; rejected pairs stay out", where="filter")


def _checked_name(name: str) -> str:
    """Return a name that can also be that of a file or folder."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or name.startswith(".") or any(it in '/\\:*?"<>|' for it in name):
        raise Refused(
            f'{name!r} cannot be the name of a set: give up to {_LONGEST_NAME} characters without / \\ : * ? " < > |',
            where="name",
        )
    if not name.isprintable():
        raise Refused("the name of a set holds characters that cannot be shown", where="name")
    return name


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
