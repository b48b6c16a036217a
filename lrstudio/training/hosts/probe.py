"""What a host was found to have and to lack, and what to do about each thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was seen, and where it did not pass what to do.

    `needed` says that no run can be launched there before it passes; the others are warnings.
    """

    name: str
    passed: bool
    said: str
    todo: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics card of a host and its memory in GiB."""

    name: str
    total_gib: float
    free_gib: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What one look at a host found. `disk_gib` is what is free where the host's folder is, None where unknown.

    `python` and `driver` are versions, "" where there is none. `scheduler` is the scheduler's own word for itself.
    `lingers` tells whether what is started there outlives its login, None where nothing there ends it. `prepared` says
    that an environment that trains is ready there.
    """

    checks: tuple[Finding, ...]
    gpus: tuple[Gpu, ...] = ()
    disk_gib: float | None = None
    python: str = ""
    driver: str = ""
    scheduler: str = ""
    lingers: bool | None = None
    prepared: bool = False

    @property
    def usable(self) -> bool:
        """Whether everything passed that a run cannot do without."""
        return all(it.passed for it in self.checks if it.needed)
