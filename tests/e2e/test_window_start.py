"""How the program starts and ends: as a process of its own, as a person starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from lrstudio.qt.app import main
from tests.doubles.windows import make_project

ROOT = Path(__file__).resolve().parents[2]

# Starts the window as `lrstudio [PROJECT]` does, waits for the list, says what it sees, and closes it.
SCRIPT = """
import builtins, gc, json, logging, sys, threading, time
import lrstudio.qt.app as app
from PySide6.QtCore import QTimer
from lrstudio.qt.views.main_window import MainWindow

logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
app._START_MS = 100
begin = MainWindow.begin

def look(window):
    if window.works.audit is None or not window.works.audit.settled:
        QTimer.singleShot(50, window, lambda: look(window))
        return
    from PySide6.QtSvgWidgets import QSvgWidget
    print(json.dumps({
        "title": window.windowTitle(),
        "claims": len(window.works.audit.rows),
        "collecting": gc.isenabled(),
        "kept": gc.get_freeze_count() > 0,
        "import": builtins.__import__.__name__,
        "size": [window.width(), window.height()],
    }))
    FAIL
    window.close()

def began(window, path, **options):
    begin(window, path, **options)
    QTimer.singleShot(300, window, lambda: look(window))

MainWindow.begin = began
status = app.main(sys.argv[1:])
left = [thread.name for thread in threading.enumerate() if "lrstudio" in thread.name]
print(json.dumps({"status": status, "left": left}))
"""


def run(*words: str, fail: str = "pass") -> tuple[list[dict[str, object]], str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("FAIL", fail), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_the_program_comes_up_on_a_project_and_ends_cleanly(tmp_path: Path) -> None:
    (seen, end), said = run(str(make_project(tmp_path / "p.lrs")))
    assert seen["title"] == "Skarrow – LongReward Studio"
    assert seen["claims"] == 4
    assert seen["collecting"]
    assert seen["kept"]
    assert seen["import"] == "__import__"
    assert end == {"status": 0, "left": []}
    assert said == ""


def test_an_error_that_nobody_caught_is_shown_and_does_not_end_the_program(tmp_path: Path) -> None:
    fail = "QTimer.singleShot(0, lambda: 1 / 0); QTimer.singleShot(400, window, lambda: window.close()); return"
    (_, end), said = run(str(make_project(tmp_path / "p.lrs")), fail=fail)
    assert end == {"status": 0, "left": []}
    assert "ZeroDivisionError" in said


def test_rendering_what_is_not_there_says_so(
    qapp: QApplication, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--render", str(tmp_path / "none.lrs"), str(tmp_path / "out")]) == 1
    assert "none.lrs: there is no such project" in capsys.readouterr().err


def test_rendering_what_is_no_project_says_so(
    qapp: QApplication, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.lrs"
    broken.write_text("not a database")
    assert main(["--render", str(broken), str(tmp_path / "out")]) == 1
    assert "broken.lrs" in capsys.readouterr().err
