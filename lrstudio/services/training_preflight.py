"""Preflight as a child process: in the Python that trains, with its words as progress, ended where it is cancelled."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.training_places import child_environment
from lrstudio.training import preflight as records
from lrstudio.training.folder import RunFolder
from lrstudio.training.preflight import Preflight
from lrstudio.training.wire import Spec

LOG: Final = "preflight.log"
_TICK = 0.1
_GRACE = 5.0

Progress = Callable[[str], None]
Cancelled = Callable[[], bool]


class PreflightCancelled(Exception):
    """The person went back before it was over."""


def run_preflight(folder: RunFolder, spec: Spec, *, progress: Progress, cancelled: Cancelled) -> Preflight:
    """Run preflight on a draft and return what it found.

    Args:
        folder: the draft.
        spec: what it is to do.
        progress: told what the process is at, a line at a time.
        cancelled: asked every so often; where it says yes the process is ended.

    Raises:
        PreflightCancelled: `cancelled` said yes.
        Refused: something is wrong that a person can mend, in the worker's words.
        Environment: the process broke down; its last words are in preflight.log beside the runs.
    """
    (folder.path / records.PREFLIGHT).unlink(missing_ok=True)
    log = folder.path / LOG
    with log.open("wb") as errors:
        process = _started(folder, spec, errors)
    try:
        _follow(process, progress=progress, cancelled=cancelled)
    finally:
        _end(process)
    found = records.read(folder.path) if process.returncode == 0 else None
    if found is None:
        raise _trouble(process.returncode, log)
    return found


def _started(folder: RunFolder, spec: Spec, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*spec.command, str(folder.path), "--preflight", "--attended"],
            stdin=subprocess.PIPE,  # its end tells the process that nobody waits any more
            stdout=subprocess.PIPE,
            stderr=errors,
            env=child_environment(spec.environment, threads=spec.threads),
            start_new_session=os.name != "nt",
        )
    except OSError as error:
        raise Refused(
            f"the Python that trains cannot be started ({error.strerror or error}); name another one",
            where=spec.command[0],
        ) from error


def _follow(process: subprocess.Popen[bytes], *, progress: Progress, cancelled: Cancelled) -> None:
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, lines), name="preflight", daemon=True).start()
    while True:
        if cancelled():
            raise PreflightCancelled
        try:
            line = lines.get(timeout=_TICK)
        except queue.Empty:
            continue
        if line is None:
            break
        words = line.decode("utf-8", "replace").strip()
        if words.startswith(records.TOLD):
            progress(words.removeprefix(records.TOLD))
    while process.poll() is None:
        if cancelled():
            raise PreflightCancelled
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TICK)


def _read(stream: IO[bytes] | None, lines: queue.SimpleQueue[bytes | None]) -> None:
    with suppress(ValueError, OSError):  # closed under us by whoever cancels
        for line in stream or ():
            lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with all it has started, politely first."""
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if process.poll() is None:
            _send(process, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if sys.platform == "win32":
        process.terminate()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _trouble(status: int | None, log: Path) -> Refused | Environment:
    said = log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else "it said nothing"
    if "No module named 'lrstudio'" in said or "No module named lrstudio" in said:
        return Refused("this Python does not find the studio; give it `pip install 'lrstudio[train]'`", where="python")
    if status in (0, 1) and "Traceback (most recent call last)" not in said:
        return Refused(last)
    how = f"signal {-status}" if status is not None and status < 0 else f"status {status}"
    kept = log.parent.with_name(LOG)  # the draft goes, its last words stay
    with suppress(OSError):
        shutil.copyfile(log, kept)
    return Environment(f"preflight broke down ({how}): {last}", where=str(kept))
