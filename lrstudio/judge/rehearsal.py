"""Judging from the call log alone: nothing is sent, and what would have to be sent is noted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from lrstudio.domain.verdicts import Dimension, Reason
from lrstudio.judge.caller import Answer, Ask, Caller, T, Unsent
from lrstudio.judge.endpoint import Completion, NoReply
from lrstudio.judge.limits import Limits
from lrstudio.judge.packs import CallName
from lrstudio.judge.protocol import Call, CallLog, Reply

DIMENSION_OF = {
    CallName.HELPFULNESS: Dimension.HELPFULNESS,
    CallName.LOGICALITY: Dimension.LOGICALITY,
    CallName.CLAIMS: Dimension.FAITHFULNESS,
    CallName.SUPPORT: Dimension.FAITHFULNESS,
    CallName.KEY_POINTS: Dimension.COMPLETENESS,
    CallName.COMPLETENESS: Dimension.COMPLETENESS,
}
# The prompts of the second wave are made of the replies to the first.
FIRST_WAVE = frozenset(CallName) - {CallName.SUPPORT, CallName.COMPLETENESS}

StandIn = Callable[[Ask[Any]], Any]
"""Makes up the value of an ask that has not been answered, as its reader would return it."""

Supply = Callable[[Unsent[Any]], Awaitable[Completion | NoReply | None]]
"""Has what came back for a call that another program sent; None where that program says nothing of it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One ask: the call that is missing, None where it is answered; `guessed` where the prompt was made up.

    `output_tokens` is the length of the reply in the log, None where it has none.
    """

    ask: Ask[Any]
    unsent: Unsent[Any] | None
    guessed: bool
    output_tokens: int | None


class Rehearsal:
    """Answers asks as far as the log can; belongs to the judge whose caller it is made of.

    Each distinct ask is told to `note` once. What is missing in the log may come from `supply`. What is still missing
    leaves the judgment open, unless `stand_in` makes up a value, so that what depends on it can be told roughly.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        note: Callable[[Noted], None],
        stand_in: StandIn | None = None,
        supply: Supply | None = None,
    ) -> None:
        """Start with nothing asked."""
        self._caller = caller
        self._note = note
        self._stand_in = stand_in
        self._supply = supply
        self._in_order = anyio.Lock()  # equal asks one after another, and the notes the same each time
        self._failed: dict[str, Reply] = {}
        self._asked: set[str] = set()
        self._open: set[tuple[str, Dimension]] = set()

    @property
    def limits(self) -> Limits:
        """Those of the caller."""
        return self._caller.limits

    def is_open(self, candidate_id: str, dimension: Dimension) -> bool:
        """Whether a judgment lacks a reply; with a stand-in, one of the first wave."""
        return (candidate_id, dimension) in self._open

    async def ask(self, ask: Ask[T], *, calls: CallLog) -> Answer[T]:
        """Answer from the log, else note what is missing."""
        call = CallName(ask.call)
        place = (ask.behalf.lane.candidate, DIMENSION_OF[call])
        guessed = call not in FIRST_WAVE and place in self._open
        log = _Listening(calls)
        first = self._caller.attempt(ask)
        async with self._in_order:
            found = await self._caller.answer(first, calls=log, call=partial(self._missing, calls=calls))
        unsent = found if isinstance(found, Unsent) else None
        if first.key not in self._asked:
            self._asked.add(first.key)
            self._note(Noted(ask, unsent, guessed, log.output_tokens))
        if isinstance(found, Answer):
            return found
        if self._stand_in is None or call in FIRST_WAVE:
            self._open.add(place)
        value = self._stand_in(ask) if self._stand_in else None
        return Answer(value, Reason.NONE if self._stand_in else Reason.CALL_FAILED, found.key, 0)

    async def _missing(self, unsent: Unsent[Any], *, calls: CallLog) -> Reply | None:
        if unsent.key in self._failed:
            return self._failed[unsent.key]
        outcome = await self._supply(unsent) if self._supply else None
        if outcome is None:
            return None
        reply = await self._caller.keep(unsent, outcome, calls=calls)
        if isinstance(outcome, NoReply):
            self._failed[unsent.key] = reply  # the log does not give it again
        return reply


class _Listening:
    """A call log that is read, and tells how long the last reply was."""

    def __init__(self, calls: CallLog) -> None:
        self._calls = calls
        self.output_tokens: int | None = None

    async def finished(self, key: str) -> Reply | None:
        reply = await self._calls.finished(key)
        self.output_tokens = reply.output_tokens if reply else None
        return reply

    async def begin(self, call: Call) -> None:
        await self._calls.begin(call)

    async def end(self, key: str, reply: Reply) -> None:
        await self._calls.end(key, reply)
