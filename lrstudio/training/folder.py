"""A run folder on this machine: made whole, claimed once, and every small file replaced by rename."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training import wire
from lrstudio.training.identity import Identity
from lrstudio.training.wire import Exit, Request, Spec, State


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt: its number from 1, and the supervisor that runs it."""

    attempt: int
    holder: Identity


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run, see `lrstudio.training.wire`."""

    path: Path

    @classmethod
    def create(cls, path: Path, spec: Spec, *, pairs: Iterable[str] = ()) -> RunFolder:
        """Make a run folder beside its place and give it its name when it is whole.

        Args:
            path: where; nothing may be there.
            spec: what is to be done.
            pairs: the rows to train on, JSON objects without line ends.

        Raises:
            Refused: something of that name exists.
            Environment: it cannot be written.
        """
        if os.path.lexists(path):
            raise Refused("there is a run of this name already", where=str(path))
        unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        try:
            unfinished.mkdir(parents=True)
            for name in (wire.SPOOL, wire.CONTROL, wire.CLAIMS, wire.CHECKPOINTS):
                (unfinished / name).mkdir()
            with (unfinished / wire.PAIRS).open("w", encoding="utf-8", newline="\n") as file:
                for row in pairs:
                    file.write(row + "\n")
            replace_file(unfinished / wire.SPEC, wire.to_json(spec))
            unfinished.rename(path)
        except OSError as error:
            raise Environment(f"the run folder cannot be made: {error.strerror or error}", where=str(path)) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open a run folder that is there.

        Raises:
            Refused: it is none.
        """
        if not (path / wire.SPEC).is_file():
            raise Refused("this is no run folder: it has no spec.json", where=str(path))
        return cls(path)

    def spec(self) -> Spec:
        """Read what is to be done."""
        return wire.spec_of(self._text(wire.SPEC) or "", where=str(self.path / wire.SPEC))

    def state(self) -> State | None:
        """Read where it stands, None before the first supervisor."""
        text = self._text(wire.STATE)
        return None if text is None else wire.state_of(text, where=str(self.path / wire.STATE))

    def exit(self) -> Exit | None:
        """Read how the last attempt ended, None while it has not."""
        text = self._text(wire.EXIT)
        return None if text is None else wire.exit_of(text, where=str(self.path / wire.EXIT))

    def write(self, name: str, record: Any) -> None:
        """Replace a small file whole."""
        replace_file(self.path / name, wire.to_json(record))

    def beat(self, row: Mapping[str, Any]) -> None:
        """Write the heartbeat anew: whole, but not to the disk each time; one that a power cut loses says as much.

        Raises:
            OSError: the disk, or its folder.
        """
        path = self.path / wire.HEARTBEAT
        temporary = path.with_name(f".{path.name}")
        temporary.write_text(json.dumps(row) + "\n", encoding="utf-8")
        os.replace(temporary, path)

    def claims(self) -> tuple[Claim, ...]:
        """List the attempts so far, the first one first."""
        found = []
        for entry in sorted((self.path / wire.CLAIMS).glob("[0-9]*")):
            row = json.loads((entry / wire.HOLDER).read_text(encoding="utf-8"))
            found.append(Claim(int(entry.name), Identity.read(row)))
        return tuple(found)

    def claim(self, *, take_over: bool = False) -> Claim:
        """Become the supervisor of the next attempt. Of several that try at once one succeeds.

        The claim appears with its holder inside by one rename, so that it is never without one.

        Args:
            take_over: a person's word that the holder on another machine is gone.

        Raises:
            Refused: another supervisor has the run, or nobody here can tell whether it lives, or it has finished.
        """
        before, ended = self.claims(), self.exit()
        if ended is not None and ended.reason == "finished":
            raise Refused("this run has finished; begin a new one", where=str(self.path))
        # An exit.json of an attempt before: the last one has claimed the run and not put it away yet, or died then.
        if before and (ended is None or ended.attempt < before[-1].attempt):
            last = before[-1].holder
            alive = last.alive()
            if alive or (alive is None and not take_over):
                raise Refused(_taken(last, alive=alive), where=str(self.path))
        mine = Claim(before[-1].attempt + 1 if before else 1, Identity.own())
        prepared = self.path / wire.CLAIMS / f".{secrets.token_hex(6)}"
        prepared.mkdir()
        replace_file(prepared / wire.HOLDER, wire.to_json(mine.holder.row()))
        try:
            os.rename(prepared, self._claimed(mine.attempt))
        except OSError as error:
            shutil.rmtree(prepared, ignore_errors=True)
            raise Refused("another supervisor has just taken this run", where=str(self.path)) from error
        with suppress(FileNotFoundError):  # how the attempt before ended is kept with it
            os.rename(self.path / wire.EXIT, self._claimed(mine.attempt - 1) / wire.EXIT)
        return mine

    def _claimed(self, attempt: int) -> Path:
        return self.path / wire.CLAIMS / f"{attempt:06d}"

    def kill_trainers(self, *, before: int) -> None:
        """End the trainers of attempts before this one that live on this machine, each with its whole group."""
        for number in range(1, before):
            try:
                row = json.loads((self._claimed(number) / wire.TRAINER).read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            trainer = Identity.read(row)
            if trainer.alive():
                with suppress(ProcessLookupError):
                    os.killpg(trainer.pid, signal.SIGKILL)

    def ask(self, request: Request, **details: Any) -> str:
        """Leave a request for the supervisor and return its name; the answer will be `<name>.ack.json`.

        It is meant for the attempt that goes on now, and for no later one.
        """
        folder = self.path / wire.CONTROL
        details = {"attempt": len(self.claims()), **details}
        while True:
            number = max((int(entry.name[:6]) for entry in folder.glob("[0-9]*")), default=0) + 1
            name = f"{number:06d}"
            said = {"v": wire.VERSION, "do": request.value, "time": wire.now(), **details}
            if _new_file(folder / f"{name}.json", wire.to_json(said)):
                return name

    def asked(self) -> dict[str, dict[str, Any]]:
        """Return the requests that have no answer yet, by name, the first one first."""
        folder = self.path / wire.CONTROL
        found = {}
        for entry in sorted(folder.glob("[0-9]*.json")):
            if entry.name.endswith(".ack.json") or entry.with_suffix(".ack.json").exists():
                continue
            with suppress(ValueError):
                found[entry.stem] = json.loads(entry.read_text(encoding="utf-8"))
        return found

    def answer(self, name: str, **details: Any) -> None:
        """Answer a request."""
        self.write(f"{wire.CONTROL}/{name}.ack.json", {"v": wire.VERSION, "time": wire.now(), **details})

    def spool(self, attempt: int) -> Path:
        """Return where the trainer of an attempt says what it does."""
        return self.path / wire.SPOOL / f"{attempt:06d}.jsonl"

    def _text(self, name: str) -> str | None:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None


def replace_file(path: Path, text: str) -> None:
    """Write a file beside `path`, to the disk, and give it the name: readers see the old one or the new one whole."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _new_file(path: Path, text: str) -> bool:
    """Write a file that must not be there; False where it is."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    replace_file(temporary, text)
    try:
        os.link(temporary, path)  # a rename would replace a request that came in between
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def sync_folder(folder: Path) -> None:
    """Write a folder's entries to the disk, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _taken(holder: Identity, *, alive: bool | None) -> str:
    if alive:
        return f"this run is going on: process {holder.pid} has it"
    return (
        f"this run was begun by process {holder.pid} on {holder.host}, and this machine cannot tell whether it still "
        "runs; make sure that it is over before you take it over"
    )
