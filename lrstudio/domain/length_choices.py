"""What can be done about pairs that go by length: which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.errors import Refused


class Mitigation(StrEnum):
    """What can be done about pairs that go by length; the last two take a limit.

    BALANCED keeps, at every difference of length, as many pairs with the longer as with the shorter one chosen.
    RATIO keeps pairs whose longer candidate is at most `limit` times as long as the other.
    TRUNCATED leaves out pairs with a margin above `limit`: the surest go most by length.
    """

    BALANCED = "balanced"
    RATIO = "ratio"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class LengthChoice:
    """A mitigation with its limit (None: the usual one) and the seed of its lots: what was kept can be kept again."""

    mitigation: Mitigation
    limit: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a limit that makes no sense.

        Raises:
            Refused: says which limits there are.
        """
        if self.limit is None:
            return
        if self.mitigation is Mitigation.BALANCED:
            raise Refused("a length-balanced choice takes no limit", where="limit")
        if self.mitigation is Mitigation.RATIO and not self.limit >= 1.0:
            raise Refused("the longer text is at least as long as the shorter one: give 1 or more", where="limit")
        if self.mitigation is Mitigation.TRUNCATED and not 0.0 <= self.limit <= 10.0:
            raise Refused(f"a margin goes from 0 to 10, not {self.limit:g}", where="limit")

    @property
    def words(self) -> str:
        """Say it to a person."""
        if self.mitigation is Mitigation.BALANCED:
            return "length-balanced"
        least = "" if self.limit is None else f" {self.limit:.3g}"
        return f"length ratio up to{least}" if self.mitigation is Mitigation.RATIO else f"margins up to{least}"


def length_choice_of(words: str, *, seed: int = 0) -> LengthChoice:
    """Read "balanced", "ratio", "ratio=1.5", "truncated" or "truncated=3".

    Raises:
        Refused: it is none of these.
    """
    name, sign, limit = words.partition("=")
    try:
        return LengthChoice(Mitigation(name), float(limit) if sign else None, seed)
    except ValueError:
        raise Refused(f"{words!r} is none of balanced, ratio, ratio=NUMBER, truncated, truncated=NUMBER") from None


@dataclass(frozen=True, slots=True)
class LengthOutcome:
    """What a choice comes to; `choice` is None for all pairs as they are.

    `longer` is the share of pairs of unequal length whose longer candidate is chosen, with its 95 % interval where
    there is enough for one.
    """

    choice: LengthChoice | None
    pairs: int
    longer: float | None
    low: float | None = None
    high: float | None = None
