"""Runs the real command, each time in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.ready_commands import Heard, ReadyCommands, can_freeze, ready


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
    """Run a command, which sees some folders as read-only; where there is no fork, it is started from nothing."""

    def run(*words: object, read_only: Sequence[Path] = (), **variables: str) -> Done:
        said, environment = [str(word) for word in words], {**os.environ, **variables}
        if _ready:
            done = Done(*_ready.begin(said, environment=environment, read_only=read_only).end())
        else:
            done = _from_nothing([sys.executable, "-m", "lrstudio", *said], environment)
        assert "Traceback" not in done.err, done.err
        return done

    return run


@pytest.fixture
def begin(_ready: ReadyCommands | None) -> Callable[..., Heard]:
    """Begin a command that is to be disturbed."""
    if _ready is None:
        pytest.skip("signals as POSIX has them")
    return lambda *words: _ready.begin([str(word) for word in words], environment=os.environ)


def _from_nothing(command: Sequence[str], environment: Mapping[str, str]) -> Done:
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=300, env=environment, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], list[Path]]]:
    """Make a folder one that cannot be written to, for commands that are told what comes back."""
    frozen: list[Path] = []

    def freeze(folder: Path) -> list[Path]:
        if os.name == "nt":
            pytest.skip("permissions of folders are another thing here")
        if os.geteuid():
            for path in (*folder.iterdir(), folder):
                frozen.append(path)
                path.chmod(0o555)
            return []
        if not can_freeze(folder):
            pytest.skip("root without leave to mount")
        return [folder]

    yield freeze
    for path in frozen:
        path.chmod(0o755)
