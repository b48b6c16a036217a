"""A date, number or name of a claim that differs from the document while the rest of the sentence matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lrstudio.domain.text import Span
from lrstudio.judge.lexical_features import LexicalDocument, Match, Stems
from lrstudio.text.words import Mention, dates, names, numbers

# How many of the claim's other content words the best sentence of the document must hold, and which share of them.
# Where other retrieved sentences have the claim's value, it must hold nearly all, and many more than those do. Measured
# on 2,774 labelled claims of RAGTruth, ExpertQA and StorySumm, of which people call few contradicted: 1 alarm. On the
# sample project: 14 of the 15 claims with a changed value, and none of the others.
_REST_WORDS, _REST_SHARE = 3, 0.6
_NAME_REST_WORDS, _NAME_REST_SHARE = 4, 0.8
_SURE_SHARE, _LEAD = 0.85, 0.25
# "About 120" agrees with 118.
_ROUNDED = 0.1
_ABOUT = re.compile(
    r"\b(?:about|around|roughly|approximately|nearly|almost|some|circa|over|under|than|least|most)\s*$", re.I
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the claim says, what the document says in its place, and the sentence (index) that says it."""

    claimed: str
    found: str
    sentence: int


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of value. `same` takes the claimed value, the one found and the claim's text before it."""

    mentions: Callable[[str], list[Mention]]
    rest_words: int
    rest_share: float
    same: Callable[[str, str, str], bool]
    comparable: Callable[[str, str], bool]


def find_conflict(document: LexicalDocument, claim: str, match: Match) -> Conflict | None:
    """Return the first date, number or name of the claim that the document contradicts, or None.

    A value is contradicted if the sentence that holds most of the claim's other content words has in its place another
    value of the same kind, which the claim lacks, while no other retrieved sentence bears the claim out.
    """
    for kind in _KINDS:
        claimed = kind.mentions(claim)
        for mention in claimed:
            conflict = _contradicted(document, claim, match, kind, mention, claimed)
            if conflict:
                return conflict
    return None


def _contradicted(
    document: LexicalDocument, claim: str, match: Match, kind: _Kind, mention: Mention, claimed: Sequence[Mention]
) -> Conflict | None:
    own = Stems.of(mention.span.of(claim)).stems
    rest = [name for name in match.stems if name not in own]
    shares = {i: _share(rest, document.sentence_stems(i)) for run in match.passages.runs for i in run}
    best = max(shares, key=lambda i: shares[i], default=None)
    if best is None or len(rest) < kind.rest_words or shares[best] < kind.rest_share:
        return None
    texts = {i: document.sentences[i].of(document.text) for i in shares}
    saying = [i for i in shares if _says(texts[i], document.sentence_stems(i), claim, mention, kind)]
    if best in saying:
        return None
    elsewhere = bool(saying) or match.has(mention.span.of(claim))
    lead = shares[best] - max((shares[i] for i in saying), default=0.0)
    if elsewhere and (shares[best] < _SURE_SHARE or lead < _LEAD):
        return None
    rivals = [
        other
        for other in kind.mentions(texts[best])
        if kind.comparable(mention.value, other.value)
        and not any(kind.same(mine.value, other.value, "") for mine in claimed)
    ]
    rival = _counterpart(claim, mention, texts[best], rivals, only_one=not elsewhere)
    return Conflict(mention.span.of(claim), rival.span.of(texts[best]), best) if rival else None


def _share(rest: Sequence[str], sentence: Sequence[str]) -> float:
    return sum(name in sentence for name in rest) / max(1, len(rest))


def _says(sentence: str, stems: Sequence[str], claim: str, mention: Mention, kind: _Kind) -> bool:
    """Tell whether a sentence has the claim's value, by its words or by its meaning."""
    own = Stems.of(mention.span.of(claim)).stems
    if own and set(own).issubset(stems):
        return True
    before = claim[: mention.span.start]
    if any(kind.same(mention.value, other.value, before) for other in kind.mentions(sentence)):
        return True
    return any(mention.value == number.value for number in numbers(sentence))


def _counterpart(
    claim: str, mention: Mention, text: str, rivals: Sequence[Mention], *, only_one: bool
) -> Mention | None:
    """Return the value that stands where the claim's does: next to the same word.

    With `only_one` the only value there is will do, too, if the sentence has a word that stands next to the claim's.
    """
    before, after = _neighbours(claim, mention.span)
    for rival in rivals:
        left, right = _neighbours(text, rival.span)
        if (after and after == right) or (before and before == left):
            return rival
    near = {before, after} - {""}
    return rivals[0] if only_one and len(rivals) == 1 and near.intersection(Stems.of(text).stems) else None


def _neighbours(text: str, span: Span) -> tuple[str, str]:
    before = Stems.of(text[max(0, span.start - 60) : span.start]).stems
    after = Stems.of(text[span.end : span.end + 60]).stems
    return (before[-1] if before else "", after[0] if after else "")


def _plain_numbers(text: str) -> list[Mention]:
    """Return the numbers that are no part of a date."""
    taken = [date.span for date in dates(text)]
    return [number for number in numbers(text) if not any(number.span.overlaps(span) for span in taken)]


def _same_number(claimed: str, found: str, before: str) -> bool:
    a, b = claimed.rstrip("%"), found.rstrip("%")
    if a == b:
        return True
    return bool(_ABOUT.search(before)) and abs(float(a) - float(b)) <= _ROUNDED * abs(float(b))


def _comparable_numbers(claimed: str, found: str) -> bool:
    return claimed.endswith("%") == found.endswith("%")


def _date_parts(value: str) -> list[str]:
    """Return year, month and day, "" where the date does not give them."""
    year, _, rest = value.partition("-")
    return [year, *rest.strip("-").split("-"), "", ""][:3]


def _same_date(claimed: str, found: str, _before: str) -> bool:
    """Tell whether all parts that both dates give are equal: `1990` and `--05-12` agree with `1990-05-12`."""
    both = [(a, b) for a, b in zip(_date_parts(claimed), _date_parts(found), strict=True) if a and b]
    return bool(both) and all(a == b for a, b in both)


def _comparable_dates(claimed: str, found: str) -> bool:
    return any(a and b for a, b in zip(_date_parts(claimed), _date_parts(found), strict=True))


def _whole_names(text: str) -> list[Mention]:
    """Return the names but for lone initials."""
    return [name for name in names(text) if len(name.value) > 1]


def _same_name(claimed: str, found: str, _before: str) -> bool:
    """Tell whether two names may well be one: a part of the other, its initials, or its adjective (Somalia, Somali)."""
    a, b = claimed.split(), found.split()
    if set(a) <= set(b) or set(b) <= set(a):
        return True
    if "".join(word[0] for word in a) == found.replace(".", "") or "".join(word[0] for word in b) == claimed.replace(
        ".", ""
    ):
        return True
    return bool(_openings(a) & _openings(b) - _openings(set(a) & set(b)))


def _openings(parts: Iterable[str]) -> set[str]:
    return {part[:4] for part in parts if len(part) >= 4}


def _any_name(_claimed: str, _found: str) -> bool:
    return True


_KINDS = (
    _Kind(dates, _REST_WORDS, _REST_SHARE, _same_date, _comparable_dates),
    _Kind(_plain_numbers, _REST_WORDS, _REST_SHARE, _same_number, _comparable_numbers),
    _Kind(_whole_names, _NAME_REST_WORDS, _NAME_REST_SHARE, _same_name, _any_name),
)
