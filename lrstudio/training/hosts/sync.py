"""Bringing the mirror of a run up to date: what the host has gained, from byte to byte, and exit.json behind it all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lrstudio.training import preflight, results, rounds, wire
from lrstudio.training.folder import RunFolder, replace_file
from lrstudio.training.hosts.job import JOB
from lrstudio.training.hosts.transport import Entry, Piece, Transport
from lrstudio.training.wire import Exit

PUSHED: Final = ".pushed"
"""The end of a file in ctl/: under which name a request lies on the host."""

_OVERLAP = 256
_BLOCK = 1 << 20
_LINE = 1 << 26
_SMALL = 1 << 24


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one look at a run's folder came to.

    `there` tells whether it is there at all, `changed` whether the mirror has gained anything, `beat` is the heartbeat
    as it stands, `ended` how the latest attempt ended.
    """

    there: bool
    changed: bool = False
    beat: bytes = b""
    attempts: int = 0
    ended: Exit | None = None
    job: str = ""


def pull(transport: Transport, far: str, run: Path) -> Pulled:
    """Copy what a run's folder on a host has gained into its mirror.

    Whatever breaks off leaves a mirror that is true as far as it goes: events are whole lines of the host's file from
    its first byte on, and exit.json stands only behind all events before it.

    Args:
        transport: the host.
        far: the run's folder there.
        run: the mirror.

    Raises:
        Unreachable, Environment: as the transport.
    """
    listed = transport.entries(far)
    if listed is None:
        return Pulled(there=False)
    names = {it.name: it for it in listed}
    ending = _small(transport, f"{far}/{wire.EXIT}") if wire.EXIT in names else None  # before the events: see above
    pulling = _Pulling(transport, far, run)
    attempts = pulling.claims()
    pulling.grown(wire.EVENTS, names, whole_lines=True)
    pulling.grown(wire.LOG, names)
    pulling.grown(wire.SUPERVISOR_LOG, names)
    for name in (preflight.PREFLIGHT, wire.STATE):
        pulling.small(name, names)
    beat = pulling.small(wire.HEARTBEAT, names) or b""
    pulling.answers()
    pulling.rounds(names)
    ended = None
    if ending is not None:
        said = wire.exit_of(ending.decode("utf-8"), where=f"{far}/{wire.EXIT}")
        if said.attempt >= attempts:
            pulling.result(names)
            pulling.place(wire.EXIT, ending)
            ended = said
    job = _small(transport, f"{far}/{JOB}") if JOB in names else None
    return Pulled(True, pulling.changed, beat, attempts, ended, job.decode("utf-8") if job else "")


class _Pulling:
    """One look; `changed` tells whether the mirror has gained anything by it."""

    def __init__(self, transport: Transport, far: str, run: Path) -> None:
        self._transport = transport
        self._far = far
        self._run = run
        self.changed = False

    def claims(self) -> int:
        """Copy the attempts that are new here, each whole, and return how many there are."""
        there = self._transport.entries(f"{self._far}/{wire.CLAIMS}") or ()
        numbers = sorted(int(it.name) for it in there if it.is_folder and it.name.isdigit())
        known = {int(path.name) for path in (self._run / wire.CLAIMS).glob("[0-9]*")}
        for number in numbers:
            if number not in known:
                self._claim(number)
            if number < numbers[-1]:
                self._ended_before(number)
        return numbers[-1] if numbers else 0

    def _claim(self, number: int) -> None:
        far = f"{self._far}/{wire.CLAIMS}/{number:06d}"
        holder = _small(self._transport, f"{far}/{wire.HOLDER}")
        if holder is None:
            return
        claims = self._run / wire.CLAIMS
        prepared = claims / f".{secrets.token_hex(6)}"
        prepared.mkdir()
        replace_file(prepared / wire.HOLDER, holder.decode("utf-8").rstrip("\n"))
        with suppress(FileNotFoundError):  # how the attempt before ended is kept with it
            before = RunFolder(self._run).exit()
            if before is not None and before.attempt < number:
                os.replace(self._run / wire.EXIT, claims / f"{before.attempt:06d}" / wire.EXIT)
        try:
            os.rename(prepared, claims / f"{number:06d}")
        except OSError:
            shutil.rmtree(prepared, ignore_errors=True)
        self.changed = True

    def _ended_before(self, number: int) -> None:
        name = f"{wire.CLAIMS}/{number:06d}/{wire.EXIT}"
        if (self._run / name).parent.is_dir() and not (self._run / name).exists():
            said = _small(self._transport, f"{self._far}/{name}")
            if said is not None:
                self.place(name, said)

    def grown(self, name: str, names: dict[str, Entry], *, whole_lines: bool = False) -> None:
        """Append what a file has gained; one that is not the file that it was is copied anew."""
        if name not in names:
            return
        here = self._run / name
        size = here.stat().st_size if here.exists() else 0
        overlap = min(_OVERLAP, size)
        first = self._transport.read(f"{self._far}/{name}", start=size - overlap, most=_BLOCK)
        if first is None:
            return
        if first.data[:overlap] != _end_of(here, overlap):
            self._anew(name, whole_lines=whole_lines)
            return
        with here.open("ab") as file:
            self._append(file.fileno(), name, size, Piece(first.data[overlap:], first.size), whole_lines=whole_lines)

    def _append(self, file: int, name: str, at: int, piece: Piece, *, whole_lines: bool) -> None:
        while piece.data:
            kept = piece.data[: piece.data.rfind(b"\n") + 1] if whole_lines else piece.data
            at += os.write(file, kept)
            self.changed = self.changed or bool(kept)
            if at + len(piece.data) - len(kept) >= piece.size:  # what is left is the beginning of a line
                return
            more = self._transport.read(f"{self._far}/{name}", start=at, most=_BLOCK if kept else _LINE)
            if more is None or (not kept and len(more.data) <= len(piece.data)):
                return
            piece = more

    def _anew(self, name: str, *, whole_lines: bool) -> None:
        """A host that went down may have lost the last lines that were copied here; they were never said, then."""
        first = self._transport.read(f"{self._far}/{name}", most=_BLOCK)
        beside = self._run / f".{name}-{secrets.token_hex(4)}"
        try:
            with beside.open("wb") as file:
                if first is not None:
                    self._append(file.fileno(), name, 0, first, whole_lines=whole_lines)
            os.replace(beside, self._run / name)
        finally:
            beside.unlink(missing_ok=True)
        self.changed = True

    def small(self, name: str, names: dict[str, Entry]) -> bytes | None:
        """Copy a small file that is replaced by rename, and return it."""
        if name not in names:
            return None
        data = _small(self._transport, f"{self._far}/{name}")
        if data is not None:
            self.place(name, data)
        return data

    def place(self, name: str, data: bytes) -> None:
        """Give a small file what it is to hold, whole, unless it holds that."""
        target = self._run / name
        with suppress(FileNotFoundError):
            if target.read_bytes() == data:
                return
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        beside.write_bytes(data)
        os.replace(beside, target)
        self.changed = True

    def answers(self) -> None:
        """Copy the answers to requests that were sent from here."""
        folder = self._run / wire.CONTROL
        for pushed in sorted(folder.glob(f"[0-9]*{PUSHED}")):
            ack = f"{wire.CONTROL}/{pushed.stem}.ack.json"
            if not (self._run / ack).exists():
                name = json.loads(pushed.read_text(encoding="utf-8"))["name"]
                said = _small(self._transport, f"{self._far}/{wire.CONTROL}/{name}.ack.json")
                if said is not None:
                    self.place(ack, said)

    def rounds(self, names: dict[str, Entry]) -> None:
        """Copy the answers of rounds that wait for a judge, and rewards that somebody else has given."""
        if rounds.ROUNDS not in names:
            return
        for entry in self._transport.entries(f"{self._far}/{rounds.ROUNDS}") or ():
            here = self._run / rounds.ROUNDS / entry.name
            for name in (rounds.ANSWERS, rounds.JUDGED):
                if entry.is_folder and not (here / name).exists():
                    data = _whole(self._transport, f"{self._far}/{rounds.ROUNDS}/{entry.name}/{name}")
                    if data is not None:
                        self.place(f"{rounds.ROUNDS}/{entry.name}/{name}", data)

    def result(self, names: dict[str, Entry]) -> None:
        """Copy what the result answered; the result itself is fetched when somebody wants it."""
        folder = results.CHECK.partition("/")[0]
        if folder in names:
            data = _whole(self._transport, f"{self._far}/{results.CHECK}")
            if data is not None:
                self.place(results.CHECK, data)


def _small(transport: Transport, path: str) -> bytes | None:
    found = transport.read(path, most=_SMALL)
    return None if found is None else found.data


def _whole(transport: Transport, path: str) -> bytes | None:
    """Read a file that is not replaced while it is read."""
    found = transport.read(path)
    if found is None:
        return None
    parts, got = [found.data], len(found.data)
    while got < found.size:
        more = transport.read(path, start=got)
        if more is None or not more.data:
            return None
        parts.append(more.data)
        got += len(more.data)
    return b"".join(parts)


def _end_of(path: Path, count: int) -> bytes:
    if not count:
        return b""
    with path.open("rb") as file:
        file.seek(-count, os.SEEK_END)
        return file.read()
