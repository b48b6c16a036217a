"""Sets: frozen snapshots of pairs. What is hashed, how documents are split, what the card says."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from lrstudio.domain.length_choices import LengthChoice
from lrstudio.domain.lots import lot
from lrstudio.domain.pair_lists import GOLD, PairFilter
from lrstudio.domain.verdicts import Dimension

PARTS = ("train", "validation", "test")
"""The parts of a split, in the order of its shares."""

_DIGEST = 32
"""Bytes of a SHA-256."""


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of documents for train, validation and test, which add up to 1, and the seed that deals them out."""

    shares: tuple[float, float, float] = (0.9, 0.05, 0.05)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        if any(share < 0.0 for share in self.shares) or abs(sum(self.shares) - 1.0) > 1e-6:
            raise ValueError(f"the shares {self.shares} do not add up to 1")

    def part(self, document: str) -> str:
        """Return the part of everything on a document (its hash or id): the same for the same seed, in any project."""
        at = lot(self.seed, document)
        edge = 0.0
        for part, share in zip(PARTS, self.shares, strict=True):
            edge += share
            if at < edge:
                return part
        return next(part for part, share in reversed(list(zip(PARTS, self.shares, strict=True))) if share > 0.0)


@dataclass(frozen=True, slots=True)
class FrozenSide:
    """One side of a frozen pair; `length` counts the code points of the text that `text_hash` is of."""

    candidate_id: str
    text_hash: str
    length: int
    model: str = ""
    scores: Mapping[Dimension, float] = field(default_factory=dict)
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class FrozenPair:
    """A pair as it was when the set was frozen. `document_hash` is "" where the document has no text.

    `judges` name judge, model and prompt pack of each judge run that scored a side. `rule` are the rules that proposed
    it, with a comma between them.
    """

    set_name: str
    part: str
    pair_id: str
    question_id: str
    query: str
    document_id: str | None
    document_hash: str
    chosen: FrozenSide
    rejected: FrozenSide
    dimensions: tuple[Dimension, ...]
    margin: float | None
    gold: bool
    rule: str = ""
    reviewer: str = ""
    time: str = ""
    reason: str = ""
    blind: bool = False
    judges: tuple[str, ...] = ()
    licence: str = ""

    def canonical(self) -> str:
        """Return everything but the set's name as one line of JSON: equal pairs give equal lines."""
        return json.dumps(self._fields(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        fields["chosen"], fields["rejected"] = _side_fields(self.chosen), _side_fields(self.rejected)
        fields["dimensions"] = [dimension.value for dimension in self.dimensions]
        fields["judges"] = list(self.judges)
        return fields


_PLAIN = (
    "part",
    "pair_id",
    "question_id",
    "query",
    "document_id",
    "document_hash",
    "margin",
    "gold",
    "rule",
    "reviewer",
    "time",
    "reason",
    "blind",
    "licence",
)


def _side_fields(side: FrozenSide) -> dict[str, Any]:
    return {
        "candidate_id": side.candidate_id,
        "text_hash": side.text_hash,
        "length": side.length,
        "model": side.model,
        "scores": {dimension.value: score for dimension, score in side.scores.items()},
        "reward": side.reward,
    }


def frozen_pair_of(set_name: str, canonical: str) -> FrozenPair:
    """Read what `FrozenPair.canonical` wrote."""
    fields = json.loads(canonical)
    for side in ("chosen", "rejected"):
        scores = {Dimension(name): score for name, score in fields[side].pop("scores").items()}
        fields[side] = FrozenSide(scores=scores, **fields[side])
    fields["dimensions"] = tuple(Dimension(name) for name in fields["dimensions"])
    fields["judges"] = tuple(fields["judges"])
    return FrozenPair(set_name=set_name, **fields)


class SetHash:
    """Hashes the pairs of a set, whatever their order: the same pairs have the same hash in every project."""

    def __init__(self) -> None:
        """Start with no pairs."""
        self._count = 0
        # By their first byte, so that they are sorted a few at a time: 32 bytes a pair are all that a large set takes.
        self._digests = tuple(bytearray() for _ in range(256))

    def add(self, canonical: str) -> None:
        """Take in one pair, as `FrozenPair.canonical` writes it."""
        digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()
        self._digests[digest[0]].extend(digest)
        self._count += 1

    @property
    def count(self) -> int:
        """How many were taken in."""
        return self._count

    def hexdigest(self) -> str:
        """Return the SHA-256 of the sorted digests as 64 hexadecimal digits."""
        whole = hashlib.sha256()
        for some in self._digests:
            for digest in sorted(bytes(some[at : at + _DIGEST]) for at in range(0, len(some), _DIGEST)):
                whole.update(digest)
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class LengthFigures:
    """Lengths in code points. `longer_chosen` is the share of pairs whose chosen text is longer, equal ones apart."""

    chosen_mean: float
    chosen_median: float
    rejected_mean: float
    rejected_median: float
    longer_chosen: float | None
    equal: int


@dataclass(frozen=True, slots=True)
class Mitigated:
    """That a set was chosen with an eye on length: how, with the limit used, and what the pairs were like before."""

    choice: LengthChoice
    pairs_before: int
    before: LengthFigures | None


@dataclass(frozen=True, slots=True)
class SetCard:
    """What is said of a set beside its pairs.

    `judges` and `licences` count pairs, by judge run named as in a pair and by the licence of the document ("" where
    none is stated); `parts` and `rules` likewise. `agreement` holds figures of the judge against people as whoever
    froze the set had them, by name; it is empty where there were none. `mitigated` is None where all pairs that fit
    `wanted` were taken.
    """

    pairs: int
    questions: int
    documents: int
    gold: int
    blind: int
    parts: Mapping[str, int]
    rules: Mapping[str, int]
    judges: Mapping[str, int]
    licences: Mapping[str, int]
    models: Mapping[str, int]
    lengths: LengthFigures | None
    split: Split
    wanted: PairFilter = GOLD
    agreement: Mapping[str, float | int | str | None] = field(default_factory=dict)
    mitigated: Mitigated | None = None


@dataclass(frozen=True, slots=True)
class FrozenSet:
    """A frozen set without its pairs: its name, the hash of the pairs, who froze it and when (ISO 8601 in UTC)."""

    name: str
    content_hash: str
    reviewer: str
    time: str
    card: SetCard


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a set is what it was when it was frozen.

    `found` is the hash of its pairs now. `missing` are the candidates and documents whose texts are gone or differ.
    """

    name: str
    expected: str
    found: str
    pairs: int
    missing: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return self.expected == self.found and not self.missing


class CardMaker:
    """Counts what a card says, pair by pair."""

    def __init__(self) -> None:
        """Start with no pairs."""
        self._counts: dict[str, dict[str, int]] = {name: {} for name in ("part", "rule", "judge", "licence", "model")}
        self._questions: set[str] = set()
        self._documents: set[str] = set()
        self._lengths = (array("q"), array("q"))
        self._gold = 0
        self._blind = 0

    def add(self, pair: FrozenPair) -> None:
        """Take in one pair."""
        self._count("part", [pair.part])
        self._count("rule", pair.rule.split(",") if pair.rule else [""])
        self._count("judge", pair.judges)
        self._count("licence", [pair.licence])
        self._count("model", {pair.chosen.model, pair.rejected.model})
        self._questions.add(pair.question_id)
        if pair.document_id is not None:
            self._documents.add(pair.document_id)
        self._lengths[0].append(pair.chosen.length)
        self._lengths[1].append(pair.rejected.length)
        self._gold += pair.gold
        self._blind += pair.blind

    def card(
        self,
        *,
        split: Split,
        wanted: PairFilter,
        agreement: Mapping[str, float | int | str | None] | None = None,
        mitigated: Mitigated | None = None,
    ) -> SetCard:
        """Return the card of what was taken in."""
        counts = {name: dict(sorted(of.items())) for name, of in self._counts.items()}
        return SetCard(
            pairs=len(self._lengths[0]),
            questions=len(self._questions),
            documents=len(self._documents),
            gold=self._gold,
            blind=self._blind,
            parts={part: counts["part"].get(part, 0) for part in PARTS},
            rules=counts["rule"],
            judges=counts["judge"],
            licences=counts["licence"],
            models=counts["model"],
            lengths=length_figures(*self._lengths),
            split=split,
            wanted=wanted,
            agreement=dict(agreement or {}),
            mitigated=mitigated,
        )

    def _count(self, kind: str, names: Iterable[str]) -> None:
        for name in names:
            self._counts[kind][name] = self._counts[kind].get(name, 0) + 1


def length_figures(chosen: Sequence[int], rejected: Sequence[int]) -> LengthFigures | None:
    """Compare the lengths of the chosen and the rejected texts, pair by pair; None for no pairs."""
    if not chosen:
        return None
    longer = sum(one > other for one, other in zip(chosen, rejected, strict=True))
    equal = sum(one == other for one, other in zip(chosen, rejected, strict=True))
    return LengthFigures(
        chosen_mean=fmean(chosen),
        chosen_median=float(median(chosen)),
        rejected_mean=fmean(rejected),
        rejected_median=float(median(rejected)),
        longer_chosen=longer / (len(chosen) - equal) if equal < len(chosen) else None,
        equal=equal,
    )
