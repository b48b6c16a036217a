"""How soon the next item of a review queue is on screen, beside one repaint of the same window."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks import Ratio

BOUND = 2.0

_ITEMS = 24
_PATIENCE_S = 60.0


def queue_next() -> Sequence[Ratio]:
    """Walk through a queue over the sample project; each step ends with the new item painted."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LRSTUDIO_PROFILE"] = str(Path(folder) / "profile")
        steps, paints = _measure()
    detail = f"{median(steps) * 1000:.1f} ms to the next item painted, {median(paints) * 1000:.1f} ms for a repaint"
    return (Ratio("next item of a queue", median(steps) / median(paints), BOUND, detail),)


def _measure() -> tuple[list[float], list[float]]:
    from PySide6.QtCore import QEventLoop, QTimer

    from lrstudio.domain.queues import Purpose
    from lrstudio.qt.app import make_application, make_window
    from lrstudio.services.queues import Wish

    window = make_window(make_application())
    window.resize(1280, 800)
    window.painted.connect(lambda: window.begin(None, sample=True))
    window.show()

    def until(condition: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not condition():
            loop = QEventLoop()
            QTimer.singleShot(20, loop.quit)
            loop.exec()
            if time.monotonic() - started > _PATIENCE_S:
                raise RuntimeError("the window did not get there in time")

    def rested() -> bool:
        audit = window.works.audit
        return audit is not None and audit.settled and not window.works.operations.is_busy

    steps, paints = [], []
    try:
        until(lambda: rested() and window.works.desk.project is not None)
        project, desk = window.works.desk.project, window.works.beside.queues
        if project is None:
            raise RuntimeError("no project is open")
        judge = project.audit.judges()[0].identity
        desk.begin(project.queues.make(Wish(Purpose.RANDOM_AUDIT, judge=judge, size=_ITEMS, seed=1)).queue_id)
        until(lambda: desk.course is not None and rested())
        while desk.course is not None and desk.course.left > 1:
            before = time.perf_counter()
            window.grab()
            painted = time.perf_counter()
            window.actions_["queue.skip"].trigger()
            window.grab()
            steps.append(time.perf_counter() - painted)
            paints.append(painted - before)
            audit, item = window.works.audit, desk.course.item
            now = audit.screen if audit is not None else None
            if now is None or item is None or now.target != item.target:
                raise RuntimeError(f"another item is on screen: {now and now.target} instead of {item and item.target}")
            until(rested)
    finally:
        window.close()
        window.shut_down()
        window.deleteLater()
    return steps, paints


BENCHMARKS = (queue_next,)
