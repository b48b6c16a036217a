"""What the calls of one judgment work with."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.judge.caller import Answer, Ask, Caller, T
from lrstudio.judge.material import Shelf
from lrstudio.judge.packs import CallName, PromptPack
from lrstudio.judge.parsing import Reader
from lrstudio.judge.protocol import CallLog


@dataclass(frozen=True, slots=True)
class Session:
    """A judge's tools, with the run and the log that a judgment belongs to."""

    caller: Caller
    pack: PromptPack
    shelf: Shelf
    run_id: str
    calls: CallLog

    async def ask(
        self,
        call: CallName,
        reader: Reader[T],
        *,
        candidate_id: str = "",
        document_hash: str = "",
        more_tokens: int = 0,
        **values: str,
    ) -> Answer[T]:
        """Fill in the template of a call with `values` and ask; `more_tokens` raises the limit of the reply."""
        ask = Ask(
            call=call,
            prompt=self.pack.render(call, **values),
            reader=reader,
            max_tokens=self.caller.limits.max_tokens[call] + more_tokens,
            candidate_id=candidate_id,
            document_hash=document_hash,
        )
        return await self.caller.ask(ask, calls=self.calls)
