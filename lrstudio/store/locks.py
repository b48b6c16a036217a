"""Locks that a process holds on a project: one judge run at a time, across all processes."""

from __future__ import annotations

import os
import secrets
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from lrstudio.domain.errors import Environment
from lrstudio.store import tables as t
from lrstudio.store.connect import Connections
from lrstudio.store.records import LockHolder

_PROC = Path("/proc")
"""There on Linux alone; it spares the import of psutil, and counts in clock ticks."""


@dataclass(frozen=True, slots=True)
class LockHandle:
    """A lock that is held; leaving the `with` block, or `release`, lets go of it."""

    name: str
    token: str
    locks: Locks

    def release(self) -> None:
        """Let go; nothing happens where somebody has taken the lock over."""
        self.locks.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Locks:
    """Locks by name. A holder is a process: its pid, when it started, and the boot, host and machine it runs on.

    Who cannot be asked, being on another host, or on one that only has the same name, is unknown and never dead.
    """

    def __init__(self, connections: Connections) -> None:
        """Work on these connections."""
        self._at = connections

    def acquire(self, name: str, *, take_over: bool = False) -> LockHandle:
        """Take a lock, over from a holder that is dead if need be.

        Args:
            name: the lock.
            take_over: a person's word that a holder on another machine is gone; a process that lives here keeps it.

        Raises:
            Environment: somebody holds it: a living process here, this one included, or one on another machine, of
                which nobody here can say whether it lives.
        """
        pid = os.getpid()
        token = secrets.token_hex(8)
        with self._at.write(savepoint=True) as connection:
            holder = _holder(connection, name)
            if holder is not None and (holder.alive or (holder.alive is None and not take_over)):
                raise Environment(_sentence(holder))
            connection.execute(t.lock.delete().where(t.lock.c.name == name))
            values = {
                "name": name,
                "pid": pid,
                "process_start": process_start(pid),
                "boot_id": boot_id(),
                "host": socket.gethostname(),
                "machine": machine_id(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
                "token": token,
                "about": "",
            }
            connection.execute(t.lock.insert(), values)
        return LockHandle(name, token, self)

    def release(self, handle: LockHandle) -> None:
        """Let go of a lock; nothing happens where somebody has taken it over."""
        with self._at.write() as connection:
            connection.execute(t.lock.delete().where(t.lock.c.name == handle.name, t.lock.c.token == handle.token))

    def holder(self, name: str) -> LockHolder | None:
        """Return who holds a lock, dead or alive; None where nobody does."""
        with self._at.read() as connection:
            return _holder(connection, name)

    def describe(self, name: str, about: str) -> None:
        """Say what a lock that this process holds is held for."""
        mine = (t.lock.c.name == name, t.lock.c.pid == os.getpid(), t.lock.c.host == socket.gethostname())
        with self._at.write() as connection:
            connection.execute(t.lock.update().where(*mine), {"about": about})


def process_start(pid: int) -> str | None:
    """Return when a process started, in a form that is equal only for the same process; None where it is dead.

    On Linux these are clock ticks since boot, which no change of the wall clock moves.
    """
    if _PROC.is_dir():
        try:
            fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def boot_id() -> str:
    """Return what changes when this machine boots; "" where the system has no such thing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def machine_id() -> str:
    """Return what tells this machine, or container of it, from others of the same name; parts unknown are left out."""
    parts = []
    with suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text().strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # a pid means something in its namespace alone
    return " ".join(parts) or f"{uuid.getnode():012x}"


def _holder(connection: sa.Connection, name: str) -> LockHolder | None:
    row = connection.execute(sa.select(t.lock).where(t.lock.c.name == name)).first()
    if row is None:
        return None
    return LockHolder(row.name, row.pid, row.process_start, row.boot_id, row.host, row.since, row.about, _alive(row))


def _alive(row: Any) -> bool | None:
    if (row.host, row.machine) != (socket.gethostname(), machine_id()):
        return None
    same_boot: bool = row.boot_id == boot_id()
    return same_boot and process_start(row.pid) == row.process_start


def _sentence(holder: LockHolder) -> str:
    if holder.alive:
        return f"{holder.name} is going on in process {holder.pid} since {holder.since}; wait for it or end it there"
    return (
        f"{holder.name} was begun by process {holder.pid} on {holder.host} at {holder.since}, and this machine cannot "
        f"tell whether it still runs; make sure that it is over, then run `lrstudio {holder.name}` with --take-over"
    )
