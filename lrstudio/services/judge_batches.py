"""Judging on a host: the calls of a judge run are answered there by a program that reads and writes batch files."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from anyio import to_thread

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import JudgeIdentity
from lrstudio.judge.plan import Plan
from lrstudio.judge.protocol import Emit
from lrstudio.services.batch_room import Room, find_room
from lrstudio.services.batch_waves import ROWS, SIZE, Pace, Sending, Waves
from lrstudio.services.consent import Consent, Outgoing
from lrstudio.services.judges import JudgeRequest, tokenizer_of
from lrstudio.services.judging import JudgeOutcome, Judging, Underway
from lrstudio.services.serving import NOBODY
from lrstudio.services.training_places import runs_home
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.meta import PROJECT_ID
from lrstudio.store.records import BatchState, JudgeBatch
from lrstudio.store.store import Store
from lrstudio.training.hosts.batch_job import FarBatch, Reached
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.launcher import Turn

_FOLDER: Final = ".batch"
_TOKENIZER: Final = "tokenizer"
_END_SECONDS: Final = 60.0
_OPEN: Final = (BatchState.WRITTEN, BatchState.STARTED)

Reach = Callable[[str], Reached]
"""Connects to the host of a name, with the studio's package there; blocks. Raises Refused, Environment, Unreachable."""


class JudgeBatches:
    """Judge runs whose calls go to a host as files.

    `hosts` gives the host of a name, `reach` connects to it.
    """

    def __init__(
        self,
        store: Store,
        judging: Judging,
        *,
        hosts: Callable[[str], Host],
        reach: Reach,
        clock: Clock = utc_now,
        pace: Pace | None = None,
        rows: int = ROWS,
        size: int = SIZE,
    ) -> None:
        self._store = store
        self._judging = judging
        self._hosts = hosts
        self._reach = reach
        self._consent = Consent(store)
        self._clock = clock
        self._pace = pace or Pace()
        self._rows = rows
        self._size = size

    def outgoing(self, request: JudgeRequest) -> tuple[Outgoing, ...]:
        """Return what the request would send to each other machine, the host among them.

        Raises:
            Refused: there is no such host, or the request does not go with one.
        """
        host = self._hosts(request.on)
        return self._judging.outgoing(_on_host(request, host), more=(f"http://{machine_of(host)}",))

    async def check(self, request: JudgeRequest) -> None:
        """Refuse what `run` would refuse for a field of the request; asks nobody.

        Raises:
            Refused: the request lacks something, or does not go with a host; names the field.
        """
        await self._judging.check(_on_host(request, self._hosts(request.on)))

    async def plan(self, request: JudgeRequest) -> Plan:
        """Tell what the same run would take; asks nobody and changes nothing.

        Raises:
            Refused: as `check`, or there is nothing to judge.
        """
        return await self._judging.plan(_on_host(request, self._hosts(request.on)))

    def under_way(self) -> tuple[JudgeBatch, ...]:
        """List the batches that a host has or is to get, and that nobody has ended."""
        return self._store.judge_batches.listed(_OPEN)

    def of_run(self, run_id: str) -> tuple[JudgeBatch, ...]:
        """List the batches of a judge run, wave by wave."""
        return tuple(batch for batch in self._store.judge_batches.listed() if batch.run_id == run_id)

    async def run(self, request: JudgeRequest, *, emit: Emit) -> JudgeOutcome:
        """Judge on a host, or go on with the judge run that is under way there.

        The calls that can be made go there as files and are answered by the host's own command; what came back leads
        to the next ones, until nothing is outstanding. Cancelling lets go of a batch and does not end it: the same
        request finds it again. Nothing that was answered is asked for again.

        Args:
            request: what to judge, and the host; `model` is a folder on the host or a name there.
            emit: told of each judgment, and of where the batch stands.

        Raises:
            Refused: as `Judging.run`; or there is no such host, another judge run is under way there, or nobody knows
                how long prompts may be.
            Environment: as `Judging.run`; or the host cannot be reached at first.
        """
        on, host = request.on, self._hosts(request.on)
        asked = _on_host(request, host)
        scope = _scope(asked)
        self._consent.check(await to_thread.run_sync(self.outgoing, request), agreed=request.agreed)
        reached = await to_thread.run_sync(self._reach, on)
        room = await to_thread.run_sync(self._room, asked, reached)
        sending = Sending(
            on=on,
            scope=scope,
            reach=partial(self._reach, on),
            described=json.dumps(host.row(), sort_keys=True),
            room=room,
            home=self._home(),
            pace=self._pace,
            rows=self._rows,
            size=self._size,
        )

        async def work(underway: Underway) -> str:
            return await Waves(self._store, underway, sending, reached=reached, emit=emit, clock=self._clock).run()

        return await self._judging.answered_elsewhere(asked, work, going_on=partial(self._going_on, on, scope))

    def end(self, on: str) -> tuple[JudgeBatch, ...]:
        """Ask what is under way on a host to end, and return it. What is answered is taken in by the next run.

        Raises:
            Refused: nothing is under way there.
            Unreachable: the host cannot be asked.
            Environment: it was asked to end, and goes on.
        """
        batches = tuple(batch for batch in self.under_way() if batch.host == on)
        if not batches:
            raise Refused(f"no judge run is under way on {on}", where="host")
        reached = self._reach(on)
        for batch in batches:
            if batch.state is BatchState.STARTED:
                self._end(reached, batch)
            else:
                self._store.judge_batches.move(batch.batch_id, BatchState.TAKEN, why="ended before it was started")
        return batches

    def _end(self, reached: Reached, batch: JudgeBatch) -> None:
        far = FarBatch(reached, batch.batch_id, tuple(file.calls for file in batch.files))
        far.end(batch.handle)
        until = time.monotonic() + _END_SECONDS
        while time.monotonic() < until:
            look = far.look(batch.handle)
            if look.exit is not None or look.turn in (Turn.OVER, Turn.NEVER):
                self._store.judge_batches.move(batch.batch_id, BatchState.OVER, why="ended by a person")
                return
            time.sleep(self._pace.look)
        raise Environment(f"the batch was asked to end and has not within {_END_SECONDS:.0f} s; end it again")

    def _going_on(self, on: str, scope: str, identity: JudgeIdentity) -> str:
        """Return the judge run that has a batch on the host and the same to judge, "" where none has.

        Raises:
            Refused: another judge run is under way there: its calls might be computed twice.
        """
        for batch in self._store.judge_batches.listed((*_OPEN, BatchState.OVER)):
            if batch.host != on:
                continue
            if batch.scope == scope and self._store.judging.run(batch.run_id).identity == identity:
                return batch.run_id
            if batch.state in _OPEN:
                raise Refused(
                    f"another judge run is under way on {on}: {batch.calls:,} calls with {batch.model}, since "
                    f"{batch.created}; run that one again to take its replies in, or end it first with --end",
                    where="host",
                )
        return ""

    def _room(self, request: JudgeRequest, reached: Reached) -> Room:
        return find_room(
            reached.transport,
            model=request.model,
            words=reached.host.batch,
            context=request.context,
            folder=self._home() / _TOKENIZER,
            tokenizer=tokenizer_of(request),
        )

    def _home(self) -> Path:
        return runs_home(self._store.path, project_id=self._store.meta.get(PROJECT_ID) or "") / _FOLDER


def machine_of(host: Host) -> str:
    """Return the machine that a host's address names, without user and port; an alias stands for itself."""
    machine = host.address.rpartition("@")[2]
    return machine if machine.endswith("]") else machine.partition(":")[0] if "[" not in machine else machine


def _on_host(request: JudgeRequest, host: Host) -> JudgeRequest:
    """Return the request as it is for a host: call keys name it in place of an address.

    Raises:
        Refused: the request asks for what a host does not do.
    """
    if request.judge != "http":
        raise Refused("only the http judge makes calls that a host can answer", where="judge")
    if request.serve:
        raise Refused("no server is started for a batch; leave the command out", where="serve")
    if not request.model or request.model.startswith(("~", ".")):
        raise Refused("name the model as the host knows it: an absolute folder there, or a name", where="model")
    if request.spend_limit is not None:
        raise Refused("what a batch on a host costs is not known beforehand; leave the limit out", where="spend limit")
    if request.asks_embeddings and not request.embedding_base_url:
        sentence = "a batch embeds no passages; name an endpoint that does, or find them by BM25"
        raise Refused(sentence, where="embedding base URL")
    return replace(request, base_url=NOBODY, known_as=f"batch:{host.name}", api_key=None, on="")


def _scope(request: JudgeRequest) -> str:
    """Return what tells apart the requests of one judge by what they are to judge."""
    parts = [
        [dimension.value for dimension in request.dimensions],
        sorted(request.candidate_ids) if request.candidate_ids is not None else None,
        request.limit,
        request.trial,
    ]
    return hashlib.sha256(json.dumps(parts).encode("utf-8")).hexdigest()
