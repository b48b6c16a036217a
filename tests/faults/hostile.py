"""An endpoint at its worst, the same way every time.

What the network does to a request is decided by the seed, the hash of its body and how often that body was seen; what
the model says by the seed and the body alone. So a run that is killed and one that is not come to the same end.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from tests.doubles.chat_server import Answer, Policy, Request, busy, plausible

TIMEOUT = 6.0
"""Seconds that the judge waits for a reply; an answer that hangs costs as much."""

_SCORED = ("helpfulness", "logicality", "completeness")
_MOST_FAULTS = 3  # below the judge's own five further tries, so that every request is answered in the end


def hostile(seed: int) -> Policy:
    """Answer every call of the studio's prompt pack, in the end and after a fashion."""
    stormy = 0.1 + 0.4 * _draw(seed, "weather")

    def answer(request: Request) -> Answer:
        return _trouble(seed, request, stormy) or _said(seed, request)

    return answer


def _trouble(seed: int, request: Request, stormy: float) -> Answer | None:
    """Return what keeps the reply away this time, if anything does."""
    body = request.sha256
    if request.seen == 0 and _draw(seed, body, "storm") < stormy:
        return busy(retry_after=("0", "0.2", "0.6", "soon")[_pick(4, seed, body, "wait")])
    dice = _draw(seed, body, "faults")
    faults = 0 if dice < 0.78 else 1 if dice < 0.93 else 2 if dice < 0.985 else _MOST_FAULTS
    if request.seen >= faults:
        return None
    whole = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "[[7]]"}}]}).encode()
    kinds = (
        busy(),
        busy(retry_after="0.5"),
        Answer("internal error", status=500),
        Answer(status=502, whole=b"<html><body>502 Bad Gateway</body></html>"),
        Answer("overloaded", status=503, headers={"Retry-After": "0.2"}),
        Answer(hang=True),
        replace(plausible(request), cut=_pick(120, seed, body, "cut")),
        Answer(cut=0),
        Answer(whole=whole[:-9]),
        Answer(whole=b"data: [DONE]"),
        Answer(whole=b'{"object": "list", "data": []}'),
        Answer(whole=b'{"choices": []}'),
        Answer(whole=b"[" * 5000),
    )
    return kinds[_pick(len(kinds), seed, body, "kind", request.seen)]


def _said(seed: int, request: Request) -> Answer:
    """Return what the model says: mostly what a judge might, now and then what none should."""
    body, prompt = request.sha256, request.prompt
    sensible = replace(plausible(request), bare=_draw(seed, body, "bare") < 0.1)
    hopeless = _draw(seed, hashlib.sha256(prompt.encode()).hexdigest(), "hopeless") < 0.04
    if not hopeless and _draw(seed, body, "sense") < 0.8:
        return sensible
    verdict = sensible.content or ""
    bad = [
        Answer(verdict[: len(verdict) // 2]),
        Answer(verdict, finish_reason="length"),
        Answer('{"rating": {"value": 7}}'),
        Answer("[3]"),
        Answer("null"),
        Answer(""),
        Answer(None),
        Answer("{" * 3000),
        Answer(refusal="I would rather not."),
        Answer(prompt),
        Answer(f"I was asked this:\n{prompt}\nIt is hard to say."),
        Answer(prompt.partition("## ")[0]),
    ]
    if request.call in _SCORED:
        bad += [
            Answer(json.dumps({"analysis": "It is off the scale.", "score": score}))
            for score in (11, -1, float("nan"), float("inf"), "NaN", "ten", None, True, [7], 10**400)
        ]
    if request.call == "support":
        bad += [Answer(json.dumps({"analysis": "Well.", "passages": [1], "verdict": it})) for it in ("mostly", None, 1)]
    # The last two can be read, and say the same as the sensible one.
    good = [Answer(f"{prompt}\n{verdict}"), Answer(f"<think>[[10]] {prompt}</think>\n```json\n{verdict}\n```")]
    kinds = bad if hopeless else bad + good
    return kinds[_pick(len(kinds), seed, body, "said")]


def _draw(*of: object) -> float:
    """Return a number in [0, 1) that these values decide."""
    return int.from_bytes(hashlib.sha256(repr(of).encode()).digest()[:8], "big") / 2**64


def _pick(count: int, *of: object) -> int:
    return int(_draw(*of) * count)
