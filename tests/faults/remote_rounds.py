"""Fault rounds of runs on hosts: whatever becomes of the link or the machine, the run ends as if nothing had happened.

One round: a run of the toy trainer is laid out on a host behind a real SSH connection and kept in touch with, while
what the order names happens: cuts, a silent host, a restarted server, a restarted machine, a full disk, a clock that is
hours slow, other windows and computers that want the same. In the end metrics here are those of the host by number, no
two trainers have ever run, nothing was told as finished without exit.json, and losses of the link were noticed.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.training import wire
from lrstudio.training.hosts import begin, mirror
from lrstudio.training.hosts.results import fetch_result
from lrstudio.training.hosts.transport import Unreachable
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase, Request
from tests.doubles.toy_runs import events, expected, losses
from tests.faults.remote_bench import TENSORS, Bench, Window
from tests.faults.rounds import Failed

STEPS = 700
_HEARD_STEPS = 400  # a link that was cut is made anew within seconds; a step takes 0.03 s
NOTICED_SECONDS = 15.0
"""Within which a host that says nothing must be told as one that cannot be asked."""

BEFORE = ("cut in upload", "full disk", "cut in start")
DURING = (
    "cut in tail",
    "frozen",
    "server restarted",
    "machine restarted",
    "cut in stop",
    "stop from elsewhere",
    "second window",
)
AFTER = ("cut in download",)
ALWAYS = ("slow clock",)
FAULTS = (*BEFORE, *DURING, *AFTER, *ALWAYS)


@dataclass(slots=True)
class Round:
    """One round: what happened in which order, and what is wrong with it; `noticed` is the longest silence."""

    seed: int
    order: tuple[str, ...]
    attempts: int = 0
    logins: int = 0
    noticed: float = 0.0
    seconds: float = 0.0
    complaints: list[str] = field(default_factory=list)


def an_order(seed: int) -> tuple[str, ...]:
    """Choose what happens: up to two faults before it runs, two to four while it does, any of the rest."""
    rng = random.Random(f"order {seed}")
    before = rng.sample(BEFORE, rng.randint(0, 2))
    during = rng.choices(DURING, k=rng.randint(2, 4))
    rest = [it for it in (*AFTER, *ALWAYS) if rng.random() < 0.5]
    return (*(it for it in rest if it in ALWAYS), *before, *during, *(it for it in rest if it in AFTER))


def play(folder: Path, *, seed: int, order: tuple[str, ...], steps: int = STEPS, timed: bool = True) -> Round:
    """Play one round; without `timed` it is not said how long anything took."""
    done, started = Round(seed, order), time.monotonic()
    bench = Bench.prepare(folder / f"round {seed}", steps=steps, slow_clock="slow clock" in order)
    try:
        _Play(bench, done, random.Random(f"moments {seed}")).play()
        done.complaints += complaints_of(bench, steps)
    except (Failed, StudioError) as failure:
        done.complaints.append(f"{type(failure).__name__}: {failure}")
    finally:
        done.complaints += bench.seen.complaints
        done.attempts = len(bench.there.claims()) if bench.there.path.is_dir() else 0
        done.logins = bench.server.logins
        bench.remove()
    if timed and done.noticed > NOTICED_SECONDS:
        done.complaints.append(f"a silent host was noticed after {done.noticed:.1f} s")
    done.seconds = time.monotonic() - started
    return done


def bring_to_the_end(bench: Bench) -> None:
    """Let a run come to its end with nothing in its way."""
    _Play(bench, Round(0, ()), random.Random(0)).play()


class _Play:
    """The deeds of one round."""

    def __init__(self, bench: Bench, done: Round, rng: random.Random) -> None:
        self.bench = bench
        self.done = done
        self.rng = rng

    def play(self) -> None:
        """Lay out, start, let things happen, bring to the end, fetch."""
        self._lay_out()
        if "cut in start" in self.done.order:
            self.bench.server.cut_after(self.rng.randrange(2_000))
        self.bench.go_on(self.bench.desk)
        self.bench.desk.begin()
        for what in (it for it in self.done.order if it in DURING):
            self._reach(self.rng.randint(3, 25))
            self._happens(what)
        self._finish()
        self._fetch()

    def _lay_out(self) -> None:
        server = self.bench.server
        if "cut in upload" in self.done.order:
            server.cut_after(self.rng.randrange(400_000))
        if "full disk" in self.done.order:
            server.free = self.rng.randrange(300_000)
            try:
                self._send()
                self.bench.seen.complain("a full disk was not noticed")
            except Environment as error:
                if isinstance(error, Unreachable):
                    raise
            server.free = None
            if self.bench.there.path.exists():
                self.bench.seen.complain("half of a run stands on a full disk")
        self._send()

    def _send(self) -> None:
        deadline = time.monotonic() + 60.0
        while True:
            try:
                return begin.send_run(self.bench.desk.transport, self.bench.desk.run.path)
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def _reach(self, steps: int) -> None:
        """Wait until it has gone so many steps further, or is over."""
        goal = self.bench.step() + steps
        self.bench.until(lambda: self.bench.step() >= goal or self.bench.there.exit(), "another step")

    def _happens(self, what: str) -> None:
        bench = self.bench
        match what:
            case "cut in tail":
                bench.server.cut_after(self.rng.randrange(4_000))
                bench.until(lambda: bench.server._cut_after is None, "the cut")
            case "frozen":
                self._frozen()
            case "server restarted":
                bench.server.stop()
                time.sleep(self.rng.uniform(0.0, 2.0))
                bench.server.start()
            case "machine restarted":
                bench.reboot()
                if bench.there.exit() is None:
                    bench.until(lambda: bench.all_say(Life.DEAD), "the news of the restart")
                    if "restarted" not in bench.desk.status().why:
                        bench.seen.complain(f"a restarted machine is told as: {bench.desk.status().why}")
                self._go_on(bench.desk)
            case "cut in stop":
                self._stop(bench.desk, cut=True)
            case "stop from elsewhere":
                laptop = bench.laptop()
                bench.until(lambda: laptop.run.claims() == bench.there.claims(), "the run on the laptop")
                self._stop(laptop, cut=False)
            case "second window":
                bench.second_window()
        bench.until(lambda: bench.all_say(Life.ALIVE) or bench.there.exit(), "the recovery")

    def _frozen(self) -> None:
        bench = self.bench
        bench.until(lambda: bench.all_say(Life.ALIVE) or bench.there.exit(), "the link")
        if bench.there.exit() is not None:
            return
        began = time.monotonic()
        bench.server.freeze()
        bench.until(lambda: bench.all_say(Life.UNKNOWN), "the news of the silence")
        self.done.noticed = max(self.done.noticed, time.monotonic() - began)
        bench.server.thaw()

    def _stop(self, window: Window, *, cut: bool) -> None:
        bench = self.bench
        bench.until(lambda: len(window.run.claims()) == len(bench.there.claims()), "the latest attempt")
        asked = bench.step()
        window.run.ask(Request.STOP, save=True)
        if cut:
            bench.server.cut()
        bench.until(lambda: bench.there.exit(), "the stop")
        if bench.step() > asked + _HEARD_STEPS:
            bench.seen.complain(f"asked to stop at step {asked}, it went on to {bench.step()}")
        bench.until(lambda: bench.all_say(Life.DEAD), "the news of the stop")
        self._go_on(window)

    def _go_on(self, window: Window) -> None:
        """Go on unless it had finished before; of two computers that want to, one does."""
        bench = self.bench
        bench.until(lambda: window.status().life is Life.DEAD, "a run that can be gone on with")
        if window.status().phase is Phase.FINISHED:
            return
        before, asked = len(bench.there.claims()), 0
        for one in self.rng.sample(bench.windows, len(bench.windows)):
            try:
                bench.go_on(one)
                asked += 1
            except Refused:
                continue  # another was faster, and it is known here
        if not asked:
            bench.seen.complain(f"nobody may go on with it: {window.status()}")
        bench.until(lambda: len(bench.there.claims()) > before, "the next attempt")

    def _finish(self) -> None:
        bench = self.bench

        def over() -> bool:
            ended = bench.there.exit()
            return ended is not None and ended.attempt == len(bench.there.claims())

        for _ in range(4):
            bench.until(over, "the end")
            bench.until(lambda: bench.all_say(Life.DEAD), "the news of the end")
            ended = bench.there.exit()
            if ended is not None and ended.reason == "finished":
                return
            self._go_on(bench.desk)
        bench.seen.complain(f"it does not finish: {bench.there.exit()}")

    def _fetch(self) -> None:
        bench = self.bench
        bench.result()
        if "cut in download" in self.done.order:
            bench.server.cut_after(self.rng.randrange(len(TENSORS)))
        run = bench.desk.run.path
        deadline = time.monotonic() + 60.0
        while True:
            try:
                found = fetch_result(bench.desk.transport, mirror.away_of(run), run)
                break
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
        if (found / "adapter" / "adapter_model.safetensors").read_bytes() != TENSORS:
            bench.seen.complain("the adapter that was fetched is another one")


def complaints_of(bench: Bench, steps: int) -> list[str]:
    """Say in what the windows, the host and the undisturbed run differ in the end."""
    found = []
    if losses(bench.there) != expected(steps):
        found.append("the metrics on the host are not those of an unbroken run")
    for window in bench.windows:
        here = {it.seq: it for it in events(window.run)}
        if here != {it.seq: it for it in events(bench.there)}:
            found.append("the events here are not those of the host")
        for name in (wire.EVENTS, wire.LOG, wire.EXIT):
            mine, theirs = window.run.path / name, bench.there.path / name
            if not mine.exists() or mine.read_bytes() != theirs.read_bytes():
                found.append(f"{name} here is not that of the host")
        status = window.status()
        if (status.life, status.phase, status.step) != (Life.DEAD, Phase.FINISHED, steps):
            found.append(f"in the end it is told as {status}")
    return found
