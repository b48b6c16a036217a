"""What the calls of one judgment work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from lrstudio.judge.caller import Answer, Ask, T
from lrstudio.judge.limits import Limits
from lrstudio.judge.material import Shelf
from lrstudio.judge.pacing import Lane
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.parsing import Reader
from lrstudio.judge.protocol import CallLog
from lrstudio.judge.sharing import concurrently


class Asker(Protocol):
    """What answers asks: a caller, or a rehearsal that sends nothing."""

    @property
    def limits(self) -> Limits:
        """The limits it keeps."""
        ...

    async def ask(self, ask: Ask[T], *, calls: CallLog) -> Answer[T]:
        """Get a readable reply, or the reason why there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """A judge's tools, with the run and the log that a judgment belongs to."""

    caller: Asker
    pack: PromptPack
    shelf: Shelf
    run_id: str
    calls: CallLog
    lane: Lane

    async def ask(
        self,
        call: CallName,
        reader: Reader[T],
        *,
        candidate_id: str = "",
        document_hash: str = "",
        more_tokens: int = 0,
        settle: Callable[[Sequence[Answer[T]]], Answer[T]] | None = None,
        **values: str,
    ) -> Answer[T]:
        """Fill in the template of a call with `values` and ask.

        `more_tokens` raises the limit of the reply. Where calls are repeated, `settle` makes one answer of the repeats;
        without it the call is made once.
        """
        ask = Ask(
            call=call,
            prompt=self.pack.render(call, **values),
            reader=reader,
            max_tokens=self.caller.limits.max_tokens[call] + more_tokens,
            candidate_id=candidate_id,
            document_hash=document_hash,
            lane=self.lane,
            values=values,
        )
        samples = self.caller.limits.samples
        if settle is None or samples == 1:
            return await self.caller.ask(ask, calls=self.calls)
        asks = [replace(ask, sample=sample) for sample in range(samples)]
        return settle(await concurrently(partial(self.caller.ask, it, calls=self.calls) for it in asks))
