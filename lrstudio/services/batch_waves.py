"""The waves of a judge run on a host: what can be asked now goes there as files, and what came back leads to the next.

Nothing is decided here that the run does not decide for itself: each wave is the run, made again from the call log, and
what it could not find there. So a wave that is lost with its window is made again the same, without what is answered.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio
from anyio import to_thread

from lrstudio.domain.errors import Environment
from lrstudio.domain.verdicts import Dimension, Judgment
from lrstudio.judge.endpoint import NoReply
from lrstudio.judge.protocol import Emit, JudgeEvent, Progress, Reply, Task
from lrstudio.services.batch_collecting import Came, Collecting, Log, keys_in
from lrstudio.services.batch_files import CallFiles
from lrstudio.services.batch_room import Room
from lrstudio.services.batches import read_results
from lrstudio.services.judging import Underway
from lrstudio.services.who_when import Clock
from lrstudio.store.faults import told_of_files
from lrstudio.store.records import BatchFile, BatchState, JudgeBatch
from lrstudio.store.store import Store
from lrstudio.training.far.batch import BatchExit, in_name, out_name, sha256_of
from lrstudio.training.hosts.batch_job import FarBatch, Look, Reached
from lrstudio.training.hosts.launcher import Turn
from lrstudio.training.hosts.transport import Unreachable

T = TypeVar("T")

ROWS: Final = 10_000
SIZE: Final = 100_000_000
"""Bytes of one file: a program that is started again for each file reads it whole, and answers all of it at once."""

_LONGEST_WAIT: Final = 60.0
_NO_LINE: Final = "the results hold no line for it"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between looks at the files of a batch, between questions to who started it, before the first retry."""

    look: float = 1.0
    ask: float = 10.0
    again: float = 1.0


@dataclass(frozen=True, slots=True)
class Sending:
    """How a run's calls travel: the host, which may be reached anew, and how much goes into a file."""

    on: str
    scope: str
    reach: Callable[[], Reached]
    described: str
    room: Room
    home: Path
    pace: Pace = field(default_factory=Pace)
    rows: int = ROWS
    size: int = SIZE


class Waves:
    """Makes wave after wave until nothing is outstanding, or what is brings nothing."""

    def __init__(
        self, store: Store, underway: Underway, sending: Sending, *, reached: Reached, emit: Emit, clock: Clock
    ) -> None:
        """Prepare for one judge run."""
        self._store = store
        self._underway = underway
        self._sending = sending
        self._reached = reached
        self._emit = emit
        self._clock = clock
        self._log = Log(underway, store, replied=self._replied)
        self._model = underway.run.identity.model
        self._lost: dict[str, str] = {}
        self._final: dict[str, NoReply] = {}
        self._wave = 0
        self._done = self._calls = self._input = self._output = 0
        self._cost: float | None = None
        self._started = time.monotonic()
        self._stage = ""

    async def run(self) -> str:
        """Judge; what stopped it, "" where nothing did. Let go of at any moment, it goes on from there next time."""
        batch = await to_thread.run_sync(self._under_way)
        while True:
            came = Came() if batch is None else await self._answered(batch)
            following = await self._take_in(came)
            if batch is not None:
                await self._put_away(batch)
            if came.ended_by and following is not None:
                await to_thread.run_sync(self._discard, following)
            if came.ended_by or following is None:
                return self._said(came.ended_by, following.calls if following else 0)
            batch = following

    # One wave

    async def _take_in(self, came: Came) -> JudgeBatch | None:
        """Judge as far as the log and what came go, and write down the calls that are then to be made, if any."""
        self._wave = await to_thread.run_sync(self._next_wave)
        self._say(f"wave {self._wave}: reading what is there" if came.results else f"wave {self._wave}: preparing")
        batch_id = uuid.uuid4().hex
        folder = self._sending.home / batch_id
        judged = await to_thread.run_sync(self._store.judging.judged_pairs, self._underway.run.run_id)
        with told_of_files(folder):
            await to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
            files = CallFiles(
                lambda number, _of: folder / in_name(number), rows=self._sending.rows, size=self._sending.size
            )
            collecting = Collecting(
                self._underway,
                self._log,
                files,
                came=came,
                room=self._sending.room,
                lost=self._lost,
                final=self._final,
            )
            try:
                async for judgment in self._judgments(collecting, judged):
                    await self._underway.sink.judged(judgment)
                    self._done += 1
                    self._tell(judgment)
                written = await to_thread.run_sync(collecting.publish)
            finally:
                files.discard()
            if not written:
                await to_thread.run_sync(shutil.rmtree, folder, True)
                return None
            described = await to_thread.run_sync(lambda: [_file(path, calls) for path, calls in written])
        batch = JudgeBatch(
            batch_id=batch_id,
            run_id=self._underway.run.run_id,
            scope=self._sending.scope,
            host=self._sending.on,
            described=self._sending.described,
            model=self._model,
            wave=self._wave,
            files=tuple(described),
            created=self._clock(),
        )
        await to_thread.run_sync(self._store.judge_batches.add, batch)
        return batch

    def _judgments(self, collecting: Collecting, judged: Collection[tuple[str, Dimension]]) -> AsyncIterator[Judgment]:
        judge, run = self._underway.judge, self._underway.run

        def due() -> Iterator[Task]:
            for task in self._underway.tasks:
                rest = tuple(it for it in task.dimensions if (task.candidate.candidate_id, it) not in judged)
                if rest:
                    yield replace(task, dimensions=rest)

        rehearsal = judge.rehearsal(note=lambda _noted: None, supply=collecting.supply)
        return judge.rehearse(rehearsal, due(), calls=self._log, run_id=run.run_id)

    async def _answered(self, batch: JudgeBatch) -> Came:
        """See a batch through to its end, and return what came of it."""
        far = FarBatch(self._reached, batch.batch_id, tuple(file.calls for file in batch.files))
        if batch.state is BatchState.WRITTEN:
            if not await to_thread.run_sync(self._whole, batch):
                return Came()  # written on another machine, and never sent: its calls are written anew
            batch = await self._send(far, batch)
        ended: BatchExit | None = None
        live = batch.state is BatchState.STARTED
        if live:
            ended = await self._wait(far, batch)
            over = partial(self._store.judge_batches.move, batch.batch_id, BatchState.OVER)
            await to_thread.run_sync(partial(over, why="" if ended is not None else "it was killed"))
        else:
            ended = (await self._insist(far, far.look)).exit
        came = await self._fetch(far, batch, ended)
        came.earlier = not live
        if live and (ended is None or ended.stopped):
            came.ended_by = "killed" if ended is None else "ended"
        return came

    async def _send(self, far: FarBatch, batch: JudgeBatch) -> JudgeBatch:
        files = [self._local(batch, file.name) for file in batch.files]

        def sent(there: int, of: int) -> None:
            self._say(f"wave {self._wave}: {_megabytes(there)} of {_megabytes(of)} sent to {batch.host}")

        self._wave = batch.wave
        await self._insist(far, partial(far.send, files, model=batch.model, progress=sent))
        handle = await self._insist(far, partial(far.start, key=batch.batch_id))
        move = partial(self._store.judge_batches.move, batch.batch_id, BatchState.STARTED)
        await to_thread.run_sync(partial(move, handle=handle))
        return replace(batch, state=BatchState.STARTED, handle=handle)

    async def _wait(self, far: FarBatch, batch: JudgeBatch) -> BatchExit | None:
        """Wait for the end; None where it was killed: who started it says twice that it is gone, and it said nothing.

        As long as nobody can be asked it is not known to be gone, and is waited for.
        """
        pace, asked, gone = self._sending.pace, float("-inf"), 0
        self._wave = batch.wave
        while True:
            ask = time.monotonic() - asked >= pace.ask
            look = await self._insist(far, partial(far.look, batch.handle if ask else ""))
            if look.exit is not None:
                return look.exit
            if ask:
                asked = time.monotonic()
                gone = gone + 1 if look.turn in (Turn.OVER, Turn.NEVER) else 0
                if gone == 2:
                    await self._insist(far, far.sweep)
                    return None
            self._say(_standing(self._wave, batch, look))
            await anyio.sleep(pace.look)

    async def _fetch(self, far: FarBatch, batch: JudgeBatch, ended: BatchExit | None) -> Came:
        came = Came()
        killed = "the batch was killed before it was answered"
        whys = {part.number: part.why for part in ended.parts} if ended else {}
        hashes = {part.number: part.sha256 for part in ended.parts} if ended else {}
        answered = await self._insist(far, far.answered_parts)
        for number, file in enumerate(batch.files, start=1):
            keys = await to_thread.run_sync(keys_in, self._local(batch, file.name))
            if number not in answered:
                why = whys.get(number) or (ended.why if ended else killed) or killed
                came.whys.update(dict.fromkeys(keys, why))
                continue
            out = self._local(batch, out_name(number))
            with told_of_files(out.parent):
                out.parent.mkdir(parents=True, exist_ok=True)
            sha256 = hashes.get(number, "")
            await self._insist(far, partial(far.fetch, number, out, sha256=sha256))
            results = await to_thread.run_sync(read_results, [out])
            came.results.update(results.by_key)
            came.whys.update({key: _NO_LINE for key in keys if key not in results.by_key})
        return came

    async def _put_away(self, batch: JudgeBatch) -> None:
        """Note that a batch is in the log, and take its files away, here and there: they hold whole documents."""
        far = FarBatch(self._reached, batch.batch_id, ())
        with suppress(Unreachable, Environment):  # nothing hangs on it
            await to_thread.run_sync(far.remove)
        await to_thread.run_sync(self._discard, batch)

    async def _insist(self, far: FarBatch, call: Callable[[], T]) -> T:
        """Ask a host until it answers; a link that is lost says nothing of what goes on there."""
        pause, since = self._sending.pace.again, ""
        while True:
            try:
                return await to_thread.run_sync(call, abandon_on_cancel=True)
            except Unreachable as error:
                since = since or time.strftime("%H:%M")
                self._say(
                    f"wave {self._wave}: unknown since {since}: {far.reached.host.name} cannot be asked ({error})"
                )
            await anyio.sleep(pause)
            pause = min(_LONGEST_WAIT, pause * 2)
            with suppress(Unreachable):
                self._reached = far.reached = await to_thread.run_sync(self._sending.reach, abandon_on_cancel=True)

    # What is there

    def _under_way(self) -> JudgeBatch | None:
        """Return the batch of this run that is not in the log yet, and clear away what is nobody's."""
        states = (BatchState.WRITTEN, BatchState.STARTED, BatchState.OVER)
        found = self._store.judge_batches.listed(states)
        known = {batch.batch_id for batch in found}
        for entry in self._sending.home.glob("*") if self._sending.home.is_dir() else ():
            if entry.is_dir() and entry.name not in known:
                shutil.rmtree(entry, ignore_errors=True)
        mine = [
            batch for batch in found if batch.run_id == self._underway.run.run_id and batch.host == self._sending.on
        ]
        return mine[0] if mine else None

    def _next_wave(self) -> int:
        run_id = self._underway.run.run_id
        return 1 + max((it.wave for it in self._store.judge_batches.listed() if it.run_id == run_id), default=0)

    def _whole(self, batch: JudgeBatch) -> bool:
        paths = [(self._local(batch, file.name), file.sha256) for file in batch.files]
        return all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in paths)

    def _local(self, batch: JudgeBatch, name: str) -> Path:
        return self._sending.home / batch.batch_id / name

    def _discard(self, batch: JudgeBatch) -> None:
        self._store.judge_batches.move(batch.batch_id, BatchState.TAKEN, why=batch.why)
        shutil.rmtree(self._sending.home / batch.batch_id, ignore_errors=True)

    # What is told

    def _said(self, ended_by: str, outstanding: int) -> str:
        """Say what keeps the run from its end, "" where nothing does."""
        if ended_by:
            left = counted(outstanding + len(self._lost), "call")
            return f"the batch was {ended_by} on {self._sending.on}; {left} outstanding, run again to go on"
        if not self._lost:
            return ""
        return f"{counted(len(self._lost), 'call')} brought nothing and can be sent again: {self._lost_why()}"

    def _lost_why(self) -> str:
        return next(iter(self._lost.values()))

    def _replied(self, reply: Reply) -> None:
        self._calls += 1
        self._input += reply.input_tokens or 0
        self._output += reply.output_tokens or 0
        if reply.cost is not None:
            self._cost = (self._cost or 0.0) + reply.cost

    def _say(self, stage: str) -> None:
        if stage != self._stage:
            self._stage = stage
            self._tell()

    def _tell(self, judgment: Judgment | None = None) -> None:
        progress = Progress(
            done=self._done,
            total=self._underway.tasks.judgments,
            calls=self._calls,
            input_tokens=self._input,
            output_tokens=self._output,
            cost=self._cost,
            seconds=time.monotonic() - self._started,
            seconds_left=None,
            stage=self._stage,
        )
        self._emit(JudgeEvent(progress, judgment))


def _file(path: Path, calls: int) -> BatchFile:
    return BatchFile(path.name, sha256_of(path), path.stat().st_size, calls)


def _standing(wave: int, batch: JudgeBatch, look: Look) -> str:
    if look.waits:
        return f"wave {wave}: waits on {batch.host}" + (f" ({look.why})" if look.why else "")
    return f"wave {wave}: {look.answered:,}/{batch.calls:,} calls on {batch.host}"


def counted(number: int, noun: str) -> str:
    """Return the number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
