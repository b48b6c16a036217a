"""Runs the real command in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


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


@pytest.fixture
def lrstudio() -> Run:
    def run(*words: object, before: Sequence[str] = (), **variables: str) -> Done:
        done = subprocess.run(
            [*before, sys.executable, "-m", "lrstudio", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            env={**os.environ, **variables},
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


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
