"""What the calls of one judgment work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from lrstudio.judge.caller import Answer, Ask, Behalf, T
from lrstudio.judge.limits import Limits
from lrstudio.judge.manner import Manner
from lrstudio.judge.material import Shelf
from lrstudio.judge.pacing import Lane
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
    manner: Manner
    shelf: Shelf
    run_id: str
    calls: CallLog
    lane: Lane

    async def ask(
        self,
        ask: Ask[T],
        *,
        candidate_id: str = "",
        document_hash: str = "",
        settle: Callable[[Sequence[Answer[T]]], Answer[T]] | None = None,
    ) -> Answer[T]:
        """Ask on behalf of a candidate ("" where several share the call) about a document.

        Where calls are repeated, `settle` makes one answer of the repeats; without it the call is made once.
        """
        ask = replace(ask, behalf=Behalf(candidate_id, document_hash, self.lane))
        samples = self.caller.limits.samples
        if settle is None or samples == 1:
            return await self.caller.ask(ask, calls=self.calls)
        asks = [replace(ask, sample=sample) for sample in range(samples)]
        return settle(await concurrently(partial(self.caller.ask, it, calls=self.calls) for it in asks))
