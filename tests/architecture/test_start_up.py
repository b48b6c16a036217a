"""The first painted window is cheap because nothing heavy has been imported by then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"sqlmodel", "sqlalchemy", "alembic", "pydantic", "openai", "numpy", "pandas", "pyqtgraph", "torch"}

# The window calls `begin` when it has been painted for the first time; what would follow is left out.
START = """
import json, sys
from lrstudio.qt.views.main_window import MainWindow

def stop_here(window, *arguments, **settings):
    print(json.dumps({"visible": window.isVisible(), "modules": sorted(sys.modules)}))
    window.close()

MainWindow.begin = stop_here
sys.argv = ["lrstudio"]
from lrstudio.__main__ import main
sys.exit(main())
"""


def imported_at_first_paint(*, before: str = "") -> set[str]:
    """Start the window in a process of its own; return what had been imported when it was first painted."""
    done = subprocess.run(
        [sys.executable, "-c", before + START],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["visible"]
    return set(seen["modules"])


def test_nothing_heavy_is_imported_before_the_first_painted_window() -> None:
    modules = imported_at_first_paint()

    assert {"PySide6.QtWidgets", "lrstudio.qt.app"} <= modules
    assert HEAVY & modules == set()


def test_a_heavy_import_would_be_seen() -> None:
    assert HEAVY & imported_at_first_paint(before="import numpy") == {"numpy"}
