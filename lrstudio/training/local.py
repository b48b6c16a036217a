"""Runs on this machine: the supervisor started in a session of its own, which no window takes down with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import lrstudio
from lrstudio.domain.errors import Environment
from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.status import refuse_unless_resumable

_CLAIM_SECONDS = 30.0


def start(folder: RunFolder, *, python: Sequence[str] = (sys.executable,), take_over: bool = False) -> int:
    """Start a supervisor for the next attempt and return the attempt's number once it has claimed the run.

    Args:
        folder: the run.
        python: what starts a Python in which this package can be imported.
        take_over: a person's word that the supervisor on another machine is gone.

    Raises:
        Refused: the run goes on, may go on elsewhere, or has finished.
        Environment: the supervisor did not come up; the sentence has its last words.
    """
    if not take_over:
        refuse_unless_resumable(folder)
    before = len(folder.claims())
    words = [*python, "-m", "lrstudio.training.supervisor", str(folder.path), *(["--take-over"] if take_over else [])]
    with (folder.path / wire.SUPERVISOR_LOG).open("ab") as log:
        process = _detached(words, log=log.fileno())
    until = time.monotonic() + _CLAIM_SECONDS
    while len(claims := folder.claims()) <= before:
        if process.poll() is not None:
            if len(claims := folder.claims()) > before:
                break
            raise Environment(f"the run's supervisor did not start: {_last_words(folder.path)}", where=str(folder.path))
        if time.monotonic() > until:
            raise Environment(f"the run's supervisor said nothing for {_CLAIM_SECONDS:.0f} s", where=str(folder.path))
        time.sleep(0.02)
    return claims[-1].attempt


def _detached(words: Sequence[str], *, log: int) -> subprocess.Popen[bytes]:
    # The package may be there without being installed, as in a checkout.
    root = str(Path(lrstudio.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_BREAKAWAY_FROM_JOB
    process = subprocess.Popen(
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
        creationflags=flags,
    )
    # Somebody must take its status when it ends: a process that nobody waited for still has its pid.
    threading.Thread(target=process.wait, name="supervisor", daemon=True).start()
    return process


def _last_words(run: Path) -> str:
    lines = (run / wire.SUPERVISOR_LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
