"""What one wave of a judge run on a host takes in, and what it collects for the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio import to_thread

from lrstudio.judge.batch import Result
from lrstudio.judge.caller import Unsent
from lrstudio.judge.endpoint import Completion, NoReply, Trouble
from lrstudio.judge.protocol import Call, ParseState, Reply
from lrstudio.services.batch_files import CallFiles
from lrstudio.services.batch_room import Fit, Room
from lrstudio.services.judging import Underway
from lrstudio.store.records import CallState
from lrstudio.store.store import Store


@dataclass(slots=True)
class Came:
    """What came back for the calls of one wave; `whys` says of calls without a line why that is.

    `ended_by` says what ended the batch while it was waited for, "" where it came to its own end. `earlier` says that
    it was over before: a person has seen since what it did not bring, and asks for it again.
    """

    results: dict[str, Result] = field(default_factory=dict)
    whys: dict[str, str] = field(default_factory=dict)
    ended_by: str = ""
    earlier: bool = False


class Log:
    """The call log of a run whose calls were written down before they were sent: nothing is written down twice."""

    def __init__(self, underway: Underway, store: Store, *, replied: Callable[[Reply], None]) -> None:
        self._calls = underway.calls
        self._run_id = underway.run.run_id
        self._store = store
        self._replied = replied
        self._over: set[str] = set()

    async def finished(self, key: str) -> Reply | None:
        """Return the reply that the model gave earlier."""
        return await self._calls.finished(key)

    async def begin(self, call: Call) -> None:
        """Write a call down, unless that is done and nothing came since."""
        if call.key in self._over:
            return
        row = await to_thread.run_sync(self._store.calls.get, call.key)
        if row is None or row.state is not CallState.PLANNED or row.run_id != self._run_id:
            await self._calls.begin(call)

    async def end(self, key: str, reply: Reply) -> None:
        """Write down what came back, once."""
        if key in self._over:
            return
        self._over.add(key)
        await self._calls.end(key, reply)
        self._replied(reply)

    async def lose(self, key: str, why: str) -> None:
        """Write down that a call brought nothing; it is begun again when it is sent again."""
        await self._calls.end(key, Reply("", "", ParseState.FAILED, None, None, None, 0.0, why))


class Collecting:
    """Supplies a run with what came back, and collects the calls that are still to be made.

    A call that brought nothing is not sent again before a person asks for it: what `lost` names stays outstanding.
    What was turned down for good stays so: `final` is as good as a reply.
    """

    def __init__(
        self,
        underway: Underway,
        log: Log,
        files: CallFiles,
        *,
        came: Came,
        room: Room,
        lost: dict[str, str],
        final: dict[str, NoReply],
    ) -> None:
        self._underway, self._log, self._files = underway, log, files
        self._came, self._room, self._lost, self._final = came, room, lost, final
        self._seen: set[str] = set()
        self._unsure: list[Unsent[Any]] = []

    async def supply(self, unsent: Unsent[Any]) -> Completion | NoReply | None:
        """Return what came back for a call, None where it is to be made."""
        key = unsent.key
        result = self._came.results.get(key)
        if result is not None and isinstance(result.outcome, Completion):
            return result.outcome
        if result is not None and isinstance(result.outcome, NoReply):
            self._final[key] = result.outcome
        if key in self._final:
            return self._final[key]
        if key in self._seen:
            return None
        self._seen.add(key)
        if result is not None or key in self._came.whys:
            why = result.error if result is not None else self._came.whys[key]
            await self._log.lose(key, why)
            if not self._came.earlier:
                self._lost[key] = why
        if key in self._lost:
            return None
        fit = await to_thread.run_sync(self._room.fit, unsent)
        if fit is Fit.NO:
            self._final[key] = NoReply(Trouble.CONTEXT_OVERFLOW, self._room.refusal(unsent))
            return self._final[key]
        await self._log.begin(self._underway.judge.record(unsent))
        if fit is Fit.UNSURE:
            self._unsure.append(unsent)
        else:
            self._files.add(unsent)
        return None

    def publish(self) -> tuple[tuple[Path, int], ...]:
        """Give the files their names. Calls that may be too long go last, in a file that they alone can spoil."""
        if self._unsure:
            self._files.part()
        for unsent in self._unsure:
            self._files.add(unsent)
        return self._files.publish()


def keys_in(path: Path) -> list[str]:
    """Return the keys of the calls in a file, none where it is not there any more."""
    try:
        with path.open("rb") as lines:
            return [str(json.loads(line)["custom_id"]) for line in lines]
    except FileNotFoundError:
        return []
