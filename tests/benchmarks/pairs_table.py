"""The table of 100,000 pairs in the window: how long sorting, filtering and scrolling hold its thread at most.

A 5 ms timer of the window tells: it comes late by as long as the thread was held.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lrstudio.domain.pairs import PairRule, RuleName
from lrstudio.services.pairs import Pairs
from lrstudio.store.store import Store
from tests.benchmarks import Ratio
from tests.benchmarks.pairs_at_scale import LARGE, fill
from tests.doubles.rated_project import start_run

BOUND_MS = 100.0

_CANDIDATE_PAIRS = 10
_TICK_MS = 5
_PATIENCE_S = 60.0
_COLUMNS = (3, 1, 2, 4, 6, 7, 0)  # margin, rewards, length ratio, state, time, the order of the project


def pairs_table() -> Sequence[Ratio]:
    """Measure the window while its table is sorted by every column, filtered and scrolled."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LRSTUDIO_PROFILE"] = str(Path(folder) / "profile")
        path = Path(folder) / "pairs.lrs"
        with Store.create(path) as store:
            start_run(store)
            with store.writing():
                fill(store, LARGE // _CANDIDATE_PAIRS)
            Pairs(store, reviewer=lambda: "ann").propose(PairRule(RuleName.MARGIN))
        total, late, longest = _measure(path)
    detail = f"ms at most while {total:,} pairs are sorted, filtered and scrolled (slowest to show {longest:.0f} ms)"
    return (Ratio("how long the table of pairs holds the window", max(late), BOUND_MS, detail),)


def _measure(path: Path) -> tuple[int, list[float], float]:
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    from lrstudio.qt.app import collect_seldom, make_application, make_window

    app = make_application()
    collect_seldom(app)  # as the program does once it is up
    window = make_window(app)
    window.resize(1280, 800)
    window.painted.connect(lambda: window.begin(path))
    window.show()
    late: list[float] = []
    last = [0.0]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, (now - last[0]) * 1000 - _TICK_MS))
        last[0] = now

    timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=_TICK_MS)
    timer.timeout.connect(tick)

    def run(seconds: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(round(seconds * 1000), loop.quit)
        loop.exec()

    def until(condition: Callable[[], bool]) -> float:
        started = time.perf_counter()
        while not condition():
            run(0.01)
            if time.perf_counter() - started > _PATIENCE_S:
                raise RuntimeError("the window did not get there in time")
        return (time.perf_counter() - started) * 1000

    try:
        operations = window.works.operations
        until(lambda: window.works.audit is not None and window.works.audit.settled and not operations.is_busy)
        window.actions_["workspace.pairs"].trigger()
        pairs = window.works.beside.workspaces.pairs
        assert pairs is not None
        listed = pairs.view.list
        until(lambda: listed.model.total > 0 and not operations.is_busy)
        run(2.0)
        total, took = listed.model.total, []
        last[0] = time.perf_counter()
        timer.start()
        run(0.1)
        late.clear()
        steps: list[Callable[[], object]] = [lambda it=it: listed.sort_by(it) for it in _COLUMNS for _ in range(2)]
        steps += [
            lambda: listed.margin.setValue(2.0),
            lambda: listed.states.setCurrentIndex(1),
            lambda: listed.rules.setCurrentIndex(2),
            listed.reset_filters,
            *(lambda it=it: listed.go_to(it) for it in (total - 1, total // 2, 0)),
        ]
        for step in steps:
            step()
            run(0.25)
            took.append(250 + until(lambda: not operations.is_busy))
        timer.stop()
    finally:
        window.close()
        window.shut_down()
        window.deleteLater()
    return total, late, max(took)


BENCHMARKS = (pairs_table,)
