"""What a report says, as plain records: figures with intervals or a sentence instead, shares, tables and curves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.length_choices import LengthChoice
from lrstudio.domain.pair_lists import PairFilter

Cell = str | int | float | None


class By(StrEnum):
    """What a report can be cut by."""

    LENGTH = "length"
    EVIDENCE_POSITION = "evidence-position"
    LANGUAGE = "language"
    MODEL = "model"
    CLAIM_KIND = "claim-kind"


@dataclass(frozen=True, slots=True)
class Figure:
    """A statistic with its interval; where there is not enough for it, `value` is None and `sentence` says why.

    `n` counts the items it rests on, `documents` the documents (or what else items were taken together by).
    """

    key: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    documents: int
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A plain count: so many of so many. It describes these items and claims nothing about others."""

    key: str
    title: str
    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, None of nothing."""
        return self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns and rows of cells."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of a curve, with its interval where it has one; `n` counts what it rests on.

    `name` is the candidate that a dot stands for, "" in a curve.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order of x, and what the axes are."""

    key: str
    title: str
    x: str
    y: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class JudgeName:
    """Which judge a section is about; all "" where it is about no judge."""

    judge: str = ""
    model: str = ""
    prompt_pack: str = ""

    @property
    def words(self) -> str:
        """The judge as a person reads it."""
        if self.judge == "recorded":
            return self.model
        return " ".join(part for part in (self.judge, self.model, self.prompt_pack[:8]) if part)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What can be done about pairs that go by length: a choice of the pairs of the project that `wanted` names."""

    choice: LengthChoice
    wanted: PairFilter


@dataclass(frozen=True, slots=True)
class Section:
    """One judge, one dimension, one kind of item, one circumstance: everything measured there.

    `of` says what was compared ("claim", "key point", "score", "pairs by overall", ...); `seen` is "blind" (the judge
    was hidden), "revealed" or "" where that plays no part; `part` is the slice, "" for the whole.

    `ceiling` holds the figures of each reviewer against all the others, and `against_same` those of the judge against
    exactly these references, so that the two can be compared; both have the keys of `figures`. `remedies` are the
    choices that a table "mitigations" compares, row by row after the first, where a set can be frozen of them.
    """

    judge: JudgeName
    dimension: str
    of: str
    seen: str = ""
    part: str = ""
    figures: tuple[Figure, ...] = ()
    shares: tuple[Share, ...] = ()
    ceiling: tuple[Figure, ...] = ()
    against_same: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    curves: tuple[Curve, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    def figure(self, key: str) -> Figure:
        """Return the figure of a key.

        Raises:
            KeyError: there is none.
        """
        return _found(self.figures, key)

    def share(self, key: str) -> Share:
        """Return the share of a key.

        Raises:
            KeyError: there is none.
        """
        return next(iter(it for it in self.shares if it.key == key), None) or _missing(key)


@dataclass(frozen=True, slots=True)
class Report:
    """A report: `kind` is "agreement", "length-bias" or "leaderboard", `by` what it was cut by ("" for nothing).

    `notes` are sentences for the reader: what was left out and why.
    """

    kind: str
    by: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()


def _found(among: tuple[Figure, ...], key: str) -> Figure:
    for it in among:
        if it.key == key:
            return it
    raise KeyError(key)


def _missing(key: str) -> Share:
    raise KeyError(key)
