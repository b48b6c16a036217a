"""What the published LongReward script makes of a reply, kept beside what the studio makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from lrstudio.domain.verdicts import Judgment
from lrstudio.judge.parsing import Parsed
from lrstudio.judge.protocol import ParseState, Reply

T = TypeVar("T")

# How a reply is kept whose content is missing, not merely empty: the script tells the two apart.
NO_CONTENT = "the reply has no content"


@dataclass(frozen=True, slots=True)
class Published(Generic[T]):
    """What the script takes a call for: a value, or None where it drops or crashes over it.

    `note` is "" where the studio takes it for the same and nothing is odd about it.
    """

    value: T | None
    note: str = ""
    crashed: bool = False

    def noting(self, note: str) -> Published[T]:
        """Return it with one more note."""
        return replace(self, note="; ".join(filter(None, (self.note, note))))


Publish = Callable[[Reply, Parsed[T], Published[T] | None], Published[T]]
"""From a reply, how the studio read it, and what the script made of the attempts before."""


Read = Callable[[str], tuple[T | None, str]]
"""Reads a text as the script does: a value, or None where it would ask again; with a note on what is odd."""


def publisher(read: Read[T], *, show: Callable[[T], str], crashes: str = "") -> Publish[T]:
    """Return a reading of whole replies: no finish reason, no refusal and no limit of the scale matters to the script.

    Args:
        read: reads the text of a reply that has one.
        show: names a value that only the script accepts.
        crashes: what the script stumbles over where a reply has no content at all; "" where it asks again.
    """

    def publish(reply: Reply, parsed: Parsed[T], before: Published[T] | None) -> Published[T]:
        if before is not None and before.crashed:
            return before
        text = _content(reply)
        if text is None and crashes and parsed.state is not ParseState.CONTEXT_OVERFLOW:
            return Published(None, f"would crash: {crashes}", crashed=True)
        value, note = read(text) if text else (None, "")
        state = parsed.state.value.replace("_", " ")
        if value is None:
            return Published(None, "dropped: " + ("no claims" if parsed.state is ParseState.PARSED else state))
        published = Published(value, note)
        return published if parsed.value is not None else published.noting(f"{state}, taken for {show(value)}")

    return publish


def _content(reply: Reply) -> str | None:
    """Return the content of the message; None where the endpoint sent none, not even an empty one."""
    gone = reply.parse_state in (ParseState.FAILED, ParseState.CONTEXT_OVERFLOW)
    refused = reply.finish_reason == "refusal"  # how `message.refusal` is kept, which comes without content
    return None if gone or refused or (not reply.text and reply.error == NO_CONTENT) else reply.text


def with_reference(
    judgment: Judgment, parts: Iterable[tuple[str, Published[Any] | None]], *, score: Callable[[], float]
) -> Judgment:
    """Return a judgment with what the script makes of it; as it is, for a pack that does not follow the script.

    Args:
        judgment: what the studio makes of it.
        parts: every call that the judgment rests on, each with what to call it in a note ("" for the only one).
        score: the script's score, asked for only where it gets as far as that.
    """
    notes: list[str] = []
    reached = True
    for name, published in parts:
        if published is None:
            return judgment
        reached = reached and published.value is not None
        if published.note:
            notes.append(f"{name}: {published.note}" if name else published.note)
    if reached and judgment.score is None and not notes:
        notes.append(f"scored all the same: {judgment.reason.words}")
    return replace(judgment, reference_score=score() if reached else None, reference_note="; ".join(notes))
