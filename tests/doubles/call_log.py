"""A call log in memory, by the contract of `lrstudio.judge.protocol.CallLog`."""

from __future__ import annotations

from lrstudio.judge.protocol import Call, ParseState, Reply

# A reply of the model came back, whether or not it could be read: asking again would be paid twice.
CAME_BACK = (
    ParseState.PARSED,
    ParseState.UNREADABLE,
    ParseState.OUT_OF_RANGE,
    ParseState.TRUNCATED,
    ParseState.REFUSED,
)


class MemoryCallLog:
    """Keeps calls and replies; `events` is the order in which they came."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.replies: dict[str, Reply] = {}
        self.events: list[tuple[str, str]] = []

    async def finished(self, key: str) -> Reply | None:
        reply = self.replies.get(key)
        return reply if reply and reply.parse_state in CAME_BACK else None

    async def begin(self, call: Call) -> None:
        self.events.append(("begin", call.key))
        self.calls[call.key] = call

    async def end(self, key: str, reply: Reply) -> None:
        self.events.append(("end", key))
        self.replies[key] = reply
