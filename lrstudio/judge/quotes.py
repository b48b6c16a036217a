"""Telling what a model says from what it repeats of its prompt."""

from __future__ import annotations

import json
import re

_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)

# A hostile reply may hold a brace per character, each a fresh attempt, or as many small objects to look up.
_FAILURES = 64
_LOOKED_UP = 512


def without_quotes(text: str, prompt: str) -> str:
    """Return a reply in which no JSON object that stands word for word in the prompt can be read as one.

    The examples of a prompt, and what a document orders its reader to say, are verdicts in form. A model that repeats
    them has said nothing of its own. An object that is all there is to a reply counts: a short one, such as an empty
    list, may well be the model's own in the words of an example.
    """
    body = text.rpartition("</think>")[2].strip()
    fenced = _FENCED.fullmatch(body)
    alone = fenced[1] if fenced else body
    decoder = json.JSONDecoder()
    kept: list[str] = []
    start, at, failures, looked_up = 0, text.find("{"), 0, 0
    while at >= 0 and failures < _FAILURES and looked_up < _LOOKED_UP:
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            failures, end = failures + 1, at + 1
        else:
            found, looked_up = text[at:end], looked_up + 1
            if found != alone and found in prompt:
                # Without its first brace it is no object, but still shows that the reply tries to be JSON.
                kept.append(text[start:at])
                start = at + 1
        at = text.find("{", end)
    return "".join(kept) + text[start:]
