"""Runs the real command, each time in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.ready_commands import ReadyCommands, ready


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.out)
        return made


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def _ready() -> ReadyCommands | None:
    return ready() if hasattr(os, "fork") else None


@pytest.fixture
def lrstudio(_ready: ReadyCommands | None) -> Run:
    """Run a command; behind words that come `before` it, and where there is no fork, it is started from nothing."""

    def run(*words: object, before: Sequence[str] = (), **variables: str) -> Done:
        said, environment = [str(word) for word in words], {**os.environ, **variables}
        if _ready and not before:
            done = Done(*_ready.run(said, environment=environment))
        else:
            done = _from_nothing([*before, sys.executable, "-m", "lrstudio", *said], environment)
        assert "Traceback" not in done.err, done.err
        return done

    return run


def _from_nothing(command: Sequence[str], environment: Mapping[str, str]) -> Done:
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=300, env=environment, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], list[str]]]:
    """Make a folder one that cannot be written to, for commands begun with the words that come back."""
    frozen: list[Path] = []

    def freeze(folder: Path) -> list[str]:
        if os.name == "nt":
            pytest.skip("permissions of folders are another thing here")
        if os.geteuid():
            for path in (*folder.iterdir(), folder):
                frozen.append(path)
                path.chmod(0o555)
            return []
        # permissions do not bind root, a read-only mount does
        before = ["unshare", "-m", "sh", "-c", _READ_ONLY, str(folder)]
        if shutil.which("unshare") is None or subprocess.run([*before, "true"], capture_output=True).returncode:
            pytest.skip("root without leave to mount")
        return before

    yield freeze
    for path in frozen:
        path.chmod(0o755)
