"""Fault rounds of training: a run killed at a random moment, gone on with, must end as if nothing had happened.

One round: a window starts a run of the tiny model in real processes and watches it; `kill -9` ends the window, the
supervisor, the trainer, or all three of them, a power cut, which may take the last words that were not on the disk;
`lrstudio runs resume` goes on with it. The rounds of an SPPO run are judged by the window, and where that was killed by
`lrstudio runs judge`. Its end is held against that of a run which nothing has disturbed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lrstudio.training import wire
from lrstudio.training.events import Tail
from lrstudio.training.folder import RunFolder
from lrstudio.training.identity import Identity
from lrstudio.training.status import Life, status_of
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Kind
from tests.faults.rounds import EndedFirst, Failed, lrstudio
from tests.faults.run_ends import complaints, never_finished_without_an_exit, unlike_the_file, unsound
from tests.faults.run_moments import STEPS, Seen, moment
from tests.faults.run_processes import OneTrainer, belonging, kill_all
from tests.faults.training_bench import Bench, Window, ended, judging, until, window
from tests.faults.window import hexed

VICTIMS = ("window", "supervisor", "trainer", "power")
"""What is killed; power: window, supervisor and trainer at once."""

_TRIES = 12
_LOOK = 0.1
_POLL = 0.002

Tamper = Callable[[Path], object]


@dataclass(slots=True)
class Round:
    """One round and what is wrong with it.

    When it was killed, `step` was the last that had been told of, and `saved` that of the last checkpoint. It went on
    behind `resumed`, None where it never had to, and did `again` steps a second time. `tries` is more than 1 where the
    victim had ended before the kill.
    """

    seed: int
    victim: str
    aim: str
    phase: str = ""
    step: int = 0
    saved: int = 0
    attempts: int = 0
    resumed: int | None = None
    again: int = 0
    tries: int = 1
    seconds: float = 0.0
    recipe: str = "dpo"
    complaints: list[str] = field(default_factory=list)


def play(bench: Bench, *, seed: int, victim: str, aim: str, tamper: Tamper | None = None) -> Round:
    """Play one round, again where the victim ends before the kill; `tamper` spoils the run folder after the kill."""
    done = Round(seed, victim, aim, recipe=bench.recipe)
    started = time.monotonic()
    while True:
        project, run = bench.copy(f"{victim} {seed} {done.tries}")
        try:
            _killed_and_gone_on(bench, done, project, run, tamper)
            done.complaints += complaints(run, bench.whole, silent=_silent(victim))
            break
        except EndedFirst:
            done.tries += 1
            if done.tries > _TRIES:
                done.complaints.append(f"it ended before the kill {_TRIES} times")
                break
        except Failed as failure:
            done.complaints.append(str(failure))
            break
        finally:
            kill_all(run)
    done.seconds = time.monotonic() - started
    return done


def _silent(victim: str) -> tuple[int, ...]:
    """Return the attempts that cannot have said how they ended."""
    return (1,) if victim in ("supervisor", "power") else ()


def _killed_and_gone_on(bench: Bench, done: Round, project: Path, run: RunFolder, tamper: Tamper | None) -> None:
    rng = random.Random(f"{done.seed} {done.victim} {done.aim} {done.tries}{_mark(done.recipe)}")
    trainers = OneTrainer(run)
    with window(project, run) as process:
        when = moment(run, recipe=bench.recipe, aim=done.aim, pace=bench.pace, rng=rng)
        until(when.reached, process, poll=_POLL)
        time.sleep(when.after)
        seen = _kill(done.victim, run, process)
        done.phase, done.step, done.saved = seen.phase(), seen.step, seen.saved
        _see_it_dead(done, run, trainers)
        if done.victim == "power" and rng.random() < 0.5:
            tear(run, rng)
        if tamper:
            tamper(run.path)
        done.complaints += [*unsound(run), *never_finished_without_an_exit(run)]
        if done.victim != "window":
            time.sleep(rng.choice((0.0, rng.uniform(0.0, 1.0))))
            lrstudio("runs", project, "resume", "1")
        watch = RunWatch(run)
        with judging(project, bench.recipe if done.victim in ("window", "power") else ""):
            _follow(run, watch, trainers)
        done.complaints += [*trainers.complaints, *unlike_the_file(hexed(watch.curve), run.path)]
        if done.victim in ("supervisor", "trainer"):  # the window has seen it all
            done.complaints += unlike_the_file(process.curve(), run.path)
    _count(done, run)


def _mark(recipe: str) -> str:
    return "" if recipe == "dpo" else f" {recipe}"


def _kill(victim: str, run: RunFolder, process: Window) -> Seen:
    """Kill -9 the victim and return what the run folder held then.

    Raises:
        EndedFirst: it had ended, or the run had.
    """
    if victim == "trainer":
        until(lambda: _trainer(run) or run.exit(), process, poll=_POLL)
    pids = {"supervisor": _supervisor(run), "trainer": _trainer(run), "power": [*_supervisor(run), *_trainer(run)]}
    if run.exit() is not None:
        raise EndedFirst
    if victim in ("window", "power"):
        process.kill()
    for pid in pids.get(victim, ()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if victim == "power":
        kill_all(run)  # what the supervisor was just starting
    seen = Seen.of(run)
    if victim in ("window", "power") and (status := process.kill()) != -signal.SIGKILL:
        raise Failed(f"the window broke down with {status}")
    if victim in ("supervisor", "power"):
        until(lambda: status_of(run).life is Life.DEAD, poll=_POLL)
        if run.exit() is not None:
            raise EndedFirst
    return seen


def _supervisor(run: RunFolder) -> list[int]:
    return [claim.holder.pid for claim in run.claims() if claim.holder.alive()]


def _trainer(run: RunFolder) -> list[int]:
    """Return the trainer, as its supervisor has written it down: looking through all processes takes too long here."""
    with suppress(FileNotFoundError):
        row = json.loads((run.path / wire.CLAIMS / "000001" / wire.TRAINER).read_text(encoding="utf-8"))
        return [int(row["pid"])] if Identity.read(row).alive() else []
    return []


def _see_it_dead(done: Round, run: RunFolder, trainers: OneTrainer) -> None:
    """See that what is told of a killed run is true, and that it can be gone on with."""
    if done.victim == "window":
        return
    if done.victim == "trainer":

        def over() -> object:
            trainers.look()
            return ended(run)

        until(over, poll=_LOOK)
        said = run.exit()
        if said is None or said.signal != signal.SIGKILL:
            raise EndedFirst
        if (said.reason, said.code) != ("killed", None) or "SIGKILL" not in said.why:
            done.complaints.append(f"a killed trainer is told of as {said}")
    status = status_of(run)
    if status.life is not Life.DEAD or not status.can_resume or not status.why:
        done.complaints.append(f"after the kill it is told as {status}")


def tear(run: RunFolder, rng: random.Random) -> None:
    """Take from the ends of two files what a power cut may take: what nobody had written to the disk.

    The trainer writes its words to the disk before a checkpoint gets its name, the supervisor now and then.
    """
    spool = run.spool(1)
    if not spool.exists():
        return
    seen = Seen.of(run)
    behind = {Kind.CHECKPOINT.value: seen.saved, Kind.METRIC.value: seen.saved + 1}
    later = (n for n, row in enumerate(seen.lines) if row.get("step", -1) >= behind.get(row["kind"], sys.maxsize))
    lines = spool.read_bytes().splitlines(keepends=True)
    kept = sum(map(len, lines[: next(later, len(lines))])) if seen.saved else 0
    os.truncate(spool, max(kept, spool.stat().st_size - rng.randint(0, 900)))
    events = run.path / wire.EVENTS
    os.truncate(events, max(0, events.stat().st_size - rng.randint(0, 2500)))


def _follow(run: RunFolder, watch: RunWatch, trainers: OneTrainer) -> None:
    """Watch a run to the end of its latest attempt, and until its processes are gone."""

    def over() -> object:
        trainers.look()
        watch.poll()
        for complaint in never_finished_without_an_exit(run):
            raise Failed(complaint)
        return ended(run)

    until(over, poll=_LOOK)
    until(lambda: not belonging(run), poll=_LOOK)
    watch.poll()


def _count(done: Round, run: RunFolder) -> None:
    done.attempts = len(run.claims())
    events = Tail().read(run.path / wire.EVENTS)
    starts = [int(event.body["from_step"]) for event in events if event.kind == Kind.ATTEMPT]
    done.resumed = starts[-1] if done.attempts > 1 else None
    first = max((event.step or 0 for event in events if event.kind == Kind.METRIC and event.attempt == 1), default=0)
    done.again = first - done.resumed if done.resumed is not None else 0
    if done.victim == "window" and done.attempts != 1:
        done.complaints.append(f"the window took the run with it: {done.attempts} attempts")
    if done.again > max(0, STEPS - done.saved):
        done.complaints.append(f"{done.again} steps were run again, and step {done.saved} was saved")
