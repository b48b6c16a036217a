"""The sentences of a candidate as claims, told apart from sentences that state nothing to check."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lrstudio.domain.text import Span
from lrstudio.text.sentences import sentences
from lrstudio.text.words import content_words, words

_MARKER = re.compile(r"(?:[-*+•‣◦▪●○■□·–—>]|#{1,6}|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))\s+")
_HEADING = re.compile(r"#{1,6}\s|(?P<stars>\*\*|__)[^*_\n]{1,80}(?P=stars):?$|\|[\s:|-]+\|?$")
_REFERENCE = re.compile(r"\s*\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\]")
# Words that open a sentence without adding to it; what is left must state something.
_OPENER = re.compile(
    r"(?:(?:in|to) (?:conclusion|summary|short|brief|general|sum up|summari[sz]e|conclude)|overall|finally|lastly"
    r"|first(?:ly)?|second(?:ly)?|third(?:ly)?|next|then|also|additionally|furthermore|moreover|however|therefore|thus"
    r"|hence|yes|no|sure|certainly|of course|absolutely|great question|for example|for instance|that said|as a result)"
    r"\b[\s,:;.!–—-]*",
    re.IGNORECASE,
)
# The writer speaks of himself or of the answer, or weighs instead of stating.
_SPEAKER = re.compile(
    r"(?:i|i'm|i've|i'd|i'll)\b(?!\.)|let me\b|as an ai\b|in my (?:opinion|view|judgment|judgement)\b"
    r"|(?:please )?let me know|(?:please )?feel free|hope this|happy to help|thank you|thanks\b"
    r"|here(?:'s| is| are) (?:a|an|the|some|my|your)\b.{0,60}\b(?:summary|overview|answer|list|steps?|explanation)"
    r"|based on the (?:given|provided|above)[^,]{0,40},? (?:passages?|documents?|text|information|context)[\s,:.]*$"
    r"|(?:it is|it's) (?:hard|difficult|impossible|tempting) not to (?:feel|think|wonder|admire|regret)\b",
    re.IGNORECASE,
)
_WEIGHING = re.compile(r"\b(?:seems? to me|matter of (?:taste|opinion)|in my (?:opinion|view))\b", re.IGNORECASE)
_FEWEST_CONTENT_WORDS = 2


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a candidate: its span there, its exact text, and whether it states something to check."""

    span: Span
    text: str
    checkable: bool


def statements(text: str) -> tuple[Statement, ...]:
    """Return the sentences of a candidate in order, without their list markers; `text` of each is the exact slice.

    Headings, questions, list lead-ins, bare openers and what the writer says of itself state nothing checkable.
    """
    found: list[Statement] = []
    for sentence in sentences(text):
        marker = _MARKER.match(text, sentence.start, sentence.end)
        start = marker.end() if marker else sentence.start
        span = Span(start, sentence.end) if text[start : sentence.end].strip() else sentence
        found.append(Statement(span, span.of(text), is_checkable(sentence.of(text))))
    return tuple(found)


def is_checkable(sentence: str) -> bool:
    """Tell whether a sentence of an answer, as it stands with its list marker, states something that can be checked."""
    if _HEADING.match(sentence):
        return False
    body = sentence[marker.end() :] if (marker := _MARKER.match(sentence)) else sentence
    body = body.strip().strip("*_").replace("’", "'")
    if body.endswith((":", "：", "?", "？", "؟")):
        return False
    while opener := _OPENER.match(body):
        body = body[opener.end() :]
    if _SPEAKER.match(body) or _WEIGHING.search(body):
        return False
    return len(content_words(body)) >= _FEWEST_CONTENT_WORDS or any(not word.isascii() for word in words(body))


def bare(claim: str) -> str:
    """Return the claim without reference marks such as [12], which are no numbers of the claim."""
    return _REFERENCE.sub("", claim)
