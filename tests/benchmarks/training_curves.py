"""A run of 50,000 steps in the window: read again from its first byte, drawn, and drawn anew while it goes on.

The baseline reads the same file with nothing but json, so that the ratio does not depend on the machine. What is held
against a second or a tenth of one is time of the processor, which a neighbour does not stretch.
"""

from __future__ import annotations

import json
import math
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.watch import RunWatch
from lrstudio.training.wire import Spec
from lrstudio.viewstate.training_watch import Watched
from tests.benchmarks import Case, Ratio, in_turns, milliseconds

STEPS = 50_000
ATTACH_BOUND = 3.0
"""Reading, checking and gathering, against parsing the JSON alone."""
ATTACH_S = 1.0
HELD_MS = 100.0
"""How long one drawing may hold the window: a person sees a tenth of a second as at once."""
_ROUNDS = 5
_REDRAWN = 12


def _lines() -> Iterator[str]:
    dice = random.Random(1)
    names = ("loss", "loss/nll", "loss/preference", "rewards/chosen", "rewards/rejected", "rewards/margins")
    names += ("rewards/accuracies", "logps_per_token/chosen", "logps_per_token/rejected", "kl", "entropy", "grad_norm")
    yield wire.to_json({"v": 1, "seq": 1, "time": wire.now(), "kind": "attempt", "attempt": 1, "from_step": 0})
    for step in range(1, STEPS + 1):
        metrics = {name: math.exp(-step / 2e4) + dice.gauss(0, 0.1) for name in names}
        head = {"v": 1, "seq": step + 1, "time": "2026-11-20T09:00:00.000Z", "kind": "metric", "attempt": 1}
        yield wire.to_json({**head, "step": step, "metrics": metrics, "spool": step * 300})


def _run(home: Path) -> RunFolder:
    spec = Spec(run_id="001-dpo-a", recipe="dpo", model="none", command=("true",), steps=STEPS)
    folder = RunFolder.create(home / spec.run_id, spec)
    (folder.path / wire.EVENTS).write_text("\n".join(_lines()) + "\n", encoding="ascii")
    return folder


def attach() -> Sequence[Ratio]:
    """Measure the way from the run folder to arrays that are ready to be drawn."""
    with tempfile.TemporaryDirectory() as folder:
        run = _run(Path(folder))
        path = run.path / wire.EVENTS

        def parsed() -> list[Any]:
            with path.open("rb") as file:
                return [json.loads(line) for line in file]

        base, ours = in_turns(
            Case(lambda: None, lambda _it: parsed(), lambda _it: None),
            Case(lambda: Watched(RunWatch(run)), lambda it: it.poll(), lambda _it: None),
            rounds=_ROUNDS,
        )
        spent = min(_work(run) for _ in range(_ROUNDS))
    detail = f"{milliseconds(ours)} for {STEPS:,} steps, json alone takes {milliseconds(base)}"
    return (
        Ratio("a run is attached to again", ours / base, ATTACH_BOUND, detail),
        Ratio(
            "seconds of work until a run is attached to again",
            spent,
            ATTACH_S,
            f"{STEPS:,} steps, the best of {_ROUNDS}",
        ),
    )


def _work(run: RunFolder) -> float:
    started = time.process_time()
    Watched(RunWatch(run)).poll()
    return time.process_time() - started


def draw() -> Sequence[Ratio]:
    """Measure how long the window stands still for each drawing of a page of plots, of one run and of three."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from lrstudio.qt.app import make_application
    from lrstudio.qt.theme.palette import ThemeSwitch
    from lrstudio.qt.views.training_board import PlotBoard
    from lrstudio.viewstate.training_curves import Curves, RunLines

    app = make_application()
    switch = ThemeSwitch(app, name="light")
    with tempfile.TemporaryDirectory() as folder:
        lines = Watched(RunWatch(_run(Path(folder)))).poll().lines
    found = []
    for number in (1, 3):
        board = PlotBoard(switch)
        board.resize(960, 560)
        board.show()
        taken = []
        for more in range(_REDRAWN):
            kept = STEPS - _REDRAWN + more
            curves = Curves(lines.curves.steps[:kept], {name: it[:kept] for name, it in lines.curves.values.items()})
            runs = [RunLines(f"{at}", f"run {at}", curves) for at in range(number)]
            started = time.process_time()
            board.show_runs(runs)
            board.grab()
            taken.append((time.process_time() - started) * 1000)
        board.close()
        board.deleteLater()
        found.append(sorted(taken[1:])[len(taken) // 2])
    detail = f"ms for 4 plots of {STEPS:,} steps with their smoothed lines; 1 run {found[0]:.0f}, 3 runs {found[1]:.0f}"
    return (Ratio("a page of plots is drawn anew", found[1], HELD_MS, detail),)


BENCHMARKS = (attach, draw)
