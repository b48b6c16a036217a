"""How long until something is on the screen, beside a bare PySide6 window started in the same way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import Case, Ratio, in_turns, milliseconds

FIRST_PAINT = 2.0
LIST_FILLED = 6.0

_ROOT = Path(__file__).resolve().parents[2]
_BARE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        QTimer.singleShot(0, done)

def done():
    print("there", flush=True)
    app.quit()

app = QApplication(sys.argv)
window = Window()
window.resize(1280, 800)
window.show()
app.exec()
"""
# The program itself, stopped where it says that its first window is painted.
_PAINTED = """
import sys
from lrstudio.qt.views.main_window import MainWindow

def begin(window, *_arguments, **_options):
    print("there", flush=True)
    window.close()

MainWindow.begin = begin
from lrstudio.__main__ import main
sys.argv = ["lrstudio"]
sys.exit(main())
"""
# The program on a project, stopped when the list is filled.
_FILLED = """
import sys
from lrstudio.qt.views.question_list import QuestionList

fill = QuestionList.show_list

def filled(view, shown):
    fill(view, shown)
    if shown.groups:
        print("there", flush=True)
        view.window().close()

QuestionList.show_list = filled
from lrstudio.__main__ import main
sys.argv = ["lrstudio", sys.argv[1]]
sys.exit(main())
"""
_MAKE = """
import sys
from pathlib import Path
from lrstudio.services.wiring import create_sample_project
create_sample_project(Path(sys.argv[1])).close()
"""


def _until_there(source: str, *arguments: str, environment: dict[str, str]) -> None:
    """Start Python on a source and wait for the line that says that it is there."""
    command = [sys.executable, "-c", source, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=environment) as child:
        assert child.stdout is not None
        if child.stdout.readline() != "there\n":
            raise RuntimeError(f"the window did not come up: exit status {child.wait()}")
        child.kill()


def start_up() -> Sequence[Ratio]:
    """Time the first painted window and the filled list, each against a bare window."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LRSTUDIO_PROFILE": str(Path(folder) / "profile")}
        sample = str(Path(folder) / "sample.lrs")
        subprocess.run([sys.executable, "-c", _MAKE, sample], check=True, cwd=_ROOT, env=environment)
        cases = [
            Case(lambda words=words: words, lambda words: _until_there(*words, environment=environment), lambda _: None)
            for words in ((_BARE,), (_PAINTED,), (_FILLED, sample))
        ]
        bare, painted, filled = in_turns(*cases, rounds=7)
    beside = f"bare window {milliseconds(bare)}"
    return (
        Ratio("first painted window", painted / bare, FIRST_PAINT, f"{milliseconds(painted)}, {beside}"),
        Ratio("sample project's list filled", filled / bare, LIST_FILLED, f"{milliseconds(filled)}, {beside}"),
    )


BENCHMARKS = (start_up,)
