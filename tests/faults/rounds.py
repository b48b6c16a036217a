"""Fault rounds: the judge before a hostile server, killed at a random moment, must end as if nothing had happened.

One round: a project is imported and judged through the command line, each command in a process of its own that had the
studio imported before; `kill -9` ends one of the processes somewhere; the same words again must finish the work. Beside
it, another project is judged undisturbed by a server of the same seed. What the project held at the kill is read from a
copy, so that the next process has to recover by itself.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from lrstudio.domain.verdicts import Dimension
from lrstudio.store.records import CallRow, CallState
from lrstudio.store.store import Store
from tests.doubles.chat_server import ChatServer, Policy, plausible
from tests.doubles.ready_commands import Command, ready
from tests.faults import ledger
from tests.faults.hostile import TIMEOUT, hostile
from tests.faults.ledger import EXTRACTION, Event, Tail
from tests.faults.source import CANDIDATES, QUESTIONS, write_source

ROOT = Path(__file__).resolve().parents[2]
CONCURRENCY = 6
LATENCY = 0.03
PHASES = ("import", "extraction", "check", "write", "shutdown")
PATIENCE = 180.0
"""Seconds after which a command counts as hanging."""
AIMS = (*PHASES, "any")
"""What a round aims at; "any" is any moment of the judge run. The phase that it hit is told from what it left."""

_JUDGMENTS = CANDIDATES * len(Dimension)
_TRIES = 12
_SETTLED = 0.3  # for what a killed process had sent and the server has not read yet
_POLL = 0.0005

Tamper = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Held:
    """What a project held: calls by key, the purposes of those begun and not ended, judgments, questions."""

    done: dict[str, CallRow]
    open_calls: tuple[str, ...]
    judgments: int
    questions: int

    @property
    def bodies(self) -> set[str]:
        """The hashes of the requests whose replies it held."""
        return {sha256(row.request.encode()).hexdigest() for row in self.done.values()}


@dataclass(slots=True)
class Round:
    """One round and what is wrong with it.

    At the kill the project held `rows` questions and `finished` calls of the `calls` that the server had seen.
    `repeated` were paid again, `unscored` are the judgments without a score at the end. `tries` is more than 1 where
    the process ended before the kill.
    """

    seed: int
    aim: str
    phase: str = ""
    rows: int = 0
    calls: int = 0
    finished: int = 0
    repeated: int = 0
    unscored: int = 0
    tries: int = 1
    seconds: float = 0.0
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kill:
    """A process killed at `at`: what it caused until then, and what its project held."""

    at: float
    events: tuple[Event, ...]
    held: Held


class EndedFirst(Exception):
    """The process ended before it could be killed."""


class Failed(Exception):
    """A command that must work did not; the text says which and what it said."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rounds share: the file to import, the project imported from it, and the judgments of a calm server."""

    folder: Path
    source: Path
    imported: Path
    content: tuple[str, ...]
    calm: tuple[dict[str, Any], ...]

    @classmethod
    def prepare(cls, folder: Path) -> Bench:
        """Import once and judge once, with nothing in the way."""
        source, imported, judged = write_source(folder / "source.jsonl"), folder / "whole.lrs", folder / "calm.lrs"
        lrstudio("new", imported)
        lrstudio("import", imported, source)
        shutil.copy(imported, judged)
        with ChatServer(plausible) as server:
            lrstudio(*judge_words(judged, server.base_url))
        return cls(folder, source, imported, tuple(content(imported)), tuple(judgments(judged)))


# ---- the command line


def environment() -> dict[str, str]:
    """Return this process's environment without proxies, keys and a person's settings."""
    proxies = {f"{scheme}_proxy" for scheme in ("http", "https", "all")}
    kept = {k: v for k, v in os.environ.items() if k.lower() not in proxies and k != "LRSTUDIO_API_KEY"}
    profile = os.path.join(tempfile.gettempdir(), "lrstudio-no-profile")
    return {**kept, "LRSTUDIO_PROFILE": profile, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def judge_words(project: Path, url: str) -> list[str]:
    options = {"--base-url": url, "--model": "test-model", "--concurrency": CONCURRENCY, "--timeout": TIMEOUT}
    return ["judge", str(project), "--judge", "http", *(str(word) for pair in options.items() for word in pair)]


def lrstudio(*arguments: object) -> None:
    """Run a verb; raises Failed unless it does all it should and says nothing like a crash."""
    try:
        status, _, said = ready().run(
            [*map(str, arguments)], environment=environment(), folder=str(ROOT), timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"lrstudio {arguments[0]} did not end within {PATIENCE:g} s") from error
    if status or "Traceback" in said:
        raise Failed(f"lrstudio {arguments[0]} ended with {status}: {said.strip()[-600:]}")


def _rows(project: Path, what: str) -> list[dict[str, Any]]:
    out = project.with_suffix(f".{what}.jsonl")
    lrstudio("export", project, out, "--what", what)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def content(project: Path) -> list[str]:
    """Return the records of a project; the first line of the export names the project."""
    return [json.dumps(row) for row in _rows(project, "project")[1:]]


def judgments(project: Path) -> list[dict[str, Any]]:
    """Return the judgments without what tells one run from another."""
    rows = _rows(project, "judgments")
    for row in rows:
        del row["run_id"]
        del row["coverage"]["attempts"]
    return rows


# ---- what is there


def held(project: Path) -> Held:
    """Read a copy of a project as a killed process left it, its write-ahead log included."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.lrs"
        for suffix in ("", "-wal"):
            if (part := project.with_name(project.name + suffix)).exists():
                shutil.copy(part, copy.with_name(copy.name + suffix))
        with Store.open(copy) as store:
            names = ["", *(info.candidate_id for info in store.library.candidate_infos())]
            rows = [row for name in names for row in store.calls.for_candidate(name)]
            begun = sorted((row for row in rows if row.state is CallState.PLANNED), key=lambda row: row.created)
            return Held(
                done={row.key: row for row in rows if row.state is CallState.DONE},
                open_calls=tuple(row.purpose for row in begun),
                judgments=sum(len(store.judging.judged_pairs(run.run_id)) for run in store.judging.runs()[:1]),
                questions=len(list(store.library.questions())),
            )


def invented(rows: list[dict[str, Any]], calm: tuple[dict[str, Any], ...]) -> list[str]:
    """Name the scores and verdicts that a calm server's model never gave: no reply may become another number."""
    said = {(row["candidate_id"], row["dimension"]): row for row in calm}
    found = []
    for row in rows:
        name = (row["candidate_id"], row["dimension"])
        claims = {claim["text"]: claim["support"] for claim in said[name]["claims"]}
        decided = [claim for claim in row["claims"] if claim["support"] is not None]
        same = all(claims.get(claim["text"]) == claim["support"] for claim in decided)
        if row["dimension"] != Dimension.FAITHFULNESS and row["score"] not in (None, said[name]["score"]):
            same = False
        if not same:
            found.append(f"{' '.join(name)} was given what no reply said")
    return found


# ---- killing


@contextmanager
def running(*arguments: object) -> Iterator[Command]:
    with tempfile.TemporaryFile("w+") as errors:
        process = ready().start(
            [*map(str, arguments)], environment=environment(), stderr=errors.fileno(), folder=str(ROOT)
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        if "Traceback" in (said := errors.read()):
            raise Failed(f"lrstudio {arguments[0]} crashed: {said[-600:]}")


def until(reached: Callable[[], bool], process: Command) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if process.poll() is not None:
            raise EndedFirst
        if time.monotonic() > deadline:
            raise Failed("the moment to kill never came")
        time.sleep(_POLL)


def kill(process: Command, *, after: float) -> float:
    """Kill -9 a process that is still there; return when."""
    time.sleep(after)
    if process.poll() is not None:
        raise EndedFirst
    at = time.time()
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        raise EndedFirst
    return at


def kill_import(project: Path, source: Path, rng: random.Random) -> Held:
    """Kill an import after some of its transactions; EndedFirst where all of them had gone through."""
    commits = rng.randint(0, QUESTIONS // 500 - 1)
    with running("import", project, source) as process:
        with Store.open(project) as store:
            seen, version = 0, store.data_version()

            def reached() -> bool:
                nonlocal seen, version
                if (now := store.data_version()) != version:
                    seen, version = seen + 1, now
                return seen >= commits

            # The first transaction comes when the file is open and checked, which takes longer than all others.
            until(reached, process)
        kill(process, after=rng.uniform(0.0, 0.08) if commits else rng.uniform(0.0, 0.3))
    there = held(project)
    if there.questions >= QUESTIONS:
        raise EndedFirst
    return there


def kill_judge(project: Path, url: str, log: Tail, *, aim: str, rng: random.Random) -> Kill:
    """Kill a judge run at a moment of this kind."""
    with running(*judge_words(project, url)) as process:
        if aim == "shutdown":
            with Store.open(project) as store:
                until(lambda: _all_judged(store), process)
            at = kill(process, after=rng.uniform(0.0, 0.3))
        else:
            wanted = rng.randint(1, {"extraction": 8, "check": 25, "write": 35, "any": 60}[aim])
            until(lambda: sum(_counts(event, aim) for event in log.read()) >= wanted, process)
            at = kill(process, after=rng.uniform(0.0, {"write": 0.0015, "any": 0.3}.get(aim, LATENCY)))
    time.sleep(_SETTLED)
    return Kill(at, tuple(log.read()), held(project))


def _counts(event: Event, aim: str) -> bool:
    """Tell whether an event is one that a kill of this aim waits for."""
    if aim == "write":
        return event.paid
    wanted = aim == "any" or (event.call in EXTRACTION) == (aim == "extraction")
    return event.kind == "request" and wanted


def _all_judged(store: Store) -> bool:
    return any(len(store.judging.judged_pairs(run.run_id)) == _JUDGMENTS for run in store.judging.runs())


# ---- a round


def play(bench: Bench, *, seed: int, aim: str, tamper: Tamper | None = None) -> Round:
    """Play one round, again where the process ends before the kill; `tamper` spoils the project after the kill."""
    done = Round(seed, aim)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=bench.folder) as name, ThreadPoolExecutor(1) as beside:
        folder = Path(name)
        undisturbed = beside.submit(judge_undisturbed, bench, folder, hostile(seed))
        try:
            while True:
                try:
                    project, events = _disturbed(bench, folder / str(done.tries), done, tamper)
                    break
                except EndedFirst:
                    done.tries += 1
                    if done.tries > _TRIES:
                        raise Failed(f"it ended before the kill {_TRIES} times") from None
            _compare(bench, done, project, events, *undisturbed.result())
        except Failed as failure:
            done.complaints.append(str(failure))
    done.seconds = time.monotonic() - started
    return done


def judge_undisturbed(bench: Bench, folder: Path, policy: Policy) -> tuple[list[dict[str, Any]], list[Event]]:
    """Judge with a hostile server and nothing else in the way; return the judgments and the server's log."""
    project, log = folder / "undisturbed.lrs", folder / "undisturbed.log"
    shutil.copy(bench.imported, project)
    with ChatServer(policy, latency=LATENCY, log=log) as server:
        lrstudio(*judge_words(project, server.base_url))
    return judgments(project), Tail(log).read()


def _disturbed(bench: Bench, folder: Path, done: Round, tamper: Tamper | None) -> tuple[Path, list[Event]]:
    """Import and judge with one kill on the way; return the project and the server's log."""
    folder.mkdir()
    project, tail = folder / "killed.lrs", Tail(folder / "server.log")
    rng = random.Random(f"{done.seed} {done.aim} {done.tries}")
    if done.aim == "import":
        lrstudio("new", project)
        _note(done, "import", kill_import(project, bench.source, rng), ())
        lrstudio("import", project, bench.source)
        if content(project) != list(bench.content):
            done.complaints.append("the import that went on left other rows than a whole one")
    else:
        shutil.copy(bench.imported, project)
    with ChatServer(hostile(done.seed), latency=LATENCY, log=folder / "server.log") as server:
        if done.aim == "import":
            lrstudio(*judge_words(project, server.base_url))
            done.complaints += ledger.complaints((), tail.read(), finished=(), concurrency=CONCURRENCY)
        else:
            killed = kill_judge(project, server.base_url, tail, aim=done.aim, rng=rng)
            _judge_on(project, server.base_url, tail, killed, done, tamper)
    return project, tail.read()


def _judge_on(project: Path, url: str, tail: Tail, killed: Kill, done: Round, tamper: Tamper | None) -> None:
    """Finish a killed judge run and see that no reply which the project held was lost or asked for again."""
    before, bodies = killed.held, killed.held.bodies
    everything = before.judgments == _JUDGMENTS
    hit = ledger.phase(
        killed.events, at=killed.at, finished=bodies, open_calls=before.open_calls, all_judged=everything
    )
    _note(done, hit, before, killed.events)
    if tamper:
        tamper(project)
    lrstudio(*judge_words(project, url))
    after = tail.read()[len(killed.events) :]
    done.repeated = len(ledger.paid(killed.events).keys() & ledger.paid(after).keys())
    done.complaints += ledger.complaints(killed.events, after, finished=bodies, concurrency=CONCURRENCY)
    now = held(project).done
    if changed := [key for key, row in before.done.items() if now.get(key) != row]:
        done.complaints.append(f"{len(changed)} finished calls are not in the project as they were")


def _note(done: Round, phase: str, there: Held, events: tuple[Event, ...]) -> None:
    done.phase, done.rows, done.finished = phase, there.questions, len(there.done)
    done.calls = sum(event.kind == "request" for event in events)


def _compare(
    bench: Bench, done: Round, project: Path, events: list[Event], expected: list[dict[str, Any]], whole: list[Event]
) -> None:
    """Hold the end of a round against the undisturbed one, and both against what the model said."""
    rows = judgments(project)
    done.unscored = sum(row["state"] == "unscored" for row in rows)
    if rows != expected:
        differing = sum(mine != other for mine, other in zip(rows, expected, strict=False))
        done.complaints.append(f"the end differs: {len(rows)} and {len(expected)} judgments, {differing} unlike")
    if len(rows) != _JUDGMENTS:
        done.complaints.append(f"{len(rows)} judgments, not {_JUDGMENTS}")
    if ledger.paid(events).keys() != ledger.paid(whole).keys():
        done.complaints.append("other calls were paid for than in the undisturbed run")
    if twice := [body for body, count in ledger.paid(whole).items() if count > 1]:
        done.complaints.append(f"{len(twice)} calls were paid twice by the undisturbed run")
    done.complaints += invented(rows, bench.calm)
