"""The supervisor of one run: `python -m lrstudio.training.supervisor RUN_FOLDER`.

A process of its own session that outlives the window: it starts the trainer, beats, numbers what the trainer says,
hears requests, climbs the stop ladder, and writes down how it ended. It imports nothing beyond the standard library, so
that a broken training environment still ends with a sentence.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.training import checkpoints, gpu, wire
from lrstudio.training.events import Event, EventLog
from lrstudio.training.folder import RunFolder
from lrstudio.training.identity import Identity
from lrstudio.training.room import NO_ROOM, REASON, Reserve, is_full, is_little
from lrstudio.training.trainer_process import TrainerProcess, how_it_ended, trainer_lock
from lrstudio.training.turns import Turns
from lrstudio.training.wire import Exit, Kind, Phase, Request, State

TICK = 0.1
_GPU_SECONDS = 5.0
_SYNC_SECONDS = 2.0
_REQUEUE = "LRSTUDIO_REQUEUE"
"""The variable with the words that give a job of a scheduler another turn."""
_RESTARTS = "LRSTUDIO_RESTARTS"
"""The variable that says how often a scheduler has started this very job before."""


class Supervisor:
    """Runs one attempt. `run` returns when it is over; everything it does is in the run folder."""

    def __init__(self, folder: RunFolder, *, take_over: bool = False) -> None:
        """Claim the next attempt.

        Raises:
            Refused: another supervisor has the run.
        """
        self.folder = folder
        self.spec = folder.spec()
        self.attempt = folder.claim(take_over=take_over).attempt
        self.events = EventLog(folder.path / wire.EVENTS)
        self._reserve = Reserve(folder.path)
        self._started = time.monotonic()
        self._beaten = self._synced = self._looked = float("-inf")
        self._beats = 0
        self._steps = self.spec.steps
        self._step = 0
        self._progress = wire.now()
        self._phase = Phase.QUEUED
        self._why = ""
        self._reason = ""
        self._ladder: list[tuple[float, str]] = []
        self._time_is_up = False
        self._from_step = 0

    def time_is_up(self) -> None:
        """Hear that a scheduler will end the attempt soon: it saves, stops, and asks for another turn."""
        self._time_is_up = True

    def run(self) -> Exit:
        """Take in what the attempt before left, wait for its turn, train, and say how it ended."""
        self._take_up()
        try:
            ended = self._wait_and_train()
        finally:
            self._reserve.give_back()
            self.events.close()
        return ended

    def _take_up(self) -> None:
        self.events.take_in_before(self.attempt, self.folder.spool)
        published = checkpoints.latest(self.folder.path)
        self._step = self._from_step = published.step if published else 0

    def _wait_and_train(self) -> Exit:
        turns = Turns(Path(self.spec.queue), self.spec.run_id) if self.spec.queue else None
        try:
            lock = self._wait(turns)
            if lock is None:
                return self._end(None, None)
            with lock:
                # A trainer whose supervisor was killed has gone on until now: by a step, and with a checkpoint.
                self._take_up()
                self._say(Kind.ATTEMPT, from_step=self._step, pid=os.getpid())
                return self._train(lock)
        finally:
            if turns is not None:
                turns.leave()

    def _wait(self, turns: Turns | None) -> Any:
        """Return the trainer's lock when its turn has come; None where it ends before: stopped, or no room is left."""
        try:
            if turns is not None and not self._wait_for_turn(turns):
                return None
            return self._wait_for_lock()
        except OSError as error:
            if not is_full(error, self.folder.path):
                raise
            self._reason, self._why = REASON, NO_ROOM
            return None

    def _wait_for_turn(self, turns: Turns) -> bool:
        turns.draw()
        told: tuple[str, ...] = ()
        while ahead := turns.ahead():
            if ahead != told:
                self._stand(Phase.QUEUED, f"waits for {len(ahead)} other run{'s' if len(ahead) > 1 else ''}")
                told = ahead
            if not self._idle():
                return False
        return True

    def _wait_for_lock(self) -> Any:
        """Wait until the trainer of an attempt before is gone; one that does not end in its time is ended."""
        patience = time.monotonic() + self.spec.save_seconds + self.spec.end_seconds
        told = False
        while (lock := trainer_lock(self.folder.path / wire.TRAINER_LOCK)) is None:
            if not told:
                self._stand(Phase.STARTING, "the trainer of the attempt before is still ending")
                told = True
            if time.monotonic() > patience:
                self._say(Kind.WARNING, why="the trainer of the attempt before did not end and is killed")
                self.folder.kill_trainers(before=self.attempt)
                patience += self.spec.end_seconds
            if not self._idle():
                return None
        return lock

    def _idle(self) -> bool:
        """Beat and listen while there is no trainer; False where the run is asked to stop."""
        time.sleep(TICK)
        self._beat()
        if self._time_is_up:
            self._reason = wire.REQUEUED
            return False
        for name, asked in self._asked().items():
            self.folder.answer(name, done=True)
            if asked.get("do") == Request.STOP:
                self._reason = "stopped"
                return False
        return True

    def _train(self, lock: Any) -> Exit:
        self._stand(Phase.STARTING)
        try:
            trainer = TrainerProcess(self.folder, self.spec, attempt=self.attempt, lock=lock)
        except OSError as error:
            self._reason, self._why = "not_started", f"the trainer cannot be started: {error}"
            return self._end(None, None)
        self.folder.write(f"{wire.CLAIMS}/{self.attempt:06d}/{wire.TRAINER}", Identity.of(trainer.pid).row())
        lock.close()  # from here on it is the trainer's alone
        while (status := trainer.ended()) is None:
            try:
                self._attend(trainer)
            except OSError as error:
                self._no_room(trainer, error)
            time.sleep(TICK)
        trainer.kill()  # what it has started and left
        trainer.close()
        try:
            self._take_in()
        except OSError as error:
            self._no_room(trainer, error)
            self._take_in()
        return self._end(status if status >= 0 else None, -status if status < 0 else None)

    def _attend(self, trainer: TrainerProcess) -> None:
        self._take_in()
        for name, asked in self._asked().items():
            self._answer(trainer, name, asked)
        if self._time_is_up and not self._reason:
            self._stop(trainer, save=True, reason=wire.REQUEUED)
        self._climb(trainer)
        self._beat()
        now = time.monotonic()
        if now - self._looked >= _GPU_SECONDS:
            self._looked = now
            for row in gpu.sample():
                self._say(Kind.GPU, step=self._step, **row)
        if now - self._synced >= _SYNC_SECONDS:
            self._synced = now
            self.events.sync()

    def _no_room(self, trainer: TrainerProcess, error: OSError) -> None:
        """Nothing can be written any more: give back what was kept for the last words, and let the trainer stop.

        Raises:
            OSError: it is something else.
        """
        if not is_full(error, self.folder.path):
            raise error
        if self._reason != REASON:
            self._reserve.give_back()
            self._reason, self._why = REASON, self._why or NO_ROOM
            trainer.tell("stop")
            self._raise_ladder(time.monotonic() + self.spec.save_seconds)
        with suppress(OSError):
            self._climb(trainer)

    def _asked(self) -> dict[str, dict[str, Any]]:
        """Return the requests to this attempt; those that came too late for one before are answered so."""
        found = self.folder.asked()
        for name, asked in list(found.items()):
            meant = asked.get("attempt")
            if isinstance(meant, int) and max(1, meant) < self.attempt:
                self.folder.answer(name, done=False, why=f"attempt {max(1, meant)}, which it was meant for, is over")
                del found[name]
        return found

    def _answer(self, trainer: TrainerProcess, name: str, asked: dict[str, Any]) -> None:
        what = asked.get("do")
        if what == Request.STOP:
            self._why = self._why or str(asked.get("why", ""))
            self._stop(trainer, save=bool(asked.get("save", True)))
            self.folder.answer(name, done=True)
        elif what == Request.CHECKPOINT:
            trainer.tell("checkpoint")
            self.folder.answer(name, done=True)
        else:
            self.folder.answer(name, done=False, why=f"this supervisor cannot {what!r}")
        self._say(Kind.CONTROL, do=what, request=name, save=asked.get("save"))

    def _stop(self, trainer: TrainerProcess, *, save: bool, reason: str = "stopped") -> None:
        """Start the stop ladder: save and end by itself, then be asked to end, then be ended."""
        self._reason = reason
        if save:
            trainer.tell("stop")
        self._raise_ladder(time.monotonic() + (self.spec.save_seconds if save else 0.0))
        before = "its time limit is near: it " if reason == wire.REQUEUED else ""
        self._stand(Phase.STOPPING, f"{before}saves, then stops" if save else "stops at once")

    def _raise_ladder(self, first: float) -> None:
        last = first + self.spec.end_seconds
        if not self._ladder or last < self._ladder[-1][0]:  # else the sooner one stays
            self._ladder = [(first, "end"), (last, "kill")]

    def _climb(self, trainer: TrainerProcess) -> None:
        while self._ladder and time.monotonic() >= self._ladder[0][0]:
            _, rung = self._ladder.pop(0)
            trainer.end() if rung == "end" else trainer.kill()
            self._say(Kind.WARNING, why="the trainer is asked to end" if rung == "end" else "the trainer is killed")

    def _take_in(self) -> None:
        for event in self.events.take_in(self.attempt, self.folder.spool(self.attempt)):
            self._progress = event.time
            self._heed(event)

    def _heed(self, event: Event) -> None:
        if event.kind == Kind.METRIC and event.step is not None:
            self._step = event.step
        if event.kind == Kind.ERROR:
            self._why = str(event.body.get("why", ""))
            self._reason = self._reason or str(event.body.get("reason", "failed"))
        if event.kind == Kind.WARNING and event.body.get("stops"):  # a health rule; the trainer saves and ends
            self._why, self._reason = str(event.body.get("why", "")), self._reason or "stopped"
        if event.kind == Kind.PHASE:
            steps = event.body.get("steps")
            self._steps = steps if isinstance(steps, int) else self._steps
            with suppress(ValueError):
                phase = Phase(str(event.body.get("phase")))
                if self._phase is not Phase.STOPPING:
                    self._stand(phase, str(event.body.get("why", "")), said=False)

    def _say(self, kind: Kind, **body: Any) -> None:
        self.events.append(kind, attempt=self.attempt, **body)

    def _stand(self, phase: Phase, why: str = "", *, said: bool = True) -> None:
        """Write down where the run stands, and say so among the events unless the trainer has."""
        self._phase = phase
        if said:
            self._say(Kind.PHASE, phase=phase.value, why=why, step=self._step)
        self.folder.write(wire.STATE, self._state(why))

    def _state(self, why: str) -> State:
        published = checkpoints.latest(self.folder.path)
        return State(
            phase=self._phase,
            attempt=self.attempt,
            time=wire.now(),
            step=self._step,
            steps=self._steps,
            last_seq=self.events.last_seq,
            checkpoint=published.name if published else "",
            why=why,
        )

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beaten < wire.BEAT_SECONDS:
            return
        self._beaten, self._beats = now, self._beats + 1
        row = {"v": wire.VERSION, "time": wire.now(), "beat": self._beats, "progress": self._progress}
        row |= {"step": self._step, "seq": self.events.last_seq, "phase": self._phase.value}
        self.folder.beat(row)

    def _end(self, code: int | None, number: int | None) -> Exit:
        """Write state, last event and, behind everything, exit.json."""
        little = is_little(self.folder.path)  # before the room for the last words makes it more
        self._reserve.give_back()
        published = checkpoints.latest(self.folder.path)
        reason = self._reason or ("finished" if code == 0 else "killed" if number else "failed")
        if reason == "failed" and not self._why and little:
            reason, self._why = REASON, NO_ROOM
        if reason == wire.REQUEUED:
            saved = published.step if published else 0
            reason = _with_another_turn(code, number, began_at=self._from_step, saved=saved)
        elif code == 0 and reason not in ("stopped", "finished", REASON):
            reason = "failed"
        self._phase = wire.phase_of(reason)
        why = self._why or how_it_ended(reason, code=code, number=number)
        ended = Exit(
            code=code,
            signal=number,
            reason=reason,
            last_step=self._step,
            attempt=self.attempt,
            time=wire.now(),
            checkpoint=published.name if published else "",
            why=why,
            seconds=round(time.monotonic() - self._started, 3),
        )
        self._say(Kind.EXIT, code=code, signal=number, reason=reason, why=why, step=self._step)
        self.events.sync()
        self.folder.write(wire.STATE, self._state(why))
        self.folder.write(wire.EXIT, ended)
        return ended


def _with_another_turn(code: int | None, number: int | None, *, began_at: int, saved: int) -> str:
    """Tell whether another turn helps an attempt whose time was up: one that saved nothing would do so for ever."""
    if code:
        return "failed"
    began = code is not None or number is not None
    return wire.TIME_LIMIT if began and saved <= began_at else wire.REQUEUED


def main(words: Sequence[str]) -> int:
    """Supervise one attempt; status 3 says that somebody else does."""
    parser = argparse.ArgumentParser(prog="lrstudio.training.supervisor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--take-over", action="store_true", help="the supervisor on another machine is gone")
    asked = parser.parse_args(list(words))
    again = os.environ.pop(_REQUEUE, "").split()
    restarted = os.environ.pop(_RESTARTS, "0") != "0"  # by a scheduler, which has made sure that the last turn is over
    for name in ("SIGHUP", "SIGINT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        supervisor = Supervisor(RunFolder.open(asked.folder), take_over=asked.take_over or restarted)
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return 3
    if hasattr(signal, "SIGTERM"):
        # A host that shuts down: stop with save, as a person would.
        details = {"save": True, "attempt": supervisor.attempt}
        signal.signal(signal.SIGTERM, lambda *_: supervisor.folder.ask(Request.STOP, **details))
    if again and hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda *_: supervisor.time_is_up())
    ended = supervisor.run()
    if ended.reason == wire.REQUEUED:
        _ask_for_another_turn(supervisor.folder, ended, again)
    return 0


def _ask_for_another_turn(folder: RunFolder, ended: Exit, words: Sequence[str]) -> None:
    """Let the scheduler put the job back into its queue; where it does not, say so."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends what is left of this turn, which asks for no stop
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
        said = (done.stderr.strip() or f"status {done.returncode}") if done.returncode else ""
    except OSError as error:
        said = str(error)
    if said:
        why = f"the time limit was near and it has saved, but the scheduler gives it no other turn ({said}); resume it"
        folder.write(wire.EXIT, replace(ended, reason=wire.TIME_LIMIT, why=why))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
