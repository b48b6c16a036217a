"""What an import came to, counted while it runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields

from lrstudio.domain.changes import Changes
from lrstudio.formats.records import RowError
from lrstudio.store.records import Added


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each; only the first three come with every format, and sets with a whole project alone."""

    documents: int = 0
    questions: int = 0
    candidates: int = 0
    judge_runs: int = 0
    judgments: int = 0
    decisions: int = 0
    pairs: int = 0
    sets: int = 0
    labels: int = 0
    marks: int = 0
    guidelines: int = 0
    queues: int = 0

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return self != Counts()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What is new, what was there already, what was left out and why; `notes` say what was taken how."""

    new: Counts
    same: Counts
    errors: tuple[RowError, ...]
    changes: Changes
    notes: tuple[str, ...] = ()


class Tally:
    """Counts ids by kind, the kinds being the fields of `Counts`; an id that several rows bring counts once."""

    def __init__(self) -> None:
        self.read = 0
        self.errors: list[RowError] = []
        self.notes: dict[str, None] = {}
        self._new: defaultdict[str, set[str]] = defaultdict(set)
        self._same: defaultdict[str, set[str]] = defaultdict(set)
        self._touched: defaultdict[str, set[str]] = defaultdict(set)

    def note(self, kind: str, identifier: str, added: Added, *, touches: str = "") -> None:
        """Count one record; `touches` is what a judgment, decision or mark is about."""
        (self._same if added is Added.SAME else self._new)[kind].add(identifier)
        if added is not Added.SAME and touches:
            self._touched[kind].add(touches)

    def absorb(self, other: Tally) -> None:
        """Add what another tally counted: a batch counts when it is committed, not before."""
        self.read += other.read
        self.errors += other.errors
        self.notes |= other.notes
        for mine, theirs in (
            (self._new, other._new),
            (self._same, other._same),
            (self._touched, other._touched),
        ):
            for kind, ids in theirs.items():
                mine[kind] |= ids

    def report(self) -> ImportReport:
        """Return what the import came to."""
        kinds = [field.name for field in fields(Counts)]
        return ImportReport(
            new=Counts(**{kind: len(self._new[kind]) for kind in kinds}),
            same=Counts(**{kind: len(self._same[kind] - self._new[kind]) for kind in kinds}),
            errors=tuple(self.errors),
            notes=tuple(self.notes),
            changes=Changes(
                documents=frozenset(self._new["documents"]),
                questions=frozenset(self._new["questions"]),
                candidates=frozenset(self._new["candidates"]),
                judgments=frozenset(self._touched["judgments"]),
                decisions=frozenset(self._touched["decisions"]),
                runs=frozenset(self._new["judge_runs"]),
                pairs=frozenset(self._new["pairs"]),
                sets=frozenset(self._new["sets"]),
                marks=frozenset(self._touched["marks"]),
                queues=frozenset(self._new["queues"]),
                settings=bool(self._new["guidelines"]),
            ),
        )
