"""The calls of one batch, answered where the model is: `python -m lrstudio.training.far.batch FOLDER`.

    job.json        what is to be done, see `BatchJob`; frozen
    in-001.jsonl    the calls of a part, a request row a line, as a batch service takes them
    batch-001.log   what the program prints that answers a part
    state.json      where the batch stands; replaced by rename
    out-001.jsonl   the replies of a part, a result row a line; takes its name when the program has ended well
    child.json      which process answers now
    exit.json       how it ended; written last

The program is started once for each part, as `WORDS -i IN -o OUT --model MODEL`. A part that has its replies is not
answered again. One that fails does not keep the next from being tried, unless none before it went well: what is wrong
then is most likely wrong with all. On a machine without a scheduler the batch waits for its turn among the runs there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

from lrstudio.training.folder import replace_file
from lrstudio.training.identity import Identity
from lrstudio.training.turns import Turns

VERSION: Final = 1
JOB: Final = "job.json"
STATE: Final = "state.json"
EXIT: Final = "exit.json"
CHILD: Final = "child.json"
LOG: Final = "runner.log"

QUEUED: Final = "queued"
WORKING: Final = "working"

_TICK = 0.1
_GRACE = 20.0
"""Seconds that the program has to end when it is asked to."""
_TAIL = 8192


def in_name(number: int) -> str:
    """Return the name of the calls of a part, from 1."""
    return f"in-{number:03d}.jsonl"


def out_name(number: int) -> str:
    """Return the name of the replies of a part, from 1."""
    return f"out-{number:03d}.jsonl"


def log_name(number: int) -> str:
    """Return the name of what was printed over a part, from 1."""
    return f"batch-{number:03d}.log"


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What is to be done: `words` start the program, `calls` counts those of each part.

    `queue` is the folder in which the jobs of the machine queue up, "" where a scheduler gives turns.
    """

    batch_id: str
    words: tuple[str, ...]
    model: str
    calls: tuple[int, ...]
    queue: str = ""

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps({"v": VERSION, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> BatchJob:
        """Read what `text` gave.

        Raises:
            ValueError: it is no job.
        """
        row = json.loads(text)
        try:
            words, calls = tuple(map(str, row["words"])), tuple(map(int, row["calls"]))
            return cls(str(row["batch_id"]), words, str(row["model"]), calls, str(row["queue"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no batch job ({error!r})") from error


@dataclass(frozen=True, slots=True)
class PartEnd:
    """How a part ended: with the SHA-256 of its replies, or "" and the reason why it has none."""

    number: int
    sha256: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class BatchExit:
    """How a batch ended; `stopped` says that it was asked to."""

    parts: tuple[PartEnd, ...] = ()
    stopped: bool = False
    why: str = ""

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps({"v": VERSION, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> BatchExit:
        """Read what `text` gave.

        Raises:
            ValueError: it is no end of a batch.
        """
        row = json.loads(text)
        try:
            parts = tuple(PartEnd(int(it["number"]), str(it["sha256"]), str(it["why"])) for it in row["parts"])
            return cls(parts, bool(row["stopped"]), str(row["why"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"this does not say how a batch ended ({error!r})") from error


@dataclass(slots=True)
class Runner:
    """Answers the parts of one batch, one after another."""

    folder: Path
    grace: float = _GRACE
    _stopped: bool = field(default=False, init=False)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def run(self) -> BatchExit:
        """Answer what has no replies yet, and say how it ended."""
        job = BatchJob.read((self.folder / JOB).read_text(encoding="utf-8"))
        turns = Turns(Path(job.queue), job.batch_id) if job.queue else None
        try:
            if turns is not None:
                self._wait(turns)
            ended = BatchExit(tuple(self._parts(job)), self._stopped)
        except OSError as error:
            ended = BatchExit(why=f"{error.strerror or error}: {error.filename or self.folder}")
        finally:
            if turns is not None:
                turns.leave()
        replace_file(self.folder / EXIT, ended.text())
        return ended

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End in order: the program is asked to end, and what is answered is kept."""
        self._stopped = True

    def _wait(self, turns: Turns) -> None:
        turns.draw()
        while not self._stopped and (ahead := turns.ahead()):
            self._stand(QUEUED, why=f"waits for {len(ahead)} other job{'s' if len(ahead) > 1 else ''} of this machine")
            time.sleep(_TICK)

    def _parts(self, job: BatchJob) -> list[PartEnd]:
        ended: list[PartEnd] = []
        for number in range(1, len(job.calls) + 1):
            if ended and not any(it.sha256 for it in ended):
                ended.append(PartEnd(number, why="not tried, since no part before it went well"))
            elif self._stopped and not (self.folder / out_name(number)).exists():
                ended.append(PartEnd(number, why="stopped before it was answered"))
            else:
                ended.append(self._part(job, number))
        return ended

    def _part(self, job: BatchJob, number: int) -> PartEnd:
        out = self.folder / out_name(number)
        if not out.exists():
            unfinished = self.folder / f"{out.name}.part"
            unfinished.unlink(missing_ok=True)
            self._stand(WORKING, part=number)
            if why := self._answer(job, number, unfinished):
                return PartEnd(number, why=why)
            os.replace(unfinished, out)
        return PartEnd(number, sha256=sha256_of(out))

    def _answer(self, job: BatchJob, number: int, out: Path) -> str:
        """Start the program and wait for its end; say what went wrong, "" where nothing did."""
        words = [*job.words, "-i", in_name(number), "-o", out.name, "--model", job.model]
        log = self.folder / log_name(number)
        with log.open("ab") as written:
            try:
                child = subprocess.Popen(
                    words,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                    start_new_session=True,
                )
            except OSError as error:
                return f"{words[0]!r} cannot be started: {error.strerror or error}"
        replace_file(self.folder / CHILD, json.dumps(Identity.of(child.pid).row()))
        status = self._ended(child)
        _kill_group(child.pid)  # what it has started and left
        if self._stopped and status:
            return "stopped while it was answered"
        if status:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            return f"{Path(words[0]).name} ended with {how}: {last_words(log) or 'it said nothing'}"
        return "" if out.exists() else f"{Path(words[0]).name} ended well but wrote no replies"

    def _ended(self, child: subprocess.Popen[bytes]) -> int:
        asked = 0.0
        while (status := child.poll()) is None:
            if self._stopped and not asked:
                asked = time.monotonic()
                child.terminate()
            elif asked and time.monotonic() - asked > self.grace:
                _kill_group(child.pid)
            time.sleep(_TICK)
        return status

    def _stand(self, phase: str, *, part: int = 0, why: str = "") -> None:
        replace_file(self.folder / STATE, json.dumps({"v": VERSION, "phase": phase, "part": part, "why": why}))


def sweep(folder: Path) -> None:
    """End what a runner that was killed has left running."""
    with suppress(FileNotFoundError, ValueError, KeyError):
        child = Identity.read(json.loads((folder / CHILD).read_text(encoding="utf-8")))
        if child.alive():
            _kill_group(child.pid)


def last_words(log: Path) -> str:
    """Return the last line of a log that says something, "" where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:500] for line in reversed(lines) if line.strip()), "")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def main(words: Sequence[str] | None = None) -> int:
    """Run a batch, or end what one has left running."""
    parser = argparse.ArgumentParser(prog="python -m lrstudio.training.far.batch")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sweep", action="store_true", help="end what a killed batch has left running")
    given: Any = parser.parse_args(words)
    if given.sweep:
        sweep(given.folder)
        return 0
    runner = Runner(given.folder.absolute())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, runner.stop)
    ended = runner.run()
    return 0 if all(part.sha256 for part in ended.parts) and not ended.why else 1


if __name__ == "__main__":
    sys.exit(main())
