"""Judging by batch files: the outstanding calls go out as files, and what came back is read in.

Some prompts are made of earlier replies, so a judge run takes two waves: claims and key points first, then the checks
of the claims and the completeness of the answers. A reply that cannot be read or was lost comes again in the next file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Judgment
from lrstudio.formats.jsonl import BROKEN, parsed, unpacked
from lrstudio.judge.batch import BYTES, ROWS, Result, Results, gather, result_of
from lrstudio.judge.caller import Unsent
from lrstudio.judge.endpoint import Completion, NoReply
from lrstudio.judge.http import HttpJudge
from lrstudio.judge.packs import CallName
from lrstudio.judge.protocol import CallLog, Judge, Task
from lrstudio.judge.rehearsal import FIRST_WAVE, Noted
from lrstudio.services.batch_files import CallFiles


@dataclass(frozen=True, slots=True)
class BatchWritten:
    """The files of one wave, with the calls in them by purpose; `waves_left` follow, unreadable replies aside."""

    files: tuple[Path, ...]
    calls: Mapping[str, int]
    wave: int
    waves_left: int


@dataclass(frozen=True, slots=True)
class BatchRead:
    """What became of the rows of a results file.

    `replies` were new to the log, `known` were in it already, `repeated` were further rows of one call. `unknown` are
    custom ids that this judge has not asked for; `errors` say why calls brought nothing. `outstanding` are the calls
    still to be made.
    """

    replies: int
    known: int
    repeated: int
    unknown: tuple[str, ...]
    errors: tuple[str, ...]
    outstanding: int


def asking(judge: Judge) -> HttpJudge:
    """Return a judge that asks a model.

    Raises:
        Refused: it asks none, so there are no calls to write.
    """
    if not isinstance(judge, HttpJudge):
        raise Refused("only the http judge makes calls that a batch file can hold", where="judge")
    return judge


async def write_batch(
    judge: HttpJudge, tasks: Iterable[Task], out: Path, *, calls: CallLog, rows: int = ROWS, size: int = BYTES
) -> BatchWritten:
    """Write the outstanding calls to `out`, or to `out`.1, `out`.2 ... where they exceed `rows` or `size` in bytes.

    Raises:
        Refused: one call alone is larger than `size`.
        Environment: the files cannot be written; none is then left half written.
    """
    parts = CallFiles(lambda number, of: out if of == 1 else Path(f"{out}.{number}"), rows=rows, size=size)
    purposes: Counter[CallName] = Counter()

    def note(noted: Noted) -> None:
        if noted.unsent:
            parts.add(noted.unsent)
            purposes[CallName(noted.ask.call)] += 1

    try:
        async for _ in judge.rehearse(judge.rehearsal(note=note), tasks, calls=calls):
            pass
        files = tuple(path for path, _ in parts.publish())
    except OSError as error:
        raise Environment(f"cannot be written: {error.strerror}", where=str(out)) from error
    finally:
        parts.discard()
    left = int(bool(purposes.keys() & {CallName.CLAIMS, CallName.KEY_POINTS}))
    wave = 1 if left or purposes.keys() <= FIRST_WAVE else 2
    return BatchWritten(files, {call.value: purposes[call] for call in CallName if purposes[call]}, wave, left)


def read_results(files: Sequence[Path]) -> Results:
    """Read results files.

    Raises:
        Refused: a file is missing, or a line of it is no row of results; names file and line.
    """
    return gather(result for file in files for result in _results(file))


@dataclass(slots=True)
class BatchReader:
    """Judges from the log and from results; what was in neither is outstanding."""

    judge: HttpJudge
    results: Results
    calls: CallLog
    outstanding: int = field(default=0, init=False)
    _taken: set[str] = field(default_factory=set, init=False)
    _errors: list[str] = field(default_factory=list, init=False)

    def judgments(self, tasks: Iterable[Task], *, run_id: str) -> AsyncIterator[Judgment]:
        """Yield the judgments that are complete; every reply is in the log before."""
        return self.judge.rehearse(
            self.judge.rehearsal(note=self._note, supply=self._supply), tasks, calls=self.calls, run_id=run_id
        )

    async def told(self) -> BatchRead:
        """Say what became of the rows, when the judgments have been read."""
        rest = [key for key in self.results.by_key if key not in self._taken]
        unknown = [key for key in rest if await self.calls.finished(key) is None]
        return BatchRead(
            replies=len(self._taken) - len(self._errors),
            known=len(rest) - len(unknown),
            repeated=self.results.repeated,
            unknown=tuple(unknown),
            errors=tuple(self._errors),
            outstanding=self.outstanding,
        )

    def _note(self, noted: Noted) -> None:
        self.outstanding += noted.unsent is not None

    async def _supply(self, unsent: Unsent[Any]) -> Completion | NoReply | None:
        result = self.results.by_key.get(unsent.key)
        if result is None:
            return None
        if unsent.key not in self._taken:
            self._taken.add(unsent.key)
            if result.error:
                self._errors.append(f"{unsent.ask.call} {unsent.key[:12]}: {result.error}")
        return result.outcome


def _results(file: Path) -> Iterator[Result]:
    try:
        with unpacked(file) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _result(line, where=f"{file.name} line {number}")
    except BROKEN as error:
        raise Refused(f"the compressed file breaks off ({error}); get a whole copy of it", where=str(file)) from error
    except OSError as error:
        raise Refused(f"the results cannot be read: {error.strerror}", where=str(file)) from error


def _result(line: bytes, *, where: str) -> Result:
    try:
        return result_of(parsed(line))
    except ValueError as error:
        raise Refused(f"not a row of batch results: {error}", where=where) from error
