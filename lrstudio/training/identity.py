"""Which process it is: a pid alone is used again, with its start and the machine's boot it is not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process: its pid, when it started (clock ticks since boot on Linux), the boot, and the host."""

    pid: int
    start: str
    boot: str
    host: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Name a process of this machine; `start` is "" where it is gone already."""
        return cls(pid, start_of(pid) or "", boot_id(), socket.gethostname())

    @classmethod
    def own(cls) -> Identity:
        """Name this process."""
        return cls.of(os.getpid())

    @classmethod
    def read(cls, row: dict[str, Any]) -> Identity:
        """Read what `row` wrote."""
        return cls(int(row["pid"]), str(row["start"]), str(row["boot"]), str(row["host"]))

    def row(self) -> dict[str, Any]:
        """Write it as a JSON object."""
        return asdict(self)

    def alive(self) -> bool | None:
        """Tell whether the process lives; None where that cannot be asked here: it is another machine's."""
        if self.host != socket.gethostname():
            return None
        if self.boot != boot_id():
            return False
        return bool(self.start) and start_of(self.pid) == self.start


def start_of(pid: int) -> str | None:
    """Return when a process started, equal only for the same process; None where it is dead or a zombie."""
    if _PROC.is_dir():
        try:
            state, *fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        return None if state in "ZX" else fields[18]
    if sys.platform == "win32":
        return _asked(["wmic", "process", "where", f"ProcessId={pid}", "get", "CreationDate", "/value"])
    return _asked(["ps", "-o", "lstart=", "-p", str(pid)])


def _asked(command: list[str]) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def boot_id() -> str:
    """Return what changes when this machine boots; "" where the system has no such thing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
