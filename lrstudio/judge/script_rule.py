"""What a scripted judge says where its script is silent: made up from the SHA-256 of the texts, the same every time."""

from __future__ import annotations

import hashlib

from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, Support
from lrstudio.judge.claims import statements
from lrstudio.judge.script import VERDICTS, ScriptedClaim, ScriptedScore, verdict

# Every verdict occurs, most claims are supported.
_VERDICTS = (
    *("full", "full", "full", "full", "partial", "partial"),
    *VERDICTS,
    *("unscored:near_chance", "unscored:unreadable"),
)
_PASSAGE, _CHUNK = 400, 12_800
_PASSAGES_PER_CLAIM, _POINTS = 3, 5


def _number(*parts: str) -> int:
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(joined).digest()[:8], "big")


def score(candidate: str, dimension: Dimension) -> ScriptedScore:
    """Return a score in steps of a half."""
    return ScriptedScore(score=_number(candidate, dimension) % 21 / 2, explanation="Made up from the text by rule.")


def claims(candidate: str) -> tuple[ScriptedClaim, ...]:
    """Return the sentences of a candidate as claims with verdicts of every kind."""
    return tuple(
        ScriptedClaim.model_construct(  # unchecked: pydantic takes no lone surrogates, an answer may have them
            text=statement.text,
            support=verdict(_VERDICTS[_number(candidate, statement.text) % len(_VERDICTS)]),
            explanation="Made up from the text by rule.",
            probability=_number(statement.text) % 101 / 100,
        )
        for statement in statements(candidate)
    )


def passages(document: str, claim: str) -> tuple[Span, ...]:
    """Return a few passages of about 400 characters, none twice, in no order that means anything."""
    count = max(1, len(document) // _PASSAGE)
    picked = dict.fromkeys(_number(claim, str(i)) % count for i in range(_PASSAGES_PER_CLAIM))
    return tuple(span for at in picked if len(span := _window(document, at)))


def points(document: str, query: str) -> tuple[tuple[Span, Span], ...]:
    """Return a few passages as key points, each with the larger chunk around it; the same for every candidate."""
    count = max(1, len(document) // _PASSAGE)
    picked = sorted({_number(query, document[:1000], str(i)) % count for i in range(_POINTS)})
    return tuple((span, _chunk(document, at * _PASSAGE)) for at in picked if len(span := _window(document, at)))


def covers(candidate: str, point: str) -> Support:
    """Return how far a candidate covers a key point."""
    return tuple(Support)[_number(candidate, point) % 3]


def _window(document: str, number: int) -> Span:
    piece = document[number * _PASSAGE : (number + 1) * _PASSAGE]
    start = number * _PASSAGE + len(piece) - len(piece.lstrip())
    return Span(start, start + len(piece.strip()))


def _chunk(document: str, at: int) -> Span:
    start = at - at % _CHUNK
    return Span(start, min(len(document), start + _CHUNK))
