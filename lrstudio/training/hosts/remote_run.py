"""One run on a host as this computer keeps in touch with it: requests out, what is new in, and whether it lives."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, StudioError
from lrstudio.training import rounds, wire
from lrstudio.training.folder import RunFolder, replace_file
from lrstudio.training.hosts import job, mirror
from lrstudio.training.hosts.asking import ask_far
from lrstudio.training.hosts.host import Scheduler
from lrstudio.training.hosts.launcher import Launcher, Standing, Turn
from lrstudio.training.hosts.mirror import Asked, Away
from lrstudio.training.hosts.sync import PUSHED, Pulled, pull
from lrstudio.training.hosts.transport import Transport
from lrstudio.training.wire import Exit

QUIET_SECONDS: Final = 3 * wire.BEAT_SECONDS
"""A heartbeat that has not moved for so long makes us ask."""
TWICE_SECONDS: Final = 10.0
"""A run that its scheduler does not know is dead when it was asked for twice, so far apart; a process is so at once."""
_DOWN_SECONDS = 5.0


class RemoteRun:
    """A run on a host. One thread at a time; other processes may keep in touch with the same run.

    Nothing that it does ends anything, or takes a run for over, because the host cannot be asked.
    """

    def __init__(self, run: Path, *, twice: float = TWICE_SECONDS, quiet: float = QUIET_SECONDS) -> None:
        """Prepare; nothing is asked yet."""
        self.run = run
        self._twice = twice
        self._quiet = quiet
        self._beat = b""
        self._moved: float | None = None

    def look(self, transport: Transport, launcher: Launcher) -> bool:
        """Send what waits here, take in what is new there, find out whether the run lives; True where that changed.

        Does nothing where another process is at it.

        Raises:
            Refused, Unreachable, Environment: the host cannot be asked; that is written down (`lost`).
        """
        with mirror.locked(self.run) as mine:
            if not mine:
                return False
            away = mirror.away_of(self.run)
            before = mirror.asked_of(self.run) or Asked()
            try:
                self._push(transport, away)
                if job.is_intended(away):
                    away = job.start(transport, launcher, self.run)
                    before = Asked(answered=before.answered)  # what was said of the job before
                pulled = pull(transport, away.folder, self.run)
                away = self._job_of_another(away, pulled)
                asked = self._life(transport, launcher, away, pulled, before)
            except StudioError as error:
                self._lost(before, error)
                raise
            except OSError as error:
                if not self.run.is_dir():
                    raise
                said = f"what the host says cannot be written here: {error.strerror or error}"
                raise Environment(said, where=str(self.run)) from error
            mirror.write_asked(self.run, asked)
            return pulled.changed or replace(asked, answered="") != replace(before, answered="")

    def doubt(self) -> None:
        """Ask at the next look whether the run lives, however lately that was asked."""
        self._moved = None

    def lost(self, error: StudioError) -> None:
        """Write down that the host cannot be asked, where that can be written."""
        with suppress(OSError), mirror.locked(self.run) as mine:
            if mine:
                self._lost(mirror.asked_of(self.run) or Asked(), error)

    def _lost(self, before: Asked, error: StudioError) -> None:
        self._moved = None
        if mirror.age(before.answered) < _DOWN_SECONDS and not before.down:
            return  # it has just been asked, maybe by another process
        down = before.down or wire.now()
        mirror.write_asked(self.run, replace(before, down=down, trouble=error.sentence))

    def _push(self, transport: Transport, away: Away) -> None:
        folder = RunFolder(self.run)
        ended = folder.exit()
        for name, asked in folder.asked().items():
            mark = self.run / wire.CONTROL / f"{name}{PUSHED}"
            late = ended is not None and asked.get("attempt", 0) <= ended.attempt
            if not late and not mark.exists():
                wanted = dict(asked) | {"key": f"{away.mirror}-{name}"}
                answer = ask_far(transport, away, "ask", away.folder, given=wanted)
                replace_file(mark, wire.to_json({"name": answer["name"]}))
        if ended is None:
            self._push_rounds(transport, away)

    def answer(self, transport: Transport, *, why: str) -> None:
        """Answer the requests that nobody has, here and on the host: a later attempt is not to take them for its own.

        Raises:
            Unreachable, Environment: as the transport.
        """
        folder, said = RunFolder(self.run), {"v": wire.VERSION, "time": wire.now(), "done": True, "why": why}
        far = f"{mirror.away_of(self.run).folder}/{wire.CONTROL}"
        for name in folder.asked():
            with suppress(FileNotFoundError):  # it has not been sent, and is not any more
                there = json.loads((self.run / wire.CONTROL / f"{name}{PUSHED}").read_text(encoding="utf-8"))["name"]
                transport.write(f"{far}/{there}.ack.json", wire.to_json(said).encode("ascii") + b"\n")
            folder.answer(name, done=True, why=why)

    def _push_rounds(self, transport: Transport, away: Away) -> None:
        for judged in sorted((self.run / rounds.ROUNDS).glob(f"[0-9][0-9][0-9]/{rounds.JUDGED}")):
            mark = judged.with_name(f".{rounds.JUDGED}{PUSHED}")
            if mark.exists():
                continue
            far = f"{away.folder}/{rounds.ROUNDS}/{judged.parent.name}"
            listed = transport.entries(far)
            if listed is None:  # the disk that it lies on is not mounted there now
                continue
            there = {it.name for it in listed}
            if rounds.ANSWERS in there and rounds.JUDGED not in there:
                transport.write(f"{far}/{rounds.JUDGED}", judged.read_bytes())
            mark.touch()

    def _job_of_another(self, away: Away, pulled: Pulled) -> Away:
        """Take over the handle of a job that somebody has started from another computer."""
        try:
            row: Mapping[str, Any] = json.loads(pulled.job) if pulled.job else {}
        except ValueError:
            return away
        handle, starts = str(row.get("handle", "")), int(row.get("starts", 0))
        if not handle or (handle, starts) == (away.handle, away.starts) or starts < away.starts:
            return away
        away = replace(away, handle=handle, starts=starts)
        mirror.write_away(self.run, away)
        return away

    def _life(self, transport: Transport, launcher: Launcher, away: Away, pulled: Pulled, before: Asked) -> Asked:
        now = time.monotonic()
        answered = Asked(answered=wire.now(), attempts=pulled.attempts, starts=away.starts)
        if not pulled.there:
            why = "its folder is not on the host; is the disk that it lies on mounted there?"
            return replace(answered, life="unknown", why=why)
        if pulled.ended is not None:
            return self._over(launcher, away, pulled.ended, before, answered)
        if not away.starts and not pulled.attempts:
            return replace(answered, life="dead", why="not started yet")
        if before.turn == mirror.WITHDRAWN and before.starts == away.starts and not pulled.attempts:
            return replace(before, answered=answered.answered, down="", trouble="")
        if pulled.beat and pulled.beat != self._beat:
            first, self._beat = not self._beat, pulled.beat
            if not first:  # what it was when nobody looked tells nothing
                self._moved = now
                return replace(answered, life="alive")
        if self._moved is not None and now - self._moved < self._quiet:
            return replace(answered, life="alive", why=before.why, turn=before.turn)  # as it was last answered
        life, why, turn = self._asked(transport, launcher, away, pulled)
        if life != "dead":
            self._moved = now if life == "alive" else None
            return replace(answered, life=life, why=why, turn=turn)
        if turn and not (before.doubted and mirror.age(before.doubted) >= self._twice):
            keeps = before.life if before.life != "dead" else "alive"
            doubted = before.doubted or wire.now()
            return replace(before, answered=answered.answered, down="", trouble="", life=keeps, doubted=doubted)
        return replace(answered, life="dead", why=why, turn=turn, doubted=before.doubted)

    def _asked(self, transport: Transport, launcher: Launcher, away: Away, pulled: Pulled) -> tuple[str, str, str]:
        """Ask who would know: the process itself where there is no scheduler, else the scheduler."""
        if away.host.scheduler is Scheduler.NONE and pulled.attempts:
            found = ask_far(transport, away, "standing", away.folder)
            if found["life"] == "unknown":
                return "unknown", f"it is on {found['word']}, and {found['host']} answers for the host", ""
            if found["word"] == "ended":  # since we looked: the next look has it
                return "alive", "", ""
            return str(found["life"]), _DEAD.get(str(found["word"]), ""), ""
        said = launcher.standing(away.handle)
        why = _said(said)
        match said.turn:
            case Turn.WAITS:
                return "alive", why, mirror.WAITS
            case Turn.WORKS:
                return "alive", why, said.turn.value
            case _:
                return "dead", why or _DEAD["ended"], said.turn.value

    def _over(self, launcher: Launcher, away: Away, ended: Exit, before: Asked, answered: Asked) -> Asked:
        """An attempt that has ended is over whatever its scheduler says, unless the next one is in its queue.

        The scheduler has put it back there, or a person has gone on with the run and its turn has not come yet.
        """
        over = replace(answered, life="dead", why=ended.why)
        if away.host.scheduler is Scheduler.NONE or ended.reason == "finished":
            return over
        if ended.reason != wire.REQUEUED and away.starts <= answered.attempts:
            return over
        now = time.monotonic()
        if before.turn == mirror.WAITS and self._moved is not None and now - self._moved < self._quiet:
            return replace(answered, life="alive", why=before.why, turn=before.turn)
        said = launcher.standing(away.handle)
        if said.turn in (Turn.OVER, Turn.NEVER):
            return over
        self._moved = now
        return replace(answered, life="alive", why=_said(said), turn=mirror.WAITS)


_DEAD: Final = {
    "rebooted": "the host was restarted; what it has saved is kept, and it can be resumed",
    "killed": "its supervisor was killed; what it has saved is kept, and it can be resumed",
    "ended": "it is gone, and has not said how it ended; what it has saved is kept, and it can be resumed",
}


def _said(standing: Standing) -> str:
    return standing.why or (f"the scheduler says {standing.word}" if standing.word else "")
