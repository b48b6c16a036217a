"""Reading what a model replied. Total: any text gives a value or the state that says why there is none.

A verdict is taken from one place only: the designated field of the last JSON object that has it, or, in a reply
without JSON, the last value in double square brackets, or the last line of the form `Score: 7`. A reply that repeats
the rubric or the examples therefore never becomes a verdict by the numbers it repeats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeGuard, TypeVar

from lrstudio.domain.verdicts import Support, SupportReason
from lrstudio.judge.protocol import ParseState

T = TypeVar("T")

# How an endpoint says that the model would not answer; the second is how `message.refusal` is kept.
REFUSING = frozenset({"content_filter", "refusal"})


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A value where `state` is parsed, else none and what was wrong."""

    state: ParseState
    value: T | None = None
    error: str = ""


Reader = Callable[[str], Parsed[T]]


@dataclass(frozen=True, slots=True)
class ScoreReply:
    """A score 0-10 with the analysis that led to it."""

    score: float
    analysis: str


@dataclass(frozen=True, slots=True)
class SupportReply:
    """A verdict on one claim; `passages` are the numbers, from 1, that the model named."""

    support: Support
    reason: SupportReason
    passages: tuple[int, ...]
    analysis: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """A claim or key point, with the stretch that it was taken from as the model copied it ("" where it did not)."""

    text: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Cover:
    """How far the answer covers a key point, and what is missing."""

    support: Support
    note: str


@dataclass(frozen=True, slots=True)
class CompletenessReply:
    """A score 0-10, the analysis, and the cover by the key point's number from 1, for those the model spoke of.

    `covers` is None where the model was not asked for them.
    """

    score: float
    analysis: str
    covers: Mapping[int, Cover] | None


def read_reply(text: str, finish_reason: str, reader: Reader[T]) -> Parsed[T]:
    """Read a reply, unless it was cut off or refused; what stands before a closing `</think>` is left out."""
    if finish_reason in REFUSING:
        return Parsed(ParseState.REFUSED, error=f"the endpoint ended the reply with {finish_reason!r}")
    if finish_reason == "length":
        return Parsed(ParseState.TRUNCATED, error="the reply reached the token limit")
    body = text.rpartition("</think>")[2].strip()
    parsed = reader(body)
    if parsed.state is ParseState.UNREADABLE and reads_like_refusal(body):
        return Parsed(ParseState.REFUSED, error="the reply reads like a refusal")
    return parsed


def reads_like_refusal(text: str) -> bool:
    """Tell whether a reply opens as one does that declines."""
    return _REFUSAL.match(text) is not None


def read_score(text: str) -> Parsed[ScoreReply]:
    """Read helpfulness or logicality."""
    reply = _reply_object(text, "score")
    if reply is not None:
        return scored(reply["score"], _string(reply.get("analysis")))
    written = _last_written(text, _NUMBER_IN_BRACKETS, _SCORE_LINE)
    if written is None:
        return Parsed(ParseState.UNREADABLE, error="no score")
    return scored(written[1], text[: written.start()].strip())


def read_support(text: str) -> Parsed[SupportReply]:
    """Read the verdict on a claim. Only the offered labels count: "not fully supported" is not "full"."""
    reply = _reply_object(text, "verdict")
    if reply is not None:
        label, analysis, passages = _string(reply["verdict"]), _string(reply.get("analysis")), reply.get("passages")
    else:
        written = _last_written(text, _LABEL_IN_BRACKETS, _VERDICT_LINE)
        if written is None:
            return Parsed(ParseState.UNREADABLE, error="no verdict")
        label, analysis, passages = written[1], text[: written.start()].strip(), None
    numbers = tuple(n for n in passages if _is_whole(n)) if isinstance(passages, list) else ()
    return supported(label, numbers, analysis)


def supported(label: str, passages: tuple[int, ...], analysis: str) -> Parsed[SupportReply]:
    """Return the verdict that a label stands for; none but the offered ones is readable."""
    verdict = _LABELS.get(" ".join(re.split(r"[\s_\-/]+", label.strip().lower())))
    if verdict is None:
        return Parsed(ParseState.UNREADABLE, error=f"unknown verdict {label[:40]!r}")
    return Parsed(ParseState.PARSED, SupportReply(verdict[0], verdict[1], passages, analysis))


def read_claims(text: str) -> Parsed[tuple[Quoted, ...]]:
    """Read the claims of an answer; an empty list is a reading, too."""
    return _read_list(text, "claims", "statement")


def read_key_points(text: str) -> Parsed[tuple[Quoted, ...]]:
    """Read the key points of a chunk; an empty list is a reading, too."""
    return _read_list(text, "key_points", "point")


def read_completeness(text: str) -> Parsed[CompletenessReply]:
    """Read completeness; key points that the reply passes over or names wrongly have no cover."""
    scored = read_score(text)
    if scored.value is None:
        return Parsed(scored.state, error=scored.error)
    reply = _reply_object(text, "score") or {}
    covers: dict[int, Cover] = {}
    entries = reply.get("coverage")
    for entry in entries if isinstance(entries, list) else ():
        fields = entry if isinstance(entry, dict) else {}
        number, support = fields.get("key_point"), _COVERS.get(_string(fields.get("coverage")).lower())
        if _is_whole(number) and support is not None:
            covers[number] = Cover(support, _string(fields.get("note")))
    return Parsed(ParseState.PARSED, CompletenessReply(scored.value.score, scored.value.analysis, covers))


# Every repetition is bounded or unambiguous: a hostile reply costs no more than its length.
_NUMBER = r"[-+]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:e[-+]?\d{1,9})?|[-+]?(?:nan|inf(?:inity)?)"
_NUMBER_IN_BRACKETS = re.compile(rf"\[\[\s*({_NUMBER})\s*(?:/\s*10\s*)?\]\]", re.IGNORECASE)
_SCORE_LINE = re.compile(
    rf"^[ \t*#>_-]{{0,9}}(?:(?:final|overall)\ )?(?:score|rating)[ \t*_]{{0,9}}[:=][ \t*_]{{0,9}}({_NUMBER})"
    r"[ \t]{0,9}(?:/[ \t]*10)?[ \t*_.]*$",
    re.IGNORECASE | re.MULTILINE,
)
_LABEL = r"[a-z][a-z _/-]{0,40}?"
_LABEL_IN_BRACKETS = re.compile(rf"\[\[\s*({_LABEL})\s*\]\]", re.IGNORECASE)
_VERDICT_LINE = re.compile(
    rf"^[ \t*#>_-]{{0,9}}(?:final\ )?(?:verdict|label)[ \t*_]{{0,9}}[:=][ \t*_\"]{{0,9}}({_LABEL})[ \t*_.\"]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ITEM_LINE = re.compile(r"^[ \t]*(?:\d{1,3}[.)]|[-*•])[ \t]+(\S.*)$", re.MULTILINE)
_JSON_KEY = re.compile(r'"(?:analysis|score|verdict|passages|claims|statement|key_points|point|coverage)"\s*:')
_WHOLE_NUMBER = re.compile(rf"(?:{_NUMBER})(?:\s*/\s*10)?", re.IGNORECASE)
_REFUSAL = re.compile(
    r"(?:i['’]?m (?:very )?sorry|i am (?:very )?sorry|sorry,|i can(?:not|['’]t| not)|i['’]?m (?:not able|unable)|"
    r"i am (?:not able|unable)|i (?:must|have to) decline|as an ai\b|抱歉|很抱歉|对不起|我(?:无法|不能))",
    re.IGNORECASE,
)

_NONE_FOUND = (Support.NONE, SupportReason.NOT_FOUND)
_NONE_CONTRADICTED = (Support.NONE, SupportReason.CONTRADICTED)
_LABELS: Mapping[str, tuple[Support, SupportReason]] = {
    **dict.fromkeys(("full", "fully", "fully supported", "full support"), (Support.FULL, SupportReason.UNSTATED)),
    **dict.fromkeys(
        ("partial", "partially", "partially supported", "partial support"), (Support.PARTIAL, SupportReason.UNSTATED)
    ),
    **dict.fromkeys(("none", "no support", "not supported", "unsupported"), (Support.NONE, SupportReason.UNSTATED)),
    **dict.fromkeys(("none contradicted", "contradicted"), _NONE_CONTRADICTED),
    **dict.fromkeys(("none not found", "not found"), _NONE_FOUND),
}
_COVERS: Mapping[str, Support] = {"full": Support.FULL, "partial": Support.PARTIAL, "none": Support.NONE}

# A reply of our calls holds one object; a hostile one may hold a brace per character, each a fresh attempt.
_BRACES_TRIED = 64


def _reply_object(text: str, field: str) -> dict[str, Any] | None:
    """Return the last JSON object outside any other that has the field."""
    decoder = json.JSONDecoder()
    found: dict[str, Any] | None = None
    at, failures = text.find("{"), 0
    while at >= 0 and failures < _BRACES_TRIED:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            failures, end = failures + 1, at + 1
        else:
            if isinstance(value, dict) and field in value:
                found = value
        at = text.find("{", end)
    return found


def _last_written(text: str, *patterns: re.Pattern[str]) -> re.Match[str] | None:
    """Return the last match of the first pattern that matches, in a reply that does not try to be JSON."""
    if _JSON_KEY.search(text):
        return None
    for pattern in patterns:
        matches = list(pattern.finditer(text))
        if matches:
            return matches[-1]
    return None


def scored(value: object, analysis: str) -> Parsed[ScoreReply]:
    """Return the score that was written, if it is a number from 0 to 10."""
    number = _number(value)
    if number is None:
        return Parsed(ParseState.UNREADABLE, error="the score is not a number")
    if not 0 <= number <= 10:
        return Parsed(ParseState.OUT_OF_RANGE, error=f"the score {str(value)[:40]} is outside 0-10")
    return Parsed(ParseState.PARSED, ScoreReply(float(number), analysis))


def _number(value: object) -> float | None:
    """Return the number that was written, not a number and infinities too; None where none was."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return float(value.partition("/")[0])
    return None


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _string(value: object) -> str:
    """Return a text without lone surrogates, which no database would take; "" for anything else."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").strip()


def _read_list(text: str, field: str, key: str) -> Parsed[tuple[Quoted, ...]]:
    reply = _reply_object(text, field)
    entries = reply[field] if reply is not None else _bare_list(text)
    if not isinstance(entries, list):
        return Parsed(ParseState.UNREADABLE, error=f"no list of {field}")
    items: list[Quoted] = []
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get(key), str):
            items.append(Quoted(_string(entry[key]), _string(entry.get("quote"))))
        elif isinstance(entry, str):
            items.append(Quoted(_string(entry)))
        else:
            return Parsed(ParseState.UNREADABLE, error=f"an entry of {field} has no {key}")
    return Parsed(ParseState.PARSED, tuple(item for item in items if item.text))


def _bare_list(text: str) -> list[Any] | None:
    """Return a reply that is a JSON array, or lines with bullets or numbers."""
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, re.DOTALL)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        return value
    if value is not None or _JSON_KEY.search(text):
        return None
    return _ITEM_LINE.findall(text) or None
