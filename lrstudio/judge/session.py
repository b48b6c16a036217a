"""What the calls of one judgment work with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lrstudio.judge.caller import Answer, Ask, Caller, T
from lrstudio.judge.manner import Manner
from lrstudio.judge.material import Shelf
from lrstudio.judge.protocol import CallLog


@dataclass(frozen=True, slots=True)
class Session:
    """A judge's tools, with the run and the log that a judgment belongs to."""

    caller: Caller
    manner: Manner
    shelf: Shelf
    run_id: str
    calls: CallLog

    async def ask(self, ask: Ask[T], *, candidate_id: str = "", document_hash: str = "") -> Answer[T]:
        """Ask on behalf of a candidate ("" where several share the call) about a document."""
        return await self.caller.ask(
            replace(ask, candidate_id=candidate_id, document_hash=document_hash), calls=self.calls
        )
