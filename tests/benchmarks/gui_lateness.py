"""How late a 5 ms timer of the window comes while a judge keeps 48 calls with 60 kB prompts in flight.

The server is another process; the window shows the project that is judged, follows its list and its progress line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks import Ratio

BOUND_MS = 20.0

_ROOT = Path(__file__).resolve().parents[2]
_CALLS = 48
_PROMPT = 60_000
_CANDIDATES = 400
_LATENCY = 1.0
_TICK_MS = 5
_IDLE_S = 4.0
_WARM_S = 1.5
_BUSY_S = 8.0
_PATIENCE_S = 120.0
_SENTENCE = "The harbour board closed the eastern channel for {} days, and rates in Batavia doubled within the week. "


def gui_lateness() -> Sequence[Ratio]:
    """Measure the idle window, then the same window while its judge works."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder, _server() as base_url:
        os.environ["LRSTUDIO_PROFILE"] = str(Path(folder) / "profile")
        idle, busy, finished = _measure(_project(Path(folder) / "long.lrs"), base_url)
    detail = (
        f"ms late at p99 with {_CALLS} calls of {_PROMPT // 1000} kB in flight "
        f"(median {median(busy):.2f}, most {max(busy):.0f}, {finished} calls finished; idle p99 {_p99(idle):.2f})"
    )
    return (Ratio("lateness of a 5 ms timer in the window", _p99(busy), BOUND_MS, detail),)


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]


def _project(path: Path) -> Path:
    """Make candidates whose prompts are as long as long contexts are: helpfulness and logicality quote them whole."""
    from lrstudio.services.wiring import create_project

    project = create_project(path, reviewer="benchmark")
    question = project.imports.add_question(document_id=None, query="What did the board do?")
    for number in range(_CANDIDATES):
        text = "".join(_SENTENCE.format(number + at) for at in range(_PROMPT // len(_SENTENCE)))
        project.imports.add_candidate(question_id=question.id, text=text, model=f"model-{number % 7}")
    project.close()
    return path


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, str(_ROOT / "tests" / "doubles" / "chat_server.py"), "--latency", str(_LATENCY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield f"http://127.0.0.1:{child.stdout.readline().strip()}/v1"
        finally:
            child.kill()


def _measure(project: Path, base_url: str) -> tuple[list[float], list[float], int]:
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    from lrstudio.domain.verdicts import Dimension
    from lrstudio.qt.app import make_application, make_window
    from lrstudio.services.judges import JudgeRequest

    window = make_window(make_application())
    window.resize(1280, 800)
    window.painted.connect(lambda: window.begin(project))
    window.show()
    late: list[float] = []
    last = [0.0]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, (now - last[0]) * 1000 - _TICK_MS))
        last[0] = now

    timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=_TICK_MS)
    timer.timeout.connect(tick)

    def run(seconds: float) -> list[float]:
        loop = QEventLoop()
        late.clear()
        last[0] = time.perf_counter()
        QTimer.singleShot(round(seconds * 1000), loop.quit)
        loop.exec()
        return list(late)

    def until(condition: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not condition():
            run(0.05)
            if time.monotonic() - started > _PATIENCE_S:
                raise RuntimeError("the window did not get there in time")

    try:
        until(lambda: window.works.audit is not None and window.works.audit.settled)
        timer.start()
        run(_WARM_S)
        idle = run(_IDLE_S)
        request = JudgeRequest(
            judge="http",
            base_url=base_url,
            model="benchmark",
            dimensions=(Dimension.HELPFULNESS, Dimension.LOGICALITY),
            concurrency=_CALLS,
        )
        window.works.judging.start(request, name="benchmark")
        until(lambda: window.works.judging.done > _CALLS)
        before = window.works.judging.done
        busy = run(_BUSY_S)
        finished = window.works.judging.done - before
        if not window.works.judging.running:
            raise RuntimeError("the judge was done before the measurement was")
    finally:
        timer.stop()
        window.close()
        window.shut_down()
        window.deleteLater()
    return idle, busy, finished


BENCHMARKS = (gui_lateness,)
