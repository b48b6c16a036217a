"""The signs of the studio: what a verdict looks like and is called, apart from any toolkit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.verdicts import Reason, State, Support, SupportReason


class Sign(StrEnum):
    """What is known of a claim or key point, as one sign. The theme gives each a colour and a line style."""

    FULL = "full"
    PARTIAL = "partial"
    CONTRADICTED = "contradicted"
    NOT_FOUND = "not_found"
    NONE = "none"
    NOT_CHECKABLE = "not_checkable"
    NOT_CHECKED = "not_checked"
    UNSCORED = "unscored"
    HIDDEN = "hidden"

    @property
    def glyph(self) -> str:
        """One character that tells the sign without colour."""
        return _GLYPHS[self]

    @property
    def word(self) -> str:
        """The words used on screen."""
        return _WORDS[self]


_GLYPHS = {
    Sign.FULL: "●",
    Sign.PARTIAL: "◐",
    Sign.CONTRADICTED: "✕",
    Sign.NOT_FOUND: "○",
    Sign.NONE: "○",
    Sign.NOT_CHECKABLE: "–",
    Sign.NOT_CHECKED: "…",
    Sign.UNSCORED: "?",
    Sign.HIDDEN: "·",
}
_WORDS = {
    Sign.FULL: "full",
    Sign.PARTIAL: "partial",
    Sign.CONTRADICTED: "contradicted",
    Sign.NOT_FOUND: "not found",
    Sign.NONE: "none",
    Sign.NOT_CHECKABLE: "not checkable",
    Sign.NOT_CHECKED: "not checked",
    Sign.UNSCORED: "unscored",
    Sign.HIDDEN: "hidden",
}
_NONE_SIGNS = {
    SupportReason.UNSTATED: Sign.NONE,
    SupportReason.CONTRADICTED: Sign.CONTRADICTED,
    SupportReason.NOT_FOUND: Sign.NOT_FOUND,
}
_STATE_SIGNS = {
    State.UNSCORED: Sign.UNSCORED,
    State.NOT_CHECKABLE: Sign.NOT_CHECKABLE,
    State.NOT_CHECKED: Sign.NOT_CHECKED,
}


def sign_of(state: State, support: Support | None, support_reason: SupportReason = SupportReason.UNSTATED) -> Sign:
    """Return the sign of a value."""
    if support is None:
        return _STATE_SIGNS.get(state, Sign.NOT_CHECKED)
    if support is Support.NONE:
        return _NONE_SIGNS[support_reason]
    return Sign.FULL if support is Support.FULL else Sign.PARTIAL


@dataclass(frozen=True, slots=True)
class Chip:
    """A verdict as a small label: glyph and words from the sign, `note` behind them, `decided` for a person's."""

    sign: Sign
    word: str
    note: str = ""
    decided: bool = False
    tooltip: str = ""

    @property
    def text(self) -> str:
        """What is read aloud and painted behind the glyph."""
        return f"{self.word} · {self.note}" if self.note else self.word


HIDDEN_CHIP = Chip(Sign.HIDDEN, "hidden", tooltip="Blind: the judge's verdict shows once you have given yours.")
PERSON_CHIP = Chip(Sign.NOT_CHECKED, "added", tooltip="A person worded this; the judge has not seen it.")
UNDECIDED_CHIP = Chip(Sign.NOT_CHECKED, "undecided")


def probability(value: float) -> str:
    """Write a probability as it stands in a chip: .62, and 0 or 1 only where it is exactly that.

    Values that would round to 0 or 1 say so with a sign, since neither is certainty.
    """
    if value in (0.0, 1.0):
        return f"{value:.0f}"
    if value < 0.005:
        return "<.01"
    if value >= 0.995:
        return ">.99"
    return f"{value:.2f}".lstrip("0")


def score_text(score: float | None) -> str:
    """Write a score with one decimal, without it where it is whole; "?" for none."""
    if score is None:
        return "?"
    text = f"{score:.1f}"
    return text.removesuffix(".0")


def reason_words(state: State, reason: Reason) -> str:
    """Say why there is no score, or "" where there is one."""
    if state is State.SCORED:
        return ""
    if state is State.NOT_CHECKED:
        return "not judged"
    if state is State.NOT_CHECKABLE:
        return reason.words or "not checkable"
    return reason.words or "unscored"


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: 1 claim, 2 claims, 12,000 characters."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
