"""What gives a job its place on a host: a process of its own there, Slurm, or Ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Turn(StrEnum):
    """What the one who started a job says about it."""

    WAITS = "waits"
    WORKS = "works"
    OVER = "over"
    NEVER = "never"
    """It was asked, and has no such job: it was never started, or so long ago that it is forgotten."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command that is to outlive everybody who asks for it.

    `key` names it for good: starting it again under the same key starts nothing. `folder` is an absolute one on the
    host, in which it runs, and where its output goes to `<log>`.
    """

    key: str
    folder: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    log: str = "supervisor.log"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands: its turn, the scheduler's own word for it, and a sentence ("" where all is plain)."""

    turn: Turn
    word: str = ""
    why: str = ""
    place: str = ""


class Launcher(Protocol):
    """Starts jobs on one host.

    Raises, from every method:
        Unreachable: nobody could be asked; the job may or may not be there.
        Environment: the scheduler answers with an error that a person must look at.
    """

    def start(self, job: Job) -> str:
        """Start a job, once, and return the handle by which the others ask for it."""

    def standing(self, handle: str) -> Standing:
        """Tell where a job stands."""

    def end(self, handle: str, *, at_once: bool = False) -> None:
        """Take a job that waits out of its queue, or ask one that works to end (its supervisor saves first)."""
