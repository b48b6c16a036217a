"""How the claims of two candidates differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrstudio.domain.decisions import StandingClaim
from lrstudio.domain.text import canonical


@dataclass(frozen=True, slots=True)
class ClaimDifferences:
    """The claims of candidates A and B, each side in its own order.

    Claims of one canonical wording are one claim. `supported_in_a` are claims of both, (A's, B's), where what stands is
    a higher support in A; `supported_in_b` the other way round; `alike` the rest of those in both. A claim whose
    support nobody states is higher than nothing and nothing is higher than it.
    """

    only_a: tuple[StandingClaim, ...]
    only_b: tuple[StandingClaim, ...]
    supported_in_a: tuple[tuple[StandingClaim, StandingClaim], ...]
    supported_in_b: tuple[tuple[StandingClaim, StandingClaim], ...]
    alike: tuple[tuple[StandingClaim, StandingClaim], ...]


def claim_differences(a: Sequence[StandingClaim], b: Sequence[StandingClaim]) -> ClaimDifferences:
    """Compare the claims that stand in two candidates."""
    in_a, in_b = _by_wording(a), _by_wording(b)
    both = [(claim, in_b[wording]) for wording, claim in in_a.items() if wording in in_b]
    return ClaimDifferences(
        only_a=tuple(claim for wording, claim in in_a.items() if wording not in in_b),
        only_b=tuple(claim for wording, claim in in_b.items() if wording not in in_a),
        supported_in_a=tuple(it for it in both if _higher(*it)),
        supported_in_b=tuple(it for it in both if _higher(it[1], it[0])),
        alike=tuple(it for it in both if not _higher(*it) and not _higher(it[1], it[0])),
    )


def _by_wording(claims: Sequence[StandingClaim]) -> dict[str, StandingClaim]:
    """Take the first of the claims that share a wording."""
    found: dict[str, StandingClaim] = {}
    for claim in claims:
        found.setdefault(canonical(claim.claim.text), claim)
    return found


def _higher(one: StandingClaim, other: StandingClaim) -> bool:
    return one.support is not None and other.support is not None and one.support.value > other.support.value
