"""Which language a text is in, well enough to count by: by its script, and for Latin script by its commonest words."""

from __future__ import annotations

import re

OTHER = "other"

# Ranges of code points; Japanese is told from Chinese by its kana.
_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af\u1100-\u11ff]"),
    "zh": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
# Frequent words that the other languages here do not share.
_COMMON = {
    "en": _set("the of and to is that was for with as are by this which from were have it his they"),
    "de": _set("der die und das ist nicht mit den ein eine von auch für auf dem sich wird wurde sind"),
    "fr": _set("le les et des est dans une pour qui sur pas au avec du ce sont cette elle été"),
    "es": _set("el los las que en y por una con del para es su al fue como más pero"),
    "it": _set("il di che è per una sono della con non gli nel alla anche dei più ha stato"),
    "pt": _set("o os as que do da em um uma para com não por mais dos foi são ao"),
    "nl": _set("de het een van en is dat op te zijn met voor niet door ook worden werd aan"),
}
_MOST = 4000
_KANA_SHARE = 0.05
_FEWEST = 0.05


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of the language most of the text is in, "other" where that cannot be told.

    Looks at the first 4,000 code points. Cyrillic counts as Russian and Arabic script as Arabic.
    """
    start = text[:_MOST]
    letters = len(_LETTER.findall(start))
    if not letters:
        return OTHER
    shares = {code: len(script.findall(start)) / letters for code, script in _SCRIPTS.items()}
    if shares["ja"] >= _KANA_SHARE and shares["ja"] + shares["zh"] > 0.5:
        return "ja"
    best = max(shares, key=lambda code: shares[code])
    if shares[best] > 0.5:
        return best
    words = [word.lower() for word in _WORD.findall(start)]
    counts = {code: sum(word in common for word in words) / len(words) for code, common in _COMMON.items()}
    likely = max(counts, key=lambda code: counts[code])
    return likely if counts[likely] >= _FEWEST else OTHER
