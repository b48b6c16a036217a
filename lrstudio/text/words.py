"""Words, numbers, dates and names of a text, normalised so that two texts can be compared."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lrstudio.domain.text import Span
from lrstudio.text.english import CALENDAR, STOP_WORDS, TITLES
from lrstudio.text.sentences import sentences


@dataclass(frozen=True, slots=True)
class Mention:
    """A number, date or name: its normalised `value` (equal values say the same) and its place in the text."""

    value: str
    span: Span


# Scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Han; and Hangul, whose particles stick to the word.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003134f"
)
_ASCII_WORD = re.compile(r"\w+(?:'\w+)*", re.ASCII)


@cache
def _of_any_script() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what finds a word, and what tells one without spaces: 5 ms to compile, which no start waits for."""
    word = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])\w)+(?:'(?:(?![{_UNSPACED}])\w)+)*")
    return word, re.compile(rf"[{_UNSPACED}]")


def normalised(text: str) -> str:
    """Return the text in NFKC, casefolded, with straight apostrophes; its length may change."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


def words(text: str) -> list[str]:
    """Return the words in order, normalised; a run in a script without spaces becomes overlapping character pairs."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    any_word, unspaced = _of_any_script()
    result: list[str] = []
    for word in any_word.findall(normalised(text)):
        if len(word) > 2 and unspaced.match(word):
            result.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            result.append(word)
    return result


def content_words(text: str) -> list[str]:
    """Return the words in order without possessive endings and without English stop words."""
    return [word for raw in words(text) if (word := raw.removesuffix("'s")) not in STOP_WORDS]


_ENDINGS = (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("ly", ""), ("es", ""), ("s", ""))


def stem(word: str) -> str:
    """Return a normalised English word without its inflection, so that `houses`, `housing` and `house` are equal.

    The stem need not be a word. Words with letters beyond ASCII come back unchanged.
    """
    if not word.isascii():
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word


_UNIT_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TEN_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINAL_NAMES = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
_UNITS = {name: value for value, name in enumerate(_UNIT_NAMES.split())}
_TENS = {name: value for value, name in zip(range(20, 100, 10), _TEN_NAMES.split(), strict=True)}
_ORDINALS = {name: value for value, name in enumerate(_ORDINAL_NAMES.split(), start=1)}
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def _one_of(words_: Sequence[str]) -> str:
    return "(?:" + "|".join(sorted(words_, key=len, reverse=True)) + r")\b"


_TENS_WORD, _UNIT_WORD, _SCALE_WORD = _one_of([*_TENS]), _one_of([*_UNITS]), _one_of([*_SCALES])
# On their own, "first", "second" and "third" order sentences, or are a time and a fraction, more often than they count.
_LONE_ORDINAL = _one_of([*_ORDINALS][3:])
_UNDER_100 = rf"(?:{_TENS_WORD}(?:[\s-]+(?:{_UNIT_WORD}|{_one_of([*_ORDINALS])}))?|{_UNIT_WORD}|{_LONE_ORDINAL})"
_NUMBER = re.compile(
    rf"""(?P<digits>
        (?: (?<![\w)])[-−](?=\d) | (?<!\w)(?<!\d[.,]) )
        (?: \d{{1,3}}(?:[,\u00a0\u202f\u2009]\d{{3}})+(?!\d) | \d+ ) (?:[.,]\d+)?
    )
    | \b(?P<words>
        (?:{_UNDER_100}|an?(?=\s+{_SCALE_WORD})) (?: (?:[\s-]+{_SCALE_WORD})+ (?:,?\s+(?:and\s+)?{_UNDER_100})? )*
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_AFTER_NUMBER = re.compile(rf"\s?(?P<percent>[%٪％]|per\s?cent\b)|[\s-](?P<scale>{_SCALE_WORD})", re.IGNORECASE)
_THOUSANDS = re.compile(r"[,\s](?=\d{3}(?!\d))")


def numbers(text: str) -> list[Mention]:
    """Return the numbers in order, those inside dates too.

    `1,234.50` is `1234.5`, `3rd` is `3`, `twenty-one` is `21`, `1.5 million` is `1500000`, `12 per cent` is `12%`.
    A lone "one" is a pronoun more often than a count and is left out, as are digits inside a word (`B12`).
    """
    result: list[Mention] = []
    at = 0
    while found := _NUMBER.search(text, at):
        at = found.end()
        if found[0].lower() == "one":
            continue
        value = _from_digits(found["digits"]) if found["digits"] else _from_words(found["words"])
        after = _AFTER_NUMBER.match(text, at)
        if after:
            at = after.end()
            value = f"{value}%" if after["percent"] else _scaled(value, _SCALES[after["scale"].lower()])
        result.append(Mention(value, Span(found.start(), at)))
    return result


def _from_digits(written: str) -> str:
    sign = "-" if written[0] in "-−" else ""
    digits = _THOUSANDS.sub("", written.lstrip("-−")).replace(",", ".")
    return sign + _plain("".join("." if c == "." else str(unicodedata.decimal(c)) for c in digits))


def _plain(digits: str) -> str:
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def _scaled(value: str, scale: int) -> str:
    sign, digits = ("-", value[1:]) if value[0] == "-" else ("", value)
    whole, _, fraction = digits.partition(".")
    places = len(str(scale)) - 1
    fraction = fraction.ljust(places, "0")
    return sign + _plain(f"{whole}{fraction[:places]}.{fraction[places:]}")


def _from_words(phrase: str) -> str:
    total = current = 0
    for part in re.findall(r"[a-z]+", phrase.lower()):
        scale = _SCALES.get(part)
        if scale == 100:
            current = max(current, 1) * 100
        elif scale:
            total, current = total + max(current, 1) * scale, 0
        else:
            current += _UNITS.get(part) or _TENS.get(part) or _ORDINALS.get(part) or 0
    return str(total + current)


_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = {
    name[:letters]: number for number, name in enumerate(_MONTH_NAMES.split(), start=1) for letters in (3, 4, len(name))
}
_MONTH = (
    r"(?P<m{0}>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_YEAR = r"(?P<y{0}>1[0-9]{{3}}|20[0-9]{{2}})(?![\w%]|[.,][0-9])"
_DAY = r"(?P<d{0}>[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"""(?<![\w.,/$£€-])(?:
      (?P<y1>[0-9]{{4}})-(?P<m1>0[1-9]|1[0-2])-(?P<d1>[0-2][0-9]|3[01])(?![0-9])
    | {_DAY.format(2)}\s+(?:of\s+)?{_MONTH.format(2)}(?:,?\s+{_YEAR.format(2)})?
    | {_MONTH.format(3)}\s+{_DAY.format(3)}(?![\w:])(?:,?\s+{_YEAR.format(3)})?
    | {_MONTH.format(4)},?\s+{_YEAR.format(4)}
    | {_YEAR.format(5)}
    )""",
    re.VERBOSE,
)


def dates(text: str) -> list[Mention]:
    """Return the dates in order, as `1990-05-12`, `1990-05`, `--05-12` (no year) or `1990`.

    English month names, ISO dates and plain years 1000-2099 are known. Slashed dates are not: their order is unknown.
    """
    result: list[Mention] = []
    for found in _DATE.finditer(text):
        parts = {name[0]: value for name, value in found.groupdict().items() if value}
        month = parts.get("m", "")
        number = int(month) if month.isdecimal() else _MONTHS.get(month.lower(), 0)
        value = parts.get("y", "-") + (f"-{number:02}" if number else "")
        if "d" in parts:
            value += f"-{int(parts['d']):02}"
        result.append(Mention(value, Span(found.start(), found.end())))
    return result


_NAME_WORD = re.compile(r"[^\W\d_]\w*(?:['’&.-]\w+)*")
_JOINS = re.compile(r"\.?[ \u00a0]|\n|[ ](?:of|de|da|van|von|der|den|del|la|le|du)(?:[ ]the)?[ ]")
_POSSESSIVE = re.compile(r"['’]s?$")


def names(text: str) -> list[Mention]:
    """Return the names in order: capitalised words that belong together, casefolded, without titles and dots.

    A word that opens a sentence is no name by its capital alone: it must also be capitalised inside a sentence, or be
    followed by another capitalised word and nowhere be written small. Days and months are dates, not names.
    """
    starts = [span.start for span in sentences(text)]
    every = list(_NAME_WORD.finditer(text))
    opening = {word.start() for word in every if _opens(text, word.start(), starts)}
    capitals = [word for word in every if word[0][0].isupper()]
    inside = {_folded(word) for word in capitals if word.start() not in opening}
    small = {_folded(word) for word in every if not word[0][0].isupper()}
    result: list[Mention] = []
    for run in _runs(text, capitals):
        kept = _trimmed(run, text)
        if kept and kept[0].start() in opening and (first := _folded(kept[0])) not in inside:
            kept = kept[1:] if len(kept) == 1 or first in small else kept
        kept = _trimmed(kept, text)
        if kept:
            end = kept[-1].end() - len((_POSSESSIVE.search(kept[-1][0]) or [""])[0])
            value = " ".join(normalised(text[kept[0].start() : end]).replace(".", "").split())
            result.append(Mention(value, Span(kept[0].start(), end)))
    return result


def _folded(word: re.Match[str]) -> str:
    return normalised(_POSSESSIVE.sub("", word[0]))


def _opens(text: str, at: int, starts: Sequence[int]) -> bool:
    sentence = starts[bisect_right(starts, at) - 1]
    if at - sentence < 64 and not any(c.isalnum() for c in text[sentence:at]):
        return True
    return text[max(sentence, at - 8) : at].rstrip(" ")[-1:] in set('“"«(‘:')


def _runs(text: str, capitals: Sequence[re.Match[str]]) -> list[list[re.Match[str]]]:
    runs: list[list[re.Match[str]]] = []
    for word in capitals:
        gap = text[runs[-1][-1].end() : word.start()] if runs else ""
        joined = bool(runs) and _JOINS.fullmatch(gap) is not None
        if joined and gap[0] == ".":
            joined = len(runs[-1][-1][0]) == 1 or _folded(runs[-1][-1]) in TITLES
        if joined and not (gap == "\n" and _folded(word) in STOP_WORDS):
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _trimmed(run: Sequence[re.Match[str]], text: str) -> list[re.Match[str]]:
    kept = list(run)
    while kept and _is_no_name(kept[0], text):
        kept.pop(0)
    while kept and _is_no_name(kept[-1], text):
        kept.pop()
    return kept


def _is_no_name(word: re.Match[str], text: str) -> bool:
    folded = _folded(word)
    if folded in TITLES or folded in CALENDAR:
        return True
    return folded in STOP_WORDS and text[word.end() : word.end() + 1] != "."
