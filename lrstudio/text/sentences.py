"""Sentences as spans, found by rules: no model, linear in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lrstudio.domain.text import Span
from lrstudio.text.english import MAYBE_LAST, NEVER_LAST, NOT_LAST_BEFORE_NUMBER, OPENERS

_LINE = re.compile(r"[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_BREAK = re.compile(r"\r\n|[\r\n\v\x85\u2028]")
_PAGE_BREAK = re.compile(r"[\f\x1c-\x1e\u2029]")

_BULLET = re.compile(r"[-*+•‣◦▪●○■□·]\s|\(?\d{1,3}[.)]\s|\(?[a-zA-Z]\)\s|\(?[ivx]{1,5}\)\s")
_HEADING = re.compile(r"#{1,6}\s|\d{1,3}(?:\.\d{1,3})+\.?\s+[^\W\d_a-z]")
_SPEAKER = re.compile(r"[^\W\d_a-z][\w.'’-]*(?: [\w.'’-]+){0,3} ?:\s")
_WORD_CHARACTER = re.compile(r"[^\W_]")
_FIRST_WORD = re.compile(r"\S+")

# A line longer than this was not wrapped by hand or by a printer, so its end is the end of a paragraph.
_UNWRAPPED = 160
# A line that leaves more than a quarter of the neighbours' width free was ended on purpose.
_FULL = 0.75

# Closing quotes and brackets belong to the sentence that they close, as does a reference mark such as [12]. Runs are
# possessive and start where a run starts, so that a megabyte of dots takes linear time.
_CLOSERS = "\"'”’»›)\\]}」』）】〉》"
_STOPS = ".!?؟۔…‼⁇⁈⁉"
_STOP = re.compile(
    rf"[。！？｡।॥။።៕።]++[{_STOPS}。！？｡]*+[{_CLOSERS}]*+(?!(?<=[」』])[とっ])"
    rf"|(?<![{_STOPS}])(?P<marks>[{_STOPS}]++)[{_CLOSERS}]*+(?:[ \u00a0\u202f]»)?(?:\[\d{{1,3}}\])*+(?=\s)"
)
_NEXT = re.compile(rf"\s+(?P<again>[{_STOPS}])|[\s\"'“‘«‹(\[{{¿¡*_—–-]*(?P<word>\w*)")
_BEFORE = re.compile(r"[^\s(\[{\"“‘'«]*$")

_INITIALS = re.compile(r"[^\W\d_](?:\.-?[^\W\d_])*")
_ITEM_NUMBER = re.compile(r"(?:#{1,6}\s+|[-*>]\s+)?\**\(?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{1,5})")


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str


def sentences(text: str) -> tuple[Span, ...]:
    """Return the sentences in order.

    Headings, bullets, numbered items and table rows are sentences of their own. A blank line ends a sentence always; a
    single line break only before such an item, after a line that was ended on purpose, or after a stop. The spans are
    disjoint, neither start nor end with white space, and leave nothing but white space outside.
    """
    small = _without_capitals(text)
    found: list[Span] = []
    for item in _items(text, small=small):
        found.extend(_split(text, item, small=small))
    return tuple(found)


def _without_capitals(text: str) -> bool:
    """Tell whether the text is written without capitals, so that a small letter may open a sentence."""
    sample = text[:20_000]
    capitals = sum(map(str.isupper, sample))
    return capitals * 200 < sum(map(str.islower, sample))


def _items(text: str, *, small: bool) -> Iterator[Span]:
    """Yield what no sentence reaches beyond: paragraphs and the items inside them."""
    for block in _blocks(text):
        start = block[0].start
        for i in range(len(block) - 1):
            if _ends_item(block, i, small=small):
                yield Span(start, block[i].end)
                start = block[i + 1].start
        yield Span(start, block[-1].end)


def _blocks(text: str) -> Iterator[list[_Line]]:
    block: list[_Line] = []
    for found in _LINE.finditer(text):
        stripped = found[0].strip()
        if not stripped:
            continue
        start = found.start() + len(found[0]) - len(found[0].lstrip())
        line = _Line(start, start + len(stripped), stripped)
        if block:
            gap = text[block[-1].end : line.start]
            if len(_BREAK.findall(gap)) > 1 or _PAGE_BREAK.search(gap):
                yield block
                block = []
        block.append(line)
    if block:
        yield block


def _ends_item(block: Sequence[_Line], i: int, *, small: bool) -> bool:
    """Tell whether line `i` of the block ends an item, given that another line follows."""
    line, following = block[i].text, block[i + 1].text
    if len(line) > _UNWRAPPED or "\t" in line or "\t" in following or line[0] == "|" or following[0] == "|":
        return True
    if _BULLET.match(following) or _HEADING.match(following) or _SPEAKER.match(following):
        return True
    if (line[0] == "#" and _HEADING.match(line)) or not _WORD_CHARACTER.search(line) or "....." in line:
        return True
    next_word = _FIRST_WORD.match(following)
    first = following.lstrip("\"'“‘«([*_")[:1]
    if next_word is None or (first.islower() and not small) or not first.isalnum() or line[-1] in ",-–—、，":
        return False
    if line[-1] == ":":
        return True
    width = max(len(near.text) for near in block[max(0, i - 2) : i + 3])
    if width < 40 and first.isupper():
        return True
    return len(line) + 1 + min(len(next_word[0]), 20) <= _FULL * width


def _split(text: str, item: Span, *, small: bool) -> Iterator[Span]:
    start = item.start
    for found in _STOP.finditer(text, item.start, item.end):
        if found["marks"] and not _is_stop(text, found, item, small=small):
            continue
        yield Span(start, found.end())
        start = found.end()
        while start < item.end and text[start].isspace():
            start += 1
    if start < item.end:
        yield Span(start, item.end)


def _is_stop(text: str, found: re.Match[str], item: Span, *, small: bool) -> bool:
    at = found.start()
    following = _NEXT.match(text, found.end(), min(item.end, found.end() + 64))
    if following is None or following["again"]:
        return False
    word = following["word"]
    spaced = at > item.start and text[at - 1].isspace()
    if word[:1].islower() and word.islower() and not small and not spaced:
        return False
    if found["marks"] != ".":
        return True
    if at - item.start < 20 and _ITEM_NUMBER.fullmatch(text, item.start, at):
        return False
    before = _BEFORE.search(text, max(item.start, at - 24), at)
    return before is None or _ends_after(before[0], word)


def _ends_after(before: str, word: str) -> bool:
    """Tell whether a full stop between these two words ends a sentence."""
    folded = before.casefold()
    if folded in NEVER_LAST or (word[:1].isdigit() and folded in NOT_LAST_BEFORE_NUMBER):
        return False
    if folded in MAYBE_LAST or (before.isupper() and _INITIALS.fullmatch(before)):
        return word[:1].isupper() and word.casefold() in OPENERS and not (len(word) == 1 and len(before) == 1)
    return True
