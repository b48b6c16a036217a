"""What a window does with a run, in a process that can be killed: starts a draft, or opens a run, and watches it.

`python -m tests.faults.window PROJECT RUN_ID SCRIPT`. A round that the run waits with is judged as the script says.
When its standard input ends it writes the curve that it would plot, the losses by step as `float.hex`, on its
standard output, and ends.
"""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

from lrstudio.judge.protocol import JudgeEvent
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.training_drafts import is_draft
from lrstudio.services.wiring import open_project
from lrstudio.training.events import Curve
from lrstudio.training.wire import Phase

_TICK = 0.2  # a window looks four or five times a second


def hexed(curve: Curve) -> dict[int, str]:
    """Return the losses of a curve by step, every bit of them."""
    return {step: float(point["loss"]).hex() for step, point in sorted(curve.points.items())}


def unheard(_event: JudgeEvent) -> None:
    """Hear how far a judge is, and say nothing."""


def main(words: Sequence[str]) -> int:
    """Start and watch until nobody asks any more."""
    project = open_project(Path(words[0]))
    training = project.training
    if is_draft(training.home / words[1]):
        training.start(words[1])
    watch = training.watch(words[1])
    judge = partial(training.judge_round, words[1], JudgeRequest("scripted", script=Path(words[2])), emit=unheard)
    while not select.select([sys.stdin], [], [], _TICK)[0]:
        row = watch.poll().row
        if row.phase is Phase.WAITING_FOR_JUDGE and row.running:
            anyio.run(judge)
    watch.poll()
    sys.stdout.write(json.dumps(hexed(watch.curve)))
    project.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
