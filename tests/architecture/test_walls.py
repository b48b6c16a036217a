"""The walls between the rooms hold, and each of them would be seen to fall."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERDICT = re.compile(r"^(?P<name>.+?) (?P<verdict>KEPT|BROKEN)\b", re.MULTILINE)

SABOTAGE = [
    ("services", "from PySide6.QtCore import QObject", "headless core"),
    ("qt/views", "import sqlite3", "sql lives in the store"),
    ("judge", "import lrstudio.store", "arrows point inwards"),
    ("analysis", "import lrstudio.store", "arrows point inwards"),
    ("domain", "import pydantic", "domain is plain python"),
    ("qt/views", "import torch", "torch lives in the worker"),
    ("text", "import lrstudio.services", "arrows point inwards"),
    ("qt/models", "import lrstudio.qt.views", "inside the gui"),
    ("worker", "import lrstudio.judge", "worker travels light"),
]


def verdicts(checkout: Path) -> dict[str, str]:
    """Run the contracts of a checkout; the name of each contract -> KEPT or BROKEN."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports; lint_imports(no_cache=True, no_logo=True)",
    ]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, env=environment)
    found = {match["name"].strip(): match["verdict"] for match in VERDICT.finditer(done.stdout)}
    assert found, done.stdout + done.stderr
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "lrstudio", tmp_path / "lrstudio", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_wall_stands() -> None:
    assert set(verdicts(ROOT).values()) == {"KEPT"}


@pytest.mark.parametrize(("room", "line", "wall"), SABOTAGE, ids=[f"{room}: {line}" for room, line, _ in SABOTAGE])
def test_a_forbidden_import_brings_down_its_wall_and_no_other(copy: Path, room: str, line: str, wall: str) -> None:
    (copy / "lrstudio" / room / "planted.py").write_text(line + "\n", encoding="utf-8")

    assert {name for name, verdict in verdicts(copy).items() if verdict == "BROKEN"} == {wall}


def test_a_room_that_nobody_declared_brings_down_the_layers(copy: Path) -> None:
    attic = copy / "lrstudio" / "attic"
    attic.mkdir()
    (attic / "__init__.py").touch()

    assert verdicts(copy)["arrows point inwards"] == "BROKEN"
