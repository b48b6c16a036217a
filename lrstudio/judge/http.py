"""The judge behind an OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp, `transformers serve`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Self

import anyio

from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment
from lrstudio.judge.caller import Caller
from lrstudio.judge.completeness import judge_completeness
from lrstudio.judge.endpoint import Endpoint
from lrstudio.judge.faithfulness import judge_faithfulness
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.material import TOP_K, Shelf
from lrstudio.judge.pacing import Lane
from lrstudio.judge.packs import PromptPack
from lrstudio.judge.plan import Plan, Planner, stand_in
from lrstudio.judge.protocol import CallLog, Task
from lrstudio.judge.rehearsal import Noted, Rehearsal, Supply
from lrstudio.judge.scores import judge_score
from lrstudio.judge.session import Asker, Session
from lrstudio.text.chunks import EXTRACTION_TOKENS, RETRIEVAL_TOKENS
from lrstudio.text.tokens import Tokenizer


class HttpJudge:
    """All four dimensions by a language model. Belongs to one event loop from its first judgment on."""

    def __init__(self, caller: Caller, *, pack: PromptPack, shelf: Shelf, identity: JudgeIdentity) -> None:
        """Put together what `create` made."""
        self._caller = caller
        self._pack = pack
        self._shelf = shelf
        self._identity = identity

    @classmethod
    def create(
        cls,
        *,
        base_url: str,
        model: str,
        api_key: str,
        pack: PromptPack,
        tokenizer: Tokenizer,
        prices: Prices | None = None,
        concurrency: int = 8,
        timeout: float = 600.0,
        key_source: str = "",
        limits: Limits | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> Self:
        """Make a judge ready; nothing is sent yet.

        Args:
            base_url: where the endpoint is, up to and including `/v1`.
            model: the model's name there.
            api_key: "" for an endpoint that asks for none.
            pack: the prompts.
            tokenizer: what chunks are measured in.
            prices: what the model costs; None leaves costs unknown.
            concurrency: requests in flight at most.
            timeout: seconds that one request may take.
            key_source: where the key comes from, named to the person when it is refused.
            limits: everything else that is limited; `concurrency` and `timeout` take precedence.
            sleep: waits between tries.

        Raises:
            Refused: the base URL is none.
        """
        limits = replace(limits or Limits(), concurrency=concurrency, timeout=timeout)
        endpoint = Endpoint.open(
            base_url=base_url, model=model, api_key=api_key, key_source=key_source, timeout=timeout
        )
        identity = JudgeIdentity(
            judge="http",
            model=model,
            prompt_pack=pack.version,
            tokenizer=tokenizer.name,
            parameters=_parameters(endpoint.base_url, limits),
        )
        caller = Caller(
            endpoint, prompt_pack=pack.version, limits=limits, prices=prices, sleep=sleep, count=tokenizer.count
        )
        return cls(caller, pack=pack, shelf=Shelf(tokenizer=tokenizer), identity=identity)

    @property
    def identity(self) -> JudgeIdentity:
        """Endpoint, model, prompts, tokenizer and every limit that changes a verdict."""
        return self._identity

    async def judge(self, task: Task, dimension: Dimension, *, run_id: str, calls: CallLog) -> Judgment:
        """Judge one candidate in one dimension; what cannot be had is unscored with its reason.

        Raises:
            Environment: the endpoint cannot be reached, refuses the key, or the account is empty.
            Refused: the endpoint does not know the model.
            SpendLimitReached: the next call could cost more than is left of the spend limit.
        """
        return await self._judge(self._caller, task, dimension, run_id=run_id, calls=calls)

    async def plan(self, tasks: Sequence[Task], *, calls: CallLog) -> Plan:
        """Tell what judging these tasks will take. Sends nothing and writes nothing."""
        planner = Planner(limits=self._caller.limits, tokenizer=self._shelf.tokenizer, prices=self._caller.prices)
        rehearsal = Rehearsal(self._caller, note=planner.note, stand_in=stand_in)
        async for _ in self.rehearse(rehearsal, tasks, calls=calls):
            pass
        return planner.plan(candidates=len(tasks))

    def rehearsal(self, *, note: Callable[[Noted], None], supply: Supply | None = None) -> Rehearsal:
        """Make ready to judge from the log alone, and from what `supply` has."""
        return Rehearsal(self._caller, note=note, supply=supply)

    async def rehearse(
        self, rehearsal: Rehearsal, tasks: Iterable[Task], *, calls: CallLog, run_id: str = ""
    ) -> AsyncIterator[Judgment]:
        """Judge without sending anything; yields the judgments that lack no reply."""
        for task in tasks:
            for dimension in task.dimensions:
                judgment = await self._judge(rehearsal, task, dimension, run_id=run_id, calls=calls)
                if not rehearsal.is_open(task.candidate.candidate_id, dimension):
                    yield judgment

    async def _judge(self, asker: Asker, task: Task, dimension: Dimension, *, run_id: str, calls: CallLog) -> Judgment:
        lane = Lane(task.document.document_id if task.document else "", task.candidate.candidate_id)
        session = Session(asker, self._pack, self._shelf, run_id=run_id, calls=calls, lane=lane)
        match dimension:
            case Dimension.HELPFULNESS | Dimension.LOGICALITY:
                return await judge_score(session, task, dimension=dimension)
            case Dimension.FAITHFULNESS:
                return await judge_faithfulness(session, task)
            case Dimension.COMPLETENESS:
                return await judge_completeness(session, task)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._caller.aclose()


def _parameters(base_url: str, limits: Limits) -> str:
    """Return, as canonical JSON, what changes a verdict besides model, prompts and tokenizer."""
    parameters = {
        "base_url": base_url,
        "completeness_tokens_per_key_point": limits.completeness_tokens_per_key_point,
        "extraction_tokens": EXTRACTION_TOKENS,
        "max_tokens": {call.value: tokens for call, tokens in limits.max_tokens.items()},
        "retrieval": "bm25",
        "retrieval_tokens": RETRIEVAL_TOKENS,
        "temperatures": list(limits.temperatures),
        "top_k": TOP_K,
        **({"samples": limits.samples} if limits.samples > 1 else {}),
    }
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"))
