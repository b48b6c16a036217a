"""What a report can be cut by, and into which parts an item falls."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from lrstudio.domain.reports import By
from lrstudio.services.report_items import Item

_LENGTHS = ((1_000, "under 1k tokens"), (4_000, "1k-4k"), (16_000, "4k-16k"), (64_000, "16k-64k"))
_LONGEST = "64k tokens and more"
_QUOTED = re.compile(r"[“«「『\"].+?[”»」』\"]")
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million)\b", re.I
)
_DENIED = re.compile(r"\b(?:not|no|never|none|neither|nor|without|cannot|\w+n't)\b", re.I)
_CAUSE = re.compile(r"\b(?:because|since|therefore|thus|caused?|leads? to|led to|due to|as a result|so that)\b", re.I)
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+")


def sliced(items: Iterable[Item], by: By) -> dict[str, list[Item]]:
    """Return the items by slice, in the order of the slices; items that fall into none are left out."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        name = slice_of(item, by)
        if name:
            found[name].append(item)
    return {name: found[name] for name in sorted(found, key=lambda name: _order(name, by))}


def slice_of(item: Item, by: By) -> str:
    """Return the slice that an item falls into, "" where that is not known."""
    match by:
        case By.LENGTH:
            return length_class(item.about.tokens)
        case By.EVIDENCE_POSITION:
            return "" if item.position is None else f"{min(int(item.position * 10), 9) + 1} of 10"
        case By.LANGUAGE:
            return item.about.language
        case By.MODEL:
            return item.about.model or "unknown"
        case By.CLAIM_KIND:
            return claim_kind(item.text) if item.text else ""


def length_class(tokens: int | None) -> str:
    """Return the class of a document's length, "" where there is no text."""
    if tokens is None:
        return ""
    return next((name for most, name in _LENGTHS if tokens < most), _LONGEST)


def claim_kind(text: str) -> str:
    """Return what a claim states, by its wording: the first of quotation, number, denial, cause, name that it has.

    The words are English; claims in other languages are told apart by quotation marks and digits alone.
    """
    kinds = {"quotation": _QUOTED, "number": _NUMBER, "denial": _DENIED, "cause": _CAUSE, "name": _NAME}
    return next((kind for kind, pattern in kinds.items() if pattern.search(text)), "other")


def _order(name: str, by: By) -> tuple[int, str]:
    if by is By.LENGTH:
        names = [label for _, label in _LENGTHS]
        return (names.index(name) if name in names else len(names), name)
    if by is By.EVIDENCE_POSITION:
        return (int(name.split()[0]), name)
    return (0, name)
