"""What came with imported candidates and is no decision of the studio: numbers on scales of their own, and remarks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that a person said of a candidate elsewhere, exactly as it was said.

    `value` lies between `lowest` and `highest`; all three are None for a label that is no number, whose content `note`
    holds as JSON. `origin` names file and row. Nothing effective rests on a label: what of it fits a dimension or a
    claim is a decision as well.
    """

    candidate_id: str
    reviewer: str
    name: str
    value: float | None = None
    lowest: float | None = None
    highest: float | None = None
    note: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        """Keep a number on its scale."""
        if (self.value is None) != (self.lowest is None) or (self.value is None) != (self.highest is None):
            raise ValueError(f"label {self.name!r}: a value goes with the scale it is on")
        if self.value is not None and not (self.lowest or 0.0) <= self.value <= (self.highest or 0.0):
            raise ValueError(f"label {self.name!r}: {self.value} is outside {self.lowest}-{self.highest}")
