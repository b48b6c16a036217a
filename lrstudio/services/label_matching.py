"""What a judgment says of the very thing that a person labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Judgment, Support
from lrstudio.services.labels import Label

SAME_PLACE = 0.5
"""Two claims speak of one place where they share at least this part of the code points that either covers."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A claim or key point of a judgment."""

    part_id: str
    text: str
    span: Span | None
    support: Support | None


def support_in(judgment: Judgment | None, label: Label) -> Support | None:
    """Return the support that a judgment gives to a labelled claim or key point.

    It is looked for by its id, which is that of its wording and place; else by its place, see `SAME_PLACE`; else by its
    wording but for case and spaces. None where it is not among the judge's, or the judge gives no verdict on it.
    """
    parts = _parts(judgment)
    same = next((it for it in parts if it.part_id == label.target.part_id), None)
    if same is None and label.span is not None:
        shares = [(_overlap(it.span, label.span), -number) for number, it in enumerate(parts) if it.span]
        best, number = max(shares, default=(0.0, 0))
        same = parts[-number] if best >= SAME_PLACE else None
    if same is None:
        same = next((it for it in parts if _plain(it.text) == _plain(label.text)), None)
    return same.support if same else None


def _parts(judgment: Judgment | None) -> Sequence[_Found]:
    if judgment is None:
        return ()
    claims = [_Found(it.claim_id, it.text, it.span, it.support) for it in judgment.claims]
    return claims + [_Found(it.key_point_id, it.text, it.span, it.covered) for it in judgment.key_points]


def _overlap(one: Span, other: Span) -> float:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(0, shared) / (max(one.end, other.end) - min(one.start, other.start)) if shared > 0 else 0.0


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
