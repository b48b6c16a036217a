"""Reading plain-text replies as the LongReward script does, and as the studio does that does not take them on trust.

The script's reading is lenient: no limits of the scale, any label, any text. The studio's accepts a part of that.
"""

from __future__ import annotations

import re
import sys

from lrstudio.domain.verdicts import Support, SupportReason
from lrstudio.judge.manner import Findings
from lrstudio.judge.parsing import (
    CompletenessReply,
    Parsed,
    Quoted,
    ScoreReply,
    SupportReply,
    reads_like_refusal,
    scored,
    supported,
)
from lrstudio.judge.protocol import ParseState

NOTHING = "No relevant information"

_SCORE = re.compile(r"\[\[(\d+\.\d+|\d+)\]\]")
_LABEL = re.compile(r"\[\[([ /a-zA-Z]+)\]\]")
_OPENING, _CLOSING = "<statement>", "</statement>"
# "1.5 metres" at the start of a line is no item.
_ITEM = re.compile(r"^[ \t]*\d{1,3}[ \t]*[.．、)）](?!\d)[ \t]*", re.MULTILINE)


def read_score(text: str) -> Parsed[ScoreReply]:
    """Read the last number in double square brackets, if it is one from 0 to 10."""
    found = _last(_SCORE, text)
    if found is None:
        return Parsed(ParseState.UNREADABLE, error="no score in double square brackets")
    return scored(found[1], text[: found.start()].strip())


def publish_score(text: str) -> tuple[ScoreReply | None, str]:
    """Read the last number in double square brackets, whatever it is."""
    found = _last(_SCORE, text)
    if found is None:
        return None, ""
    return ScoreReply(min(float(found[1]), sys.float_info.max), text[: found.start()].strip()), ""


def read_completeness(text: str) -> Parsed[CompletenessReply]:
    """Read completeness; the script asks for no cover of single points."""
    parsed = read_score(text)
    return Parsed(parsed.state, _uncovered(parsed.value), parsed.error)


def publish_completeness(text: str) -> tuple[CompletenessReply | None, str]:
    """Read completeness with a score of any size."""
    reply, note = publish_score(text)
    return _uncovered(reply), note


def read_support(text: str) -> Parsed[SupportReply]:
    """Read the last label in double square brackets, if it is one of those offered."""
    found = _last(_LABEL, text)
    if found is None:
        return Parsed(ParseState.UNREADABLE, error="no label in double square brackets")
    return supported(found[1], (), text[: found.start()].strip())


def publish_support(text: str) -> tuple[SupportReply | None, str]:
    """Read the last label in double square brackets: full or partial where it says so anywhere, else none."""
    found = _last(_LABEL, text)
    if found is None:
        return None, ""
    label = found[1].lower()
    support = Support.FULL if "fully" in label else Support.PARTIAL if "partially" in label else Support.NONE
    return SupportReply(support, SupportReason.UNSTATED, (), text[: found.start()].strip()), ""


def read_claims(text: str) -> Parsed[tuple[Quoted, ...]]:
    """Read the statement elements; elements that are all blank say that there is no claim."""
    bodies = _elements(text)
    if not bodies:
        return Parsed(ParseState.UNREADABLE, error="no statement element")
    return Parsed(ParseState.PARSED, _quoted(bodies))


def publish_claims(text: str) -> tuple[tuple[Quoted, ...] | None, str]:
    """Read the statement elements that are not blank; where there are none the script asks again."""
    return _quoted(_elements(text)) or None, ""


def read_findings(text: str) -> Parsed[Findings]:
    """Read an extraction, unless it declines."""
    findings = publish_findings(text)[0]
    if findings is None or (reads_like_refusal(text) and not _ITEM.search(text)):
        return Parsed(ParseState.UNREADABLE, error="no list of findings")
    return Parsed(ParseState.PARSED, findings)


def publish_findings(text: str) -> tuple[Findings | None, str]:
    """Read an extraction: any text, and nothing at all where it says anywhere that nothing bears on the question."""
    if not text:
        return None, ""
    if NOTHING in text:
        more = text.strip().strip("\"'“”.。 ") != NOTHING
        return Findings((), NOTHING), "what else was found is thrown away" if more else ""
    return Findings(tuple(Quoted(item, item) for item in _items(text)), text), ""


def _uncovered(reply: ScoreReply | None) -> CompletenessReply | None:
    return None if reply is None else CompletenessReply(reply.score, reply.analysis, covers=None)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    return found


def _elements(text: str) -> list[str]:
    """Return the bodies of the statement elements. Searched by hand: a pattern would take the square of the length."""
    bodies: list[str] = []
    at = text.find(_OPENING)
    while at >= 0:
        start = at + len(_OPENING)
        end = text.find(_CLOSING, start)
        if end < 0:
            break
        bodies.append(text[start:end].strip())
        at = text.find(_OPENING, end + len(_CLOSING))
    return bodies


def _quoted(bodies: list[str]) -> tuple[Quoted, ...]:
    return tuple(Quoted(body) for body in bodies if body)


def _items(text: str) -> list[str]:
    """Return the items of a numbered list, each on one line; the whole text where it is none."""
    parts = _ITEM.split(text)
    items = parts[1:] if len(parts) > 1 else parts
    return [line for item in items if (line := " ".join(item.split()))]
