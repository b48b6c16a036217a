"""Choosing pairs with an eye on length; lengths are tokens at four characters each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lrstudio.domain.errors import Refused
from lrstudio.domain.length_choices import LengthChoice, Mitigation
from lrstudio.domain.lots import lot
from lrstudio.domain.pair_lists import PairRow
from lrstudio.domain.sets import FrozenPair
from lrstudio.services.report_items import CHARACTERS_A_TOKEN

USUAL_RATIO = 1.5
"""The longer text is at most so many times as long unless something else is asked for."""

USUAL_PART = 0.75
"""Confidence truncation keeps so much of the pairs, by their margins, unless something else is asked for."""


@dataclass(frozen=True, slots=True)
class PairLengths:
    """A pair as far as length goes: tokens of both, the margin on any scale (None: not known), what it belongs to.

    `name` is what its lot is drawn by.
    """

    chosen: float
    rejected: float
    margin: float | None
    cluster: str
    name: str = ""


def usual_choices(pairs: Iterable[PairLengths], *, seed: int = 0) -> tuple[LengthChoice, ...]:
    """Return every mitigation at its usual limit; no truncation where no margin is known, or few lean to chosen."""
    made = [LengthChoice(Mitigation.BALANCED, seed=seed), LengthChoice(Mitigation.RATIO, USUAL_RATIO, seed)]
    margins = sorted(it.margin for it in pairs if it.margin is not None)
    if margins:
        most = margins[int(USUAL_PART * (len(margins) - 1))]
        most = math.ceil(100.0 * most - 1e-6) / 100.0  # a limit that can be read and typed again, above the margin
        if most >= 0.0:  # people who chose against the scores leave pairs with a margin below zero
            made.append(LengthChoice(Mitigation.TRUNCATED, min(most, 10.0), seed))
    return tuple(made)


def settled_choice(choice: LengthChoice, pairs: Iterable[PairLengths]) -> LengthChoice:
    """Return the choice with its limit, the usual one where it has none.

    Raises:
        Refused: margins are to be truncated, and no pair has one, or few have one above zero.
    """
    if choice.limit is not None or choice.mitigation is Mitigation.BALANCED:
        return choice
    usual = {it.mitigation: it.limit for it in usual_choices(pairs)}
    if choice.mitigation not in usual:
        raise Refused(
            "no pair that fits has a margin, or few lean to chosen: choose by length instead", where="mitigation"
        )
    return replace(choice, limit=usual[choice.mitigation])


def kept(pairs: Sequence[PairLengths], choice: LengthChoice) -> list[bool]:
    """Tell of each pair whether a choice keeps it; a pair without a margin is not kept by TRUNCATED.

    The same pairs with the same names are kept in whatever order they come.
    """
    from lrstudio.analysis import length_bias

    choice = settled_choice(choice, pairs)
    chosen, rejected = [it.chosen for it in pairs], [it.rejected for it in pairs]
    if choice.mitigation is Mitigation.BALANCED:
        mask = length_bias.balanced(chosen, rejected, lots=[lot(choice.seed, it.name) for it in pairs])
    elif choice.mitigation is Mitigation.RATIO:
        mask = length_bias.within_ratio(chosen, rejected, most=choice.limit or 1.0)
    else:
        margins = [float("nan") if it.margin is None else it.margin for it in pairs]
        mask = length_bias.below_margin(margins, most=choice.limit or 0.0)
    return [bool(it) for it in mask]


def set_lengths(pairs: Iterable[FrozenPair]) -> list[PairLengths]:
    """Return the pairs of a set as far as length goes."""
    return [
        PairLengths(
            it.chosen.length / CHARACTERS_A_TOKEN,
            it.rejected.length / CHARACTERS_A_TOKEN,
            it.margin,
            it.document_id or it.question_id,
            it.pair_id,
        )
        for it in pairs
    ]


def row_lengths(rows: Iterable[PairRow]) -> list[PairLengths]:
    """Return the pairs of a list as far as length goes."""
    return [
        PairLengths(
            it.chosen_length / CHARACTERS_A_TOKEN,
            it.rejected_length / CHARACTERS_A_TOKEN,
            it.pair.margin,
            it.document_id or it.pair.question_id,
            it.pair.pair_id,
        )
        for it in rows
    ]
