"""Make an environment that trains, on the host: `python -m lrstudio.training.far.prepare start|work|standing FOLDER`.

FOLDER is named after what is to be in it and holds `job.json`. `start` begins the work in a process that outlives the
connection, or finds the one that is at it, and says which attempt that is; `standing` tells whether it goes on. Each
attempt makes an environment of its own, so that nothing it does can harm another; `ready.json` names the one that is
whole and is written last.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from lrstudio.training.far import imports
from lrstudio.training.far.claims import ENDED, Attempt, attempts, claim
from lrstudio.training.folder import replace_file
from lrstudio.training.identity import Identity

MARK: Final = "lrstudio-prepare "
JOB: Final = "job.json"
READY: Final = "ready.json"
LOG: Final = "log"
BEAT: Final = "beat"
CANCEL: Final = "cancel"
_CHILD: Final = "child.json"
_TICK = 0.1
_BEAT_SECONDS = 5.0
_GRACE = 5.0
_START_SECONDS = 30.0
_GIB = 1 << 30
_LAST_WORDS = 65536
_SAID = 600


class Cancelled(Exception):
    """Somebody asked for the end."""


class Failed(Exception):
    """It cannot be done; the sentence says why."""


def start(folder: Path, *, beyond: int = 0) -> dict[str, Any]:
    """Begin, or find who is at it. Returns the attempt's number, 0 where the environment is ready.

    Args:
        folder: the environment's folder.
        beyond: an attempt that is known to lead to nothing: what it made is not ready, and it is not waited for.
    """
    with suppress(FileNotFoundError):
        ready = json.loads((folder / READY).read_text(encoding="utf-8"))
        if int(ready["attempt"]) > beyond:
            return {"attempt": 0}
        os.unlink(folder / READY)
    before = attempts(folder)
    if before and before[-1].number > beyond and before[-1].goes_on() is not False:
        return {"attempt": before[-1].number}
    number = before[-1].number + 1 if before else 1
    process = _detached(folder, number)
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if any(it.number >= number for it in attempts(folder)):
            return {"attempt": number}
        if process.poll() is not None and not any(it.number >= number for it in attempts(folder)):
            return {"attempt": -1, "said": _last_line(folder / "start.log")}
        time.sleep(0.02)
    return {"attempt": -1, "said": "it did not begin"}


def standing(folder: Path, number: int) -> dict[str, Any]:
    """Tell whether an attempt goes on, None where it was begun on another machine that cannot be asked here."""
    found = next((it for it in attempts(folder) if it.number == number), None)
    return {"goes_on": found.goes_on() if found else False, "host": found.holder.host if found else ""}


def _detached(folder: Path, number: int) -> subprocess.Popen[bytes]:
    with (folder / "start.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", __spec__.name if __spec__ else __name__, "work", str(folder), str(number)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def work(folder: Path, number: int) -> None:
    """Do one attempt, unless somebody else has just taken it."""
    mine = claim(folder, number=number)
    if mine is None:
        return
    with (mine.folder / LOG).open("ab", buffering=0) as log:
        try:
            _Work(folder, mine, log.fileno()).do()
            ended = {"ok": True, "said": ""}
        except Cancelled:
            ended = {"ok": False, "cancelled": True, "said": "it was cancelled"}
        except Failed as error:
            ended = {"ok": False, "said": str(error)}
        except OSError as error:
            ended = {"ok": False, "said": f"{error.strerror or error} ({error.filename or folder})"}
        if not ended["ok"]:
            shutil.rmtree(folder / mine.folder.name, ignore_errors=True)
        shutil.rmtree(folder / f"tmp-{mine.folder.name}", ignore_errors=True)
        replace_file(mine.folder / ENDED, json.dumps(ended))


class _Work:
    """One attempt: the environment, pip, a look whether it imports, and the word that it is ready."""

    def __init__(self, folder: Path, mine: Attempt, log: int) -> None:
        self._folder = folder
        self._mine = mine
        self._log = log
        self._made = folder / mine.folder.name
        self._tmp = folder / f"tmp-{mine.folder.name}"
        self._beaten = float("-inf")
        self._job: dict[str, Any] = json.loads((folder / JOB).read_text(encoding="utf-8"))

    def do(self) -> None:
        """Do it all.

        Raises:
            Cancelled: somebody asked for the end.
            Failed: a step failed.
        """
        signal.signal(signal.SIGTERM, _cancel)
        self._clear()
        free = shutil.disk_usage(self._folder).free / _GIB
        if free < self._job["gib"]:
            raise Failed(
                f"{free:.1f} GiB are free there and {self._job['gib']:g} are needed; make room, or change Folder"
            )
        self._tmp.mkdir(exist_ok=True)
        python = str(self._made / "bin" / "python")
        self._say("making an environment")
        self._run([sys.executable, "-m", "venv", str(self._made)], "the environment cannot be made")
        self._say("installing packages")
        self._run([python, "-m", "pip", "install", *self._pip()], "pip failed")
        self._say("looking whether they load")
        versions = self._versions(python)
        shutil.rmtree(self._folder / "cache", ignore_errors=True)
        ready = {"attempt": self._mine.number, "python": python, "versions": versions, "time": time.time()}
        replace_file(self._folder / READY, json.dumps(ready))

    def _clear(self) -> None:
        """Take away what attempts left that are known to be over, and end what they started."""
        for it in attempts(self._folder):
            if it.number >= self._mine.number or it.goes_on() is not False:
                continue
            with suppress(FileNotFoundError, ProcessLookupError):
                child = Identity.read(json.loads((it.folder / _CHILD).read_text(encoding="utf-8")))
                if child.alive():
                    os.killpg(child.pid, signal.SIGKILL)
            for name in (it.folder.name, f"tmp-{it.folder.name}"):
                shutil.rmtree(self._folder / name, ignore_errors=True)

    def _pip(self) -> list[str]:
        (self._tmp / "requirements.txt").write_text("\n".join(self._job["requirements"]) + "\n", encoding="utf-8")
        (self._tmp / "constraints.txt").write_text(self._job["constraints"], encoding="utf-8")
        words = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--no-color"]
        words += ["-r", "requirements.txt", "-c", "constraints.txt"]
        if not self._job["wheels"]:
            return [*words, "--cache-dir", str(self._folder / "cache")]
        wheels = self._tmp / "wheels"
        wheels.mkdir(exist_ok=True)
        for name, sha256 in self._job["wheels"].items():
            os.link(Path(self._job["blobs"]) / sha256, wheels / name)
        return [*words, "--no-cache-dir", "--no-index", "--find-links", wheels.name]

    def _versions(self, python: str) -> dict[str, str]:
        answer = self._tmp / "imports"
        with answer.open("wb") as file:
            words = [python, "-m", imports.__name__, *self._job["imports"]]
            self._run(words, "the packages do not load", out=file.fileno(), package=True)
        row = json.loads(answer.read_text(encoding="utf-8").rpartition(imports.MARK)[2])
        if row["fails"]:
            raise Failed("; ".join(f"{name} does not load: {why}" for name, why in row["fails"].items()))
        versions: dict[str, str] = row["versions"]
        return versions

    def _run(self, words: Sequence[str], trouble: str, *, out: int | None = None, package: bool = False) -> None:
        """Run a step to its end, or end it with all it started."""
        environment = _plain(os.environ, tmp=self._tmp, package=package)
        log = self._log if out is None else out
        process = subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=self._log,
            env=environment,
            cwd=self._tmp,
            start_new_session=True,
        )
        replace_file(self._mine.folder / _CHILD, json.dumps(Identity.of(process.pid).row()))
        try:
            while process.poll() is None:
                self._beat()
                time.sleep(_TICK)
        finally:
            _end(process)
        if process.returncode:
            log = (self._mine.folder / LOG).read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace")
            raise Failed(f"{trouble}: {last_error(log)}")

    def _beat(self) -> None:
        if (self._mine.folder / CANCEL).exists():
            raise Cancelled
        now = time.monotonic()
        if now - self._beaten >= _BEAT_SECONDS:
            self._beaten = now
            (self._mine.folder / BEAT).write_text(f"{now}\n", encoding="utf-8")

    def _say(self, line: str) -> None:
        os.write(self._log, f"{line}\n".encode())


def last_error(log: str) -> str:
    """Return what a step's log says went wrong: pip's error with what belongs to it, else the last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if line.startswith("ERROR:")), len(lines) - 1)
    said = " ".join(it.removeprefix("ERROR: ") for it in lines[max(first, 0) :]).partition(" To fix this")[0]
    return said[:_SAID] or "it said nothing"


def _plain(environment: Mapping[str, str], *, tmp: Path, package: bool) -> dict[str, str]:
    """Return an environment in which pip and Python do as asked: what a login has set for others is left out."""
    left_out = {
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_REQUIREMENT",
        "PIP_CONSTRAINT",
        "PYTHONHOME",
        "VIRTUAL_ENV",
    }
    left_out |= set() if package else {"PYTHONPATH"}
    kept = {name: value for name, value in environment.items() if name not in left_out}
    return {**kept, "PIP_USER": "0", "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp)}


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


def _cancel(*_: object) -> None:
    raise Cancelled


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def main(words: Sequence[str]) -> None:
    """Do what is asked."""
    what, folder, number = words[0], Path(words[1]), int(words[2]) if words[2:] else 0
    if what == "work":
        work(folder, number)
        return
    answer = start(folder, beyond=number) if what == "start" else standing(folder, number)
    sys.stdout.write(MARK + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
