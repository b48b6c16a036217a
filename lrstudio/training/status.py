"""Where a run really stands: what the folder says held against who is alive. "Cannot ask" is never "dead"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.errors import Refused
from lrstudio.training.folder import Claim, RunFolder
from lrstudio.training.hosts.mirror import WAITS, WITHDRAWN, Asked, asked_of, clock
from lrstudio.training.wire import Exit, Phase, State, phase_of


class Life(StrEnum):
    """Whether the supervisor of the latest attempt lives."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands. `phase` is None before the first supervisor; `why` says in a sentence what is not plain."""

    life: Life
    phase: Phase | None
    attempt: int
    step: int
    steps: int | None
    checkpoint: str
    why: str
    ended: Exit | None

    @property
    def running(self) -> bool:
        """Tell whether somebody works on it, as far as is known."""
        return self.life is not Life.DEAD and self.ended is None

    @property
    def can_resume(self) -> bool:
        """Tell whether another attempt makes sense: it is over or proved dead, and not finished."""
        return not self.running and not (self.ended and self.ended.reason == "finished")


def status_of(folder: RunFolder) -> Status:
    """Tell where a run stands, of a folder on this machine.

    exit.json there: it ended so. No exit.json and the supervisor alive: what state.json says. No exit.json and the
    supervisor proved dead: it was killed, or the machine was. On another machine: unknown, with what was said last.

    Raises:
        Refused: the folder cannot be understood.
    """
    asked = asked_of(folder.path)  # before the rest, which is brought up to date before it
    claims = folder.claims()
    state = folder.state()
    ended = folder.exit()
    if asked is not None:
        return _status_away(claims, state, ended, asked)
    if not claims:
        return _status(Life.DEAD, None, why="not started yet", ended=None, state=state)
    if ended is not None and ended.attempt >= claims[-1].attempt:
        return _status(Life.DEAD, phase_of(ended.reason), why=ended.why, ended=ended, state=state)
    holder = claims[-1].holder
    alive = holder.alive()
    if alive is None:
        why = f"on {holder.host}, which cannot be asked from here"
        return _status(Life.UNKNOWN, _not_over(state), why=why, ended=None, state=state)
    if alive:
        if state is None or state.attempt < claims[-1].attempt:  # it has not said yet where it stands
            return _status(Life.ALIVE, Phase.STARTING, why="", state=state)
        return _status(Life.ALIVE, _not_over(state), why=state.why, state=state)
    why = "its supervisor was killed, or the machine went down; what it has saved is kept, and it can be resumed"
    return _status(Life.DEAD, Phase.FAILED, why=why, ended=None, state=state)


def _status_away(claims: Sequence[Claim], state: State | None, ended: Exit | None, asked: Asked) -> Status:
    over = ended is not None and (not claims or ended.attempt >= claims[-1].attempt)
    if ended is not None and over and asked.turn != WAITS:
        return _status(Life.DEAD, phase_of(ended.reason), why=ended.why, ended=ended, state=state)
    phase = _not_over(state)
    life = Life(asked.life) if asked.answered else Life.DEAD
    if asked.down or (asked.since and life is not Life.DEAD):
        return _status(Life.UNKNOWN, phase, why=_cannot_ask(asked), state=state)
    if life is Life.UNKNOWN:
        return _status(life, phase, why=asked.why, state=state)
    if life is Life.DEAD and asked.attempts >= len(claims):
        begun = claims or asked.turn
        dead = Phase.STOPPED if asked.turn == WITHDRAWN else Phase.FAILED if begun else None
        return _status(life, dead, why=asked.why or "not started yet", state=state)
    if asked.turn == WAITS:
        return _status(life, Phase.QUEUED, why=asked.why, state=state)
    if state is None or not claims or state.attempt < claims[-1].attempt:
        return _status(Life.ALIVE, Phase.STARTING, why=asked.why, state=state)
    return _status(Life.ALIVE, phase, why=state.why, state=state)


def _not_over(state: State | None) -> Phase | None:
    """Return what state.json says; an attempt has not ended before exit.json is there, whatever it says just before."""
    return None if state is None else Phase.STOPPING if state.phase.over else state.phase


def _cannot_ask(asked: Asked) -> str:
    last = f"last heard of at {clock(asked.answered)}" if asked.answered else "never heard of here"
    return f"{asked.trouble or 'nobody has asked since'}; {last}"


def _status(life: Life, phase: Phase | None, *, why: str, state: State | None, ended: Exit | None = None) -> Status:
    return Status(
        life=life,
        phase=phase,
        attempt=ended.attempt if ended else state.attempt if state else 0,
        step=ended.last_step if ended else state.step if state else 0,
        steps=state.steps if state else None,
        checkpoint=ended.checkpoint if ended else state.checkpoint if state else "",
        why=why,
        ended=ended,
    )


def refuse_unless_resumable(folder: RunFolder) -> None:
    """Refuse to start another attempt where one goes on, may go on, or has finished.

    Raises:
        Refused: says which.
    """
    status = status_of(folder)
    where = str(folder.path)
    if status.life is Life.ALIVE:
        raise Refused("this run is going on", where=where)
    if status.life is Life.UNKNOWN:
        raise Refused(f"this run may be going on {status.why}; make sure that it is over", where=where)
    if not status.can_resume:
        raise Refused("this run has finished; begin a new one", where=where)
