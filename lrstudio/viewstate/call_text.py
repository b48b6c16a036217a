"""One call to a model, made readable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lrstudio.domain.summaries import CallView
from lrstudio.viewstate.audit_signs import counted
from lrstudio.viewstate.judge_progress import money


@dataclass(frozen=True, slots=True)
class CallText:
    """What a dialog shows of a call: facts in pairs, what was sent, what came back, and the body byte for byte."""

    title: str
    facts: tuple[tuple[str, str], ...]
    prompt: str
    reply: str
    request: str


def call_text(call: CallView) -> CallText:
    """Return a call as a person reads it; a request that is no JSON is shown as it is."""
    facts = (
        ("purpose", call.purpose.replace("_", " ")),
        ("model", call.model),
        ("prompt pack", call.prompt_pack[:16]),
        ("state", _state(call)),
        ("tokens", _tokens(call)),
        ("price", "" if call.cost is None else money(call.cost)),
        ("time", "" if call.seconds is None else f"{call.seconds:.2f} s"),
        ("sent", call.created.replace("T", " ").removesuffix("Z")),
        ("attempts", str(call.attempts)),
        ("error", call.error),
        ("key", call.key[:16]),
    )
    return CallText(
        title=f"{call.purpose.replace('_', ' ').capitalize()} · {call.model}",
        facts=tuple((name, value) for name, value in facts if value),
        prompt=_prompt(call.request),
        reply=call.reply or "(no reply yet)",
        request=call.request,
    )


def _state(call: CallView) -> str:
    words = [call.state, call.parse_state.replace("_", " ")]
    if call.finish_reason:
        words.append(f"finished: {call.finish_reason}")
    return ", ".join(word for word in words if word)


def _tokens(call: CallView) -> str:
    if call.input_tokens is None and call.output_tokens is None:
        return ""
    return f"{counted(call.input_tokens or 0, 'token')} in, {call.output_tokens or 0:,} out"


def _prompt(request: str) -> str:
    """Return the messages of a chat request one below the other."""
    try:
        body: Any = json.loads(request)
    except ValueError:
        return request
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        return json.dumps(body, ensure_ascii=False, indent=2)
    parts = []
    for message in messages:
        if isinstance(message, dict):
            content = message.get("content", "")
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
            parts.append(f"── {message.get('role', '?')} ──\n{text}")
    return "\n\n".join(parts)
