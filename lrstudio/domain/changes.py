"""What an operation touched: the one thing a view needs to decide whether it is stale."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """The ids touched, by kind. `everything` stands for another process's commit, of which no ids are known."""

    documents: frozenset[str] = frozenset()
    questions: frozenset[str] = frozenset()
    candidates: frozenset[str] = frozenset()
    judgments: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    settings: bool = False
    everything: bool = False

    def __or__(self, other: Changes) -> Changes:
        """Join two records of changes.

        `judgments` and `decisions` hold candidate ids, `marks` those of the things they are on, `sets` names.
        """
        return Changes(
            documents=self.documents | other.documents,
            questions=self.questions | other.questions,
            candidates=self.candidates | other.candidates,
            judgments=self.judgments | other.judgments,
            decisions=self.decisions | other.decisions,
            runs=self.runs | other.runs,
            marks=self.marks | other.marks,
            queues=self.queues | other.queues,
            pairs=self.pairs | other.pairs,
            sets=self.sets | other.sets,
            settings=self.settings or other.settings,
            everything=self.everything or other.everything,
        )

    def __bool__(self) -> bool:
        """Tell whether anything changed."""
        return self != Changes()
