"""The judge behind an OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp, `transformers serve`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Self

import anyio

from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment, Reason, State
from lrstudio.judge.budget import Budget
from lrstudio.judge.caller import Caller, Unsent
from lrstudio.judge.completeness import judge_completeness
from lrstudio.judge.embedding import NoVectors
from lrstudio.judge.endpoint import Endpoint
from lrstudio.judge.faithfulness import judge_faithfulness
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.manner import Manner
from lrstudio.judge.material import TOP_K, Shelf
from lrstudio.judge.pacing import Lane
from lrstudio.judge.packs import PackKind, PromptPack
from lrstudio.judge.plan import Plan, Planner, stand_in
from lrstudio.judge.protocol import Call, CallLog, Task
from lrstudio.judge.reference_manner import ReferenceManner
from lrstudio.judge.rehearsal import Noted, Rehearsal, Supply
from lrstudio.judge.retrieval import Bm25Retriever, Retriever
from lrstudio.judge.scores import judge_score
from lrstudio.judge.session import Session
from lrstudio.judge.sharing import Feed
from lrstudio.judge.studio_manner import StudioManner
from lrstudio.judge.transport import Transport
from lrstudio.text.chunks import EXTRACTION_TOKENS, RETRIEVAL_TOKENS
from lrstudio.text.tokens import Tokenizer


class HttpJudge:
    """All four dimensions by a language model. Belongs to one event loop from its first judgment on."""

    def __init__(
        self,
        caller: Caller,
        *,
        manner: Manner,
        shelf: Shelf,
        retriever: Retriever,
        identity: JudgeIdentity,
        embedding_price: float | None,
    ) -> None:
        """Put together what `create` made."""
        self._embedding_price = embedding_price
        self._caller = caller
        self._manner = manner
        self._retriever = retriever
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
        retriever: Retriever | None = None,
        transport: Transport | None = None,
        known_as: str = "",
        embedding_price: float | None = None,
        budget: Budget | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> Self:
        """Make a judge ready; nothing is sent yet. What is not named here is as in `Endpoint.open`.

        `pack` holds the prompts; its kind decides how they are filled in, sent and read. Chunks are measured in tokens
        of `tokenizer`. `prices` None leaves costs unknown. Of what is limited, `concurrency` (requests in flight) and
        `timeout` take precedence over `limits`, and so does what a reference pack prescribes. `retriever` finds the
        passages for a claim, None being BM25; the judge closes it. `embedding_price` is of a million tokens that it has
        embedded, for plans; `budget` is what may be spent, shared with it, None being what `limits` say. `sleep` waits
        between tries.

        Raises:
            Refused: the base URL is none.
        """
        manner = manner_of(pack, replace(limits or Limits(), concurrency=concurrency, timeout=timeout))
        limits = manner.limits
        retriever = retriever or Bm25Retriever()
        endpoint = Endpoint.open(
            base_url=base_url,
            model=model,
            api_key=api_key,
            key_source=key_source,
            timeout=timeout,
            transport=transport,
            known_as=known_as,
        )
        parameters = _parameters(endpoint.base_url, limits, retrieval=retriever.name)
        identity = JudgeIdentity("http", model, pack.version, tokenizer.name, parameters)
        count, version = tokenizer.count, pack.version
        caller = Caller(
            endpoint, prompt_pack=version, limits=limits, prices=prices, sleep=sleep, count=count, budget=budget
        )
        shelf = Shelf(tokenizer=tokenizer, retriever=retriever, decoded=manner.decodes)
        return cls(
            caller,
            manner=manner,
            shelf=shelf,
            retriever=retriever,
            identity=identity,
            embedding_price=embedding_price,
        )

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
        session = Session(self._caller, self._manner, self._shelf, run_id=run_id, calls=calls, lane=_lane(task))
        return await _judgment(session, task, dimension)

    async def plan(self, tasks: Iterable[Task], *, calls: CallLog) -> Plan:
        """Tell what judging these tasks will take. Sends nothing and writes nothing."""
        planner = Planner(
            limits=self._caller.limits,
            tokenizer=self._shelf.tokenizer,
            prices=self._caller.prices,
            embedding_price=self._embedding_price,
        )
        rehearsal = Rehearsal(self._caller, note=planner.note, stand_in=stand_in)
        shelf = self._shelf.rehearsed(planner.note_texts)
        feed = Feed(tasks)
        while (task := await feed.take()) is not None:
            planner.note_candidate()
            session = Session(rehearsal, self._manner, shelf, run_id="", calls=calls, lane=_lane(task))
            for dimension in task.dimensions:
                await _judgment(session, task, dimension)
        return planner.plan()

    def rehearsal(self, *, note: Callable[[Noted], None], supply: Supply | None = None) -> Rehearsal:
        """Make ready to judge from the log alone, and from what `supply` has."""
        return Rehearsal(self._caller, note=note, supply=supply)

    def record(self, unsent: Unsent[Any]) -> Call:
        """Return a call that another program is to send, as it is written down."""
        return self._caller.record(unsent)

    async def rehearse(
        self, rehearsal: Rehearsal, tasks: Iterable[Task], *, calls: CallLog, run_id: str = ""
    ) -> AsyncIterator[Judgment]:
        """Judge without asking the model; yields the judgments that lack no reply.

        Passages are retrieved as in a run, so an embedding model may be asked.
        """
        feed = Feed(tasks)
        while (task := await feed.take()) is not None:
            session = Session(rehearsal, self._manner, self._shelf, run_id=run_id, calls=calls, lane=_lane(task))
            for dimension in task.dimensions:
                judgment = await _judgment(session, task, dimension)
                if not rehearsal.is_open(task.candidate.candidate_id, dimension):
                    yield judgment

    async def aclose(self) -> None:
        """Close the connections, also of what finds passages."""
        try:
            await self._caller.aclose()
        finally:
            await self._retriever.aclose()


def _lane(task: Task) -> Lane:
    return Lane(task.document.document_id if task.document else "", task.candidate.candidate_id)


async def _judgment(session: Session, task: Task, dimension: Dimension) -> Judgment:
    match dimension:
        case Dimension.HELPFULNESS | Dimension.LOGICALITY:
            return await judge_score(session, task, dimension=dimension)
        case Dimension.FAITHFULNESS:
            try:
                return await judge_faithfulness(session, task)
            except NoVectors as error:
                name, reason = task.candidate.candidate_id, Reason.CALL_FAILED
                return Judgment(session.run_id, name, dimension, State.UNSCORED, reason, explanation=str(error))
        case Dimension.COMPLETENESS:
            return await judge_completeness(session, task)


def manner_of(pack: PromptPack, limits: Limits) -> Manner:
    """Return how the calls of a pack are worded and their replies read, under these limits."""
    match pack.kind:
        case PackKind.STUDIO:
            return StudioManner(pack, limits)
        case PackKind.REFERENCE:
            return ReferenceManner.under(pack, limits)


def _parameters(base_url: str, limits: Limits, *, retrieval: str) -> str:
    """Return, as canonical JSON, what changes a verdict besides model, prompts and tokenizer."""
    parameters = {
        "base_url": base_url,
        "completeness_tokens_per_key_point": limits.completeness_tokens_per_key_point,
        "extraction_tokens": EXTRACTION_TOKENS,
        "max_tokens": {call.value: tokens for call, tokens in limits.max_tokens.items()},
        "retrieval": retrieval,
        "retrieval_tokens": RETRIEVAL_TOKENS,
        "temperatures": list(limits.temperatures),
        "top_k": TOP_K,
        **({"samples": limits.samples} if limits.samples > 1 else {}),
    }
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"))
