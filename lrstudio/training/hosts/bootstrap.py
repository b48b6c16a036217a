"""What makes a host able to train: this package there, and an environment with the pinned packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """What preparing a host is at."""

    ASK = "ask"
    SEND = "send"
    INSTALL = "install"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Step:
    """How far preparing is: a line for a person, and bytes of how many where a size is known (`whole` 0: it is not)."""

    stage: Stage
    said: str
    done: int = 0
    whole: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A host that can train.

    `folder` is the studio's folder there, absolute. `python` are the words that start a Python which trains once
    `variables` are in its environment, `package` the folder in which it finds this package, of the wheel with the
    SHA-256 `wheel`. `environment` is the hash of the one that the studio made, "" for one that was there.
    `versions` are those of the packages that train.
    """

    folder: str
    python: tuple[str, ...]
    package: str
    wheel: str
    environment: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """Return what the environment of every job there has besides."""
        return {"PYTHONPATH": self.package}


class PrepareCancelled(Exception):
    """The person went back before it was over; nothing on the host counts as ready."""


Progress = Callable[[Step], None]
Cancelled = Callable[[], bool]
